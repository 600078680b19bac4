package manage_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
)

// withOurs is the file of accounts with a part connection.syncline.
func withOurs(part string) string {
	return strings.Replace(accounts, `"api_version": "60.0",`, `"api_version": "60.0", "syncline": `+part+`,`, 1)
}

func TestImportOfOptions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	file := withOurs(`{"options": {"parallel_writes": 2}, "policies": {"Account": "postgres"},
		"mappings": {"Account": {"filter": "Name != 'x'", "policies": {"Name": "salesforce"}}}}`)
	if err := r.importing(file); err != nil {
		t.Fatal(err)
	}
	want := mapping.Options{Filter: "Name != 'x'", Policies: map[string]mapping.Policy{"Name": mapping.SalesforceWins}}
	check := func(when string, policy mapping.Policy, want mapping.Options) {
		t.Helper()
		m, err := r.service.Mapping(t.Context(), admin(), "", "Account")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.Options); diff != "" || m.Policy != policy {
			t.Errorf("%s: policy %s, options (-want +got):\n%s", when, m.Policy, diff)
		}
	}
	check("imported", mapping.PostgresWins, want)
	c, err := r.service.Find(t.Context(), admin(), "")
	if err != nil || c.Options != (mapping.ConnectionOptions{ParallelWrites: 2}) {
		t.Errorf("connection %+v, %v", c.Options, err)
	}
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	check("a file that says nothing of options", mapping.PostgresWins, want)
	again, err := r.service.ImportConfig(t.Context(), admin(), "", strings.NewReader(withOurs(`{"options": {"parallel_writes": 3}}`)), false)
	if err != nil || again.Mappings[0].Change != manage.Updated || len(again.NotApplied) != 1 || again.NotApplied[0] != "connection.syncline.options" {
		t.Errorf("%+v, %v", again, err)
	}
	check("a file that has all at its default", mapping.LastWriter, mapping.Options{})
}

func TestImportRefusesBadOptions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	for part, want := range map[string]string{
		`{"mappings": {"Account": {"filter": "Name ="}}}`:                        "connection.syncline.mappings.Account.filter: no SOQL condition",
		`{"mappings": {"Account": {"resolve_from": {"Name": "own"}}}}`:           "resolve_from names it, but it is not a lookup",
		`{"mappings": {"Account": {"policies": {"Phone": "postgres"}}}}`:         "policies.Phone: the field is not among",
		`{"options": {"brake_percent": 101}}`:                                    "connection.syncline.options.brake_percent: a whole number from 0 to 100",
		`{"options": {"speed": 11}, "mappings": {"Account": {"deletes": "no"}}}`: "connection.syncline.options.speed: there is no such option",
	} {
		if err := r.importing(withOurs(part)); kindOf(err) != manage.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", part, err)
		}
	}
	if all, err := r.service.Mappings(t.Context(), admin(), ""); err != nil || len(all) != 0 {
		t.Errorf("mappings after that: %v, %v", all, err)
	}
}
