package org

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// maxMatches is how many duplicates an error names.
const maxMatches = 10

func (o *Org) checkDuplicate(d *Duplicate) error {
	obj, ok := o.Catalog.Object(d.Object)
	if !ok {
		return fmt.Errorf("no object %q", d.Object)
	}
	if len(d.Fields) == 0 {
		return errors.New("fields is empty")
	}
	for _, name := range d.Fields {
		if f, ok := obj.Field(name); !ok || !f.Stored() {
			return fmt.Errorf("object %s has no stored field %q", obj.Name, name)
		}
	}
	if d.Name == "" {
		d.Name = "Standard_" + obj.Name + "_Duplicate_Rule"
	}
	return nil
}

// duplicates holds the record against the duplicate rules.
func (c *change) duplicates() error {
	if c.tx.actor.System {
		return nil
	}
	for i := range c.tx.org.rules.Duplicates {
		d := &c.tx.org.rules.Duplicates[i]
		if !strings.EqualFold(d.Object, c.obj.Name) || c.tx.actor.AllowDuplicates && !d.Block {
			continue
		}
		ids := c.matching(d)
		if len(ids) == 0 {
			continue
		}
		err := rowErr("DUPLICATES_DETECTED", nil, "Use one of these records?")
		err.Match = &DuplicateMatch{Rule: d.Name, Object: c.obj.Name, AllowSave: !d.Block, IDs: ids}
		return err
	}
	return nil
}

// matching lists live records that equal this one in the rule's fields.
func (c *change) matching(d *Duplicate) []string {
	var fields []*schema.Field
	touched := c.insert
	for _, name := range d.Fields {
		f, ok := c.obj.Field(name)
		if !ok || c.values[f.Slot].IsNull() {
			return nil
		}
		fields = append(fields, f)
		touched = touched || c.values[f.Slot] != c.old[f.Slot]
	}
	if !touched {
		return nil
	}
	var ids []string
	for _, id := range c.candidates(fields) {
		if id == c.id || len(ids) == maxMatches {
			continue
		}
		data := c.tx.current(c.t, id)
		if data == nil || c.t.isDeleted(data) {
			continue
		}
		same := true
		for _, f := range fields {
			same = same && fieldOf(data, f.Slot).EqualFold(c.values[f.Slot])
		}
		if same {
			ids = append(ids, id)
		}
	}
	return ids
}

// candidates are the records that may match: those of an indexed field's
// value, or all, and those of this transaction.
func (c *change) candidates(fields []*schema.Field) []string {
	for _, f := range fields {
		if c.t.keys[f.Slot] != nil {
			return c.tx.withKey(c.t, f, indexKey(f, c.values[f.Slot]))
		}
	}
	var ids []string
	c.t.each(func(r *row) bool { ids = append(ids, c.t.idOf(r)); return true })
	for _, s := range c.tx.order {
		if s.t == c.t && s.fresh {
			ids = append(ids, s.id)
		}
	}
	return ids
}
