package org

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// keyRef names one value of one indexed field.
type keyRef struct {
	t    *table
	slot int
	key  string
}

// staged is the version of a record that a transaction will install.
type staged struct {
	t    *table
	obj  *schema.Object
	id   string
	data []byte // nil purges
	bin  *binEntry
	// fresh marks a record that the transaction itself inserted.
	fresh bool
	ops   []logEntry
}

// Tx is a transaction. Each of its writes is checked and staged on its own and
// fails alone; nothing is visible to others until Commit. A Tx is used by one
// goroutine and ends with Commit or Rollback.
type Tx struct {
	org      *Org
	actor    *Actor
	start    time.Time
	staged   map[string]*staged
	order    []*staged
	keyed    map[keyRef][]string
	reserved []keyRef
	// parents are records locked for the sake of their children.
	parents []string
	// summed are the records whose roll-ups have to be worked out again.
	summed map[string]*schema.Object
	done   chan struct{}
	closed bool
	// depth is how many triggers are under way.
	depth int
	// by is the author of the last write.
	by *author
	// waits is the transaction whose lock this one waits for.
	waits *Tx
}

// Begin opens a transaction for an actor.
func (o *Org) Begin(a *Actor) *Tx {
	o.sweepBin()
	tx := &Tx{
		org: o, actor: a, start: o.Clock.Now(),
		staged: map[string]*staged{}, keyed: map[keyRef][]string{}, done: make(chan struct{}),
	}
	o.mu.Lock()
	o.open[tx] = struct{}{}
	o.mu.Unlock()
	return tx
}

// As makes an actor the one of the writes that follow. Only how they are saved
// may differ from those before, not who saves.
func (tx *Tx) As(a *Actor) { tx.actor = a }

// errWait says that a write must wait for another transaction to end.
type errWait struct {
	tx *Tx
	id string
}

func (e *errWait) Error() string { return "row is locked: " + e.id }

// locked runs one write under the org's lock, waiting for row locks outside of
// it. The write must leave nothing behind when it fails.
func (tx *Tx) locked(write func() error) error {
	deadline := time.Now().Add(tx.org.switches.Load().lockWait())
	for {
		err := tx.org.exclusively(func() error {
			tx.waits = nil
			err := write()
			if w, ok := errors.AsType[*errWait](err); ok {
				return tx.wait(w)
			}
			return err
		})
		w, waits := errors.AsType[*errWait](err)
		if !waits {
			return err
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-w.tx.done:
			timer.Stop()
		case <-timer.C:
			return tx.org.exclusively(func() error {
				tx.waits = nil
				return lockedOut(w.id)
			})
		}
	}
}

// wait notes whom the transaction waits for, and refuses to where that one
// waits for it in turn.
func (tx *Tx) wait(w *errWait) error {
	for other := w.tx; other != nil; other = other.waits {
		if other == tx {
			return lockedOut(w.id)
		}
	}
	tx.waits = w.tx
	return w
}

func lockedOut(id string) *RowError {
	return rowErr("UNABLE_TO_LOCK_ROW", nil,
		"unable to obtain exclusive access to this record or 1 records: %s", id)
}

// exclusively runs fn under the write lock, which a panic releases.
func (o *Org) exclusively(fn func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fn()
}

// lock makes sure no other transaction has staged the record.
func (tx *Tx) lock(id string) error {
	if other := tx.org.locks[id]; other != nil && other != tx {
		return &errWait{other, id}
	}
	return nil
}

// current is the record as the transaction sees it; nil if there is none.
func (tx *Tx) current(t *table, id string) []byte {
	if s, ok := tx.staged[id]; ok {
		return s.data
	}
	if r := t.get(id); r != nil {
		return r.bytes()
	}
	return nil
}

// withKey lists the records that have a key in an indexed field, as the
// transaction sees them, deleted ones included.
func (tx *Tx) withKey(t *table, f *schema.Field, key string) []string {
	var ids []string
	t.withKey(f, key, func(r *row) bool {
		if id := t.idOf(r); tx.staged[id] == nil {
			ids = append(ids, id)
		}
		return true
	})
	seen := map[string]bool{}
	for _, id := range tx.keyed[keyRef{t, f.Slot, key}] {
		s := tx.staged[id]
		if s == nil || s.data == nil || seen[id] {
			continue
		}
		if v := fieldOf(s.data, f.Slot); !v.IsNull() && indexKey(f, v) == key {
			ids = append(ids, id)
			seen[id] = true
		}
	}
	return ids
}

// liveWithKey is withKey without the recycle bin.
func (tx *Tx) liveWithKey(t *table, f *schema.Field, key string) []string {
	ids := tx.withKey(t, f, key)
	n := 0
	for _, id := range ids {
		if !t.isDeleted(tx.current(t, id)) {
			ids[n] = id
			n++
		}
	}
	return ids[:n]
}

