package org

import (
	"encoding/binary"
	"sort"
)

// pool is the live records of an object at one moment, as runs of numbers.
type pool struct {
	Prefix string
	Size   uint64
	Runs   []numberRun
}

// numberRun is Count numbers from First on; At is the place of the first in
// the pool.
type numberRun struct{ First, Count, At uint64 }

func (p *pool) add(n uint64) {
	if last := len(p.Runs) - 1; last >= 0 && p.Runs[last].First+p.Runs[last].Count == n {
		p.Runs[last].Count++
	} else {
		p.Runs = append(p.Runs, numberRun{First: n, Count: 1, At: p.Size})
	}
	p.Size++
}

// number is the record at a place.
func (p *pool) number(at uint64) uint64 {
	r := p.Runs[0]
	if len(p.Runs) > 1 {
		r = p.Runs[sort.Search(len(p.Runs), func(i int) bool { return p.Runs[i].At > at })-1]
	}
	return r.First + at - r.At
}

// place is where a record is.
func (p *pool) place(n uint64) (uint64, bool) {
	i := sort.Search(len(p.Runs), func(i int) bool { return p.Runs[i].First > n })
	if i == 0 || n-p.Runs[i-1].First >= p.Runs[i-1].Count {
		return 0, false
	}
	return p.Runs[i-1].At + n - p.Runs[i-1].First, true
}

// appendValue appends the Id at a place as appendValue writes a text.
func (p *pool) appendValue(b []byte, at uint64) []byte {
	id := makeID(p.Prefix, p.number(at))
	return append(binary.AppendUvarint(append(b, tagText), uint64(len(id))), id[:]...)
}

// pool gathers an object's live records.
func (o *Org) pool(object string) pool {
	obj, ok := o.Catalog.Object(object)
	if !ok {
		return pool{}
	}
	t := o.peek(obj)
	if t == nil {
		return pool{}
	}
	p := pool{Prefix: t.prefix}
	t.each(func(r *row) bool {
		if t.sys.deleted < 0 || !r.field(t.sys.deleted).True() {
			p.add(r.n)
		}
		return true
	})
	return p
}
