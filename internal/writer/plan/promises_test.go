package plan_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

const (
	ordered    = mapping.Ordered
	merged     = mapping.Merged
	dependency = mapping.Dependency
)

// TestPromises has a property for each line of the table "Write algorithms" in
// docs/writes.md. That parents go before children, unique values are given up
// before they are taken and nothing is deleted too early is checked by the org
// of the world itself, which ends the test where it would refuse.
func TestPromises(t *testing.T) {
	t.Parallel()
	tame := func(w *world) { w.tame = true }
	for _, tt := range []struct {
		promise    string
		algorithms []mapping.Algorithm
		set        func(w *world)
		check      func(w *world)
	}{
		{"each change of a record is sent, in order", []mapping.Algorithm{ordered, dependency}, nil, eachIsSent},
		{"changes of a record are folded into the newest", []mapping.Algorithm{merged}, tame, foldedIntoTheNewest},
		{"changes of different records go in the order of the log", []mapping.Algorithm{ordered}, nil, inTheOrderOfTheLog},
		{"parents before children", []mapping.Algorithm{ordered, merged, dependency}, tame, parentsFirst},
		{"unique values, and the end of what is pointed to", []mapping.Algorithm{ordered, dependency}, nil, func(*world) {}},
		{"delete and insert that point to the same record, in order", []mapping.Algorithm{ordered, dependency}, nil, junctionsInOrder},
		{"rows that name each other", []mapping.Algorithm{ordered, merged, dependency}, func(w *world) { w.knots, w.tame = true, true }, func(*world) {}},
	} {
		for _, a := range tt.algorithms {
			t.Run(tt.promise+", "+string(a), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) {
					w := newWorld(rt, a)
					if tt.set != nil {
						tt.set(w)
					}
					w.run()
					tt.check(w)
				})
			})
		}
	}
}

// eachIsSent: apart from rows that came and went, and from updates that a
// delete follows, each entry was sent by itself.
func eachIsSent(w *world) {
	count := map[int32]int{}
	last := map[plan.Record]int32{}
	for _, s := range w.trace {
		key := plan.Record{Table: s.entry.Table, ID: s.entry.RecordID}
		if s.entry.ID <= last[key] {
			w.Errorf("entry %d was sent after %d", s.entry.ID, last[key])
		}
		last[key] = s.entry.ID
		count[s.entry.ID]++
	}
	for _, e := range w.log {
		deleted := w.rows[plan.Record{Table: e.Table, ID: e.RecordID}] == nil
		if n := count[e.ID]; n > 1 || n == 0 && !deleted {
			w.Errorf("entry %d was sent %d times", e.ID, n)
		}
	}
}

// foldedIntoTheNewest: of the changes that wait together one is sent.
func foldedIntoTheNewest(w *world) {
	rounds := map[plan.Record]int{}
	for _, s := range w.trace {
		key := plan.Record{Table: s.entry.Table, ID: s.entry.RecordID}
		if rounds[key] == s.round {
			w.Errorf("%v was sent twice in round %d", key, s.round)
		}
		rounds[key] = s.round
		for _, e := range w.log[:s.entry.ID-1] {
			if e.Table == key.Table && e.RecordID == key.ID && e.Unsettled() {
				w.Errorf("entry %d was left behind by %d", e.ID, s.entry.ID)
			}
		}
	}
}

func inTheOrderOfTheLog(w *world) {
	for i, s := range w.trace[min(1, len(w.trace)):] {
		// What a row that came and went held back, and a delete that had to wait
		// for its insert, are sent when they are there.
		if before := w.trace[i].entry; s.entry.ID < before.ID && s.op != outbox.Delete && !revived(w, before) {
			w.Errorf("entry %d was sent after %d", s.entry.ID, before.ID)
		}
	}
}

func revived(w *world, e triggerlog.Entry) bool {
	return e.Action == triggerlog.Delete && w.rows[plan.Record{Table: e.Table, ID: e.RecordID}] == nil
}

