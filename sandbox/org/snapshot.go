package org

import (
	"context"
	"encoding/binary"
	"math"
	"sort"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// Prepare parses and binds a query for an actor without running it.
func (o *Org) Prepare(a *Actor, text string) (*soql.Query, *soql.Bound, error) {
	q, err := soql.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	bound, err := soql.Bind(q, o.binder(a))
	if err != nil {
		return nil, nil, err
	}
	return q, bound, nil
}

// Snapshot is the records that a query found, each as it was at that moment.
// A later change of a record makes a new version and leaves the snapshot's
// alone, so a Snapshot costs some 40 bytes a record while nothing changes, and
// next to nothing where computed records follow each other. It is safe for
// concurrent use.
type Snapshot struct {
	obj      *schema.Object
	t        *table
	segments []segment
	count    int
}

// segment is records that follow each other in a snapshot: stored ones, or
// those of a plot from the from-th on.
type segment struct {
	at     int // place of the first
	stored []storedVersion
	p      *plot
	from   uint64
}

type storedVersion struct {
	n    uint64
	data []byte
	base *plot // as of a row
}

// Snapshot runs a bound query that selects records. all includes the recycle
// bin.
func (o *Org) Snapshot(ctx context.Context, a *Actor, bound *soql.Bound, all bool) (*Snapshot, error) {
	s := &Snapshot{obj: bound.Object}
	err := o.Read(a, func(v *View) error {
		s.t = o.peek(bound.Object)
		each := func(row soql.Row) {
			if r, ok := row.(*recordView); ok {
				s.add(r)
			}
		}
		_, err := soql.Execute(ctx, bound, v, soql.Options{All: all || bound.AllRows, Each: each})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Snapshot) add(r *recordView) {
	last := len(s.segments) - 1
	switch {
	case r.p == nil && (last < 0 || s.segments[last].p != nil):
		s.segments = append(s.segments, segment{at: s.count, stored: []storedVersion{{r.n, r.data, r.base}}})
	case r.p == nil:
		s.segments[last].stored = append(s.segments[last].stored, storedVersion{r.n, r.data, r.base})
	case last < 0 || s.segments[last].p != r.p ||
		s.segments[last].from+uint64(s.count-s.segments[last].at) != r.n-r.p.First:
		s.segments = append(s.segments, segment{at: s.count, p: r.p, from: r.n - r.p.First})
	}
	s.count++
}

// Len is the number of records.
func (s *Snapshot) Len() int { return s.count }

// find gives the i-th record: a place in a plot, or a stored version.
func (s *Snapshot) find(i int) (*plot, uint64, storedVersion) {
	g := &s.segments[0]
	if len(s.segments) > 1 {
		g = &s.segments[sort.Search(len(s.segments), func(k int) bool { return s.segments[k].at > i })-1]
	}
	if g.p == nil {
		return nil, 0, g.stored[i-g.at]
	}
	return g.p, g.from + uint64(i-g.at), storedVersion{}
}

// ID is the Id of the i-th record.
func (s *Snapshot) ID(i int) string {
	p, at, v := s.find(i)
	if p != nil {
		v.n = p.First + at
	}
	return MakeID(s.t.prefix, v.n)
}

// IDSlot is the slot of the field Id.
func (s *Snapshot) IDSlot() int {
	if f, ok := s.obj.Field("Id"); ok {
		return f.Slot
	}
	return -1
}

// Row is the i-th record, for what has to be worked out from it.
func (s *Snapshot) Row(i int) soql.Row {
	p, at, v := s.find(i)
	if p != nil {
		v.n = p.First + at
	}
	return &recordView{obj: s.obj, t: s.t, n: v.n, data: v.data, p: p, base: v.base}
}

// Slots is how long a slice for Raws must be.
func (s *Snapshot) Slots() int { return s.obj.Slots() }

// Raws is Version.Raws of the i-th record; of the slots that are not among
// those given, values may be missing (nil: all are wanted). The values are good
// until the scratch space, which is returned for the next call, is used again.
func (s *Snapshot) Raws(i int, slots []int, into []Raw, scratch []byte) []byte {
	p, at, v := s.find(i)
	if p != nil {
		return p.raws(at, slots, into, scratch)
	}
	if v.base != nil {
		scratch = v.base.raws(v.n-v.base.First, slots, into, scratch)
		overlay(v.data, into)
		return scratch
	}
	spread(v.data, into)
	return scratch
}

// Raw is a stored value as it lies in its record: reading it copies nothing.
// The zero Raw is null.
type Raw struct {
	payload []byte
	tag     byte
	set     bool
}

// Kind tells what the value is.
func (r Raw) Kind() schema.Kind {
	if !r.set {
		return schema.KindNull
	}
	switch r.tag {
	case tagFalse, tagTrue:
		return schema.KindBool
	case tagInt, tagFloat:
		return schema.KindNumber
	case tagText:
		return schema.KindText
	case tagDate:
		return schema.KindDate
	case tagInstant:
		return schema.KindInstant
	case tagTime:
		return schema.KindTime
	}
	return schema.KindNull
}

// True is the value of a KindBool.
func (r Raw) True() bool { return r.tag == tagTrue }

// Text is the bytes of a KindText; they must not be changed.
func (r Raw) Text() []byte { return r.payload }

// Count is the days of a KindDate, seconds of a KindInstant or milliseconds
// of a KindTime.
func (r Raw) Count() int64 {
	n, _ := binary.Varint(r.payload)
	return n
}

// Float is the value of a KindNumber.
func (r Raw) Float() float64 {
	if r.tag == tagInt {
		return float64(r.Count())
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(r.payload))
}
