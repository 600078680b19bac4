package org

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// maxCascade bounds how deep one delete goes through children.
const maxCascade = 20

// binEntry is what the recycle bin knows of a deleted record.
type binEntry struct {
	at time.Time
	// root is the record whose deletion took this one along.
	root string
}

// Delete puts a record and its cascade children into the recycle bin and
// clears the lookups of others to them.
func (tx *Tx) Delete(obj *schema.Object, id string) error {
	if !obj.Deletable {
		return rowErr("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type %s does not support delete", obj.Name)
	}
	return tx.locked(func() error {
		t := tx.org.table(obj)
		if err := tx.lock(id); err != nil {
			return err
		}
		if _, err := tx.existing(t, obj, id); err != nil {
			return err
		}
		if !tx.actor.System && tx.actor.User.Permissions.Object(obj).NoDelete {
			return noAccess()
		}
		sp := tx.savepoint()
		if err := tx.bury(t, obj, id, id, 0); err != nil {
			tx.restore(sp)
			return err
		}
		return nil
	})
}

func (tx *Tx) bury(t *table, obj *schema.Object, id, root string, depth int) error {
	if depth > maxCascade {
		return rowErr("DELETE_OPERATION_TOO_LARGE", nil, "cascade delete goes deeper than %d levels", maxCascade)
	}
	if err := tx.lock(id); err != nil {
		return err
	}
	data := tx.current(t, id)
	if data == nil || t.isDeleted(data) {
		return nil
	}
	values := decodeRow(data, obj.Slots())
	if err := tx.lockParents(obj, values); err != nil {
		return err
	}
	now := tx.org.Clock.Now().Truncate(time.Second)
	if t.sys.deleted < 0 {
		data = nil
	} else {
		values[t.sys.deleted] = schema.Bool(true)
		tx.touch(t, values, now)
		data = encodeRow(values)
	}
	s := tx.stage(t, obj, id, data)
	s.bin = &binEntry{at: now, root: root}
	s.ops = append(s.ops, tx.write(obj, id, "delete", nil))
	return tx.buryChildren(obj, id, root, depth)
}

// touch sets the stamps of a system change to a record.
func (tx *Tx) touch(t *table, values []schema.Value, now time.Time) {
	if t.sys.stamp >= 0 {
		values[t.sys.stamp] = schema.InstantOf(now)
	}
	if t.sys.modified >= 0 {
		values[t.sys.modified] = schema.InstantOf(now)
	}
	if t.sys.modifiedBy >= 0 {
		values[t.sys.modifiedBy] = schema.Text(tx.actor.User.ID)
	}
}

