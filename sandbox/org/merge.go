package org

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// maxMerge is how many records one merge may fold into another.
const maxMerge = 2

// Merge folds one or two records into a master: they go to the recycle bin
// with MasterRecordId set, and their children move to the master. All of it
// happens or nothing.
func (tx *Tx) Merge(obj *schema.Object, master string, losers []string) error {
	f, ok := obj.Field("MasterRecordId")
	if !ok {
		return rowErr("INVALID_TYPE_FOR_OPERATION", nil, "entity type %s does not support merge", obj.Name)
	}
	if len(losers) == 0 || len(losers) > maxMerge {
		return rowErr("INVALID_INPUT", nil, "a merge takes 1 to %d records besides the master", maxMerge)
	}
	return tx.locked(func() error {
		sp := tx.savepoint()
		if err := tx.merge(obj, f, master, losers); err != nil {
			tx.restore(sp)
			return err
		}
		return nil
	})
}

func (tx *Tx) merge(obj *schema.Object, f *schema.Field, master string, losers []string) error {
	t := tx.org.table(obj)
	now := tx.org.Clock.Now().Truncate(time.Second)
	for _, id := range append([]string{master}, losers...) {
		if err := tx.lock(id); err != nil {
			return err
		}
		if _, err := tx.existing(t, obj, id); err != nil {
			return err
		}
	}
	for _, id := range losers {
		if id == master {
			return rowErr("INVALID_INPUT", nil, "a record can't be merged into itself: %s", id)
		}
		if err := tx.adopt(obj, f, id, master, now); err != nil {
			return err
		}
		values := decodeRow(tx.current(t, id), obj.Slots())
		values[t.sys.deleted] = schema.Bool(true)
		values[f.Slot] = schema.Text(master)
		tx.touch(t, values, now)
		s := tx.stage(t, obj, id, encodeRow(values))
		s.bin = &binEntry{at: now, root: id}
		s.ops = append(s.ops, tx.write(obj, id, "delete", []FieldValue{{f, schema.Text(master)}}))
	}
	values := decodeRow(tx.current(t, master), obj.Slots())
	tx.touch(t, values, now)
	s := tx.stage(t, obj, master, encodeRow(values))
	s.ops = append(s.ops, tx.write(obj, master, "update", nil))
	return nil
}

// adopt points the children of a loser to the master.
func (tx *Tx) adopt(obj *schema.Object, own *schema.Field, id, master string, now time.Time) error {
	for _, rel := range tx.org.Catalog.Children(obj.Name) {
		t := tx.org.peek(rel.Child)
		if t == nil || t.keys[rel.Field.Slot] == nil || rel.Field == own {
			continue
		}
		for _, child := range tx.liveWithKey(t, rel.Field, id) {
			if err := tx.lock(child); err != nil {
				return err
			}
			values := decodeRow(tx.current(t, child), rel.Child.Slots())
			to := schema.Text(master)
			if child == master {
				to = schema.Null // a record is not its own parent
			}
			values[rel.Field.Slot] = to
			tx.touch(t, values, now)
			s := tx.stage(t, rel.Child, child, encodeRow(values))
			s.ops = append(s.ops, tx.write(rel.Child, child, "update", []FieldValue{{rel.Field, to}}))
		}
	}
	return nil
}
