package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNotFound is wrapped by edits of an object or field that is not there.
var ErrNotFound = errors.New("not found")

// ErrExists is wrapped by additions whose name is taken.
var ErrExists = errors.New("already exists")

// Catalog is the set of objects of an org. Readers never block: each look-up
// sees the state that the last finished edit published.
type Catalog struct {
	edit  sync.Mutex
	now   func() time.Time
	state atomic.Pointer[state]
}

type state struct {
	version  uint64
	objects  []*Object
	byName   map[string]*Object
	byPrefix map[string]*Object
	children map[string][]ChildRelationship
}

// NewCatalog is an empty catalog; now stamps the edits (nil: time.Now).
func NewCatalog(now func() time.Time) *Catalog {
	if now == nil {
		now = time.Now
	}
	c := &Catalog{now: now}
	c.state.Store(newState(0, nil))
	return c
}

func newState(version uint64, objects []*Object) *state {
	s := &state{
		version: version, objects: objects,
		byName:   make(map[string]*Object, 2*len(objects)),
		byPrefix: make(map[string]*Object, len(objects)),
		children: make(map[string][]ChildRelationship),
	}
	for _, o := range objects {
		s.byName[o.Name] = o
		s.byName[fold(o.Name)] = o
		if o.KeyPrefix != "" {
			s.byPrefix[o.KeyPrefix] = o
		}
		for _, f := range o.Fields {
			for _, parent := range f.ReferenceTo {
				key := fold(parent)
				s.children[key] = append(s.children[key], ChildRelationship{Child: o, Field: f, Name: f.ChildRelationshipName})
			}
		}
	}
	return s
}

// Version grows with every edit.
func (c *Catalog) Version() uint64 { return c.state.Load().version }

// Objects lists the objects by name.
func (c *Catalog) Objects() []*Object { return slices.Clone(c.state.Load().objects) }

// Object finds an object by name, whatever its case.
func (c *Catalog) Object(name string) (*Object, bool) {
	s := c.state.Load()
	if o, ok := s.byName[name]; ok {
		return o, true
	}
	o, ok := s.byName[fold(name)]
	return o, ok
}

// ByPrefix finds the object of an id by the id's first three characters.
func (c *Catalog) ByPrefix(id string) (*Object, bool) {
	if len(id) < 3 {
		return nil, false
	}
	o, ok := c.state.Load().byPrefix[id[:3]]
	return o, ok
}

// Children lists the lookups that point to an object.
func (c *Catalog) Children(object string) []ChildRelationship {
	return c.state.Load().children[fold(object)]
}

// ChildByName finds a child relationship by its name in sub-queries.
func (c *Catalog) ChildByName(object, relationship string) (ChildRelationship, bool) {
	for _, rel := range c.Children(object) {
		if rel.Name != "" && strings.EqualFold(rel.Name, relationship) {
			return rel, true
		}
	}
	return ChildRelationship{}, false
}

// AddObject publishes a new object. The definition is copied; slots are given in
// the order of its fields.
func (c *Catalog) AddObject(def Object) error {
	c.edit.Lock()
	defer c.edit.Unlock()
	s := c.state.Load()
	if _, taken := s.byName[fold(def.Name)]; taken {
		return fmt.Errorf("object %s: %w", def.Name, ErrExists)
	}
	if other, taken := s.byPrefix[def.KeyPrefix]; taken && def.KeyPrefix != "" {
		return fmt.Errorf("object %s: key prefix %s of %s: %w", def.Name, def.KeyPrefix, other.Name, ErrExists)
	}
	o := def
	o.Fields = make([]*Field, len(def.Fields))
	seen := make(map[string]bool, len(def.Fields))
	for i, f := range def.Fields {
		if seen[fold(f.Name)] {
			return fmt.Errorf("object %s: field %s: %w", def.Name, f.Name, ErrExists)
		}
		seen[fold(f.Name)] = true
		g := *f
		g.Slot = i
		if err := g.compile(); err != nil {
			return fmt.Errorf("object %s: %w", def.Name, err)
		}
		o.Fields[i] = &g
	}
	o.LastModified = c.now()
	o.index(len(o.Fields))
	c.publish(append(slices.Clone(s.objects), &o))
	return nil
}

// AddField appends a field to an object.
func (c *Catalog) AddField(object string, f Field) error {
	return c.change(object, func(o *Object, slots *int) error {
		if _, taken := o.Field(f.Name); taken {
			return fmt.Errorf("field %s: %w", f.Name, ErrExists)
		}
		if err := f.compile(); err != nil {
			return err
		}
		f.Slot = *slots
		*slots++
		o.Fields = append(o.Fields, &f)
		return nil
	})
}

