package org

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// summedBy finds the object behind a lookup if it has roll-ups over the
// lookup's records; nil if it has none.
func (o *Org) summedBy(child *schema.Object, via *schema.Field) *schema.Object {
	if len(via.ReferenceTo) != 1 {
		return nil
	}
	parent, ok := o.Catalog.Object(via.ReferenceTo[0])
	if !ok {
		return nil
	}
	for _, f := range parent.Fields {
		if f.Rollup != nil && strings.EqualFold(f.Rollup.Object, child.Name) && strings.EqualFold(f.Rollup.Via, via.Name) {
			return parent
		}
	}
	return nil
}

// sumUp works the noted roll-ups out again, those of parents' parents too. It
// runs under the org's lock and may have to wait, after which it starts anew.
func (tx *Tx) sumUp() error {
	for depth := 0; len(tx.summed) > 0; depth++ {
		if depth > maxCascade {
			return rowErr("FIELD_INTEGRITY_EXCEPTION", nil, "roll-ups go deeper than %d levels", maxCascade)
		}
		round := tx.summed
		tx.summed = nil
		for id, obj := range round {
			if err := tx.sumRecord(obj, id); err != nil {
				maps.Copy(round, tx.summed)
				tx.summed = round
				return err
			}
		}
	}
	return nil
}

// sumRecord brings one record's roll-ups up to date.
func (tx *Tx) sumRecord(obj *schema.Object, id string) error {
	t := tx.org.table(obj)
	data := tx.current(t, id)
	if data == nil || t.isDeleted(data) {
		return nil
	}
	c := &change{tx: tx, t: t, obj: obj, id: id}
	c.old = decodeRow(data, obj.Slots())
	c.values = append([]schema.Value(nil), c.old...)
	for _, f := range obj.Fields {
		if f.Rollup == nil {
			continue
		}
		v, err := tx.sum(f, id)
		if err != nil {
			return err
		}
		c.values[f.Slot] = v
	}
	fields := c.changed()
	if len(fields) == 0 {
		return nil
	}
	if err := tx.lockParents(obj, c.values); err != nil {
		return err
	}
	tx.touch(t, c.values, tx.org.Clock.Now().Truncate(time.Second))
	s := tx.stage(t, obj, id, encodeRow(c.values))
	s.ops = append(s.ops, tx.write(obj, id, "update", fields))
	return nil
}

// sum is the value of one roll-up.
func (tx *Tx) sum(f *schema.Field, id string) (schema.Value, error) {
	r := f.Rollup
	child, ok := tx.org.Catalog.Object(r.Object)
	if !ok {
		return schema.Null, nil // the children's object is not there yet
	}
	via, ok := child.Field(r.Via)
	of, there := child.Field(r.Field)
	if !ok || r.Field != "" && !there {
		return schema.Null, nil
	}
	match, err := tx.org.rollupFilter(child, r)
	if err != nil {
		return schema.Null, fmt.Errorf("roll-up %s: %w", f.Name, err)
	}
	total := f.Default
	t := tx.org.table(child)
	for _, childID := range tx.liveWithKey(t, via, id) {
		row := &recordView{obj: child, t: t, id: childID, data: tx.current(t, childID)}
		if match != nil && !match(row) {
			continue
		}
		v := schema.Number(1)
		if r.Function != "COUNT" {
			v = row.Value(of.Slot)
		}
		total = fold(r.Function, total, v)
	}
	return total, nil
}

func fold(function string, total, v schema.Value) schema.Value {
	switch {
	case v.IsNull():
		return total
	case function == "COUNT" || function == "SUM":
		return schema.Number(total.Float() + v.Float())
	case total.IsNull(), function == "MIN" && v.Compare(total) < 0, function == "MAX" && v.Compare(total) > 0:
		return v
	}
	return total
}

// rollupFilter compiles a roll-up's condition; nil takes every record.
func (o *Org) rollupFilter(child *schema.Object, r *schema.Rollup) (func(soql.Row) bool, error) {
	parsed, err := o.parseCondition(child.Name, r.Where)
	if err != nil || parsed == nil {
		return nil, err
	}
	bound, err := soql.BindCondition(parsed, child.Name, o.binder(o.system()))
	if err != nil {
		return nil, err
	}
	view := o.view(o.system())
	return func(row soql.Row) bool { return bound.Match(view, row) }, nil
}

// recalculateChunk is how many records one transaction of a recalculation
// takes.
const recalculateChunk = 200

// Recalculate works all roll-ups of an object out again, as an org does after
// one was created or changed; the stamps of records that change move.
func (o *Org) Recalculate(obj *schema.Object) error {
	has := false
	for _, f := range obj.Fields {
		has = has || f.Rollup != nil
	}
	if !has {
		return nil
	}
	o.mu.RLock()
	var ids []string
	if t := o.peek(obj); t != nil {
		t.each(func(r *row) bool { ids = append(ids, t.idOf(r)); return true })
	}
	o.mu.RUnlock()
	for len(ids) > 0 {
		n := min(recalculateChunk, len(ids))
		tx := o.Begin(o.system())
		tx.summed = map[string]*schema.Object{}
		for _, id := range ids[:n] {
			tx.summed[id] = obj
		}
		if err := tx.Commit(); err != nil {
			tx.Rollback()
			return fmt.Errorf("recalculate roll-ups of %s: %w", obj.Name, err)
		}
		ids = ids[n:]
	}
	return nil
}

// recalculateOver brings the roll-ups over an object up to date.
func (o *Org) recalculateOver(child *schema.Object) error {
	for _, f := range child.Fields {
		if parent := o.summedBy(child, f); parent != nil {
			if err := o.Recalculate(parent); err != nil {
				return err
			}
		}
	}
	return nil
}
