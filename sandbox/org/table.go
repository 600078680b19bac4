package org

import (
	"cmp"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// row is one record. Of a stored one data is replaced as a whole under the
// org's write lock; nil data means that it was purged. Of a computed one p is
// the plot that it belongs to. Of one that was computed before it was edited,
// base is that plot and data a patch of what the plot computes.
type row struct {
	n    uint64 // running number in its object, of which the Id is made
	data []byte
	p    *plot
	base *plot
}

// bytes is the record in the form of encodeRow.
func (r *row) bytes() []byte {
	if r.p != nil {
		return r.p.appendRow(make([]byte, 0, 1024), r.n-r.p.First)
	}
	if r.base != nil {
		var scratch [1024]byte
		return unpatch(make([]byte, 0, 1024), r.base.appendRow(scratch[:0], r.n-r.base.First), r.data)
	}
	return r.data
}

// field is one field of the record.
func (r *row) field(slot int) schema.Value {
	switch {
	case r.p != nil:
		return r.p.value(r.n-r.p.First, slot)
	case r.base == nil:
		return fieldOf(r.data, slot)
	}
	if v, ok := patched(r.data, slot); ok {
		return v
	}
	return r.base.value(r.n-r.base.First, slot)
}

// hold takes a version of the record: as a patch where the record was computed
// once and is still much the same.
func (r *row) hold(t *table, data []byte) {
	r.data, r.base = data, nil
	for _, p := range t.plots {
		if r.n < p.First || r.n-p.First >= p.Rows {
			continue
		}
		var scratch [1024]byte
		if small := patch(p.appendRow(scratch[:0], r.n-p.First), data); len(small) < len(data)/2 {
			r.data, r.base = small, p
		}
		return
	}
}

type stampEntry struct {
	stamp int64
	r     *row
}

type keyEntry struct {
	key string
	r   *row
}

// systemSlots are the slots of the fields that the org itself keeps, -1 where
// an object lacks one. Slots never change, so neither do these.
type systemSlots struct {
	id, deleted, stamp, created, createdBy, modified, modifiedBy, owner, name, archived int
}

// deletion is an entry of the delete log behind getDeleted.
type deletion struct {
	id string
	at time.Time
}

// table holds the records of one object.
type table struct {
	name   string
	prefix string
	sys    systemSlots
	// plots are seeded records that are computed, ascending by number.
	plots     []*plot
	byID      *ordered[*row]
	byStamp   *ordered[stampEntry]
	keys      map[int]*ordered[keyEntry]
	sequence  uint64
	counters  map[int]uint64
	deletions []deletion
	live      int
}

func newTable(o *schema.Object) *table {
	t := &table{
		name: o.Name, prefix: o.KeyPrefix,
		byID:     newOrdered(func(a, b *row) int { return cmp.Compare(a.n, b.n) }),
		byStamp:  newOrdered(compareStamps),
		keys:     map[int]*ordered[keyEntry]{},
		counters: map[int]uint64{},
	}
	slot := func(name string) int {
		if f, ok := o.Field(name); ok {
			return f.Slot
		}
		return -1
	}
	t.sys = systemSlots{
		id: slot("Id"), deleted: slot("IsDeleted"), stamp: slot("SystemModstamp"),
		created: slot("CreatedDate"), createdBy: slot("CreatedById"),
		modified: slot("LastModifiedDate"), modifiedBy: slot("LastModifiedById"),
		owner: slot("OwnerId"), name: slot("Name"), archived: slot("IsArchived"),
	}
	t.syncIndexes(o)
	return t
}

func compareStamps(a, b stampEntry) int {
	switch {
	case a.stamp < b.stamp:
		return -1
	case a.stamp > b.stamp:
		return 1
	}
	return cmp.Compare(a.r.n, b.r.n)
}

func compareKeys(a, b keyEntry) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.r.n, b.r.n)
}

// indexed says which fields get an index: unique and external id fields, and
// lookups but those to who wrote a record.
func indexed(f *schema.Field) bool {
	if f.Calculated || f.Type == schema.TypeID {
		return false
	}
	if f.Type == schema.TypeReference {
		return f.Name != "CreatedById" && f.Name != "LastModifiedById"
	}
	return f.ExternalID || f.Unique || f.IDLookup
}

