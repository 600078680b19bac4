package org

import (
	"fmt"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Retype changes a field's type and converts its stored values: through their
// text where the new type can read it, to null otherwise. Stamps do not move.
func (o *Org) Retype(object, field string, shape schema.Field) error {
	if obj, ok := o.Catalog.Object(object); ok {
		if f, ok := obj.Field(field); ok && (f.Type.Compound() || shape.Type.Compound()) {
			return fmt.Errorf("retype %s.%s: a compound field keeps its type", object, field)
		}
	}
	if err := o.Catalog.RetypeField(object, field, shape.Type, shape); err != nil {
		return fmt.Errorf("retype %s.%s: %w", object, field, err)
	}
	obj, _ := o.Catalog.Object(object)
	f, _ := obj.Field(field)
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.peek(obj)
	if t == nil || !f.Stored() {
		return nil
	}
	delete(t.keys, f.Slot)
	t.settle(obj)
	t.each(func(r *row) bool {
		old := r.field(f.Slot)
		if old.IsNull() && f.Type != schema.TypeBoolean {
			return true
		}
		values := decodeRow(r.bytes(), obj.Slots())
		values[f.Slot] = converted(f, old)
		r.data, r.base = encodeRow(values), nil
		return true
	})
	t.syncIndexes(obj)
	return nil
}

func converted(f *schema.Field, old schema.Value) schema.Value {
	v := schema.Null
	if !old.IsNull() {
		if nv, err := fromText(f, old.String()); err == nil {
			v = fitting(f, nv)
		}
	}
	if v.IsNull() && f.Type == schema.TypeBoolean {
		return schema.Bool(false)
	}
	return v
}

// fitting cuts text to a shorter length and drops what no longer passes.
func fitting(f *schema.Field, v schema.Value) schema.Value {
	if v.Kind() == schema.KindText && f.Length > 0 {
		v = fit(f, v.Str())
	}
	if checked, err := checkText(f, v); err == nil {
		return checked
	}
	return schema.Null
}