// parentsFirst: an account is there before the contact that names it.
func parentsFirst(w *world) {
	accounts := map[string]bool{}
	for _, s := range w.trace {
		if s.entry.Table == "account" {
			for _, pair := range strings.Split(*s.entry.Values, ", ") {
				accounts[strings.TrimPrefix(strings.ReplaceAll(pair, `"`, ""), "ext__c=>")] = true
			}
		}
		if _, ext, ok := strings.Cut(s.body, `"Account":{"Ext__c":"`); ok {
			if ext, _, _ = strings.Cut(ext, `"`); !accounts[ext] {
				w.Errorf("entry %d names %s, which was not sent before", s.entry.ID, ext)
			}
		}
	}
}

// junctionsInOrder: of a delete and an insert of contacts with one account the
// older goes first.
func junctionsInOrder(w *world) {
	for i, s := range w.trace {
		for _, later := range w.trace[i+1:] {
			older := later.entry.ID < s.entry.ID && later.entry.Table == "contact" && s.entry.Table == "contact"
			if older && s.entry.Action == triggerlog.Insert && later.entry.Action == triggerlog.Delete && samePlace(s.entry.Values, later.entry.Old) {
				w.Errorf("entry %d was sent before %d", s.entry.ID, later.entry.ID)
			}
		}
	}
}

func samePlace(set, old *string) bool {
	return slices.ContainsFunc(strings.Split(*set, ", "), func(pair string) bool {
		return (strings.HasPrefix(pair, "account") || strings.HasPrefix(pair, "acct")) && slices.Contains(strings.Split(*old, ", "), pair)
	})
}

// TestAFailedInsertHoldsBackWhatThePromiseSays: later changes of that row fail
// too, or, with Merged, try it again; what names it waits; all else goes on.
func TestAFailedInsertHoldsBackWhatThePromiseSays(t *testing.T) {
	t.Parallel()
	for _, a := range []mapping.Algorithm{ordered, merged, dependency} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				w := newWorld(rt, a)
				w.tame, w.refused = true, 1
				defer w.tell()
				for range rapid.IntRange(1, 25).Draw(rt, "changes") {
					w.random()
				}
				for n := 0; n < 60 && w.try(); n++ {
				}
				w.judgeRefused()
			})
		})
	}
}

// try is step, but lets what waits for the refused row wait.
func (w *world) try() bool {
	w.round++
	in := w.input()
	if len(in.Entries) == 0 {
		return false
	}
	p := plan.Next(w.algorithm, in, plan.Hold(nil))
	w.check(in, p)
	w.take(p)
	return len(p.Sets)+len(p.Done) > 0
}

func (w *world) judgeRefused() {
	ext := ""
	if row := w.rows[plan.Record{Table: "account", ID: w.refused}]; row != nil {
		ext = row.values["ext__c"]
	}
	waits := map[plan.Record]bool{}
	for _, e := range w.log {
		key := plan.Record{Table: e.Table, ID: e.RecordID}
		own := e.Table == "account" && e.RecordID == w.refused
		names := slices.ContainsFunc(strings.Split(*e.Values, ", "), func(pair string) bool { return pair == "acct=>1" || ext != "" && pair == "account__ext__c=>"+ext })
		waits[key] = waits[key] || names
		switch {
		case own && e.State != triggerlog.Failed && (w.algorithm != merged || e.State != triggerlog.Merged):
			w.Errorf("entry %d of the refused row is %s", e.ID, e.State)
		case !own && e.State == triggerlog.Failed:
			w.Errorf("entry %d failed for another's failure", e.ID)
		case !own && !waits[key] && e.State == triggerlog.New:
			w.Errorf("entry %d waits for nothing", e.ID)
		}
	}
}

// TestDependencyHoldsBackNothingElse: an entry that touches nothing before it
// goes at once.
func TestDependencyHoldsBackNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, dependency)
		w.alone = true
		for range rapid.IntRange(1, 25).Draw(rt, "changes") {
			w.random()
		}
		in := w.input()
		in.Limit, in.MaxSets = plan.MaxRecords, 20
		p := plan.Next(dependency, in, plan.Hold(nil))
		seen := map[plan.Record]bool{}
		first := 0
		for _, e := range in.Entries {
			key := plan.Record{Table: e.Table, ID: e.RecordID}
			if !seen[key] {
				first++
			}
			seen[key] = true
		}
		placed := len(p.Done)
		for _, s := range p.Sets {
			placed += len(s.Items)
		}
		if placed < first {
			rt.Errorf("%d of %d rows go", placed, first)
		}
	})
}