// indexKey is the form under which an index keeps a value.
func indexKey(f *schema.Field, v schema.Value) string {
	if v.Kind() != schema.KindText {
		return v.String()
	}
	if f.CaseSensitive || f.Type == schema.TypeReference {
		return v.Str()
	}
	return strings.ToLower(v.Str())
}

// syncIndexes builds the indexes that the object's fields ask for and drops
// the others; called for a new table and after a schema edit.
func (t *table) syncIndexes(o *schema.Object) {
	want := map[int]*schema.Field{}
	for _, f := range o.Fields {
		if indexed(f) {
			want[f.Slot] = f
		}
	}
	for slot := range t.keys {
		if want[slot] == nil {
			delete(t.keys, slot)
		}
	}
	for slot, f := range want {
		if t.keys[slot] == nil {
			t.keys[slot] = t.buildIndex(f)
		}
	}
}

func (t *table) buildIndex(f *schema.Field) *ordered[keyEntry] {
	index := newOrdered(compareKeys)
	t.eachStored(func(r *row) bool {
		if v := r.field(f.Slot); !v.IsNull() {
			index.insert(keyEntry{indexKey(f, v), r})
		}
		return true
	})
	return index
}

// idOf is a record's Id.
func (t *table) idOf(r *row) string { return MakeID(t.prefix, r.n) }

// eachStored yields the rows that are stored, by Id.
func (t *table) eachStored(yield func(*row) bool) {
	t.byID.ascend(func(*row) bool { return false }, yield)
}

func (t *table) get(id string) *row {
	n, ok := numberOf(t.prefix, id)
	if !ok {
		return nil
	}
	var found *row
	t.byID.ascend(func(e *row) bool { return e.n < n }, func(e *row) bool {
		if e.n == n {
			found = e
		}
		return false
	})
	if p := t.plotOf(n); found == nil && p != nil {
		return &row{n: n, p: p}
	}
	return found
}

// plotOf is the plot that a record still belongs to.
func (t *table) plotOf(n uint64) *plot {
	for _, p := range t.plots {
		if n >= p.First && n-p.First < p.Rows && p.here(n-p.First) {
			return p
		}
	}
	return nil
}

func (t *table) isDeleted(data []byte) bool {
	return t.sys.deleted >= 0 && fieldOf(data, t.sys.deleted).True()
}

func (t *table) stampOf(data []byte) int64 {
	if t.sys.stamp < 0 {
		return 0
	}
	return fieldOf(data, t.sys.stamp).Unix()
}

// put installs a version of a record; nil data purges it.
func (t *table) put(o *schema.Object, id string, data []byte) {
	r := t.get(id)
	if r != nil && r.p != nil {
		r.p.leave(r.n - r.p.First)
		t.live--
		r = nil
	}
	if r == nil {
		n, ok := numberOf(t.prefix, id)
		if data == nil || !ok {
			return
		}
		r = &row{n: n}
		t.byID.insert(r)
	} else {
		t.unindex(o, r, r.bytes())
	}
	if data == nil {
		t.byID.remove(r)
		r.data, r.base = nil, nil
		return
	}
	r.hold(t, data)
	t.index(o, r, data)
}

// index enters a record, whose present version is data, into the indexes.
func (t *table) index(o *schema.Object, r *row, data []byte) {
	t.eachKey(o, r, data, func(ix *ordered[keyEntry], e keyEntry) { ix.insert(e) })
	if t.sys.stamp >= 0 {
		t.byStamp.insert(stampEntry{t.stampOf(data), r})
	}
	if !t.isDeleted(data) {
		t.live++
	}
}

func (t *table) unindex(o *schema.Object, r *row, data []byte) {
	t.eachKey(o, r, data, func(ix *ordered[keyEntry], e keyEntry) { ix.remove(e) })
	if t.sys.stamp >= 0 {
		t.byStamp.remove(stampEntry{t.stampOf(data), r})
	}
	if !t.isDeleted(data) {
		t.live--
	}
}

func (t *table) eachKey(o *schema.Object, r *row, data []byte, do func(*ordered[keyEntry], keyEntry)) {
	reader := rowReader{data}
	for {
		slot, tag, payload, ok := reader.next()
		if !ok {
			return
		}
		index := t.keys[slot]
		if index == nil {
			continue
		}
		if f := o.BySlot(slot); f != nil {
			do(index, keyEntry{indexKey(f, decodeValue(tag, payload)), r})
		}
	}
}
