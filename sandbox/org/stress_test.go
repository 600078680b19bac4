package org

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestParallelWritersKeepTheInvariants lets writers of all kinds loose on a few
// records and then checks the table against itself: counters, indexes, unique
// values, and the log of writes against the outcome.
func TestParallelWritersKeepTheInvariants(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	o.SetSwitches(Switches{LateVisibility: LateVisibility{MaxMS: 3, Probability: 0.3, Seed: 5}, LockWaitSeconds: 5})
	acc, con := object(t, o, "Account"), object(t, o, "Contact")
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for range 150 {
				step(t, o, rnd)
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			if _, err := o.Query(context.Background(), actor(o), "SELECT Id, Name, Owner.Name FROM Account WHERE SystemModstamp > 2000-01-01T00:00:00Z ORDER BY SystemModstamp, Id", true); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.open)+len(o.locks)+len(o.reserved) != 0 {
		t.Errorf("left over: %d open, %d locks, %d reserved", len(o.open), len(o.locks), len(o.reserved))
	}
	ext, _ := acc.Field("External_ID__c")
	checkTable(t, o.table(acc), ext.Slot)
	checkTable(t, o.table(con), -1)
}

// step is one random transaction; only the errors of business may come.
func step(t *testing.T, o *Org, rnd *rand.Rand) {
	acc, _ := o.Catalog.Object("Account")
	con, _ := o.Catalog.Object("Contact")
	ext, _ := acc.Field("External_ID__c")
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	id := MakeID("001", uint64(rnd.IntN(40)+1))
	var err error
	switch rnd.IntN(7) {
	case 0, 1:
		_, _, err = tx.Upsert(acc, ext, fmt.Sprintf("k%d", rnd.IntN(20)), Body{{"Name", "n"}})
	case 2:
		err = tx.Update(acc, id, Body{{"Name", fmt.Sprint(rnd.IntN(100))}})
	case 3:
		_, err = tx.Insert(con, Body{{"LastName", "c"}, {"AccountId", id}})
	case 4:
		err = tx.Delete(acc, id)
	case 5:
		err = tx.Undelete(acc, id)
	case 6:
		err = tx.Purge(acc, id)
	}
	if err != nil {
		if _, business := errors.AsType[*RowError](err); !business {
			t.Errorf("unexpected error: %v", err)
		}
		return
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

func checkTable(t *testing.T, tb *table, uniqueSlot int) {
	t.Helper()
	live, seen := 0, map[string]string{}
	tb.each(func(r *row) bool {
		if tb.isDeleted(r.data) {
			return true
		}
		live++
		if uniqueSlot >= 0 {
			if k := fieldOf(r.data, uniqueSlot).Str(); k != "" {
				if other := seen[k]; other != "" {
					t.Errorf("%s and %s share %s", other, tb.idOf(r), k)
				}
				seen[k] = tb.idOf(r)
			}
		}
		return true
	})
	if live != tb.live {
		t.Errorf("%s: %d live records, the counter says %d", tb.name, live, tb.live)
	}
	if tb.byStamp.len() != tb.byID.len() {
		t.Errorf("%s: %d stamps for %d records", tb.name, tb.byStamp.len(), tb.byID.len())
	}
}
