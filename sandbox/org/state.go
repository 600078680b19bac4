package org

import (
	"bufio"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// stateMark begins a stored state; its number changes with the form.
const stateMark = "sandbox org state 1\n"

// stored is what comes before the records of a stored state.
type stored struct {
	OrgID    string
	Offset   time.Duration
	Switches Switches
	Rules    []byte // JSON
	Catalog  schema.State
	Users    []storedUser
	Bin      map[string]storedBin
	Tables   []storedTable
}

type storedUser struct {
	ID, Username, Name, Email, ProfileID string

	Objects map[string]ObjectRights
	Fields  map[string]FieldRights
	Changed map[string]time.Time
}

type storedBin struct {
	At   time.Time
	Root string
}

type storedTable struct {
	Object    string
	Sequence  uint64
	Counters  map[int]uint64
	Deletions []storedDeletion
	Rows      int
	Plots     []storedPlot
}

// storedPlot is a range of computed records and which of them have left it.
type storedPlot struct {
	Plot plot
	Gone []uint64
}

type storedDeletion struct {
	ID string
	At time.Time
}

// Edits grows with whatever changes what Save would write. Changes of rights
// and switches may go unnoticed.
func (o *Org) Edits() uint64 { return o.edits.Load() + o.Catalog.Version() }

// Save writes the state of the org: schema, users, rules, switches, clock and
// all committed records. The log of writes and open cursors are not part of
// it. Writers wait until it is done.
func (o *Org) Save(w io.Writer) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	bw := bufio.NewWriterSize(w, 1<<20)
	if _, err := bw.WriteString(stateMark); err != nil {
		return fmt.Errorf("save org: %w", err)
	}
	rules, err := json.Marshal(o.rules)
	if err != nil {
		return fmt.Errorf("save org: rules: %w", err)
	}
	head := stored{
		OrgID: o.id, Offset: o.Clock.Offset(), Switches: o.Switches(), Rules: rules, Catalog: o.Catalog.State(),
		Bin: map[string]storedBin{},
	}
	for id, e := range o.bin {
		head.Bin[id] = storedBin{e.at, e.root}
	}
	for key, u := range o.users {
		if key == strings.ToLower(u.Username) {
			head.Users = append(head.Users, u.stored())
		}
	}
	var tables []*table
	for name, t := range o.tables {
		st := storedTable{Object: name, Sequence: t.sequence, Counters: t.counters, Rows: t.byID.len()}
		for _, d := range t.deletions {
			st.Deletions = append(st.Deletions, storedDeletion{d.id, d.at})
		}
		for _, p := range t.plots {
			st.Plots = append(st.Plots, storedPlot{*p, p.gone})
		}
		head.Tables, tables = append(head.Tables, st), append(tables, t)
	}
	if err := gob.NewEncoder(bw).Encode(head); err != nil {
		return fmt.Errorf("save org: %w", err)
	}
	for _, t := range tables {
		t.eachStored(func(r *row) bool {
			_, _ = bw.WriteString(t.idOf(r)) // an error stays and shows when flushing
			data := r.bytes()
			_, _ = bw.Write(binary.AppendUvarint(nil, uint64(len(data))))
			_, _ = bw.Write(data)
			return true
		})
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("save org: %w", err)
	}
	return nil
}

func (u *User) stored() storedUser {
	p := u.Permissions
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := storedUser{
		ID: u.ID, Username: u.Username, Name: u.Name, Email: u.Email, ProfileID: u.ProfileID,
		Objects: map[string]ObjectRights{}, Fields: map[string]FieldRights{}, Changed: map[string]time.Time{},
	}
	for k, v := range p.objects {
		s.Objects[k] = v
	}
	for k, v := range p.fields {
		s.Fields[k] = v
	}
	for k, v := range p.changed {
		s.Changed[k] = v
	}
	return s
}

