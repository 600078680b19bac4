package plan

import "hash/maphash"

// key stands for a name by which a record, or a value that only one record may
// have, is known. Two names that share one by chance make an entry wait that
// need not; with 64 bits that does not happen.
type key uint64

var keySeed = maphash.MakeSeed()

func keyOf(name string) key { return key(maphash.String(keySeed, name)) }

func keysOf(names []string) []key {
	out := make([]key, len(names))
	for i, n := range names {
		out[i] = keyOf(n)
	}
	return out
}

// maxExact is how many keys a set holds as they are.
const maxExact = 1 << 18

// keys is a set of keys that may say of one that it is in it though it is not,
// never the other way round. Its memory is bounded: beyond maxExact keys it is a
// Bloom filter, which errs for one of six thousand keys when it holds a million
// and for one of twenty-five when it holds five.
type keys struct {
	exact  map[key]struct{}
	filter *filter
	// salt is the filter's: one that takes a key for another does so with each
	// look at the log for another key.
	salt uint64
}

func (k *keys) add(list []key) {
	for _, n := range list {
		k.put(n)
	}
}

func (k *keys) put(n key) {
	switch {
	case k.filter != nil:
		k.filter.put(n)
		return
	case k.exact == nil:
		k.exact = map[key]struct{}{}
	}
	k.exact[n] = struct{}{}
	if len(k.exact) > maxExact {
		k.toFilter()
	}
}

func (k *keys) toFilter() {
	if k.filter != nil {
		return
	}
	k.filter = &filter{bits: make([]uint64, filterBits/64), salt: k.salt}
	for n := range k.exact {
		k.filter.put(n)
	}
	k.exact = nil
}

func (k *keys) has(n key) bool {
	if k.filter != nil {
		return k.filter.has(n)
	}
	_, ok := k.exact[n]
	return ok
}

func (k *keys) anyOf(list []key) bool {
	for _, n := range list {
		if k.has(n) {
			return true
		}
	}
	return false
}

// absorb adds another set of the same salt.
func (k *keys) absorb(o *keys) {
	if o.filter != nil {
		k.toFilter()
		for i, b := range o.filter.bits {
			k.filter.bits[i] |= b
		}
	}
	for n := range o.exact {
		k.put(n)
	}
}

// meets says whether two sets share a key.
func (k *keys) meets(o *keys) bool {
	if o.filter != nil {
		return k.filter != nil || len(k.exact) > 0 && o.meets(k)
	}
	for n := range o.exact {
		if k.has(n) {
			return true
		}
	}
	return false
}

// filter is a Bloom filter.
type filter struct {
	bits []uint64
	salt uint64
}

// filterBits make four megabytes.
const filterBits = 1 << 25

// places are four bits of a key, by double hashing.
func (f *filter) places(n key) [4]uint64 {
	h := (uint64(n) ^ f.salt) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	a, b := h>>32, h|1
	return [4]uint64{a % filterBits, (a + b) % filterBits, (a + 2*b) % filterBits, (a + 3*b) % filterBits}
}

func (f *filter) put(n key) {
	for _, i := range f.places(n) {
		f.bits[i/64] |= 1 << (i % 64)
	}
}

func (f *filter) has(n key) bool {
	for _, i := range f.places(n) {
		if f.bits[i/64]&(1<<(i%64)) == 0 {
			return false
		}
	}
	return true
}
