package plan_test

import (
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

func (w *world) input() plan.Input {
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, Related: map[plan.Record][]triggerlog.Entry{},
		Inserts: map[plan.Record]triggerlog.Entry{},
		Limit:   rapid.IntRange(1, 5).Draw(w.T, "limit"), MaxSets: rapid.IntRange(1, 5).Draw(w.T, "sets")}
	for _, e := range w.log {
		if e.State == triggerlog.New {
			in.Entries = append(in.Entries, e)
		}
		key := plan.Record{Table: e.Table, ID: e.RecordID}
		row, here := w.rows[key]
		if here {
			in.Rows[key] = plan.Row{Sfid: row.sfid, ExternalID: row.values["ext__c"]}
		}
		if !here || row.sfid == "" {
			in.Related[key] = append(in.Related[key], e)
		}
		if here && row.sfid == "" && e.Action == triggerlog.Insert && (e.Unsettled() || e.State == triggerlog.Failed) {
			in.Inserts[key] = e
		}
	}
	accounts := map[string]int32{}
	for key, row := range w.rows {
		if key.Table == "account" && row.values["ext__c"] != "" {
			accounts[row.values["ext__c"]] = key.ID
			in.Rows[key] = plan.Row{Sfid: row.sfid, ExternalID: row.values["ext__c"]}
		}
	}
	in.Named = named(in.Tables, accounts)
	return in
}

// step plans once and does what the plan says; false if nothing is left.
func (w *world) step() bool {
	w.round++
	in := w.input()
	if len(in.Entries)+len(w.lost) == 0 {
		return false
	}
	var intents []outbox.Intent
	for _, l := range w.lost {
		e := l.item.Entry
		intents = append(intents, outbox.Intent{LogID: e.ID, Table: e.Table, RecordID: e.RecordID,
			Sfid: l.item.Sfid, ExternalID: l.item.ExternalID, Body: string(l.item.Body)})
	}
	held := plan.Hold(intents)
	if w.algorithm != mapping.Ordered {
		var open []triggerlog.Entry
		for _, l := range w.lost {
			open = append(open, l.item.Entry)
		}
		held.Touch(in.Tables, open)
	}
	for _, id := range w.again {
		held.Entry(id)
	}
	p := w.plan(in, held)
	w.check(in, p)
	if p.Looked == 0 && len(w.lost) == 0 {
		w.Fatal("nothing was looked at")
	}
	if len(p.Sets)+len(p.Done)+len(w.lost)+len(w.again) == 0 {
		w.Fatalf("all %d entries wait for each other", p.Waiting)
	}
	w.again = nil
	was := w.lost
	w.lost = nil
	w.take(p)
	for _, l := range was {
		w.settle(l.op, l.item)
	}
	return true
}

// front is entries that all wait, from the beginning of the log, and what they
// touch.
type front struct {
	held *plan.Held
	ids  []int32
}

// plan plans all entries at once, or page by page as the writer does: it passes
// over what was found to wait before, as long as nothing else has come there.
func (w *world) plan(in plan.Input, open *plan.Held) *plan.Plan {
	if !w.pages {
		return plan.Next(w.algorithm, in, open)
	}
	if w.front.held == nil || !w.front.stands(in.Entries) || w.one("from the beginning", 5) {
		w.front = front{held: plan.Hold(nil)}
	}
	passed := len(w.front.ids)
	p := w.pass(in, open)
	if passed > 0 && len(p.Sets)+len(p.Done) == 0 {
		w.front = front{held: plan.Hold(nil)}
		p = w.pass(in, open)
	}
	return p
}

func (f front) stands(entries []triggerlog.Entry) bool {
	if len(f.ids) > len(entries) {
		return false
	}
	for i, id := range f.ids {
		if entries[i].ID != id {
			return false
		}
	}
	return true
}

func (w *world) pass(in plan.Input, open *plan.Held) *plan.Plan {
	p := &plan.Plan{Looked: 1, Waiting: 1} // if all of them have been passed over
	for rest := in.Entries[len(w.front.ids):]; len(rest) > 0; {
		n := min(len(rest), rapid.IntRange(1, 6).Draw(w.T, "page"))
		in.Entries, rest = rest[:n], rest[n:]
		held := w.front.held.Next()
		held.Include(open)
		if p = plan.Next(w.algorithm, in, held); len(p.Sets)+len(p.Done) > 0 {
			return p
		}
		w.front.held.Absorb(held)
		for _, e := range in.Entries {
			w.front.ids = append(w.front.ids, e.ID)
		}
	}
	return p
}

// check looks at one plan by itself.
func (w *world) check(in plan.Input, p *plan.Plan) {
	placed := map[int32]int{}
	for _, set := range p.Sets {
		records := map[plan.Record]bool{}
		if len(set.Items) == 0 || len(set.Items) > in.Limit {
			w.Fatalf("%d records in a change set of %d", len(set.Items), in.Limit)
		}
		for _, i := range set.Items {
			key := plan.Record{Table: i.Entry.Table, ID: i.Entry.RecordID}
			if records[key] || i.Entry.Table != set.Table.Name {
				w.Fatalf("%v does not belong into a change set of %s", key, set.Table.Name)
			}
			records[key] = true
			placed[i.Entry.ID]++
		}
	}
	for _, d := range p.Done {
		placed[d.Entry.ID]++
	}
	for id, n := range placed {
		if n > 1 {
			w.Fatalf("entry %d has %d places", id, n)
		}
	}
	if len(placed)+p.Waiting != p.Looked {
		w.Fatalf("%d entries were looked at, %d have a place and %d wait", p.Looked, len(placed), p.Waiting)
	}
	if len(p.Sets) > in.MaxSets || w.algorithm == mapping.Ordered && len(p.Sets) > 1 {
		w.Fatalf("%d change sets", len(p.Sets))
	}
}

// take does what a plan says, its change sets in any order. Some calls meet the
// application's changes.
func (w *world) take(p *plan.Plan) {
	for _, d := range p.Done {
		w.log[d.Entry.ID-1].State = d.State
	}
	for _, e := range p.Rewrites {
		w.log[e.ID-1] = e
	}
	for _, id := range p.Ignored {
		w.log[id-1].State = triggerlog.Ignored
	}
	if len(p.Sets) > 0 && rapid.Bool().Draw(w.T, "meanwhile") {
		w.random()
	}
	for _, set := range rapid.Permutation(p.Sets).Draw(w.T, "order") {
		gone := w.faults && w.one("lost", 5)
		for _, i := range set.Items {
			key := plan.Record{Table: i.Entry.Table, ID: i.Entry.RecordID}
			w.recapture(key, i.Recapture)
			if i.Entry.ID < w.sent[key] {
				w.Fatalf("%v: entry %d is sent after %d", key, i.Entry.ID, w.sent[key])
			}
			switch {
			case gone:
				w.log[i.Entry.ID-1].State = triggerlog.Pending
				w.lost = append(w.lost, lost{set.Op, i})
			case w.faults && w.one("again", 5):
				w.again = append(w.again, i.Entry.ID)
			default:
				w.sent[key] = i.Entry.ID
				w.settle(set.Op, i)
			}
		}
	}
}
