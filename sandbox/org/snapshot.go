package org

import (
	"context"
	"encoding/binary"
	"math"

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
// alone, so a Snapshot costs some 50 bytes a record while nothing changes. It
// is safe for concurrent use.
type Snapshot struct {
	obj  *schema.Object
	t    *table
	rows []Version
}

// Snapshot runs a bound query that selects records. all includes the recycle
// bin.
func (o *Org) Snapshot(ctx context.Context, a *Actor, bound *soql.Bound, all bool) (*Snapshot, error) {
	s := &Snapshot{obj: bound.Object}
	err := o.Read(a, func(v *View) error {
		res, err := soql.Execute(ctx, bound, v, soql.Options{All: all || bound.AllRows})
		if err != nil {
			return err
		}
		s.t = o.peek(bound.Object)
		s.rows = make([]Version, 0, len(res.IDs))
		for _, id := range res.IDs {
			if r := s.t.get(id); r != nil {
				s.rows = append(s.rows, Version{r.id, r.data, s.t})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Len is the number of records.
func (s *Snapshot) Len() int { return len(s.rows) }

// ID is the Id of the i-th record.
func (s *Snapshot) ID(i int) string { return s.rows[i].id }

// IDSlot is the slot of the field Id.
func (s *Snapshot) IDSlot() int {
	if f, ok := s.obj.Field("Id"); ok {
		return f.Slot
	}
	return -1
}

// Row is the i-th record, for what has to be worked out from it.
func (s *Snapshot) Row(i int) soql.Row {
	return &recordView{obj: s.obj, t: s.t, id: s.rows[i].id, data: s.rows[i].data}
}

// Slots is how long a slice for Raws must be.
func (s *Snapshot) Slots() int { return s.obj.Slots() }

// Raws is Version.Raws of the i-th record.
func (s *Snapshot) Raws(i int, into []Raw) { s.rows[i].Raws(into) }

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