// reserve keeps other transactions from taking a unique value until this one
// has ended.
func (tx *Tx) reserve(k keyRef) {
	if tx.org.reserved[k] == nil {
		tx.org.reserved[k] = tx
		tx.reserved = append(tx.reserved, k)
	}
}

// stage puts a version into the transaction and locks its record.
func (tx *Tx) stage(t *table, obj *schema.Object, id string, data []byte) *staged {
	s, ok := tx.staged[id]
	if !ok {
		s = &staged{t: t, obj: obj, id: id, fresh: t.get(id) == nil}
		tx.staged[id] = s
		tx.order = append(tx.order, s)
		tx.org.locks[id] = tx
	}
	s.data = data
	reader := rowReader{data}
	for {
		slot, tag, payload, more := reader.next()
		if !more {
			return s
		}
		if t.keys[slot] == nil {
			continue
		}
		if f := obj.BySlot(slot); f != nil {
			k := keyRef{t, slot, indexKey(f, decodeValue(tag, payload))}
			tx.keyed[k] = append(tx.keyed[k], id)
			if f.Unique {
				tx.reserve(k)
			}
		}
	}
}

// Commit makes all staged versions visible at once. It waits first if the
// org's switches or the actor hold the transaction open, whether or not the
// caller still wants the reply.
func (tx *Tx) Commit() error {
	if tx.closed {
		return fmt.Errorf("commit: transaction has ended")
	}
	if len(tx.summed) > 0 {
		if err := tx.locked(tx.sumUp); err != nil {
			return err
		}
	}
	d := tx.org.delay(tx.actor) + tx.hold()
	if len(tx.order) == 0 || d == 0 {
		tx.install()
		return nil
	}
	if tx.org.switches.Load().LateVisibility.ReplyEarly {
		tx.closed = true
		time.AfterFunc(d, tx.install)
		return nil
	}
	timer := time.NewTimer(d)
	<-timer.C
	tx.install()
	return nil
}

func (tx *Tx) install() {
	o := tx.org
	o.mu.Lock()
	changes := make([]RecordChange, 0, len(tx.order))
	for _, s := range tx.order {
		obj := s.obj
		if latest, ok := o.Catalog.Object(obj.Name); ok {
			obj = latest
		}
		c := RecordChange{Object: obj, ID: s.id, After: Version{s.data, s.t}}
		if r := s.t.get(s.id); r != nil {
			c.Before = Version{r.bytes(), s.t}
		}
		changes = append(changes, c)
		s.t.put(obj, s.id, s.data)
		o.settleBin(s)
	}
	o.record(tx)
	o.tell(tx, changes)
	tx.release()
	flows := o.dueFlows(tx)
	o.mu.Unlock()
	for _, f := range flows {
		f.start(o)
	}
}

// Rollback drops everything staged. After Commit it does nothing, so it can be
// deferred.
func (tx *Tx) Rollback() {
	if tx.closed {
		return
	}
	tx.org.mu.Lock()
	defer tx.org.mu.Unlock()
	tx.release()
}

func (tx *Tx) release() {
	o := tx.org
	for _, s := range tx.order {
		delete(o.locks, s.id)
	}
	for _, id := range tx.parents {
		delete(o.locks, id)
	}
	for _, k := range tx.reserved {
		delete(o.reserved, k)
	}
	delete(o.open, tx)
	tx.closed = true
	close(tx.done)
}

// savepoint lets a write that touches several records fail as a whole.
type savepoint struct {
	order  int
	before map[string][]byte
	ops    map[string]int
}

func (tx *Tx) savepoint() *savepoint {
	sp := &savepoint{order: len(tx.order), before: map[string][]byte{}, ops: map[string]int{}}
	for _, s := range tx.order {
		sp.before[s.id] = s.data
		sp.ops[s.id] = len(s.ops)
	}
	return sp
}

func (tx *Tx) restore(sp *savepoint) {
	for _, s := range tx.order[sp.order:] {
		if !slices.Contains(tx.parents, s.id) {
			delete(tx.org.locks, s.id)
		}
		delete(tx.staged, s.id)
	}
	tx.order = tx.order[:sp.order]
	for _, s := range tx.order {
		s.data = sp.before[s.id]
		s.ops = s.ops[:sp.ops[s.id]]
	}
}

// latestCovered is the moment up to which everything written has become
// visible: now, or the start of the oldest open transaction.
func (o *Org) latestCovered(end time.Time) time.Time {
	if now := o.Clock.Now(); now.Before(end) {
		end = now
	}
	for tx := range o.open {
		if len(tx.order) > 0 && tx.start.Before(end) {
			end = tx.start
		}
	}
	return end.Truncate(time.Second)
}
