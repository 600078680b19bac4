package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// A field's own conflict policy overrules the mapping's.
func TestConflictPolicyOfAField(t *testing.T) {
	t.Parallel()
	base, theirs := "A", "T"
	in := plan.Input{
		Tables: tables(), Entries: entries(`1 UPDATE account 1 name=>B, phone=>7`),
		Rows: map[plan.Record]plan.Row{at("account", 1): {Sfid: a1}},
		Bases: map[plan.Record][]outbox.Base{at("account", 1): {
			{Table: "account", RecordID: 1, Column: "name", Base: &base, Theirs: &theirs, Seen: true},
			{Table: "account", RecordID: 1, Column: "phone", Base: &base, Theirs: &theirs, Seen: true},
		}},
	}
	m := &in.Tables["account"].Mapping
	m.Policy, m.Options.Policies = mapping.SalesforceWins, map[string]mapping.Policy{"phone": mapping.PostgresWins}
	p := plan.Ordered(in, plan.Hold(nil))
	if diff := cmp.Diff([]string{`1 update 001000000000001AAA "Id":"001000000000001AAA","Phone":"7"}`}, show(p)); diff != "" {
		t.Error(diff)
	}
	got := map[string][2]string{}
	for _, c := range p.Conflicts {
		got[c.Column] = [2]string{c.Winner, c.Policy}
	}
	want := map[string][2]string{"name": {"salesforce", "salesforce"}, "phone": {"postgres", "postgres"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
