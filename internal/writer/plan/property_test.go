package plan_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

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
	p := plan.Next(w.algorithm, in, held)
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

func (w *world) run() {
	defer w.tell()
	if w.knots {
		w.knot()
	}
	for range rapid.IntRange(1, 25).Draw(w.T, "changes") {
		w.random()
	}
	for n := 0; w.step(); n++ {
		if n == 100 {
			w.faults = false
		}
		if n == 300 {
			w.Fatal("does not come to rest")
		}
	}
	w.compare()
}

// TestAlgorithmsKeepTheirPromises drains random logs, with changes that come in
// while calls are under way: the order of each record is kept, no record is
// twice in a call, each entry is in one place, the org refuses nothing, and in
// the end it holds what the tables hold, which is what makes the algorithms
// equal.
//
// With faults, records have to be sent again and replies are lost for a while:
// Dependency keeps its order through them.
func TestAlgorithmsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		algorithm     mapping.Algorithm
		faults, alone bool
		knots         bool
	}{
		{"ordered", mapping.Ordered, false, false, false},
		{"ordered with knots", mapping.Ordered, false, false, true},
		{"ordered, rows alone, with faults", mapping.Ordered, true, true, false},
		{"dependency", mapping.Dependency, false, false, false},
		{"dependency with knots", mapping.Dependency, false, false, true},
		{"dependency with knots and faults", mapping.Dependency, true, false, true},
		{"dependency with faults", mapping.Dependency, true, false, false},
		{"merged, rows alone, with faults", mapping.Merged, true, true, false},
		{"merged with knots", mapping.Merged, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				w := newWorld(rt, tt.algorithm)
				w.faults, w.alone, w.knots = tt.faults, tt.alone, tt.knots
				w.tame = tt.algorithm == mapping.Merged && tt.knots
				w.run()
			})
		})
	}
}
