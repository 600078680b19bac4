package events

import (
	"cmp"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// storedBus is the bus in a form that encoding/gob keeps: retained events,
// places, quota and subscriptions, but no faults. The events follow.
type storedBus struct {
	Last, Floor, Commits int64
	Selected             []string
	Managed              []Managed
	Hours                map[int64]int
	// Forms are the definitions that schemas were made of.
	Forms  []schema.ObjectState
	Events int
}

type storedEvent struct {
	Replay    int64
	At        time.Time
	Topic, ID string
	Form      int
	Raw       []byte
	Head      *storedHeader
	Version   []byte
	Diffs     map[int]string
}

type storedHeader struct {
	Entity, Origin, Transaction, User string
	IDs                               []string
	Change, Sequence                  int
	Timestamp, Commit                 int64
	Nulled, Diff, Changed             []string
	Marked                            bool
}

// Mark tells one state of the bus from another: while it stays the same, Save
// would write the same.
type Mark struct {
	last, floor int64
	delivered   int
	kept        int64
}

// Mark is the present state's.
func (b *Bus) Mark() Mark {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune()
	m := Mark{last: b.last, floor: b.floor, delivered: b.delivered()}
	for _, s := range b.managed {
		m.kept += s.Replay
	}
	return m
}

// Save writes the bus.
func (b *Bus) Save(w io.Writer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune()
	head := storedBus{Last: b.last, Floor: b.floor, Commits: b.commits, Selected: b.selected, Hours: b.hours}
	for _, m := range b.managed {
		head.Managed = append(head.Managed, *m)
	}
	forms := map[string]int{}
	for id, l := range b.schemas {
		forms[id] = len(head.Forms)
		head.Forms = append(head.Forms, schema.ObjectState{Object: *l.object, Slots: l.object.Slots()})
	}
	list := b.all()
	head.Events = len(list)
	enc := gob.NewEncoder(w)
	if err := enc.Encode(head); err != nil {
		return fmt.Errorf("save events: %w", err)
	}
	for _, e := range list {
		if err := enc.Encode(e.stored(forms[e.Layout.ID])); err != nil {
			return fmt.Errorf("save events: %w", err)
		}
	}
	return nil
}

// all lists the events, each topic's in order, and then those that can't be
// read yet. The caller holds the lock.
func (b *Bus) all() []*Event {
	var list []*Event
	for name, events := range b.topics {
		if name != AllChanges {
			list = append(list, events...)
		}
	}
	for _, e := range b.pending {
		list = append(list, e.Event)
	}
	return list
}

func (e *Event) stored(form int) storedEvent {
	s := storedEvent{Replay: e.Replay, At: e.At, Topic: e.Topic, ID: e.ID, Form: form, Raw: e.raw, Version: e.body.version.Bytes(), Diffs: e.body.diffs}
	if h := e.head; h != nil {
		s.Head = &storedHeader{
			Entity: h.entity, IDs: h.ids, Change: int(h.change), Origin: h.origin, Transaction: h.transaction, Sequence: h.sequence,
			Timestamp: h.timestamp, Commit: h.commit, User: h.user,
		}
		if h.marks != nil {
			s.Head.Marked = true
			s.Head.Nulled, s.Head.Diff, s.Head.Changed = h.marks.nulled.list(), h.marks.diff.list(), h.marks.changed.list()
		}
	}
	return s
}

// Load puts a saved bus in the place of this one, which must be new.
func (b *Bus) Load(r io.Reader) error {
	dec := gob.NewDecoder(r)
	var head storedBus
	if err := dec.Decode(&head); err != nil {
		return fmt.Errorf("load events: %w", err)
	}
	forms := make([]*Layout, len(head.Forms))
	for i, s := range head.Forms {
		obj, err := schema.RestoreObject(s)
		if err != nil {
			return fmt.Errorf("load events: %w", err)
		}
		if forms[i] = changeLayout(obj); IsPlatformEvent(obj) {
			forms[i] = platformLayout(obj)
		}
	}
	list := make([]*Event, 0, head.Events)
	for range head.Events {
		var s storedEvent
		if err := dec.Decode(&s); err != nil {
			return fmt.Errorf("load events: %w", err)
		}
		e, err := b.restore(&s, forms)
		if err != nil {
			return fmt.Errorf("load events: event %d: %w", s.Replay, err)
		}
		list = append(list, e)
	}
	b.adopt(&head, forms, list)
	return nil
}

func (b *Bus) restore(s *storedEvent, forms []*Layout) (*Event, error) {
	if s.Form < 0 || s.Form >= len(forms) {
		return nil, errors.New("it has no schema")
	}
	e := &Event{Replay: s.Replay, At: s.At, Topic: s.Topic, ID: s.ID, Layout: forms[s.Form], raw: s.Raw}
	h := s.Head
	if h == nil {
		return e, nil
	}
	e.body = body{version: b.org.RestoreVersion(e.Layout.object, s.Version), diffs: s.Diffs}
	e.head = &header{
		entity: h.Entity, ids: h.IDs, change: changeType(h.Change), origin: h.Origin, transaction: h.Transaction, sequence: h.Sequence,
		timestamp: h.Timestamp, commit: h.Commit, user: h.User,
	}
	if !h.Marked {
		return e, nil
	}
	m := e.head.mark()
	return e, errors.Join(m.nulled.parse(h.Nulled), m.diff.parse(h.Diff), m.changed.parse(h.Changed))
}

// adopt puts what was loaded onto the bus, each event in its place.
func (b *Bus) adopt(head *storedBus, forms []*Layout, list []*Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range forms {
		b.schemas[l.ID] = l
	}
	slices.SortStableFunc(list, func(x, y *Event) int { return cmp.Compare(x.Replay, y.Replay) })
	b.last, b.floor, b.tip, b.commits = head.Last, head.Floor, head.Last, head.Commits
	b.selected, b.topics = head.Selected, map[string][]*Event{}
	for _, e := range list {
		if e.head != nil {
			e.head.marks = b.share(e.head.marks)
		}
		b.show(e)
	}
	b.tip = head.Last
	for _, m := range head.Managed {
		b.managed[m.Name] = &m
	}
	for hour, n := range head.Hours {
		b.hours[hour] = n
	}
}

// parse adds what list gave.
func (b *bitmap) parse(list []string) error {
	for _, text := range list {
		place, bits, compound := strings.Cut(text, "-")
		if !compound {
			bits = text
		}
		n, ok := new(big.Int).SetString(strings.TrimPrefix(bits, "0x"), 16)
		if !ok {
			return fmt.Errorf("bitmap %q is malformed", text)
		}
		if !compound {
			b.top.Set(n)
			continue
		}
		at, err := strconv.Atoi(place)
		if err != nil {
			return fmt.Errorf("bitmap %q: %w", text, err)
		}
		for member := range n.BitLen() {
			if n.Bit(member) == 1 {
				b.addPart(at, member)
			}
		}
	}
	return nil
}
