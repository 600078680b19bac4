package mapping_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
)

// ownFile is a file of one mapping with the given part connection.syncline.
func ownFile(part string) string {
	return `{"version": 1, "connection": {"syncline": ` + part + `}, "mappings": [{"object_name": "Contact", "config": {
		"access": "read_write", "fields": {"Id": {}, "Name": {}, "AccountId": {}}}}]}`
}

const ownOptions = `{
	"algorithm": "dependency",
	"options": {"creates": "job", "bulk_writes_from": "5000", "ping_every": true, "brake_percent": 10},
	"policies": {"contact": "salesforce"},
	"mappings": {"CONTACT": {
		"filter": "Name != 'x' AND (AccountId != null)", "deletes": "keep", "reconcile_seconds": -1, "exact_numbers": "true",
		"policies": {"name": "postgres"}, "resolve_from": {"AccountId": "account_row"}, "when_read_only": "send", "priority": -3
	}}}`

func TestOptionsOfAFile(t *testing.T) {
	t.Parallel()
	f, err := mapping.ParseConfig(strings.NewReader(ownFile(ownOptions)))
	if err != nil {
		t.Fatal(err)
	}
	wantConnection := mapping.ConnectionOptions{Creates: mapping.CreatesByJob, BulkWritesFrom: 5000, PingEvery: true, BrakePercent: 10}
	want := mapping.Options{
		Filter: "Name != 'x' AND (AccountId != null)", Deletes: mapping.KeepRow, ReconcileSeconds: -1, ExactNumbers: true, Priority: -3,
		Policies: map[string]mapping.Policy{"name": mapping.PostgresWins}, ResolveFrom: map[string]string{"AccountId": "account_row"},
	}
	if diff := cmp.Diff(wantConnection, f.Connection.Options); diff != "" || !f.Connection.Ours {
		t.Errorf("connection: %s", diff)
	}
	if diff := cmp.Diff(want, f.Entries[0].Options); diff != "" {
		t.Errorf("mapping: %s", diff)
	}
	if len(f.Ignored) != 0 {
		t.Errorf("ignored: %q", f.Ignored)
	}
	conn := mapping.Connection{Algorithm: f.Connection.Algorithm, Options: f.Connection.Options}
	conn.Options.PauseReads = true
	mappings := f.Mappings(conn.ID)
	mappings[0].Options.PauseWrites = true
	text := mapping.Export(conn, mappings, exportedAt)
	again, err := mapping.ParseConfig(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Entries, again.Entries); diff != "" {
		t.Errorf("exported and read again: %s", diff)
	}
	if diff := cmp.Diff(f.Connection.Options, again.Connection.Options); diff != "" {
		t.Errorf("exported and read again: %s", diff)
	}
	wantText := `        "syncline": {
            "algorithm": "dependency",
            "mappings": {
                "Contact": {
                    "deletes": "keep",
                    "exact_numbers": true,
                    "filter": "Name != 'x' AND (AccountId != null)",
                    "policies": {
                        "name": "postgres"
                    },
                    "priority": -3,
                    "reconcile_seconds": -1,
                    "resolve_from": {
                        "AccountId": "account_row"
                    }
                }
            },
            "options": {
                "brake_percent": 10,
                "bulk_writes_from": 5000,
                "creates": "job",
                "ping_every": true
            },
            "policies": {
                "Contact": "salesforce"
            }
        }`
	if !strings.Contains(string(text), wantText) {
		t.Errorf("exported:\n%s", text)
	}
}

func TestDefaultsAreNotExported(t *testing.T) {
	t.Parallel()
	conn := mapping.Connection{Algorithm: mapping.Ordered, Options: mapping.ConnectionOptions{PauseReads: true}}
	text := mapping.Export(conn, []mapping.Mapping{{ObjectName: "Contact", Options: mapping.Options{PauseWrites: true, Policies: map[string]mapping.Policy{}}}}, exportedAt)
	if strings.Contains(string(text), "syncline") || strings.Contains(string(text), "pause") {
		t.Errorf("exported:\n%s", text)
	}
}