// DropField removes a field, a compound one with its members; their slots stay
// unused.
func (c *Catalog) DropField(object, field string) error {
	return c.change(object, func(o *Object, _ *int) error {
		i := o.position(field)
		if i < 0 {
			return fmt.Errorf("field %s: %w", field, ErrNotFound)
		}
		o.Fields = slices.Delete(o.Fields, i, i+1)
		o.Fields = slices.DeleteFunc(o.Fields, func(f *Field) bool { return strings.EqualFold(f.CompoundFieldName, field) })
		return nil
	})
}

// EditField replaces a field's definition by what edit makes of a copy of it.
// The slot stays, so the stored values become values of the new definition:
// who keeps them converts them when the type changes.
func (c *Catalog) EditField(object, field string, edit func(*Field)) error {
	return c.change(object, func(o *Object, _ *int) error {
		i := o.position(field)
		if i < 0 {
			return fmt.Errorf("field %s: %w", field, ErrNotFound)
		}
		f := *o.Fields[i]
		edit(&f)
		f.Slot = o.Fields[i].Slot
		if other := o.position(f.Name); other >= 0 && other != i {
			return fmt.Errorf("field %s: %w", f.Name, ErrExists)
		}
		o.Fields[i] = &f
		return f.compile()
	})
}

// compile readies the formula, if there is one.
func (f *Field) compile() (err error) {
	f.program = nil
	if f.Formula != "" {
		if f.program, err = CompileFormula(f.Formula); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

// RenameField gives a field another API name, the members of a compound one
// along with it.
func (c *Catalog) RenameField(object, field, name string) error {
	if err := c.EditField(object, field, func(f *Field) { f.Name = name }); err != nil {
		return err
	}
	o, _ := c.Object(object)
	for _, m := range o.Members(field) {
		rename := func(f *Field) { f.Name, f.CompoundFieldName = memberName(name, m.ShortName()), name }
		if err := c.EditField(object, m.Name, rename); err != nil {
			return err
		}
	}
	return nil
}

// SetLength changes the length of a text-like field.
func (c *Catalog) SetLength(object, field string, length int) error {
	return c.EditField(object, field, func(f *Field) { f.Length = length; f.limit() })
}

// RetypeField changes a field's type and takes the sizes of shape (Length,
// Precision, Scale, Digits, Picklist) along.
func (c *Catalog) RetypeField(object, field string, t Type, shape Field) error {
	return c.EditField(object, field, func(f *Field) {
		f.Type, f.Length = t, shape.Length
		f.Precision, f.Scale, f.Digits = shape.Precision, shape.Scale, shape.Digits
		f.Picklist, f.RestrictedPicklist = shape.Picklist, shape.RestrictedPicklist
		f.ExtraTypeInfo = ""
		if f.Default.Kind() != t.Kind() {
			f.Default = Null
		}
		f.limit()
	})
}

func (o *Object) position(field string) int {
	return slices.IndexFunc(o.Fields, func(f *Field) bool { return strings.EqualFold(f.Name, field) })
}

// change publishes an edited copy of one object.
func (c *Catalog) change(object string, edit func(o *Object, slots *int) error) error {
	c.edit.Lock()
	defer c.edit.Unlock()
	s := c.state.Load()
	old, ok := s.byName[fold(object)]
	if !ok {
		return fmt.Errorf("object %s: %w", object, ErrNotFound)
	}
	o := *old
	o.Fields = slices.Clone(old.Fields)
	slots := old.Slots()
	if err := edit(&o, &slots); err != nil {
		return fmt.Errorf("object %s: %w", old.Name, err)
	}
	o.LastModified = c.now()
	o.index(slots)
	objects := slices.Clone(s.objects)
	objects[slices.Index(objects, old)] = &o
	c.publish(objects)
	return nil
}

func (c *Catalog) publish(objects []*Object) {
	slices.SortFunc(objects, func(a, b *Object) int { return strings.Compare(a.Name, b.Name) })
	c.state.Store(newState(c.state.Load().version+1, objects))
}

// limit sets the flags that follow from type and size.
func (f *Field) limit() {
	f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = true, true, true, true
	switch {
	case f.LongText(), f.Type == TypeEncrypted, f.Type == TypeBase64, f.Type == TypeComplex:
		f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = false, false, false, false
	case f.Type.Compound():
		f.Sortable, f.Groupable, f.Aggregatable = false, false, false
	case f.Type == TypeMultiPicklist:
		f.Sortable, f.Groupable, f.Aggregatable = false, false, false
	case f.Type == TypeBoolean:
		f.Aggregatable = false
	case f.Type == TypeDateTime, f.Type == TypeDouble, f.Type == TypeCurrency, f.Type == TypePercent, f.Type == TypeTime:
		f.Groupable = false
	}
}
