package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

const c1 = "003000000000001AAA"

func withOld(e triggerlog.Entry, old string) triggerlog.Entry {
	e.Old = &old
	return e
}

func planOf(a mapping.Algorithm, list, related []triggerlog.Entry) *plan.Plan {
	in := plan.Input{Entries: list, Tables: tables(), MaxSets: 5, Related: map[plan.Record][]triggerlog.Entry{},
		Rows: map[plan.Record]plan.Row{
			at("account", 1): {Sfid: a1, ExternalID: "x1"}, at("account", 2): {Sfid: a2, ExternalID: "x2"},
			at("account", 3): {ExternalID: "x3"}, at("account", 4): {ExternalID: "x4"}, at("account", 5): {},
			at("contact", 1): {Sfid: c1}, at("contact", 2): {}, at("task", 1): {}, at("task", 2): {},
		}}
	in.Named = named(in.Tables, map[string]int32{"x1": 1, "x2": 2, "x3": 3, "x4": 4})
	for _, e := range related {
		in.Related[at(e.Table, e.RecordID)] = append(in.Related[at(e.Table, e.RecordID)], e)
	}
	return plan.Next(a, in, plan.Hold(nil))
}

// named are accounts by their unique identifier.
func named(tables map[string]*mapping.Table, accounts map[string]int32) map[string]plan.Record {
	out := map[string]plan.Record{}
	for name, id := range accounts {
		n := plan.Name{Parent: tables["account"], Column: tables["account"].Upsert}
		out[n.KeyOf(name)] = at("account", id)
	}
	return out
}

