package org

import (
	"bytes"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Commit is what one transaction did, as who watches the org learns of it.
type Commit struct {
	At    time.Time
	Actor *Actor
	// Changes in the order in which the transaction first touched the records,
	// one for each record.
	Changes []RecordChange
}

// RecordChange is a record before and after a transaction.
type RecordChange struct {
	// Object is the definition at the time of the commit.
	Object        *schema.Object
	ID            string
	Before, After Version
}

// Version is one state of one record; the zero Version is none. It never
// changes.
type Version struct {
	data []byte
	t    *table
}

// Exists reports whether there is a record, in the recycle bin or not.
func (v Version) Exists() bool { return v.data != nil }

// Live reports whether there is a record outside of the recycle bin.
func (v Version) Live() bool { return v.data != nil && !v.t.isDeleted(v.data) }

// Size is about how many bytes the record takes.
func (v Version) Size() int { return len(v.data) }

// Raws spreads the stored values over into by slot; slots without a value
// become the zero Raw.
func (v Version) Raws(into []Raw) {
	spread(v.data, into)
}

func spread(data []byte, into []Raw) {
	clear(into)
	reader := rowReader{data}
	for {
		slot, tag, payload, ok := reader.next()
		if !ok {
			return
		}
		if slot < len(into) {
			into[slot] = Raw{payload: payload, tag: tag, set: true}
		}
	}
}

// Same reports whether two stored values of one field are equal.
func (r Raw) Same(other Raw) bool {
	return r.set == other.set && r.tag == other.tag && bytes.Equal(r.payload, other.payload)
}

// Watch has fn told of every commit from now on, in the order of the commits.
// fn runs while the org is locked: it must be quick and must not call the org.
// Seeding is not told.
func (o *Org) Watch(fn func(Commit)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watchers = append(o.watchers, fn)
}

// tell hands a commit to the watchers.
func (o *Org) tell(tx *Tx, changes []RecordChange) {
	o.edits.Add(1)
	for _, fn := range o.watchers {
		fn(Commit{At: o.Clock.Now(), Actor: tx.actor, Changes: changes})
	}
}

// Only is the version without the fields that keep does not want.
func (v Version) Only(keep func(slot int) bool) Version {
	var out []byte
	e := entries{rowReader: rowReader{v.data}}
	for e.advance(); e.ok; e.advance() {
		if keep(e.slot) {
			out = append(out, e.raw...)
		}
	}
	return Version{append(make([]byte, 0, len(out)), out...), v.t}
}
