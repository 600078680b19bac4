package org

import "sort"

const chunkMax = 512

// ordered is a sorted set kept in chunks, so that an insertion in the middle
// of a million entries moves a few hundred of them. Entries that compare
// equal are one entry.
type ordered[T any] struct {
	cmp    func(a, b T) int
	chunks [][]T
	count  int
}

func newOrdered[T any](cmp func(a, b T) int) *ordered[T] {
	return &ordered[T]{cmp: cmp}
}

// find gives the place of the first entry that is not below key, where below
// says whether an entry lies below it.
func (o *ordered[T]) find(below func(T) bool) (chunk, at int) {
	chunk = sort.Search(len(o.chunks), func(i int) bool {
		c := o.chunks[i]
		return !below(c[len(c)-1])
	})
	if chunk == len(o.chunks) {
		return chunk, 0
	}
	c := o.chunks[chunk]
	return chunk, sort.Search(len(c), func(i int) bool { return !below(c[i]) })
}

func (o *ordered[T]) insert(v T) bool {
	if len(o.chunks) == 0 {
		o.chunks = append(o.chunks, append(make([]T, 0, chunkMax), v))
		o.count++
		return true
	}
	ci, at := o.find(func(e T) bool { return o.cmp(e, v) < 0 })
	if ci == len(o.chunks) {
		ci--
		at = len(o.chunks[ci])
	} else if o.cmp(o.chunks[ci][at], v) == 0 {
		o.chunks[ci][at] = v
		return false
	}
	o.count++
	if len(o.chunks[ci]) == chunkMax {
		ci, at = o.split(ci, at)
	}
	c := append(o.chunks[ci], v)
	copy(c[at+1:], c[at:])
	c[at] = v
	o.chunks[ci] = c
	return true
}

// split makes room in a full chunk. The last chunk is left full when the new
// entry goes behind it, which keeps chunks dense under ascending insertion.
func (o *ordered[T]) split(ci, at int) (chunk, pos int) {
	old := o.chunks[ci]
	half := chunkMax / 2
	if ci == len(o.chunks)-1 && at == chunkMax {
		half = chunkMax
	}
	right := append(make([]T, 0, chunkMax), old[half:]...)
	clear(old[half:])
	o.chunks[ci] = old[:half]
	o.chunks = append(o.chunks, nil)
	copy(o.chunks[ci+2:], o.chunks[ci+1:])
	o.chunks[ci+1] = right
	if at >= half {
		return ci + 1, at - half
	}
	return ci, at
}

func (o *ordered[T]) remove(v T) bool {
	ci, at := o.find(func(e T) bool { return o.cmp(e, v) < 0 })
	if ci == len(o.chunks) || o.cmp(o.chunks[ci][at], v) != 0 {
		return false
	}
	c := o.chunks[ci]
	copy(c[at:], c[at+1:])
	var zero T
	c[len(c)-1] = zero
	c = c[:len(c)-1]
	o.count--
	if len(c) == 0 {
		o.chunks = append(o.chunks[:ci], o.chunks[ci+1:]...)
		return true
	}
	o.chunks[ci] = c
	return true
}

// ascend yields entries from the first that is not below, in order.
func (o *ordered[T]) ascend(below func(T) bool, yield func(T) bool) {
	ci, at := o.find(below)
	for ; ci < len(o.chunks); ci, at = ci+1, 0 {
		for _, e := range o.chunks[ci][at:] {
			if !yield(e) {
				return
			}
		}
	}
}

func (o *ordered[T]) len() int { return o.count }
