package org

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/sandbox/schema"
)

func seedComputed(t testing.TB, o *Org, object string, rows int) {
	t.Helper()
	yes := true
	if _, err := o.Seed(SeedPlan{Object: object, Rows: rows, Seed: 7, Past: true, Computed: &yes}); err != nil {
		t.Fatal(err)
	}
}

// twins are two orgs with the same records; those of the second are stored.
func twins(t testing.TB) (lazy, eager *Org) {
	t.Helper()
	lazy = newOrg(t)
	insertFor(t, lazy, "Account", Body{{"Name", "First"}, {"External_ID__c", "x-1"}})
	seedComputed(t, lazy, "Account", 130)
	seedComputed(t, lazy, "Contact", 300)
	insertFor(t, lazy, "Account", Body{{"Name", "Between"}})
	seedComputed(t, lazy, "Account", 70)
	seedComputed(t, lazy, "Project__c", 90)
	var b bytes.Buffer
	if err := lazy.Save(&b); err != nil {
		t.Fatal(err)
	}
	eager, err := Load(&b, Options{Clock: lazy.Clock})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Account", "Contact", "Project__c"} {
		obj := object(t, eager, name)
		eager.table(obj).settle(obj)
	}
	return lazy, eager
}

func insertFor(t testing.TB, o *Org, name string, body Body) string {
	t.Helper()
	tx := o.Begin(actor(o))
	defer tx.Rollback()
	id, err := tx.Insert(object(t, o, name), body)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return id
}

// answer is the Ids (or the count, or the groups) of a query.
func answer(t testing.TB, o *Org, query string) []string {
	t.Helper()
	c, err := o.Query(context.Background(), actor(o), query, false)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	list := append([]string{fmt.Sprint(c.Total)}, c.Result.IDs...)
	for _, r := range c.Result.Rows {
		list = append(list, fmt.Sprint(r))
	}
	return list
}

// everything is all values of all records of an object.
func everything(t testing.TB, o *Org, name string) map[string][]string {
	t.Helper()
	obj, all := object(t, o, name), map[string][]string{}
	_ = o.Read(actor(o), func(v *View) error {
		for r := range v.Scan(obj) {
			values := []string{fmt.Sprint(r.Deleted())}
			for _, f := range obj.Fields {
				// the form of a value in memory differs after it was stored
				values = append(values, f.Name+"="+v.Value(r, f).String())
			}
			all[r.ID()] = values
		}
		return nil
	})
	return all
}

func plotQueries(o *Org, t testing.TB, rt *rapid.T) []string {
	n := rapid.Uint64Range(1, 203).Draw(rt, "number")
	id := MakeID("001", n)
	var stamp schema.Value
	_ = o.Read(actor(o), func(v *View) error {
		obj := object(t, o, "Account")
		if r, ok := v.ByID(obj, id); ok {
			f, _ := obj.Field("SystemModstamp")
			stamp = r.Value(f.Slot)
		}
		return nil
	})
	list := []string{
		"SELECT COUNT() FROM Account", "SELECT Id FROM Account ORDER BY Id LIMIT 20 OFFSET 3",
		"SELECT Id FROM Account WHERE Id > '" + id + "' ORDER BY Id LIMIT 50",
		"SELECT Id FROM Account WHERE Id = '" + id + "'",
		"SELECT Id FROM Contact WHERE AccountId = '" + id + "'",
		"SELECT Id FROM Project__c WHERE Account__c = '" + id + "' ORDER BY Name DESC",
		"SELECT Id FROM Account WHERE ParentId = '" + id + "'",
		fmt.Sprintf("SELECT Id FROM Account WHERE External_ID__c = 'ACC-%07d'", n),
		fmt.Sprintf("SELECT Id FROM Contact WHERE External_ID__c IN ('con-%07d','con-%07d')", n, n+1),
		fmt.Sprintf("SELECT Id FROM Project__c WHERE Name = '%08d'", 1000+n),
		"SELECT Id FROM Account WHERE OwnerId = '" + o.admin.ID + "'",
		"SELECT Industry, COUNT(Id), SUM(AnnualRevenue) FROM Account GROUP BY Industry",
		"SELECT Id FROM Account WHERE Rating = 'Hot' ORDER BY Name, Id",
		"SELECT Id FROM Contact WHERE Account.Name LIKE 'Z%'",
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'Ito')",
	}
	if !stamp.IsNull() {
		list = append(list, "SELECT Id FROM Account WHERE SystemModstamp >= "+stamp.String()+" ORDER BY SystemModstamp, Id",
			"SELECT COUNT() FROM Account WHERE SystemModstamp < "+stamp.String())
	}
	return list
}

// Computed records answer like stored ones, whatever is done to them.
func TestComputedRecordsAreLikeStoredOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lazy, eager := twins(t)
		for range rapid.IntRange(0, 8).Draw(rt, "edits") {
			id := MakeID("001", rapid.Uint64Range(1, 203).Draw(rt, "edited"))
			what := rapid.SampledFrom([]string{"update", "delete", "undelete", "key", "purge"}).Draw(rt, "what")
			// Both orgs take the edit in the same second: it begins now.
			lazy.Clock.Step(time.Second - time.Duration(lazy.Clock.Now().Nanosecond()))
			if x, y := edit(t, lazy, what, id), edit(t, eager, what, id); x != y {
				rt.Fatalf("%s of %s: %s when computed, %s when stored", what, id, x, y)
			}
		}
		for _, q := range plotQueries(lazy, t, rt) {
			if diff := cmp.Diff(answer(t, eager, q), answer(t, lazy, q)); diff != "" {
				rt.Fatalf("%s (-stored +computed):\n%s", q, diff)
			}
		}
	})
}

