package org

import (
	"fmt"
	"math/bits"
	"sort"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// plot is a range of seeded records that are not stored: each is computed from
// the plot's seed and its place whenever somebody reads it. A record that is
// written, deleted or purged leaves the plot for good and is an ordinary row
// (or none) from then on.
//
// Record number First+i is the plot's i-th. Stamps never fall with i, so the
// orders of Id and of SystemModstamp are known without an index.
type plot struct {
	First, Rows uint64
	Seed        uint64
	Past        bool
	// Now is the second of seeding, by the org's clock.
	Now    int64
	Fields []plotField // ascending by slot

	gone   []uint64 // one bit a record that left
	left   uint64
	bySlot []int16 // index into Fields plus one
}

// prepare builds what follows from the exported fields.
func (p *plot) prepare() {
	p.bySlot = make([]int16, 0, len(p.Fields))
	for i, f := range p.Fields {
		for len(p.bySlot) <= f.Slot {
			p.bySlot = append(p.bySlot, 0)
		}
		p.bySlot[f.Slot] = int16(i + 1)
	}
	if p.gone == nil {
		p.gone = make([]uint64, (p.Rows+63)/64)
	}
	p.left = 0
	for _, w := range p.gone {
		p.left += uint64(bits.OnesCount64(w))
	}
}

func (p *plot) here(i uint64) bool { return p.gone[i/64]>>(i%64)&1 == 0 }

// leave takes a record out of the plot.
func (p *plot) leave(i uint64) {
	if p.here(i) {
		p.gone[i/64] |= 1 << (i % 64)
		p.left++
	}
}

// appendRow appends the i-th record in the form of encodeRow.
func (p *plot) appendRow(b []byte, i uint64) []byte {
	for k := range p.Fields {
		b = p.appendSlot(b, i, &p.Fields[k])
	}
	return b
}

// appendSlot appends one field with its slot, or nothing where it is null.
func (p *plot) appendSlot(b []byte, i uint64, f *plotField) []byte {
	start := len(b)
	b = appendUvarint(b, uint64(f.Slot))
	empty := len(b)
	if b = p.appendField(b, i, f); len(b) == empty {
		return b[:start]
	}
	return b
}

func (p *plot) field(slot int) *plotField {
	if slot < 0 || slot >= len(p.bySlot) || p.bySlot[slot] == 0 {
		return nil
	}
	return &p.Fields[p.bySlot[slot]-1]
}

// value is one field of the i-th record; the others are not computed.
func (p *plot) value(i uint64, slot int) schema.Value {
	f := p.field(slot)
	if f == nil {
		return schema.Null
	}
	if f.Kind == plotStamp {
		return schema.Instant(p.stamp(i))
	}
	var scratch [256]byte
	return fieldOf(p.appendSlot(scratch[:0], i, f), slot)
}

// raws spreads the given slots of the i-th record over into; their bytes lie
// in scratch, which is returned for the next call.
func (p *plot) raws(i uint64, slots []int, into []Raw, scratch []byte) []byte {
	scratch = scratch[:0]
	if slots == nil {
		scratch = p.appendRow(scratch, i)
	}
	for _, slot := range slots {
		if f := p.field(slot); f != nil {
			scratch = p.appendSlot(scratch, i, f)
		}
	}
	spread(scratch, into)
	return scratch
}

const (
	minute      = 60
	pastMinutes = 2 * 365 * 24 * 60
)

// stamp is the i-th record's SystemModstamp: of a past plot a whole minute of
// the two years before the seeding.
func (p *plot) stamp(i uint64) int64 {
	if !p.Past {
		return p.Now
	}
	from := p.Now/minute - pastMinutes - 20
	return (from + int64(i*pastMinutes/p.Rows)) * minute
}

// fromStamp is the first record whose stamp is not below.
func (p *plot) fromStamp(stamp int64) uint64 {
	return uint64(sort.Search(int(p.Rows), func(i int) bool { return p.stamp(uint64(i)) >= stamp }))
}

// plant lays a plot behind an object's last record.
func (o *Org) plot(obj *schema.Object, s SeedPlan) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.table(obj)
	p := &plot{First: t.sequence + 1, Rows: uint64(s.Rows), Seed: s.Seed, Past: s.Past, Now: o.Clock.Now().Unix()}
	fields, err := o.plotFields(obj, t, p)
	if err != nil {
		return fmt.Errorf("seed %s: %w", obj.Name, err)
	}
	p.Fields = fields
	p.prepare()
	t.plots = append(t.plots, p)
	t.sequence += p.Rows
	for _, f := range obj.Fields {
		if f.AutoNumber && f.Stored() {
			t.counters[f.Slot] += p.Rows
		}
	}
	t.live += s.Rows
	o.edits.Add(1)
	return nil
}

// settle stores all records of an object's plots, for changes that touch every
// record.
func (t *table) settle(o *schema.Object) {
	plots := t.plots
	t.plots = nil
	for _, p := range plots {
		t.live -= int(p.Rows - p.left)
		for i := range p.Rows {
			if p.here(i) {
				t.put(o, MakeID(t.prefix, p.First+i), p.appendRow(nil, i))
			}
		}
	}
}
