package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// world is a log with its rows, and an org that takes what is planned and ends
// the test where it would refuse: a parent that is not there, a parent that
// still has children, a unique value twice, a record that is gone.
type world struct {
	*rapid.T
	algorithm mapping.Algorithm
	log       []triggerlog.Entry
	rows      map[plan.Record]*worldRow
	org       map[string]*orgRecord // by sfid
	sent      map[plan.Record]int32
	again     []int32 // wait for their next attempt
	lost      []lost
	ids       int
	// faults: calls are lost, records sent again. Alone: rows don't touch each
	// other. Knots: accounts point to each other.
	faults, alone, knots bool
	// tame: rows are made, pointed to each other and renamed, nothing else.
	tame bool
	// refused is an account whose insert the org does not take.
	refused int32
	round   int
	trace   []sent
	// pages: the log is planned page by page; front is what was passed over.
	pages bool
	front front
}

// sent is what the org accepted, in order.
type sent struct {
	round int
	entry triggerlog.Entry
	op    outbox.Op
	body  string
}

type worldRow struct {
	sfid   string
	values map[string]string // by column; without NULLs
	parent int32
	how    string // the column by which an account names its parent
}

type orgRecord struct{ table, name, ext, code, parent string }

// lost is an item of a call whose reply has not come.
type lost struct {
	op   outbox.Op
	item plan.Item
}

func newWorld(t *rapid.T, a mapping.Algorithm) *world {
	return &world{T: t, algorithm: a, rows: map[plan.Record]*worldRow{}, org: map[string]*orgRecord{}, sent: map[plan.Record]int32{}}
}

func hstoreOf(values map[string]string, nulls ...string) *string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, k+"=>"+values[k])
	}
	for _, k := range nulls {
		parts = append(parts, k+"=>NULL")
	}
	s := strings.Join(parts, ", ")
	return &s
}

// tell shows the log when the test fails.
func (w *world) tell() {
	for _, e := range w.log {
		values := ""
		if e.Values != nil {
			values = *e.Values
		}
		w.Logf("%d %s %s %s %d/%s %s", e.ID, e.State, e.Action, e.Table, e.RecordID, e.Sfid, values)
	}
}

func (w *world) one(what string, n int) bool { return rapid.IntRange(1, n).Draw(w.T, what) == 1 }

// random lets the application do something to one of a few rows. A row id that
// is gone is not used again, as with a sequence; a unique identifier is.
func (w *world) random() {
	table := rapid.SampledFrom([]string{"account", "contact", "task"}).Draw(w.T, "table")
	id := int32(rapid.IntRange(1, 5).Draw(w.T, "row"))
	key := plan.Record{Table: table, ID: id}
	row := w.rows[key]
	used := slices.ContainsFunc(w.log, func(e triggerlog.Entry) bool { return e.Table == table && e.RecordID == id })
	switch {
	case row == nil && used:
	case row == nil:
		w.insert(key)
	case w.one("delete", 4) && !w.tame:
		w.remove(key, row)
	default:
		w.update(key, row)
	}
}

func (w *world) append(e triggerlog.Entry) {
	e.ID = int32(len(w.log) + 1)
	if e.State == "" {
		e.State = triggerlog.New
	}
	w.log = append(w.log, e)
}

// free gives one of a few unique values that no other row holds; "" if the one
// that was drawn is taken.
func (w *world) free(table, column string, values ...string) string {
	v := rapid.SampledFrom(values).Draw(w.T, column)
	for key, row := range w.rows {
		if key.Table == table && row.values[column] == v {
			return ""
		}
	}
	return v
}

// link points a row to one of the accounts, by Id if that is known.
func (w *world) link(row *worldRow, set map[string]string) {
	id := w.anyAccount()
	if id == 0 {
		return
	}
	row.parent = id
	parent := w.rows[plan.Record{Table: "account", ID: row.parent}]
	switch how := rapid.IntRange(1, 3).Draw(w.T, "how"); {
	case how == 1 && parent.sfid != "":
		set["accountid"] = parent.sfid
	case how == 2:
		set["acct"] = fmt.Sprint(row.parent)
	default:
		set["account__ext__c"] = parent.values["ext__c"]
	}
}

// knot makes five accounts in one transaction, which point to each other and to
// themselves as they like.
func (w *world) knot() {
	for id := int32(1); id <= 5; id++ {
		w.rows[plan.Record{Table: "account", ID: id}] = &worldRow{values: map[string]string{"name": fmt.Sprint("n", id), "ext__c": fmt.Sprint("x", id)}}
	}
	for id := int32(1); id <= 5; id++ {
		key := plan.Record{Table: "account", ID: id}
		row := w.rows[key]
		if w.one("alone", 4) {
			w.append(triggerlog.Entry{Action: triggerlog.Insert, Table: "account", RecordID: id, Values: hstoreOf(row.values)})
			continue
		}
		w.tie(row, row.values)
		w.append(triggerlog.Entry{Action: triggerlog.Insert, Table: "account", RecordID: id, Values: hstoreOf(row.values)})
	}
}