// edit changes one record and says how that ended.
func edit(t testing.TB, o *Org, what, id string) string {
	t.Helper()
	obj, tx := object(t, o, "Account"), o.Begin(actor(o))
	defer tx.Rollback()
	var err error
	switch what {
	case "update":
		err = tx.Update(obj, id, Body{{"Name", "Edited"}, {"Rating", "Hot"}})
	case "key":
		err = tx.Update(obj, id, Body{{"External_ID__c", "acc-0000009"}})
	case "delete":
		err = tx.Delete(obj, id)
	case "undelete":
		err = tx.Undelete(obj, id)
	case "purge":
		err = tx.Purge(obj, id)
	}
	if err == nil {
		err = tx.Commit()
	}
	return fmt.Sprint(err)
}

func TestComputedValuesAreThoseStored(t *testing.T) {
	t.Parallel()
	lazy, eager := twins(t)
	for _, name := range []string{"Account", "Contact", "Project__c"} {
		if diff := cmp.Diff(everything(t, eager, name), everything(t, lazy, name)); diff != "" {
			t.Errorf("%s (-stored +computed):\n%s", name, diff)
		}
	}
	edit(t, lazy, "update", MakeID("001", 50))
	obj := object(t, lazy, "Account")
	if left := lazy.table(obj).plots[0].left; left != 1 || lazy.table(obj).byID.len() != 3 {
		t.Errorf("%d records left the plot and %d are stored, want 1 and 3", left, lazy.table(obj).byID.len())
	}
	var b bytes.Buffer
	if err := lazy.Save(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Load(&b, Options{Clock: lazy.Clock})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everything(t, lazy, "Account"), everything(t, again, "Account")); diff != "" {
		t.Errorf("after a restart:\n%s", diff)
	}
	if lazy.Count(obj) != again.Count(obj) {
		t.Errorf("%d records before, %d after a restart", lazy.Count(obj), again.Count(obj))
	}
}

// A snapshot of computed records keeps what it found.
func TestSnapshotOfComputedRecords(t *testing.T) {
	t.Parallel()
	o, _ := twins(t)
	_, bound, err := o.Prepare(actor(o), "SELECT Id, Name FROM Account ORDER BY Id")
	if err != nil {
		t.Fatal(err)
	}
	edit(t, o, "update", MakeID("001", 60))
	s, err := o.Snapshot(t.Context(), actor(o), bound, false)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := object(t, o, "Account").Field("Name")
	before := s.Row(1).Value(f.Slot)
	edit(t, o, "update", MakeID("001", 2))
	if s.Len() != 202 || len(s.segments) != 6 || s.ID(1) != MakeID("001", 2) || s.Row(1).Value(f.Slot) != before {
		t.Errorf("%d records in %d segments, the second is %s %s", s.Len(), len(s.segments), s.ID(1), s.Row(1).Value(f.Slot))
	}
	raws := make([]Raw, s.Slots())
	s.Raws(59, []int{f.Slot}, raws, nil)
	if got := string(raws[f.Slot].Text()); got != "Edited" || s.Row(59).ID() != MakeID("001", 60) {
		t.Errorf("edited record is %q in the snapshot", got)
	}
}

func TestComputedSpreadOfChildren(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	seedComputed(t, o, "Account", 100)
	seedComputed(t, o, "Contact", 1000)
	var counts []int
	for n := range uint64(100) {
		counts = append(counts, len(answer(t, o, "SELECT Id FROM Contact WHERE AccountId = '"+MakeID("001", n+1)+"'"))-1)
	}
	if most := slices.Max(counts); most > 10 || most < 5 {
		t.Errorf("an account has up to %d contacts, want 5 to 10", most)
	}
}

// BenchmarkComputedSeed reports memory and time of ten million accounts.
func BenchmarkComputedSeed(b *testing.B) {
	for range b.N {
		o := newOrg(b)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		seedComputed(b, o, "Account", 10_000_000)
		obj := object(b, o, "Account")
		for _, q := range []string{"SELECT Id FROM Account WHERE External_ID__c = 'acc-7654321'",
			"SELECT Id FROM Account ORDER BY SystemModstamp, Id LIMIT 2000"} {
			answer(b, o, q)
		}
		_, bound, err := o.Prepare(actor(o), "SELECT Id, Name FROM Account")
		if err != nil {
			b.Fatal(err)
		}
		s, err := o.Snapshot(b.Context(), actor(o), bound, false)
		if err != nil || s.Len() != o.Count(obj) {
			b.Fatal(s.Len(), err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "heap-MB")
		b.ReportMetric(float64(after.Sys)/1e6, "sys-MB")
		runtime.KeepAlive(s)
	}
}
