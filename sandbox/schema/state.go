package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// State is a catalog in a form that encoding/gob keeps: what [Catalog.State]
// gives and [Restore] takes.
type State struct {
	Version uint64
	Objects []ObjectState
}

// ObjectState is one object with the number of slots it has ever used.
type ObjectState struct {
	Object Object
	Slots  int
}

// State gives the catalog as it is now. What it holds must not be changed.
func (c *Catalog) State() State {
	s := c.state.Load()
	out := State{Version: s.version}
	for _, o := range s.objects {
		out.Objects = append(out.Objects, ObjectState{*o, o.Slots()})
	}
	return out
}

// Restore makes a catalog of a state. now stamps later edits.
func Restore(s State, now func() time.Time) (*Catalog, error) {
	c := NewCatalog(now)
	objects := make([]*Object, 0, len(s.Objects))
	for _, state := range s.Objects {
		o, err := RestoreObject(state)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	c.state.Store(newState(s.Version, objects))
	return c, nil
}

// RestoreObject makes an object of a state.
func RestoreObject(s ObjectState) (*Object, error) {
	o := s.Object
	o.Fields = slices.Clone(o.Fields)
	for _, f := range o.Fields {
		if f.Slot < 0 || f.Slot >= s.Slots {
			return nil, fmt.Errorf("restore %s: field %s has slot %d of %d", o.Name, f.Name, f.Slot, s.Slots)
		}
		if err := f.compile(); err != nil {
			return nil, fmt.Errorf("restore %s: %w", o.Name, err)
		}
	}
	o.index(s.Slots)
	return &o, nil
}

// Adopt takes over the objects of another catalog.
func (c *Catalog) Adopt(other *Catalog) {
	c.edit.Lock()
	defer c.edit.Unlock()
	next := *other.state.Load()
	next.version = max(next.version, c.state.Load().version) + 1
	c.state.Store(&next)
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (v Value) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64([]byte{byte(v.kind)}, math.Float64bits(v.num))
	return append(b, v.text...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (v *Value) UnmarshalBinary(b []byte) error {
	if len(b) < 9 || Kind(b[0]) > KindTime {
		return errors.New("stored value is malformed")
	}
	*v = Value{kind: Kind(b[0]), num: math.Float64frombits(binary.LittleEndian.Uint64(b[1:])), text: string(b[9:])}
	return nil
}