func (tx *Tx) buryChildren(obj *schema.Object, id, root string, depth int) error {
	for _, rel := range tx.org.Catalog.Children(obj.Name) {
		t := tx.org.peek(rel.Child)
		if t == nil || t.keys[rel.Field.Slot] == nil || rel.Field.Name == "MasterRecordId" {
			continue
		}
		ids := tx.liveWithKey(t, rel.Field, id)
		if len(ids) > 0 && rel.Field.RestrictedDelete {
			return rowErr("DELETE_FAILED", nil,
				"Your attempt to delete %s could not be completed because it is associated with the following %s: %s",
				id, rel.Child.LabelPlural, ids[0])
		}
		for _, child := range ids {
			var err error
			if rel.Field.CascadeDelete || rel.Field.MasterDetail {
				err = tx.bury(t, rel.Child, child, root, depth+1)
			} else {
				err = tx.clearLookup(t, rel, child)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *Tx) clearLookup(t *table, rel schema.ChildRelationship, id string) error {
	if err := tx.lock(id); err != nil {
		return err
	}
	values := decodeRow(tx.current(t, id), rel.Child.Slots())
	values[rel.Field.Slot] = schema.Null
	if !tx.org.switches.Load().SilentLookupClear && t.sys.stamp >= 0 {
		values[t.sys.stamp] = schema.InstantOf(tx.org.Clock.Now())
	}
	s := tx.stage(t, rel.Child, id, encodeRow(values))
	s.ops = append(s.ops, tx.write(rel.Child, id, "update", []FieldValue{{rel.Field, schema.Null}}))
	return nil
}

// Undelete takes a record, and what its deletion took along, out of the
// recycle bin.
func (tx *Tx) Undelete(obj *schema.Object, id string) error {
	return tx.locked(func() error {
		t := tx.org.table(obj)
		if err := tx.lock(id); err != nil {
			return err
		}
		data := tx.current(t, id)
		if data == nil || !t.isDeleted(data) || !obj.Undeletable {
			return rowErr("UNDELETE_FAILED", nil, "Entity is not in the recycle bin")
		}
		sp := tx.savepoint()
		if err := tx.raise(t, obj, id); err != nil {
			tx.restore(sp)
			return err
		}
		for other, e := range tx.org.bin {
			if e.root != id || other == id {
				continue
			}
			child, ok := tx.org.Catalog.ByPrefix(other)
			if !ok {
				continue
			}
			if err := tx.raise(tx.org.table(child), child, other); err != nil {
				tx.restore(sp)
				return err
			}
		}
		return nil
	})
}

func (tx *Tx) raise(t *table, obj *schema.Object, id string) error {
	if err := tx.lock(id); err != nil {
		return err
	}
	c := &change{tx: tx, t: t, obj: obj, id: id, values: decodeRow(tx.current(t, id), obj.Slots())}
	c.values[t.sys.deleted] = schema.Bool(false)
	if err := c.unique(); err != nil {
		return err
	}
	if err := tx.lockParents(obj, c.values); err != nil {
		return err
	}
	tx.touch(t, c.values, tx.org.Clock.Now().Truncate(time.Second))
	s := tx.stage(t, obj, id, encodeRow(c.values))
	s.bin = nil
	s.ops = append(s.ops, tx.write(obj, id, "undelete", nil))
	return nil
}

// Purge makes a record vanish, from the recycle bin or, as a hard delete, at
// once. A hard delete of a live record takes its children along.
func (tx *Tx) Purge(obj *schema.Object, id string) error {
	return tx.locked(func() error {
		t := tx.org.table(obj)
		if err := tx.lock(id); err != nil {
			return err
		}
		if tx.current(t, id) == nil {
			return badCrossReference()
		}
		sp := tx.savepoint()
		if err := tx.bury(t, obj, id, id, 0); err != nil {
			tx.restore(sp)
			return err
		}
		for _, s := range append([]*staged(nil), tx.order...) {
			if s.bin != nil && s.bin.root == id {
				tx.stage(s.t, s.obj, s.id, nil)
			}
		}
		s := tx.stage(t, obj, id, nil)
		s.ops = append(s.ops, tx.write(obj, id, "purge", nil))
		return nil
	})
}

// settleBin keeps recycle bin and delete log in step with an installed
// version.
func (o *Org) settleBin(s *staged) {
	_, was := o.bin[s.id]
	switch {
	case s.data == nil:
		delete(o.bin, s.id)
		if !was && !s.fresh {
			s.t.deletions = append(s.t.deletions, deletion{s.id, o.Clock.Now().Truncate(time.Second)})
		}
	case s.t.isDeleted(s.data):
		if s.bin != nil && !was {
			o.discard(s.id, *s.bin)
			s.t.deletions = append(s.t.deletions, deletion{s.id, s.bin.at})
		}
	case was:
		delete(o.bin, s.id)
		s.t.forgetDeletion(s.id)
	}
}

func (t *table) forgetDeletion(id string) {
	for i := len(t.deletions) - 1; i >= 0; i-- {
		if t.deletions[i].id == id {
			t.deletions = append(t.deletions[:i], t.deletions[i+1:]...)
			return
		}
	}
}

// EmptyBin purges every deleted record of an object, or of all with nil, and
// says how many. The delete log keeps them.
func (o *Org) EmptyBin(obj *schema.Object) (int, error) {
	tx := o.Begin(o.system())
	defer tx.Rollback()
	o.mu.RLock()
	var ids []string
	for id := range o.bin {
		ids = append(ids, id)
	}
	o.mu.RUnlock()
	n := 0
	for _, id := range ids {
		owner, ok := o.Catalog.ByPrefix(id)
		if !ok || obj != nil && owner.Name != obj.Name {
			continue
		}
		if err := tx.Purge(owner, id); err != nil {
			return 0, err
		}
		n++
	}
	return n, tx.Commit()
}