// Load makes an org of a saved state. Of opt, the clock and the seed count; the
// clock is set to the state's offset.
func Load(r io.Reader, opt Options) (*Org, error) {
	o := &Org{Clock: opt.Clock, rand: rand.New(rand.NewPCG(opt.Seed, 0x5ca1ab1e))}
	if o.Clock == nil {
		o.Clock = &Clock{}
	}
	if err := o.load(r); err != nil {
		return nil, fmt.Errorf("load org: %w", err)
	}
	return o, nil
}

// Replace puts a saved state in the place of this org's. Open transactions and
// cursors are lost.
func (o *Org) Replace(r io.Reader) error {
	next, err := Load(r, Options{Clock: o.Clock})
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Catalog.Adopt(next.Catalog)
	o.id, o.admin, o.rules, o.tables, o.users, o.bin = next.id, next.admin, next.rules, next.tables, next.users, next.bin
	o.binDue.Store(next.binDue.Load())
	o.open, o.locks, o.reserved = map[*Tx]struct{}{}, map[string]*Tx{}, map[keyRef]*Tx{}
	o.switches.Store(next.switches.Load())
	o.edits.Add(1)
	return nil
}

func (o *Org) load(r io.Reader) error {
	br := bufio.NewReaderSize(r, 1<<20)
	mark := make([]byte, len(stateMark))
	if _, err := io.ReadFull(br, mark); err != nil || string(mark) != stateMark {
		return errors.New("this is not a state of this version")
	}
	var head stored
	if err := gob.NewDecoder(br).Decode(&head); err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	catalog, err := schema.Restore(head.Catalog, o.Clock.Now)
	if err != nil {
		return err
	}
	o.Catalog = catalog
	o.Clock.Step(head.Offset - o.Clock.Offset())
	o.switches.Store(&head.Switches)
	o.reset()
	o.id = head.OrgID
	for _, s := range head.Users {
		o.restoreUser(s)
	}
	if o.admin == nil {
		return fmt.Errorf("user %s is missing", IntegrationUser)
	}
	for id, e := range head.Bin {
		o.discard(id, binEntry{e.At, e.Root})
	}
	for _, t := range head.Tables {
		if err := o.restoreTable(br, t); err != nil {
			return fmt.Errorf("read records of %s: %w", t.Object, err)
		}
	}
	var rules Rules
	if err := json.Unmarshal(head.Rules, &rules); err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	return o.SetRules(rules)
}

func (o *Org) restoreUser(s storedUser) {
	u := User{ID: s.ID, Username: s.Username, Name: s.Name, Email: s.Email, ProfileID: s.ProfileID, Permissions: newPermissions()}
	for k, v := range s.Objects {
		u.Permissions.objects[k] = v
	}
	for k, v := range s.Fields {
		u.Permissions.fields[k] = v
	}
	for k, v := range s.Changed {
		u.Permissions.changed[k] = v
	}
	if u.Username == IntegrationUser {
		o.admin = &u
	}
	o.users[strings.ToLower(u.Username)], o.users[u.ID] = &u, &u
}

// maxRow bounds what a damaged file can make us allocate.
const maxRow = 256 << 20

func (o *Org) restoreTable(r *bufio.Reader, s storedTable) error {
	obj, ok := o.Catalog.Object(s.Object)
	if !ok {
		return errors.New("the schema has no such object")
	}
	t := o.table(obj)
	t.sequence = s.Sequence
	for slot, n := range s.Counters {
		t.counters[slot] = n
	}
	for _, d := range s.Deletions {
		t.deletions = append(t.deletions, deletion{d.ID, d.At})
	}
	for _, st := range s.Plots {
		p := st.Plot
		if p.gone = st.Gone; uint64(len(p.gone)) != (p.Rows+63)/64 {
			return errors.New("the list of edited records does not fit the seeded ones")
		}
		p.prepare()
		t.plots = append(t.plots, &p)
		t.live += int(p.Rows - p.left)
	}
	id := make([]byte, 18)
	for range s.Rows {
		if _, err := io.ReadFull(r, id); err != nil {
			return err
		}
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return err
		}
		if n > maxRow {
			return fmt.Errorf("record %s has %d bytes", id, n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		t.put(obj, string(id), data)
	}
	return nil
}
