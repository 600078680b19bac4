package org

import (
	"iter"
	"sort"
	"strconv"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// cursorOf walks over an ordered set from some entry on.
type cursorOf[T any] struct {
	set    *ordered[T]
	ci, at int
}

func (o *ordered[T]) cursor(below func(T) bool) cursorOf[T] {
	ci, at := o.find(below)
	return cursorOf[T]{o, ci, at}
}

func (c *cursorOf[T]) peek() (e T, ok bool) {
	if c.ci == len(c.set.chunks) {
		return e, false
	}
	return c.set.chunks[c.ci][c.at], true
}

func (c *cursorOf[T]) advance() {
	if c.at++; c.at == len(c.set.chunks[c.ci]) {
		c.ci, c.at = c.ci+1, 0
	}
}

// computed is a record of a plot.
type computed struct {
	p *plot
	i uint64
}

func (c computed) row() *row { return &row{n: c.p.First + c.i, p: c.p} }

// merge yields stored rows and computed ones in one order; ahead says whether
// a stored entry comes before a computed record.
func merge[T any](c cursorOf[T], rowOf func(T) *row, seq iter.Seq[computed], ahead func(T, computed) bool, yield func(*row) bool) {
	for next := range seq {
		for e, ok := c.peek(); ok && ahead(e, next); e, ok = c.peek() {
			if !yield(rowOf(e)) {
				return
			}
			c.advance()
		}
		if !yield(next.row()) {
			return
		}
	}
	for e, ok := c.peek(); ok; e, ok = c.peek() {
		if !yield(rowOf(e)) {
			return
		}
		c.advance()
	}
}

// each yields all rows by Id.
func (t *table) each(yield func(*row) bool) { t.fromID("", yield) }

// fromID yields the rows from an Id on, by Id.
func (t *table) fromID(from string, yield func(*row) bool) {
	below := func(n uint64) bool { return from != "" && MakeID(t.prefix, n) < from }
	if len(t.plots) == 0 {
		t.byID.ascend(func(r *row) bool { return below(r.n) }, yield)
		return
	}
	merge(t.byID.cursor(func(r *row) bool { return below(r.n) }), func(r *row) *row { return r },
		func(yield func(computed) bool) {
			for _, p := range t.plots {
				start := sort.Search(int(p.Rows), func(i int) bool { return !below(p.First + uint64(i)) })
				for i := uint64(start); i < p.Rows; i++ {
					if p.here(i) && !yield(computed{p, i}) {
						return
					}
				}
			}
		},
		func(r *row, c computed) bool { return r.n < c.p.First+c.i }, yield)
}

// fromStamp yields the rows from a stamp on, by stamp and Id.
func (t *table) fromStamp(from int64, yield func(*row) bool) {
	below := func(e stampEntry) bool { return e.stamp < from }
	if len(t.plots) == 0 {
		t.byStamp.ascend(below, func(e stampEntry) bool { return yield(e.r) })
		return
	}
	merge(t.byStamp.cursor(below), func(e stampEntry) *row { return e.r }, t.plotsFrom(from),
		func(e stampEntry, c computed) bool {
			at := c.p.stamp(c.i)
			return e.stamp < at || e.stamp == at && e.r.n < c.p.First+c.i
		}, yield)
}

// plotsFrom yields the records of all plots from a stamp on, by stamp and Id.
func (t *table) plotsFrom(from int64) iter.Seq[computed] {
	return func(yield func(computed) bool) {
		at := make([]uint64, len(t.plots))
		for k, p := range t.plots {
			at[k] = p.fromStamp(from)
		}
		for {
			best := -1
			var low int64
			for k, p := range t.plots {
				if at[k] < p.Rows && (best < 0 || p.stamp(at[k]) < low) {
					best, low = k, p.stamp(at[k])
				}
			}
			if best < 0 {
				return
			}
			p := t.plots[best]
			if i := at[best]; p.here(i) && !yield(computed{p, i}) {
				return
			}
			at[best]++
		}
	}
}

// withKey yields the rows whose field has a key, deleted ones included, by Id.
func (t *table) withKey(f *schema.Field, key string, yield func(*row) bool) {
	index := t.keys[f.Slot]
	if index == nil {
		return
	}
	below := func(e keyEntry) bool { return e.key < key }
	if len(t.plots) == 0 {
		index.ascend(below, func(e keyEntry) bool { return e.key == key && yield(e.r) })
		return
	}
	merge(index.cursor(below), func(e keyEntry) *row { return e.r },
		func(yield func(computed) bool) {
			for _, p := range t.plots {
				for i := range p.withKey(f, key) {
					if p.here(i) && !yield(computed{p, i}) {
						return
					}
				}
			}
		},
		func(e keyEntry, c computed) bool { return e.key == key && e.r.n < c.p.First+c.i },
		func(r *row) bool {
			if r.p == nil { // a stored row may be the first with another key
				if v := r.field(f.Slot); v.IsNull() || indexKey(f, v) != key {
					return false
				}
			}
			return yield(r)
		})
}

// withKey yields the records of the plot whose field has a key, by number,
// those that left the plot too.
func (p *plot) withKey(f *schema.Field, key string) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		pf := p.field(f.Slot)
		if pf == nil || p.Rows == 0 {
			return
		}
		if v := p.value(0, f.Slot); pf.Empty >= always && (v.IsNull() || indexKey(f, v) != key) {
			return
		}
		for i := range p.candidates(pf, key) {
			v := p.value(i, f.Slot)
			if !v.IsNull() && indexKey(f, v) == key && !yield(i) {
				return
			}
		}
	}
}

// candidates yields, by number, records among which are all whose field has a
// key.
func (p *plot) candidates(f *plotField, key string) iter.Seq[uint64] {
	switch {
	case f.Else != nil && (f.Kind != plotLookup || decodedText(f.Else) == key):
		return all(p.Rows)
	case f.Kind == plotLookup:
		return p.childrenOf(f, key)
	case f.Kind == plotAuto:
		return p.numbersIn(key, 1000+f.Base+1)
	case f.numbered() || f.Kind == plotSerial:
		return p.numbersIn(key, p.First)
	}
	return all(p.Rows)
}

func decodedText(b []byte) string { return fieldOf(append([]byte{0}, b...), 0).Str() }

func all(n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func (p *plot) childrenOf(f *plotField, id string) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		n, ok := numberOf(f.Pool.Prefix, id)
		if !ok {
			return
		}
		at, ok := f.Pool.place(n)
		if !ok {
			return
		}
		size := f.Pool.Size
		i := uint64(0)
		if size > 1 {
			i = (at + size - f.Shift) % size * f.Back % size
		}
		for ; i < p.Rows; i += size {
			if !yield(i) {
				return
			}
		}
	}
}

// numbersIn yields the records whose number, counted from first, a text names.
func (p *plot) numbersIn(text string, first uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		seen := map[uint64]bool{}
		for at := 0; at < len(text); at++ {
			end := at
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			if end == at {
				continue
			}
			n, err := strconv.ParseUint(text[at:end], 10, 64)
			at = end
			if err != nil || n < first || n-first >= p.Rows || seen[n] {
				continue
			}
			seen[n] = true
			if !yield(n - first) {
				return
			}
		}
	}
}
