package reader

import (
	"hash/maphash"
	"slices"
)

// idSet holds Ids as 64-bit hashes: eight bytes each. Add all of them, then
// seal it, then ask. Of a million Ids, one that was never added is taken for
// present with a chance of about one in 10¹³.
type idSet struct {
	seed   maphash.Seed
	hashes []uint64
}

func newIDSet() *idSet { return &idSet{seed: maphash.MakeSeed()} }

func (s *idSet) add(id []byte) { s.hashes = append(s.hashes, maphash.Bytes(s.seed, id)) }

func (s *idSet) seal() { slices.Sort(s.hashes) }

func (s *idSet) has(id string) bool {
	_, ok := slices.BinarySearch(s.hashes, maphash.String(s.seed, id))
	return ok
}
