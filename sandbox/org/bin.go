package org

import (
	"math"
	"time"
)

// binLife is how long a deleted record stays in the recycle bin.
const binLife = 15 * 24 * time.Hour

// discard notes a record as being in the recycle bin. The caller holds the lock.
func (o *Org) discard(id string, e binEntry) {
	o.bin[id] = e
	if due := e.at.Add(binLife).Unix(); due < o.binDue.Load() {
		o.binDue.Store(due)
	}
}

// sweepBin makes what has been in the recycle bin for its time vanish, but what
// a transaction holds. It is called before anybody looks, so that a step of the
// clock shows at once. The delete log keeps the records; it tells of nobody's
// write, and no event does.
func (o *Org) sweepBin() {
	now := o.Clock.Now().Unix()
	if now < o.binDue.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	next := int64(math.MaxInt64)
	for id, e := range o.bin {
		due := e.at.Add(binLife).Unix()
		if now < due || o.locks[id] != nil {
			next = min(next, due)
			continue
		}
		if obj, ok := o.Catalog.ByPrefix(id); ok {
			o.table(obj).put(obj, id, nil)
		}
		delete(o.bin, id)
		o.edits.Add(1)
	}
	o.binDue.Store(next)
}
