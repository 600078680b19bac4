package mapping_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	fields := []string{"Id", "Name", "AccountId"}
	tests := []struct {
		options mapping.Options
		want    []string
	}{
		{mapping.Options{}, nil},
		{mapping.Options{
			Filter: "Name != null", Deletes: mapping.KeepRow, ReconcileSeconds: -1, WhenReadOnly: mapping.HoldThem, Priority: -5,
			AssignmentRule: "01Q000000000001AAA", Policies: map[string]mapping.Policy{"name": mapping.PostgresWins},
			ResolveFrom: map[string]string{"accountid": "account_row"},
		}, nil},
		{mapping.Options{Filter: "Name = 'a' LIMIT 1"}, []string{"filter: no SOQL condition: at LIMIT"}},
		{mapping.Options{Deletes: "archive", WhenReadOnly: "drop"}, []string{`deletes: "archive" is not known`, `when_read_only: "drop" is not known`}},
		{mapping.Options{ReconcileSeconds: 5, Priority: 1001}, []string{"reconcile_seconds: a whole number from 60", "priority: a whole number from -1000 to 1000 is wanted, not 1001"}},
		{mapping.Options{AssignmentRule: "yes"}, []string{`assignment_rule: "yes" is not known`}},
		{mapping.Options{Policies: map[string]mapping.Policy{"Name": "mine", "Phone": mapping.LastWriter}},
			[]string{`policies.Name: "mine" is no conflict policy`, "policies.Phone: the field is not among"}},
		{mapping.Options{ResolveFrom: map[string]string{"OwnerId": "x"}}, []string{"resolve_from.OwnerId: the lookup is not among"}},
		{mapping.Options{ResolveFrom: map[string]string{"AccountId": "a b"}}, []string{`resolve_from.AccountId: "a b" is no name of a column`}},
		{mapping.Options{ResolveFrom: map[string]string{"AccountId": "name"}}, []string{"resolve_from.AccountId: name is a column of the mapping itself"}},
		{mapping.Options{ResolveFrom: map[string]string{"AccountId": "sfid"}}, []string{"sfid is a column of the mapping itself"}},
	}
	for _, tt := range tests {
		checkOptionErrors(t, tt.options.Check(fields), tt.want)
	}
}

func TestConnectionOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	checkOptionErrors(t, mapping.ConnectionOptions{}.Check(), nil)
	checkOptionErrors(t, mapping.ConnectionOptions{
		Creates: mapping.CreatesByJob, BulkWritesFrom: -1, ParallelWrites: 8, BrakeRows: 10, BrakePercent: 100,
	}.Check(), nil)
	checkOptionErrors(t, mapping.ConnectionOptions{
		Creates: "magic", BulkWritesFrom: -2, ParallelWrites: 33, BrakeRows: -1, BrakePercent: 101,
	}.Check(), []string{
		`creates: "magic" is not known`, "bulk_writes_from: a whole number from -1", "parallel_writes: a whole number from 0 to 32",
		"brake_rows: a whole number from 0", "brake_percent: a whole number from 0 to 100 is wanted, not 101",
	})
}

func checkOptionErrors(t *testing.T, err error, want []string) {
	t.Helper()
	errs, _ := errors.AsType[mapping.OptionErrors](err)
	if len(errs) != len(want) || (err != nil) != (len(want) > 0) {
		t.Fatalf("got %v, want %q", err, want)
	}
	for i, e := range errs {
		if !strings.Contains(e.Error(), want[i]) {
			t.Errorf("got %q, want %q", e, want[i])
		}
	}
}

func TestPolicyOfAField(t *testing.T) {
	t.Parallel()
	m := mapping.Mapping{Options: mapping.Options{Policies: map[string]mapping.Policy{
		"Name": mapping.SalesforceWins, "Account__Ext__c": mapping.PostgresWins,
	}}}
	for field, want := range map[string]mapping.Policy{
		"Name": mapping.SalesforceWins, "NAME": mapping.SalesforceWins, "Phone": mapping.LastWriter,
		"Account.Ext__c": mapping.PostgresWins, "account__ext__c": mapping.PostgresWins,
	} {
		if got := m.PolicyOf(field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	m.Policy = mapping.PostgresWins
	if got := m.PolicyOf("Phone"); got != mapping.PostgresWins {
		t.Errorf("the mapping's own: %s", got)
	}
}

func TestAPauseIsNoConfiguration(t *testing.T) {
	t.Parallel()
	a := mapping.Options{Filter: "A = 1", Policies: map[string]mapping.Policy{"Name": mapping.PostgresWins}}
	b := a.Clone()
	b.PauseReads, b.ResolveFrom = true, map[string]string{}
	if !a.Same(b) {
		t.Error("a pause makes another configuration")
	}
	b.Policies["Name"] = mapping.SalesforceWins
	if a.Same(b) || a.Policies["Name"] != mapping.PostgresWins {
		t.Error("a clone shares its policies")
	}
}

func TestOptionsAgainstTheOrg(t *testing.T) {
	t.Parallel()
	_, err := mapping.Resolve(mapping.Mapping{
		ObjectName: "Account", Access: mapping.ReadWrite, Fields: []string{"Id", "Name", "ParentId"},
		Options: mapping.Options{
			Filter: "Name =", Policies: map[string]mapping.Policy{"SystemModstamp": mapping.PostgresWins, "Type": mapping.PostgresWins},
			ResolveFrom: map[string]string{"Name": "parent_row", "ParentId": "parent_row", "ParentId:Account": "a", "ParentId:Case": "b"},
		},
	}, describe(org()))
	errs, _ := errors.AsType[mapping.ConfigErrors](err)
	var got []string
	for _, e := range errs {
		got = append(got, e.Error())
	}
	want := []string{
		"Account: option filter: no SOQL condition: it ends where a value is wanted",
		"Account: option policies.Type: the field is not among the mapping's fields",
		"Account.Name: resolve_from names it, but it is not a lookup; name a lookup such as AccountId",
		"Account.ParentId: resolve_from says that it points to Case, which it does not; name an object that the lookup may point to",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTypesByOption(t *testing.T) {
	t.Parallel()
	table, err := mapping.Resolve(mapping.Mapping{
		ObjectName: "Account", Access: mapping.ReadWrite, Fields: []string{"Id", "AnnualRevenue", "NumberOfEmployees"},
		Options: mapping.Options{ExactNumbers: true, TimestampTZ: true},
	}, describe(org()))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range table.Columns {
		got[c.Name] = c.Type.SQL()
	}
	want := map[string]string{
		"sfid": "text", "annualrevenue": "numeric", "numberofemployees": "integer", "systemmodstamp": "timestamp with time zone", "isdeleted": "boolean",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryOptionIsExplained(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		options any
		infos   []mapping.OptionInfo
	}{
		{mapping.Options{}, mapping.MappingOptionInfos()},
		{mapping.ConnectionOptions{}, mapping.ConnectionOptionInfos()},
	} {
		var want, got []string
		for i := range reflect.TypeOf(tt.options).NumField() {
			key, _, _ := strings.Cut(reflect.TypeOf(tt.options).Field(i).Tag.Get("json"), ",")
			if !strings.HasPrefix(key, "pause_") {
				want = append(want, key)
			}
		}
		for _, o := range tt.infos {
			key, _, _ := strings.Cut(o.Key, ".")
			got = append(got, key)
			if line := "| `" + o.Key + "` | " + o.Values + " | " + o.Default + " | "; !strings.Contains(string(docs), line) {
				t.Errorf("docs/configuration.md has no line %q", line)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-fields +explained):\n%s", tt.options, diff)
		}
	}
}
