package org

import (
	"errors"
	"fmt"

	"github.com/synclinehq/syncline/sandbox/soql"
)

// Touch is an after-save trigger: when a matching record is saved, it updates
// the record that a lookup of it points to, in the same transaction and under
// its lock. Where that is refused, the save fails.
type Touch struct {
	Object    string `json:"object"`
	Condition string `json:"condition"`
	// Lookup is the field that points to the record to update.
	Lookup string `json:"lookup"`
	// Field of that record to set; with "" it gets new stamps and no more.
	Field  string `json:"field,omitempty"`
	Value  any    `json:"value,omitempty"`
	parsed *soql.Condition
}

func (o *Org) checkTouch(w *Touch) error {
	parsed, err := o.parseCondition(w.Object, w.Condition)
	if err != nil {
		return err
	}
	w.parsed, w.Value = parsed, plainNumber(w.Value)
	obj, _ := o.Catalog.Object(w.Object)
	f, ok := obj.Field(w.Lookup)
	if !ok || len(f.ReferenceTo) == 0 {
		return fmt.Errorf("object %s has no lookup %q", obj.Name, w.Lookup)
	}
	if w.Field == "" {
		return nil
	}
	for _, name := range f.ReferenceTo {
		if parent, ok := o.Catalog.Object(name); ok {
			if pf, ok := parent.Field(w.Field); ok {
				_, err := fromJSON(pf, w.Value)
				return err
			}
		}
	}
	return fmt.Errorf("what %s points to has no field %q", w.Lookup, w.Field)
}

// maxTriggers is how deep triggers may set off one another.
const maxTriggers = 16

// touch runs the triggers that the saved record sets off.
func (c *change) touch() error {
	tx := c.tx
	for i := range tx.org.rules.Touches {
		w := &tx.org.rules.Touches[i]
		hit, err := c.matches(w.Object, w.parsed)
		if err != nil {
			return err
		}
		f, ok := c.obj.Field(w.Lookup)
		if !hit || !ok || c.values[f.Slot].IsNull() {
			continue
		}
		id := c.values[f.Slot].Str()
		parent, ok := tx.org.Catalog.ByPrefix(id)
		if !ok {
			continue
		}
		var body Body
		if w.Field != "" {
			body = Body{{w.Field, w.Value}}
		}
		if err := tx.trigger(func() error { return tx.update(parent, id, body) }); err != nil {
			return triggerFailed(c.obj.Name, err)
		}
	}
	return nil
}

// trigger does what code without regard to the user's rights does.
func (tx *Tx) trigger(do func() error) error {
	if tx.depth == maxTriggers {
		return rowErr("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "maximum trigger depth exceeded")
	}
	user := tx.actor
	free := *user
	free.System = true
	tx.actor = &free
	tx.depth++
	defer func() { tx.actor = user; tx.depth-- }()
	return do()
}

// triggerFailed puts what went wrong in a trigger into the words of the save
// that set it off.
func triggerFailed(object string, err error) error {
	re, ok := errors.AsType[*RowError](err)
	if !ok || re.Code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" {
		return err // of a lock that is waited for, or told further down
	}
	return rowErr("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil,
		"%sTrigger: execution of AfterSave caused by: System.DmlException: Update failed. First exception on row 0; first error: %s, %s: []",
		object, re.Code, re.Message)
}