// tie points an account to one of the accounts, always by the same column.
func (w *world) tie(row *worldRow, set map[string]string) {
	row.parent = w.anyAccount()
	if row.how == "" {
		row.how = rapid.SampledFrom([]string{"par", "account__ext__c"}).Draw(w.T, "how")
	}
	set[row.how] = fmt.Sprint(row.parent)
	if row.how != "par" {
		set[row.how] = w.rows[plan.Record{Table: "account", ID: row.parent}].values["ext__c"]
	}
}

func (w *world) anyAccount() int32 {
	var accounts []int32
	for key := range w.rows {
		if key.Table == "account" {
			accounts = append(accounts, key.ID)
		}
	}
	if len(accounts) == 0 {
		return 0
	}
	slices.Sort(accounts)
	return rapid.SampledFrom(accounts).Draw(w.T, "parent")
}

func (w *world) insert(key plan.Record) {
	row := &worldRow{values: map[string]string{"name": fmt.Sprint("n", len(w.log))}}
	switch key.Table {
	case "account":
		ext := w.free("account", "ext__c", "x1", "x2", "x3", "x4")
		if w.alone {
			ext = fmt.Sprint("x", key.ID)
		}
		if ext == "" {
			return
		}
		row.values["ext__c"] = ext
		if c := w.free("account", "code__c", "c1", "c2"); c != "" && !w.alone {
			row.values["code__c"] = c
		}
	case "contact":
		if !w.alone {
			w.link(row, row.values)
		}
	}
	w.rows[key] = row
	w.append(triggerlog.Entry{Action: triggerlog.Insert, Table: key.Table, RecordID: key.ID, Values: hstoreOf(row.values)})
}

func (w *world) update(key plan.Record, row *worldRow) {
	set := map[string]string{"name": fmt.Sprint("n", len(w.log))}
	var nulls []string
	switch {
	case w.alone, w.tame:
	case key.Table == "account" && w.knots && row.how != "" && w.one("tie", 2):
		w.tie(row, set)
	case key.Table == "account" && w.one("code", 2):
		if c := w.free("account", "code__c", "c1", "c2"); c != "" {
			set["code__c"] = c
		} else if row.values["code__c"] != "" {
			nulls = []string{"code__c"}
		}
	case key.Table == "contact" && w.one("link", 2):
		w.link(row, set)
		for _, other := range []string{"accountid", "account__ext__c", "acct"} {
			if row.values[other] != "" && set[other] == "" && len(set) > 1 {
				nulls = append(nulls, other)
			}
		}
	}
	old := hstoreOf(row.values)
	maps.Copy(row.values, set)
	for _, c := range nulls {
		delete(row.values, c)
	}
	w.append(triggerlog.Entry{Action: triggerlog.Update, Table: key.Table, RecordID: key.ID, Sfid: row.sfid, Old: old, Values: hstoreOf(set, nulls...)})
}

func (w *world) remove(key plan.Record, row *worldRow) {
	for k, r := range w.rows {
		if key.Table == "account" && k.Table != "task" && r.parent == key.ID && k != key {
			return // the application's foreign key
		}
	}
	if key.Table == "account" && row.sfid == "" && w.pointed(key, row.values["ext__c"]) {
		return // such a row is never sent, and its child's first entry would fail
	}
	delete(w.rows, key)
	e := triggerlog.Entry{Action: triggerlog.Delete, Table: key.Table, RecordID: key.ID, Sfid: row.sfid, Old: hstoreOf(row.values)}
	if row.sfid == "" {
		e.State = triggerlog.Ignore
	}
	w.append(e)
}

// pointed says whether an entry of another row that is not settled links to an
// account.
func (w *world) pointed(account plan.Record, ext string) bool {
	return slices.ContainsFunc(w.log, func(e triggerlog.Entry) bool {
		if !e.Unsettled() || e.Values == nil || e.Table == "account" && e.RecordID == account.ID {
			return false
		}
		return slices.ContainsFunc(strings.Split(*e.Values, ", "), func(pair string) bool {
			return pair == "account__ext__c=>"+ext || pair == fmt.Sprint("acct=>", account.ID) || pair == fmt.Sprint("par=>", account.ID)
		})
	})
}
