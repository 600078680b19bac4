package org

import (
	"slices"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// belongs says whether records belong to what a lookup points to, so that
// writing them locks it.
func belongs(f *schema.Field) bool {
	return f.Type == schema.TypeReference && (f.MasterDetail || f.CascadeDelete || f.RestrictedDelete)
}

// lockParents locks the records that versions of a record belong to, in the
// order of their Ids. It changes nothing if one of them is locked by another
// transaction.
func (tx *Tx) lockParents(obj *schema.Object, versions ...[]schema.Value) error {
	if !tx.org.switches.Load().ParentLocks {
		return nil
	}
	var ids []string
	for _, f := range obj.Fields {
		if !belongs(f) {
			continue
		}
		for _, values := range versions {
			if id := values[f.Slot].Str(); id != "" {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		if err := tx.lock(id); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if tx.org.locks[id] == nil {
			tx.org.locks[id] = tx
			tx.parents = append(tx.parents, id)
		}
	}
	return nil
}
