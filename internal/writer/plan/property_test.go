package plan_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// world is a log with its rows, and an org that takes what is planned.
type world struct {
	*rapid.T
	log  []triggerlog.Entry
	rows map[plan.Record]*worldRow
	org  map[string]string // name by sfid
	ext  map[string]string // sfid by external ID
	sent map[plan.Record]int32
	ids  int
}

type worldRow struct{ sfid, ext, name string }

// write appends what a logger would: the application does op to a row.
func (w *world) write(table string, id int32, op triggerlog.Action, name string) {
	key := plan.Record{Table: table, ID: id}
	row := w.rows[key]
	e := triggerlog.Entry{ID: int32(len(w.log) + 1), State: triggerlog.New, Action: op, Table: table, RecordID: id}
	values := "name=>" + name
	switch op {
	case triggerlog.Insert:
		row = &worldRow{name: name}
		if table == "account" {
			row.ext = fmt.Sprintf("x%d", id)
			values += ", ext__c=>" + row.ext
		}
		w.rows[key] = row
	case triggerlog.Update:
		e.Sfid, row.name = row.sfid, name
	case triggerlog.Delete:
		e.Sfid, values = row.sfid, ""
		if row.sfid == "" {
			e.State = triggerlog.Ignore
		}
		delete(w.rows, key)
	}
	e.Values = &values
	w.log = append(w.log, e)
}

// random lets the application do something to one of a few rows. A row id that
// is gone is not used again, as with a sequence.
func (w *world) random() {
	table := rapid.SampledFrom([]string{"account", "task"}).Draw(w.T, "table")
	id := int32(rapid.IntRange(1, 4).Draw(w.T, "row"))
	name := fmt.Sprintf("n%d", len(w.log))
	used := false
	for _, e := range w.log {
		used = used || e.Table == table && e.RecordID == id
	}
	switch here := w.rows[plan.Record{Table: table, ID: id}] != nil; {
	case !here && !used:
		w.write(table, id, triggerlog.Insert, name)
	case here && rapid.IntRange(0, 3).Draw(w.T, "what") == 0:
		w.write(table, id, triggerlog.Delete, "")
	case here:
		w.write(table, id, triggerlog.Update, name)
	}
}

func (w *world) input() plan.Input {
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, Related: map[plan.Record][]triggerlog.Entry{},
		Limit: rapid.IntRange(1, 5).Draw(w.T, "limit")}
	for _, e := range w.log {
		if e.State == triggerlog.New {
			in.Entries = append(in.Entries, e)
		}
		key := plan.Record{Table: e.Table, ID: e.RecordID}
		row, here := w.rows[key]
		if here {
			in.Rows[key] = plan.Row{Sfid: row.sfid, ExternalID: row.ext}
		}
		if !here || row.sfid == "" {
			in.Related[key] = append(in.Related[key], e)
		}
	}
	return in
}

// check looks at one plan by itself.
func (w *world) check(in plan.Input, p *plan.Plan) {
	placed := map[int32]int{}
	records := map[plan.Record]bool{}
	if p.Set != nil {
		for _, i := range p.Set.Items {
			key := plan.Record{Table: i.Entry.Table, ID: i.Entry.RecordID}
			if records[key] {
				w.Fatalf("%v is twice in a change set", key)
			}
			records[key] = true
			if i.Entry.ID < w.sent[key] {
				w.Fatalf("%v: entry %d is sent after %d", key, i.Entry.ID, w.sent[key])
			}
			placed[i.Entry.ID]++
		}
	}
	for _, d := range p.Done {
		placed[d.Entry.ID]++
	}
	for _, e := range in.Entries[:p.Looked] {
		if placed[e.ID] > 1 {
			w.Fatalf("entry %d has %d places", e.ID, placed[e.ID])
		}
	}
	if len(placed)+p.Waiting != p.Looked {
		w.Fatalf("%d entries were looked at, %d have a place and %d wait", p.Looked, len(placed), p.Waiting)
	}
}

// take does what a plan says. Some calls meet the application's changes.
func (w *world) take(p *plan.Plan) {
	for _, d := range p.Done {
		w.log[d.Entry.ID-1].State = d.State
	}
	for _, id := range p.Ignored {
		w.log[id-1].State = triggerlog.Ignored
	}
	if p.Set == nil {
		return
	}
	if rapid.Bool().Draw(w.T, "meanwhile") {
		w.random()
	}
	for _, i := range p.Set.Items {
		key := plan.Record{Table: i.Entry.Table, ID: i.Entry.RecordID}
		w.sent[key] = i.Entry.ID
		sfid := w.accept(p.Set.Op, i)
		w.log[i.Entry.ID-1].State = triggerlog.Success
		if p.Set.Op == outbox.Delete {
			continue
		}
		if row := w.rows[key]; row != nil {
			row.sfid = sfid
			continue
		}
		for n := range w.log { // as triggerlog.ReviveDelete
			if e := &w.log[n]; e.Table == key.Table && e.RecordID == key.ID && e.Action == triggerlog.Delete && e.State == triggerlog.Ignore {
				e.State, e.Sfid = triggerlog.New, sfid
			}
		}
	}
}

func (w *world) accept(op outbox.Op, i plan.Item) string {
	var body struct{ Name string }
	if op != outbox.Delete {
		if err := json.Unmarshal(i.Body, &body); err != nil {
			w.Fatal(err)
		}
	}
	sfid := i.Sfid
	if op == outbox.Upsert {
		sfid = w.ext[i.ExternalID]
	}
	if sfid == "" {
		w.ids++
		sfid = fmt.Sprintf("s%d", w.ids)
	} else if _, ok := w.org[sfid]; !ok {
		w.Fatalf("entry %d: %s of %s, which is not in the org", i.Entry.ID, op, sfid)
	}
	if i.ExternalID != "" {
		w.ext[i.ExternalID] = sfid
	}
	w.org[sfid] = body.Name
	if op == outbox.Delete {
		delete(w.org, sfid)
	}
	return sfid
}

// TestOrderedKeepsItsPromises drains random logs, with changes that come in
// while calls are under way: the order of each record is kept, no record is
// twice in a call, each entry is in one place, and in the end the org holds
// what the tables hold.
func TestOrderedKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt, rows: map[plan.Record]*worldRow{}, org: map[string]string{}, ext: map[string]string{}, sent: map[plan.Record]int32{}}
		for range rapid.IntRange(1, 25).Draw(rt, "changes") {
			w.random()
		}
		for range 200 {
			in := w.input()
			if len(in.Entries) == 0 {
				break
			}
			p := plan.Ordered(in, plan.Hold(nil))
			w.check(in, p)
			if p.Looked == 0 {
				rt.Fatal("nothing was looked at")
			}
			w.take(p)
		}
		for _, e := range w.log {
			if e.Unsettled() || e.State == triggerlog.Failed {
				rt.Errorf("entry %d ends as %s", e.ID, e.State)
			}
		}
		if len(w.org) != len(w.rows) {
			rt.Errorf("%d records, %d rows", len(w.org), len(w.rows))
		}
		for key, row := range w.rows {
			if name, ok := w.org[row.sfid]; !ok || name != row.name {
				rt.Errorf("%v: row %+v, record %q", key, *row, name)
			}
		}
	})
}
