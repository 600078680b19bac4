package org

import (
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// takeParent handles "Account": {"External_ID__c": "x"}.
func (c *change) takeParent(in Input, forbidden *[]string) error {
	f, ok := c.obj.Parent(in.Name)
	if !ok || !c.tx.actor.CanSee(c.obj, f) {
		return noSuchColumn(c.obj.Name, in.Name)
	}
	if !c.writable(f) {
		*forbidden = append(*forbidden, f.Name)
		return nil
	}
	if in.Raw == nil {
		c.values[f.Slot] = schema.Null
		c.set[f.Slot] = true
		return nil
	}
	nested, ok := in.Raw.(Body)
	if !ok {
		return badBody(f, "VALUE_STRING value "+fmt.Sprint(in.Raw))
	}
	id, err := c.tx.parentByKey(f, nested)
	if err != nil {
		return err
	}
	c.values[f.Slot] = id
	c.set[f.Slot] = true
	return nil
}

// parentByKey finds the parent that a nested body names by one external id.
func (tx *Tx) parentByKey(f *schema.Field, nested Body) (schema.Value, error) {
	objects := f.ReferenceTo
	var key *Input
	for i, in := range nested {
		if strings.EqualFold(in.Name, "attributes") {
			if a, ok := in.Raw.(Body); ok {
				if typ, ok := a.Get("type"); ok {
					objects = []string{fmt.Sprint(typ)}
				}
			}
			continue
		}
		key = &nested[i]
	}
	if key == nil {
		return schema.Null, rowErr("INVALID_FIELD", []string{f.Name}, "%s: no external ID given", f.RelationshipName)
	}
	for _, name := range objects {
		parent, ok := tx.org.Catalog.Object(name)
		if !ok {
			continue
		}
		pf, ok := parent.Field(key.Name)
		if !ok || !tx.actor.CanSee(parent, pf) {
			continue
		}
		return tx.parentByField(f, parent, pf, key.Raw)
	}
	return schema.Null, noSuchColumn(strings.Join(objects, ", "), key.Name)
}

func (tx *Tx) parentByField(f *schema.Field, parent *schema.Object, pf *schema.Field, raw any) (schema.Value, error) {
	v, err := fromJSON(pf, raw)
	if err != nil {
		return schema.Null, err
	}
	if pf.Type == schema.TypeID {
		return tx.target(parent, f, v.Str())
	}
	if !pf.ExternalID && !pf.IDLookup && !pf.Unique {
		return schema.Null, rowErr("INVALID_FIELD", []string{f.Name},
			"Field name provided, %s is not an External ID or indexed field for %s", pf.Name, parent.Name)
	}
	if v.IsNull() {
		return schema.Null, nil
	}
	t := tx.org.table(parent)
	k := keyRef{t, pf.Slot, indexKey(pf, v)}
	ids := tx.liveWithKey(t, pf, k.key)
	switch len(ids) {
	case 1:
		return schema.Text(ids[0]), nil
	case 0:
		if other := tx.org.reserved[k]; other != nil && other != tx {
			return schema.Null, &errWait{other, v.Str()}
		}
		return schema.Null, rowErr("INVALID_FIELD", []string{f.Name},
			"Foreign key external ID: %s not found for field %s in entity %s", v, pf.Name, parent.Name)
	}
	return schema.Null, rowErr("DUPLICATE_VALUE", []string{f.Name},
		"Foreign key external ID: %s is not unique for field %s in entity %s", v, pf.Name, parent.Name)
}

// target checks a lookup's Id: well formed, of an allowed object, there.
func (tx *Tx) target(obj *schema.Object, f *schema.Field, raw string) (schema.Value, error) {
	id, ok := NormalizeID(raw)
	if !ok {
		return schema.Null, malformedID(f, raw)
	}
	parent, ok := tx.org.Catalog.ByPrefix(id)
	if !ok || !refersTo(f, parent.Name) {
		return schema.Null, rowErr("FIELD_INTEGRITY_EXCEPTION", []string{f.Name},
			"%s: id value of incorrect type: %s", f.Label, raw)
	}
	t := tx.org.table(parent)
	if other := tx.org.locks[id]; other != nil && other != tx && t.get(id) == nil {
		return schema.Null, &errWait{other, id}
	}
	data := tx.current(t, id)
	if data == nil {
		return schema.Null, badCrossReference(f.Name)
	}
	if t.isDeleted(data) {
		return schema.Null, entityDeleted()
	}
	return schema.Text(id), nil
}

func refersTo(f *schema.Field, object string) bool {
	for _, name := range f.ReferenceTo {
		if strings.EqualFold(name, object) {
			return true
		}
	}
	return len(f.ReferenceTo) == 0
}
