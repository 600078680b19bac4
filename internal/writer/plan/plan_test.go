package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// table makes a mapped table. A column is "Field", "Field!" if it can't be
// written, "Field:kind", or "Account.Ext__c" for a relationship column.
func table(object, upsert string, access mapping.Access, columns ...string) *mapping.Table {
	t := &mapping.Table{
		Mapping: mapping.Mapping{ID: uuid.New(), Policy: mapping.LastWriter},
		Object:  object, Name: strings.ToLower(object), Access: access, Upsert: -1,
		Describe: &sobject.Object{Deletable: true},
	}
	var layout []record.Column
	for i, c := range append([]string{"Id"}, columns...) {
		c, readOnly := strings.CutSuffix(c, "!")
		field, kind, _ := strings.Cut(c, ":")
		col := mapping.Column{
			Column: record.Column{Field: field, Name: strings.ToLower(strings.ReplaceAll(field, ".", "__")), Type: kinds[kind]},
			Field:  &sobject.Field{Name: field}, Createable: !readOnly, Updateable: !readOnly,
		}
		if field == "Id" {
			col.Name, col.Createable, col.Updateable = "sfid", false, false
		}
		col.Field.Unique = kind == "unique"
		if kind == "id" {
			col.Target = map[string]string{"AccountId": "Account", "ParentId": "Account"}[field]
		}
		if rel, ext, ok := strings.Cut(field, "."); ok {
			col.Relationship, col.Lookup, col.Target, col.Field.Name = rel, rel+"Id", rel, ext
		}
		if field == upsert {
			t.Upsert = i
		}
		t.Columns, layout = append(t.Columns, col), append(layout, col.Column)
	}
	t.Layout = record.NewLayout(layout)
	return t
}

var kinds = map[string]record.Type{
	"": {Kind: record.Text}, "unique": {Kind: record.Text}, "bool": {Kind: record.Bool}, "date": {Kind: record.Date}, "id": {Kind: record.ID},
}

func tables() map[string]*mapping.Table {
	out := map[string]*mapping.Table{}
	for _, t := range []*mapping.Table{
		table("Account", "Ext__c", mapping.ReadWrite, "Name", "Ext__c", "Phone", "On:bool", "Born:date", "Formula!", "ParentId:id", "Account.Ext__c", "Code__c:unique"),
		table("Contact", "Ext__c", mapping.ReadWrite, "Name", "Ext__c", "AccountId:id", "Account.Ext__c"),
		table("Task", "", mapping.ReadWrite, "Name"),
		table("User", "", mapping.ReadOnly, "Name"),
	} {
		out[t.Name] = t
	}
	out["account"].Mapping.Options.ResolveFrom = map[string]string{"ParentId": "par"}
	out["contact"].Mapping.Options.ResolveFrom = map[string]string{"AccountId": "acct"}
	return out
}

// entry reads "12 INSERT account 3 name=>A"; a sfid follows the record as 3/001.
func entry(line string) triggerlog.Entry {
	var e triggerlog.Entry
	parts := strings.SplitN(line, " ", 5)
	if _, err := fmt.Sscan(parts[0], &e.ID); err != nil {
		panic(err)
	}
	e.State, e.Action, e.Table = triggerlog.New, triggerlog.Action(parts[1]), parts[2]
	id, sfid, _ := strings.Cut(parts[3], "/")
	if _, err := fmt.Sscan(id, &e.RecordID); err != nil {
		panic(err)
	}
	e.Sfid = sfid
	if len(parts) > 4 {
		e.Values = &parts[4]
	}
	return e
}

func entries(lines ...string) []triggerlog.Entry {
	out := make([]triggerlog.Entry, len(lines))
	for i, l := range lines {
		out[i] = entry(l)
	}
	return out
}

func withState(e triggerlog.Entry, s triggerlog.State) triggerlog.Entry {
	e.State = s
	return e
}

// show writes a plan as lines.
func show(p *plan.Plan) []string {
	var out []string
	for n, set := range p.Sets {
		if n > 0 {
			out = append(out, "and")
		}
		for _, i := range set.Items {
			body := strings.TrimPrefix(string(i.Body), `{"attributes":{"type":"`+set.Table.Object+`"}`)
			out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s%s %s", i.Entry.ID, set.Op, i.Sfid, i.ExternalID, strings.TrimPrefix(body, ","))))
			if len(i.Recapture) > 0 {
				out[len(out)-1] += " later " + strings.Join(i.Recapture, ", ")
			}
		}
	}
	for _, d := range p.Done {
		message, _, _ := strings.Cut(d.Message, ":")
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", d.Entry.ID, d.State, d.Code, message)))
	}
	for _, id := range p.Ignored {
		out = append(out, fmt.Sprintf("%d IGNORED", id))
	}
	if p.Waiting > 0 {
		out = append(out, fmt.Sprintf("%d wait", p.Waiting))
	}
	return out
}

func at(table string, id int32) plan.Record { return plan.Record{Table: table, ID: id} }

const (
	a1 = "001000000000001AAA"
	a2 = "001000000000002AAA"
)

