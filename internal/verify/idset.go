package verify

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// idSet is a set of row ids: a bit per id where they are dense, two bytes where
// they are not, so that ten million rows take about a megabyte. The zero value
// is empty.
type idSet struct {
	blocks map[uint16]*idBlock
}

// idBlock holds the ids that share their upper 16 bits: as a sorted list while
// they are few, then as bits.
type idBlock struct {
	few  []uint16
	bits *[blockBytes]byte
}

const (
	blockBytes = 1 << 16 / 8
	maxFew     = blockBytes / 2
)

func (s *idSet) add(id int32) {
	high, low := uint16(uint32(id)>>16), uint16(uint32(id)) //nolint:gosec // halves of the id
	b := s.blocks[high]
	if b == nil {
		if s.blocks == nil {
			s.blocks = map[uint16]*idBlock{}
		}
		b = &idBlock{}
		s.blocks[high] = b
	}
	b.add(low)
}

func (s *idSet) has(id int32) bool {
	high, low := uint16(uint32(id)>>16), uint16(uint32(id)) //nolint:gosec // halves of the id
	b := s.blocks[high]
	return b != nil && b.has(low)
}

func (b *idBlock) add(low uint16) {
	if b.bits != nil {
		b.bits[low/8] |= 1 << (low % 8)
		return
	}
	i, found := slices.BinarySearch(b.few, low)
	if found {
		return
	}
	if len(b.few) < maxFew {
		b.few = slices.Insert(b.few, i, low)
		return
	}
	b.bits = &[blockBytes]byte{}
	for _, v := range b.few {
		b.bits[v/8] |= 1 << (v % 8)
	}
	b.few = nil
	b.add(low)
}

func (b *idBlock) has(low uint16) bool {
	if b.bits != nil {
		return b.bits[low/8]&(1<<(low%8)) != 0
	}
	_, found := slices.BinarySearch(b.few, low)
	return found
}

// marshal gives the set's bytes: per block its number, the length of its list
// (0 for bits) and then list or bits.
func (s *idSet) marshal() []byte {
	var out []byte
	for _, high := range slices.Sorted(maps.Keys(s.blocks)) {
		b := s.blocks[high]
		out = binary.BigEndian.AppendUint16(out, high)
		out = binary.BigEndian.AppendUint16(out, uint16(len(b.few))) //nolint:gosec // at most maxFew
		for _, v := range b.few {
			out = binary.BigEndian.AppendUint16(out, v)
		}
		if b.bits != nil {
			out = append(out, b.bits[:]...)
		}
	}
	return out
}

var errNoSet = errors.New("the bytes are no set of ids")

func parseSet(in []byte) (idSet, error) {
	s := idSet{blocks: map[uint16]*idBlock{}}
	for len(in) > 0 {
		if len(in) < 4 {
			return s, errNoSet
		}
		high, n := binary.BigEndian.Uint16(in), int(binary.BigEndian.Uint16(in[2:]))
		size := 2 * n
		if n == 0 {
			size = blockBytes
		}
		if in = in[4:]; len(in) < size || n > maxFew {
			return s, errNoSet
		}
		b := &idBlock{}
		if n == 0 {
			b.bits = (*[blockBytes]byte)(slices.Clone(in[:size]))
		}
		for i := range n {
			b.few = append(b.few, binary.BigEndian.Uint16(in[2*i:]))
		}
		s.blocks[high], in = b, in[size:]
	}
	return s, nil
}