func TestDependency(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		entries []triggerlog.Entry
		want    []string
	}{
		{"different tables and operations go together", entries(`1 INSERT task 1 name=>A`, `2 UPDATE account 1 name=>B`, `3 INSERT task 2 name=>C`, `4 DELETE account 9/`+a2), []string{
			`1 insert  "Name":"A"}`, `3 insert  "Name":"C"}`, "and", `2 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B"}`, "and", `4 delete 001000000000002AAA`}},
		{"one record, one entry", entries(`1 UPDATE account 1 name=>B`, `2 UPDATE account 1 name=>C`, `3 UPDATE account 2 name=>D`), []string{
			`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B"}`, `3 update 001000000000002AAA "Id":"001000000000002AAA","Name":"D"}`, "1 wait"}},
		{"a child after its new parent", entries(`1 INSERT account 3 name=>P, ext__c=>x3`, `2 INSERT contact 2 name=>C, account__ext__c=>X3`, `3 INSERT task 1 name=>T`), []string{
			`1 upsert x3 "Ext__c":"x3","Name":"P"}`, "and", `3 insert  "Name":"T"}`, "1 wait"}},
		{"a parent's end after its child has left, even if the move waits", []triggerlog.Entry{
			entry(`1 UPDATE contact 1/` + c1 + ` name=>B`),
			withOld(entry(`2 UPDATE contact 1/`+c1+` accountid=>`+a2), `accountid=>`+a1),
			entry(`3 DELETE account 9/` + a1)}, []string{
			`1 update 003000000000001AAA "Id":"003000000000001AAA","Name":"B"}`, "2 wait"}},
		{"a parent's change and its child's in the order of the log", entries(`1 INSERT contact 2 name=>C, accountid=>`+a1, `2 UPDATE account 1 name=>B`), []string{
			`1 insert  "Name":"C","AccountId":"001000000000001AAA"}`, "1 wait"}},
		{"a unique value is given up before it is taken", []triggerlog.Entry{
			withOld(entry(`1 UPDATE account 1/`+a1+` code__c=>NULL`), `code__c=>K`),
			entry(`2 UPDATE account 2/` + a2 + ` code__c=>k`)}, []string{
			`1 update 001000000000001AAA "Id":"001000000000001AAA","Code__c":null}`, "1 wait"}},
		{"a delete before an insert with its unique value", []triggerlog.Entry{
			withOld(entry(`1 DELETE account 9/`+a2), `ext__c=>x3`),
			entry(`2 INSERT account 3 name=>N, ext__c=>x3`)}, []string{`1 delete 001000000000002AAA`, "1 wait"}},
		{"a delete before an insert that points to the same record", []triggerlog.Entry{
			withOld(entry(`1 DELETE contact 9/`+c1), `accountid=>`+a1),
			entry(`2 INSERT contact 2 name=>N, accountid=>` + a1)}, []string{`1 delete 003000000000001AAA`, "1 wait"}},
		{"siblings are free", entries(`1 INSERT contact 2 name=>C, accountid=>`+a1, `2 UPDATE contact 1/`+c1+` accountid=>`+a1), []string{
			`1 insert  "Name":"C","AccountId":"001000000000001AAA"}`, "and", `2 update 003000000000001AAA "Id":"003000000000001AAA","AccountId":"001000000000001AAA"}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, show(planOf(mapping.Dependency, tt.entries, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMerged(t *testing.T) {
	t.Parallel()
	failed := withState(entry(`1 INSERT account 5 name=>A, born=>2026-01-01`), triggerlog.Failed)
	for _, tt := range []struct {
		name             string
		entries, related []triggerlog.Entry
		want             []string
		rewritten        string
	}{
		{"updates of one record", entries(`1 UPDATE account 1 name=>B, phone=>1`, `2 UPDATE account 2 name=>C`, `3 UPDATE account 1 name=>D`), nil, []string{
			`3 update 001000000000001AAA "Id":"001000000000001AAA","Name":"D","Phone":"1"}`,
			`2 update 001000000000002AAA "Id":"001000000000002AAA","Name":"C"}`, "1 MERGED"},
			`UPDATE "name"=>"D", "phone"=>"1"`},
		{"insert and updates", entries(`1 INSERT task 1 name=>A`, `2 UPDATE task 1 name=>B`), nil, []string{
			`2 insert  "Name":"B"}`, "1 MERGED"}, `INSERT "name"=>"B"`},
		{"an update takes a failed insert along", entries(`4 UPDATE account 5 name=>B`), []triggerlog.Entry{failed, entry(`4 UPDATE account 5`)}, []string{
			`4 insert  "Name":"B","Born":"2026-01-01"}`}, `INSERT "born"=>"2026-01-01", "name"=>"B"`},
		{"one that can't be read fails alone", entries(`1 UPDATE account 1 name=>B`, `2 UPDATE account 1 born=>soon`, `3 UPDATE account 1 phone=>1`), nil, []string{
			`1 update 001000000000001AAA "Id":"001000000000001AAA","Name":"B"}`, "2 wait"}, ""},
		{"a link that came later waits for its parent", entries(`1 INSERT contact 2 name=>C`, `2 INSERT account 3 name=>P, ext__c=>x3`, `3 UPDATE contact 2 account__ext__c=>x3`), nil, []string{
			`2 upsert x3 "Ext__c":"x3","Name":"P"}`, "2 wait"}, ""},
		{"of records that need each other one goes without", entries(`1 INSERT account 3 name=>A, ext__c=>x3, account__ext__c=>x4`,
			`2 INSERT account 4 name=>B, ext__c=>x4, account__ext__c=>x3`), nil, []string{
			`1 upsert x3 "Ext__c":"x3","Name":"A"} later account__ext__c`, "1 wait"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := planOf(mapping.Merged, tt.entries, tt.related)
			if diff := cmp.Diff(tt.want, show(p)); diff != "" {
				t.Error(diff)
			}
			rewritten := ""
			for _, e := range p.Rewrites {
				rewritten += string(e.Action) + " " + *e.Values
			}
			if rewritten != tt.rewritten || (len(p.Retaken) > 0) != (tt.related != nil) {
				t.Errorf("rewritten %s, retaken %v", rewritten, p.Retaken)
			}
		})
	}
}

// TestParentsByRow: a lookup is filled with the sfid of the parent's row.
func TestParentsByRow(t *testing.T) {
	t.Parallel()
	task := table("Task", "", mapping.ReadWrite, "Name", "WhatId:id")
	task.Columns[2].Target, task.Columns[2].Field.ReferenceTo = "", []string{"Account", "Contact", "Case"}
	task.Mapping.Options.ResolveFrom = map[string]string{"whatid:Account": "acct", "WhatId:Contact": "pers"}
	lonely := table("Event", "", mapping.ReadWrite, "Name", "WhatId:id")
	lonely.Columns[2].Target, lonely.Columns[2].Field.ReferenceTo = "", []string{"Account", "Contact"}
	lonely.Mapping.Options.ResolveFrom = map[string]string{"WhatId": "what"}
	for _, tt := range []struct {
		name  string
		entry string
		want  []string
	}{
		{"insert", `1 INSERT contact 2 name=>C, accountid=>NULL, acct=>1`, []string{`1 insert  "Name":"C","AccountId":"` + a1 + `"}`}},
		{"an Id that is given stands", `1 INSERT contact 2 accountid=>` + a2 + `, acct=>1`, []string{`1 insert  "AccountId":"` + a2 + `"}`}},
		{"so does a relationship column", `1 INSERT contact 2 account__ext__c=>x2, acct=>1`, []string{`1 insert  "Account":{"Ext__c":"x2"}}`}},
		{"update", `1 UPDATE contact 1 acct=>2`, []string{`1 update ` + c1 + ` "Id":"` + c1 + `","AccountId":"` + a2 + `"}`}},
		{"update to none", `1 UPDATE contact 1 acct=>NULL`, []string{`1 update ` + c1 + ` "Id":"` + c1 + `","AccountId":null}`}},
		{"no sfid yet", `1 UPDATE contact 1 acct=>3`, []string{"1 wait"}},
		{"one of several objects", `1 INSERT task 1 acct=>NULL, pers=>1`, []string{`1 insert  "WhatId":"` + c1 + `"}`}},
		{"the other one", `1 INSERT task 1 acct=>1, pers=>NULL`, []string{`1 insert  "WhatId":"` + a1 + `"}`}},
		{"which of several is not said", `1 INSERT event 1 what=>1`, []string{`1 FAILED invalid_entry column what`}},
		{"points to itself", `1 INSERT account 3 name=>A, ext__c=>x3, par=>3`, []string{`1 upsert x3 "Ext__c":"x3","Name":"A"} later par`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := plan.Input{Entries: entries(tt.entry), Tables: tables(), MaxSets: 5, Rows: map[plan.Record]plan.Row{
				at("account", 1): {Sfid: a1}, at("account", 2): {Sfid: a2}, at("account", 3): {ExternalID: "x3"}, at("contact", 1): {Sfid: c1}}}
			in.Tables["task"], in.Tables["event"] = task, lonely
			if diff := cmp.Diff(tt.want, show(plan.Next(mapping.Dependency, in, plan.Hold(nil)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhoGoesWithoutItsParent: of rows that wait for each other the first that
// Salesforce lets name its parent later.
func TestWhoGoesWithoutItsParent(t *testing.T) {
	t.Parallel()
	in := plan.Input{Tables: tables(), MaxSets: 5, Rows: map[plan.Record]plan.Row{at("account", 3): {}, at("contact", 2): {}},
		Entries: entries(`1 INSERT contact 2 name=>C, acct=>3`, `2 INSERT account 3 name=>A, first=>2`)}
	account := table("Account", "", mapping.ReadWrite, "Name", "FirstId:id")
	account.Columns[2].Target, account.Columns[2].Field.Nillable = "Contact", true
	account.Mapping.Options.ResolveFrom = map[string]string{"FirstId": "first"}
	in.Tables["account"] = account
	want := []string{`2 insert  "Name":"A"} later first`, "1 wait"}
	if diff := cmp.Diff(want, show(plan.Next(mapping.Dependency, in, plan.Hold(nil)))); diff != "" {
		t.Error(diff)
	}
}
