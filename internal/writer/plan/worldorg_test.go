package plan_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// recapture captures columns of a row again, as the writer does with the claim.
func (w *world) recapture(key plan.Record, columns []string) {
	row := w.rows[key]
	if row == nil || len(columns) == 0 {
		return
	}
	set := map[string]string{}
	for _, c := range columns {
		set[c] = row.values[c]
	}
	w.append(triggerlog.Entry{Action: triggerlog.Update, Table: key.Table, RecordID: key.ID, Sfid: row.sfid, Values: hstoreOf(set)})
}

// settle lets the org accept an item and stores what it said.
func (w *world) settle(op outbox.Op, i plan.Item) {
	key := plan.Record{Table: i.Entry.Table, ID: i.Entry.RecordID}
	if key.Table == "account" && key.ID == w.refused {
		w.log[i.Entry.ID-1].State = triggerlog.Failed
		return
	}
	sfid := w.accept(op, i)
	w.trace = append(w.trace, sent{w.round, i.Entry, op, string(i.Body)})
	w.log[i.Entry.ID-1].State = triggerlog.Success
	if op == outbox.Delete {
		return
	}
	if row := w.rows[key]; row != nil {
		row.sfid = sfid
		return
	}
	for n := range w.log { // as triggerlog.ReviveDeletes
		if e := &w.log[n]; e.Table == key.Table && e.RecordID == key.ID && e.Action == triggerlog.Delete && e.State == triggerlog.Ignore {
			e.State, e.Sfid = triggerlog.New, sfid
		}
	}
}

// accept is the org.
func (w *world) accept(op outbox.Op, i plan.Item) string {
	sfid := i.Sfid
	if op == outbox.Upsert {
		sfid = w.byExt(i.Entry.Table, i.ExternalID)
	}
	r := w.org[sfid]
	switch {
	case sfid == "":
		w.ids++
		sfid = fmt.Sprintf("001%012dAAA", w.ids)
		r = &orgRecord{table: i.Entry.Table}
		w.org[sfid] = r
	case r == nil:
		w.Fatalf("entry %d: %s of %s, which is not in the org", i.Entry.ID, op, sfid)
	}
	if op == outbox.Delete {
		for child, c := range w.org {
			if c.parent == sfid && child != sfid {
				w.Fatalf("entry %d: %s is deleted before its child %s has left it", i.Entry.ID, sfid, child)
			}
		}
		delete(w.org, sfid)
		return sfid
	}
	w.save(i, sfid, r)
	return sfid
}

func (w *world) byExt(table, ext string) string {
	for id, r := range w.org {
		if r.table == table && r.ext == ext {
			return id
		}
	}
	return ""
}

func (w *world) save(i plan.Item, sfid string, r *orgRecord) {
	var b struct {
		Name, Ext, Code, AccountID *string
		ParentID                   *string
		Account                    struct{ Ext *string }
	}
	plain := strings.NewReplacer(`Ext__c`, `Ext`, `Code__c`, `Code`).Replace(string(i.Body))
	if err := json.Unmarshal([]byte(plain), &b); err != nil {
		w.Fatal(err)
	}
	if b.Name != nil {
		r.name = *b.Name
	}
	if b.Ext != nil {
		r.ext = *b.Ext
	}
	if strings.Contains(plain, `"Code":`) {
		r.code = ""
		if b.Code != nil {
			r.code = *b.Code
		}
	}
	if b.Account.Ext != nil {
		id := w.byExt("account", *b.Account.Ext)
		b.AccountID = &id
	}
	b.AccountID = cmp.Or(b.AccountID, b.ParentID)
	if b.AccountID != nil {
		if w.org[*b.AccountID] == nil {
			w.Fatalf("entry %d: its parent %s is not in the org", i.Entry.ID, i.Body)
		}
		r.parent = *b.AccountID
	}
	for id, o := range w.org {
		if id != sfid && o.table == r.table && (r.ext != "" && o.ext == r.ext || r.code != "" && o.code == r.code) {
			w.Fatalf("entry %d: %s holds %s already", i.Entry.ID, id, i.Body)
		}
	}
}

// compare checks that the org holds what the tables hold.
func (w *world) compare() {
	for _, e := range w.log {
		if e.Unsettled() || e.State == triggerlog.Failed {
			w.Errorf("entry %d ends as %s", e.ID, e.State)
		}
	}
	if len(w.org) != len(w.rows) {
		w.Errorf("%d records, %d rows", len(w.org), len(w.rows))
	}
	for key, row := range w.rows {
		want := orgRecord{table: key.Table, name: row.values["name"], ext: row.values["ext__c"], code: row.values["code__c"]}
		if row.parent != 0 {
			want.parent = w.rows[plan.Record{Table: "account", ID: row.parent}].sfid
		}
		if got := w.org[row.sfid]; got == nil || *got != want {
			w.Errorf("%v: row %+v, record %+v", key, want, got)
		}
	}
}
