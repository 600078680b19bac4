package org

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/synclinehq/syncline/sandbox/schema"
	"pgregory.net/rapid"
)

// A patch and its base give the record back, whatever was changed, emptied or
// filled.
func TestPatches(t *testing.T) {
	t.Parallel()
	value := rapid.Custom(func(t *rapid.T) schema.Value {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return schema.Null
		case 1:
			return schema.Bool(rapid.Bool().Draw(t, "flag"))
		case 2:
			return schema.Number(rapid.Float64Range(-1e6, 1e6).Draw(t, "number"))
		case 3:
			return schema.Date(rapid.Int64Range(-9e4, 7e5).Draw(t, "day"))
		}
		return schema.Text(rapid.String().Draw(t, "text"))
	})
	rapid.Check(t, func(t *rapid.T) {
		was := rapid.SliceOfN(value, 0, 200).Draw(t, "was")
		is := append([]schema.Value(nil), was...)
		for i := range is {
			if rapid.IntRange(0, 3).Draw(t, "edit") == 0 {
				is[i] = value.Draw(t, "is")
			}
		}
		base, data := encodeRow(was), encodeRow(is)
		p := patch(base, data)
		if got := unpatch(nil, base, p); !bytes.Equal(got, data) {
			t.Fatalf("patched %x, want %x", got, data)
		}
		for slot := range is {
			v, ok := patched(p, slot)
			if !ok {
				v = was[slot]
			}
			if v != is[slot] {
				t.Fatalf("slot %d is %v, want %v", slot, v, is[slot])
			}
		}
	})
}

// Edited records of a plot are kept as patches, and read, sorted, found and
// snapshot like any others; settling the plot stores them.
func TestEditedRecordsOfAPlot(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	yes := true
	if _, err := o.Seed(SeedPlan{Object: "Account", Rows: 50, Seed: 1, Past: true, Computed: &yes}); err != nil {
		t.Fatal(err)
	}
	obj := object(t, o, "Account")
	tx := o.Begin(actor(o))
	for n := uint64(1); n <= 50; n += 5 {
		body := Body{{"Site", fmt.Sprint("site ", n)}, {"Rating", nil}, {"External_ID__c", fmt.Sprint("edited-", n)}}
		if err := tx.Update(obj, MakeID("001", n), body); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	tab, patches := o.peek(obj), 0
	tab.eachStored(func(r *row) bool {
		if r.base != nil {
			patches++
		}
		return true
	})
	if patches != 10 {
		t.Errorf("%d records are patches, want 10", patches)
	}
	query := func(text string) int { return len(rowsOf(t, o, text)) }
	found := func() []int {
		return []int{
			query("SELECT Id FROM Account"), query("SELECT Id FROM Account WHERE Site LIKE 'site %'"),
			query("SELECT Id FROM Account WHERE External_ID__c = 'edited-11'"), query("SELECT Id FROM Account WHERE Site LIKE 'site %' AND Rating != null"),
		}
	}
	for _, when := range []string{"patched", "saved and loaded", "settled"} {
		switch when {
		case "saved and loaded":
			var file bytes.Buffer
			if err := o.Save(&file); err != nil {
				t.Fatal(err)
			}
			if err := o.Replace(&file); err != nil {
				t.Fatal(err)
			}
		case "settled":
			o.mu.Lock()
			o.peek(obj).settle(obj)
			o.mu.Unlock()
		}
		if got := fmt.Sprint(found()); got != "[50 10 1 0]" {
			t.Errorf("%s: found %s", when, got)
		}
		if n := o.Count(obj); n != 50 {
			t.Errorf("%s: %d records", when, n)
		}
	}
}