func TestOptionsThatAFileMayNotHave(t *testing.T) {
	t.Parallel()
	const at = "connection.syncline."
	tests := []struct{ part, want string }{
		{`{"options": 1}`, at + "options: an object is wanted, not the number 1"},
		{`{"options": {"create": "job"}}`, at + "options.create: there is no such option; there are brake_percent, brake_rows, bulk_writes_from, creates"},
		{`{"options": {"creates": "magic"}}`, at + `options.creates: "magic" is not known; use call or job`},
		{`{"options": {"parallel_writes": 1.5}}`, at + "options.parallel_writes: a whole number"},
		{`{"options": {"parallel_writes": 100}}`, at + "options.parallel_writes: a whole number from 0 to 32 is wanted, not 100"},
		{`{"options": {"ping_every": "yes"}}`, at + `options.ping_every: true or false is wanted, not the string "yes"`},
		{`{"options": {"pause_reads": true}}`, at + "options.pause_reads: a pause is no part of the configuration"},
		{`{"mappings": []}`, at + "mappings: an object is wanted, not an array"},
		{`{"mappings": {"Contact": true}}`, at + "mappings.Contact: an object is wanted, not true"},
		{`{"mappings": {"Lead": {}}}`, at + "mappings.Lead: the file has no mapping of this object"},
		{`{"mappings": {"Contact": {"fliter": "A = 1"}}}`, at + "mappings.Contact.fliter: there is no such option; there are allow_duplicates, archived, assignment_rule"},
		{`{"mappings": {"Contact": {"filter": "Name = 'a' LIMIT 5"}}}`, at + "mappings.Contact.filter: no SOQL condition: at LIMIT (character 12)"},
		{`{"mappings": {"Contact": {"filter": 5}}}`, at + "mappings.Contact.filter: a string is wanted, not the number 5"},
		{`{"mappings": {"Contact": {"deletes": "archive"}}}`, at + `mappings.Contact.deletes: "archive" is not known; use remove or keep`},
		{`{"mappings": {"Contact": {"reconcile_seconds": 10}}}`, at + "mappings.Contact.reconcile_seconds: a whole number from 60"},
		{`{"mappings": {"Contact": {"policies": {"Name": "mine"}}}}`, at + `mappings.Contact.policies.Name: "mine" is no conflict policy`},
		{`{"mappings": {"Contact": {"policies": {"Phone": "postgres"}}}}`, at + "mappings.Contact.policies.Phone: the field is not among the mapping's fields"},
		{`{"mappings": {"Contact": {"policies": "postgres"}}}`, at + `mappings.Contact.policies: an object is wanted, not the string "postgres"`},
		{`{"mappings": {"Contact": {"resolve_from": {"AccountId": "x; DROP TABLE y"}}}}`, at + `mappings.Contact.resolve_from.AccountId: "x; DROP TABLE y" is no name of a column`},
	}
	for _, tt := range tests {
		_, err := mapping.ParseConfig(strings.NewReader(ownFile(tt.part)))
		errs, _ := errors.AsType[mapping.PathErrors](err)
		if len(errs) == 0 || !strings.HasPrefix(errs[0].Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.part, err, tt.want)
		}
	}
}

func TestPatchesOfOptions(t *testing.T) {
	t.Parallel()
	fields := []string{"Id", "Name", "Phone"}
	before := mapping.Options{
		Filter: "Name != null", Priority: 5, PauseReads: true, Policies: map[string]mapping.Policy{"Name": mapping.PostgresWins, "Phone": mapping.SalesforceWins},
	}
	after, err := before.Patched(map[string]any{
		"filter": nil, "priority": "7", "deletes": "keep", "policies": map[string]any{"name": "salesforce", "PHONE": nil},
	}, fields)
	want := mapping.Options{
		Priority: 7, Deletes: mapping.KeepRow, PauseReads: true, Policies: map[string]mapping.Policy{"Name": mapping.SalesforceWins},
	}
	if diff := cmp.Diff(want, after); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if len(before.Policies) != 2 || before.Policies["Name"] != mapping.PostgresWins {
		t.Errorf("the options before were changed: %+v", before)
	}
	if after, err = before.Patched(map[string]any{"policies": nil}, fields); err != nil || after.Policies != nil {
		t.Errorf("%+v, %v", after, err)
	}
	for want, patch := range map[string]map[string]any{
		"fliter: there is no such option":       {"fliter": "x"},
		"priority: a whole number is wanted":    {"priority": "high"},
		"policies.Fax: the field is not among":  {"policies": map[string]any{"Fax": "postgres"}},
		"pause_writes: a pause is no part":      {"pause_writes": true},
		"policies: an object is wanted":         {"policies": "postgres"},
		"filter: no SOQL condition: at LIMIT":   {"filter": "Name = 'x' LIMIT 1"},
		"proof_seconds: a whole number from 60": {"proof_seconds": 1},
	} {
		_, err := before.Patched(patch, fields)
		errs, _ := errors.AsType[mapping.OptionErrors](err)
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) {
			t.Errorf("%v: %v, want %s", patch, err, want)
		}
	}
	connection, err := mapping.ConnectionOptions{ParallelWrites: 4, PauseWrites: true}.Patched(map[string]any{"parallel_writes": "", "creates": "job"})
	if err == nil {
		t.Errorf("an empty number is taken: %+v", connection)
	}
	connection, err = mapping.ConnectionOptions{ParallelWrites: 4, PauseWrites: true}.Patched(map[string]any{"parallel_writes": nil, "creates": "job"})
	if want := (mapping.ConnectionOptions{Creates: mapping.CreatesByJob, PauseWrites: true}); connection != want || err != nil {
		t.Errorf("%+v, %v", connection, err)
	}
}
