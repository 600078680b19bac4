package org

import (
	"maps"
	"slices"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// belongs says whether records belong to what a lookup points to, so that
// writing them locks it.
func belongs(f *schema.Field) bool {
	return f.Type == schema.TypeReference && (f.MasterDetail || f.CascadeDelete || f.RestrictedDelete)
}

// lockParents locks the records that versions of a record belong to, in the
// order of their Ids: all of them unless the org's switch says otherwise, those
// with roll-ups over it always, and notes the latter. It changes nothing if one of
// them is locked by another transaction.
func (tx *Tx) lockParents(obj *schema.Object, versions ...[]schema.Value) error {
	all := !tx.org.switches.Load().NoParentLocks
	var ids []string
	summed := map[string]*schema.Object{}
	for _, f := range obj.Fields {
		if !belongs(f) {
			continue
		}
		sums := tx.org.summedBy(obj, f)
		for _, values := range versions {
			id := values[f.Slot].Str()
			if id == "" || !all && sums == nil {
				continue
			}
			ids = append(ids, id)
			if sums != nil {
				summed[id] = sums
			}
		}
	}
	if len(ids) == 0 {
		return nil
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
	if tx.summed == nil {
		tx.summed = summed
		return nil
	}
	maps.Copy(tx.summed, summed)
	return nil
}