func TestOrdered(t *testing.T) {
	t.Parallel()
	known := map[plan.Record]plan.Row{
		at("account", 1): {Sfid: a1, ExternalID: "x1"}, at("account", 2): {Sfid: a2, ExternalID: "x2"},
		at("account", 3): {ExternalID: "x3"}, at("account", 4): {}, at("task", 1): {}, at("contact", 1): {},
	}
	for _, tt := range []struct {
		name    string
		entries []triggerlog.Entry
		related []triggerlog.Entry
		want    []string
	}{
		{"insert is an upsert by the unique identifier, without NULLs", entries(`1 INSERT account 3 id=>3, sfid=>NULL, name=>A, ext__c=>x3, phone=>NULL, formula=>f`), nil,
			[]string{`1 upsert x3 "Ext__c":"x3","Name":"A"}`}},
		{"insert without one", entries(`1 INSERT account 4 name=>A, ext__c=>NULL`, `2 INSERT task 1 name=>T`), nil,
			[]string{`1 insert  "Name":"A"}`}},
		{"insert of a record that is known", entries(`1 INSERT account 1 name=>A, ext__c=>x1`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"A","Ext__c":"x1"}`}},
		{"update of what changed, by the row's sfid", entries(`1 UPDATE account 1 name=>B, phone=>NULL, on=>NULL, born=>2026-11-22`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B","Phone":null,"On":false,"Born":"2026-11-22"}`}},
		{"update without sfid", entries(`1 UPDATE account 3 name=>B`), nil,
			[]string{`1 upsert x3 "Ext__c":"x3","Name":"B"}`}},
		{"update of what is nowhere", entries(`1 UPDATE account 4 name=>B`), nil,
			[]string{`1 FAILED no_record the row is not known in Salesforce`}},
		{"update after a failed insert", entries(`5 UPDATE account 3 name=>B`),
			[]triggerlog.Entry{withState(entry(`2 INSERT account 3`), triggerlog.Failed), entry(`5 UPDATE account 3`)},
			[]string{`5 FAILED insert_failed the insert of this row failed (log id 2)`}},
		{"update after an insert that fails here", entries(`2 INSERT account 3 born=>soon`, `5 UPDATE account 3 name=>B`),
			entries(`2 INSERT account 3`, `5 UPDATE account 3`),
			[]string{`2 FAILED invalid_entry column values`, `5 FAILED insert_failed the insert of this row failed (log id 2)`}},
		{"update of a row that was deleted since", entries(`5 UPDATE account 9/`+a2+` name=>B`, `6 DELETE account 9/`+a2),
			entries(`5 UPDATE account 9`, `6 DELETE account 9`),
			[]string{`6 delete 001000000000002AAA`, `5 MERGED`}},
		{"update of a row that a read took away", entries(`5 UPDATE account 9/` + a2 + ` name=>B`), nil,
			[]string{`5 update 001000000000002AAA "Id":"001000000000002AAA","Name":"B"}`}},
		{"came and went", entries(`1 INSERT task 9 name=>T`, `2 UPDATE task 9 name=>U`),
			[]triggerlog.Entry{entry(`1 INSERT task 9`), entry(`2 UPDATE task 9`), withState(entry(`3 DELETE task 9`), triggerlog.Ignore)},
			[]string{`1 MERGED`, `2 MERGED`, `3 IGNORED`}},
		{"one record, one change set", entries(`1 UPDATE account 1 name=>B`, `2 UPDATE account 2 name=>C`, `3 UPDATE account 1 name=>D`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B"}`, `2 update 001000000000002AAA "Id":"001000000000002AAA","Name":"C"}`}},
		{"one table, one operation", entries(`1 UPDATE account 1 name=>B`, `2 DELETE account 7/`+a2, `3 UPDATE account 2 name=>C`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B"}`}},
		{"a child goes after its parent", entries(`1 INSERT account 3 name=>P, ext__c=>x3`, `2 INSERT account 4 name=>C, ext__c=>x4, account__ext__c=>X3`), nil,
			[]string{`1 upsert x3 "Ext__c":"x3","Name":"P"}`}},
		{"relationship column before its lookup", entries(`1 UPDATE contact 1/` + a1 + ` accountid=>` + a2 + `, account__ext__c=>x`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Account":{"Ext__c":"x"}}`}},
		{"lookup, when the relationship column was cleared", entries(`1 UPDATE contact 1/` + a1 + ` accountid=>` + a2 + `, account__ext__c=>NULL`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","AccountId":"` + a2 + `"}`}},
		{"cleared relationship", entries(`1 UPDATE contact 1/` + a1 + ` account__ext__c=>NULL`), nil,
			[]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Account":null}`}},
		{"not mapped, read-only, no record, no hstore, no such action", entries(
			`1 INSERT nothing 1 name=>A`, `2 UPDATE user 1 name=>A`, `3 INSERT account 0 name=>A`, `4 INSERT account 4 name`, `5 TRUNCATE account 4 name=>A`), nil,
			[]string{`1 FAILED not_mapped table "nothing" is not mapped to a Salesforce object`, `2 READONLY  the mapping of User is read-only`,
				`3 FAILED invalid_entry the entry names no record`, `4 FAILED invalid_entry column values`, `5 FAILED invalid_entry action "TRUNCATE" is none of INSERT, UPDATE, DELETE`}},
		{"nothing to send", entries(`1 UPDATE account 1 mine=>1`, `2 UPDATE account 1 formula=>1`, `3 DELETE account 4`), nil,
			[]string{`1 IGNORED  no mapped column was changed`, `2 IGNORED  Salesforce does not let us write formula`, `3 IGNORED  the record never reached Salesforce`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := plan.Input{Entries: tt.entries, Tables: tables(), Rows: known, Related: map[plan.Record][]triggerlog.Entry{}}
			for _, e := range tt.related {
				in.Related[at(e.Table, e.RecordID)] = append(in.Related[at(e.Table, e.RecordID)], e)
			}
			if diff := cmp.Diff(tt.want, show(plan.Ordered(in, plan.Hold(nil)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeldRecordsWaitAlone(t *testing.T) {
	t.Parallel()
	in := plan.Input{
		Tables: tables(),
		Entries: entries(`1 UPDATE account 1 name=>A`, `2 UPDATE account 2 name=>B`, `3 INSERT contact 1 name=>C, account__ext__c=>X1`,
			`4 UPDATE account 5/`+a1+` name=>D`, `5 UPDATE account 6/`+a2+` name=>E`),
		Rows: map[plan.Record]plan.Row{at("account", 1): {Sfid: a1}, at("account", 2): {Sfid: a2}},
	}
	held := plan.Hold([]outbox.Intent{{Table: "account", RecordID: 1, Sfid: a1, ExternalID: "x1", LogID: 99}})
	want := []string{`2 update 001000000000002AAA "Id":"001000000000002AAA","Name":"B"}`, `3 wait`}
	if diff := cmp.Diff(want, show(plan.Ordered(in, held))); diff != "" {
		t.Error(diff)
	}
	held = plan.Hold(nil)
	held.Entry(1) // waits for its next attempt, and what concerns the record with it
	want = []string{`2 update 001000000000002AAA "Id":"001000000000002AAA","Name":"B"}`, `1 wait`}
	in.Entries = in.Entries[:2]
	if diff := cmp.Diff(want, show(plan.Ordered(in, held))); diff != "" {
		t.Error(diff)
	}
}

func TestSeenValuesAreSettled(t *testing.T) {
	t.Parallel()
	base, theirs, ours := "base", "theirs", "B"
	for _, tt := range []struct {
		policy mapping.Policy
		theirs *string
		want   []string
		winner string
	}{
		{mapping.LastWriter, &theirs, []string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B","Phone":"7"}`}, "postgres"},
		{mapping.PostgresWins, &theirs, []string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B","Phone":"7"}`}, "postgres"},
		{mapping.SalesforceWins, &theirs, []string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Phone":"7"}`}, "salesforce"},
		{mapping.SalesforceWins, &base, []string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B","Phone":"7"}`}, ""},
		{mapping.SalesforceWins, &ours, []string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Phone":"7"}`}, ""},
	} {
		in := plan.Input{
			Tables: tables(), Entries: entries(`1 UPDATE account 1 name=>B, phone=>7`),
			Rows: map[plan.Record]plan.Row{at("account", 1): {Sfid: a1}},
			Bases: map[plan.Record][]outbox.Base{at("account", 1): {
				{Table: "account", RecordID: 1, Column: "name", Base: &base, Theirs: tt.theirs, Seen: true}}},
		}
		in.Tables["account"].Mapping.Policy = tt.policy
		p := plan.Ordered(in, plan.Hold(nil))
		if diff := cmp.Diff(tt.want, show(p)); diff != "" {
			t.Errorf("%s, theirs %s: %s", tt.policy, *tt.theirs, diff)
		}
		winner := ""
		for _, c := range p.Conflicts {
			winner = c.Winner
			if *c.Base != base || *c.Ours != ours || *c.Theirs != *tt.theirs || c.LogID != 1 || c.Column != "name" {
				t.Errorf("conflict %+v", c)
			}
		}
		if winner != tt.winner {
			t.Errorf("%s, theirs %s: winner %q, want %q", tt.policy, *tt.theirs, winner, tt.winner)
		}
		if reread := len(p.Reread) > 0; reread != (tt.winner == "salesforce") {
			t.Errorf("%s, theirs %s: read again: %v", tt.policy, *tt.theirs, reread)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}}
	for i := range 450 {
		in.Entries = append(in.Entries, entry(fmt.Sprintf("%d INSERT task %d name=>T", i+1, i+1)))
	}
	for limit, want := range map[int]int{0: 200, 7: 7, 1000: 200} {
		in.Limit = limit
		p := plan.Ordered(in, plan.Hold(nil))
		if len(p.Sets) != 1 || len(p.Sets[0].Items) != want || p.Looked != want || !slices.IsSortedFunc(p.Sets[0].Items, func(a, b plan.Item) int { return int(a.Entry.ID - b.Entry.ID) }) {
			t.Errorf("limit %d: %d items, looked at %d", limit, len(p.Sets[0].Items), p.Looked)
		}
	}
}
