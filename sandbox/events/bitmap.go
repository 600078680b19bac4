package events

import (
	"fmt"
	"math/big"
	"slices"
)

// bitmap collects the places of fields and of compounds' members.
type bitmap struct {
	top   big.Int
	parts map[int]*big.Int
	order []int
}

func (b *bitmap) add(place int) { b.top.SetBit(&b.top, place, 1) }

func (b *bitmap) addPart(place, member int) {
	if b.parts == nil {
		b.parts = map[int]*big.Int{}
	}
	p := b.parts[place]
	if p == nil {
		p = new(big.Int)
		b.parts[place] = p
		b.order = append(b.order, place)
	}
	p.SetBit(p, member, 1)
}

// has says whether a field is in, or a member of it.
func (b *bitmap) has(place int) bool { return b.top.Bit(place) == 1 || b.parts[place] != nil }

func (b *bitmap) hasPart(place, member int) bool {
	p := b.parts[place]
	return p != nil && p.Bit(member) == 1
}

// list is the form in an event's header: the fields first, if any, then
// "place-members" for each compound. Digits are upper case and even in number.
func (b *bitmap) list() []string {
	var out []string
	if b.top.Sign() != 0 {
		out = append(out, hexBits(&b.top))
	}
	for _, place := range b.order {
		out = append(out, fmt.Sprintf("%d-%s", place, hexBits(b.parts[place])))
	}
	return out
}

func hexBits(n *big.Int) string {
	s := fmt.Sprintf("%X", n)
	if len(s)%2 == 1 {
		s = "0" + s
	}
	return "0x" + s
}

func (b *bitmap) clone() bitmap {
	c := bitmap{order: slices.Clone(b.order)}
	c.top.Set(&b.top)
	for place, p := range b.parts {
		if c.parts == nil {
			c.parts = map[int]*big.Int{}
		}
		c.parts[place] = new(big.Int).Set(p)
	}
	return c
}

// drop takes out a field, or with a member that is not -1 one of its members.
func (b *bitmap) drop(place, member int) {
	if member < 0 {
		b.top.SetBit(&b.top, place, 0)
		return
	}
	p := b.parts[place]
	if p == nil {
		return
	}
	if p.SetBit(p, member, 0); p.Sign() == 0 {
		delete(b.parts, place)
		b.order = slices.DeleteFunc(b.order, func(other int) bool { return other == place })
	}
}
