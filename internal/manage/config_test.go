package manage_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
)

const accounts = `{"version": 1, "connection": {"api_version": "60.0", "features": {"poll_db_no_merge": true}}, "mappings": [
	{"object_name": "Account", "config": {"access": "read_write", "sf_notify_enabled": false, "sf_polling_seconds": 2,
	 "sf_max_daily_api_calls": 30000, "fields": {"Id": {}, "Name": {}, "SystemModstamp": {}, "IsDeleted": {}, "External_ID__c": {}},
	 "indexes": {"Id": {"unique": true}, "SystemModstamp": {"unique": false}, "External_ID__c": {"unique": true}},
	 "upsert_field": "External_ID__c"}}]}`

func TestImportAndExport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	dry, err := r.service.ImportConfig(t.Context(), admin(), "", strings.NewReader(accounts), true)
	if err != nil || len(dry.Statements) == 0 || r.tables("salesforce") != 0 {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	first, err := r.service.ImportConfig(t.Context(), admin(), "", strings.NewReader(accounts), false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]manage.ImportedMapping{{Object: "Account", Change: manage.Created}}, first.Mappings); diff != "" {
		t.Error(diff)
	}
	if m, err := r.service.Mapping(t.Context(), admin(), "", "ACCOUNT"); err != nil || m.Status.Stage != mapping.StageCreated {
		t.Errorf("mapping %+v, %v", m, err)
	}
	if c, err := r.service.Find(t.Context(), admin(), "shop"); err != nil || c.APIVersion != "60.0" {
		t.Errorf("API version %s, %v", c.APIVersion, err)
	}
	again, err := r.service.ImportConfig(t.Context(), admin(), "", strings.NewReader(accounts), false)
	if err != nil || again.Mappings[0].Change != manage.Unchanged || len(again.Statements) != 0 || len(again.NotApplied) != 0 {
		t.Errorf("second import: %+v, %v", again, err)
	}
	sameMappings(t, r, accounts)
}

// sameMappings holds the export's mappings against those of a file.
func sameMappings(t *testing.T, r *rig, file string) {
	t.Helper()
	text, err := r.service.ExportConfig(t.Context(), admin(), "")
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := errors.Join(json.Unmarshal([]byte(file), &want), json.Unmarshal(text, &got)); err != nil {
		t.Fatal(err)
	}
	for _, m := range got["mappings"].([]any) {
		delete(m.(map[string]any)["config"].(map[string]any), "applied_at")
	}
	if diff := cmp.Diff(want["mappings"], got["mappings"]); diff != "" {
		t.Errorf("mappings (-file +export):\n%s", diff)
	}
}

func TestImportIsAdditive(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	contacts := strings.NewReplacer(`"Account"`, `"contact"`).Replace(accounts)
	more := strings.Replace(accounts, `"Name": {}`, `"Name": {}, "Phone": {}`, 1)
	for _, file := range []string{accounts, contacts, more} {
		if err := r.importing(file); err != nil {
			t.Fatal(err)
		}
	}
	all, err := r.service.Mappings(t.Context(), admin(), "")
	if err != nil || len(all) != 2 || all[1].ObjectName != "Contact" {
		t.Fatalf("mappings %+v, %v", all, err)
	}
	if m := all[0]; m.Revision != 2 || len(m.Fields) != 6 || m.Status.Stage != mapping.StageCreated {
		t.Errorf("a field was added: %+v", m)
	}
}

func TestImportRefusesBadFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	r.sql(`CREATE SCHEMA salesforce; CREATE TABLE salesforce.contact (id int)`)
	r.control("POST", "permissions", `{"user": "integration.user@sandbox.example", "object": "Account", "field": "Phone", "access": {"hidden": true}}`)
	duplicate := strings.Replace(accounts, `"mappings": [`, `"mappings": [{"object_name": "account", "config": {"access": "read_only", "fields": {"Id": {}}}},`, 1)
	tests := []struct {
		name, file, want string
		kind             manage.Kind
	}{
		{"no JSON", `{"mappings": [`, "", manage.Invalid},
		{"empty", ``, "", manage.Invalid},
		{"another version", strings.Replace(accounts, `"version": 1`, `"version": 2`, 1), "version", manage.Invalid},
		{"an unknown object", strings.Replace(accounts, `"Account"`, `"Acount"`, 1), "Acount", manage.Invalid},
		{"an unknown field", strings.Replace(accounts, `"Name"`, `"Nome"`, 1), "Account.Nome", manage.Invalid},
		{"two faults at once", strings.Replace(accounts, `"Name": {}`, `"Nome": {}, "Fone": {}`, 1), "Account.Fone", manage.Invalid},
		{"a field that the user may not see", strings.Replace(accounts, `"Name"`, `"Phone"`, 1), "Account.Phone", manage.Invalid},
		{"an object twice", duplicate, "ccount", manage.Invalid},
		{"a table of somebody else's", strings.Replace(accounts, `"Account"`, `"Contact"`, 1), "did not make", manage.Conflict},
	}
	before := r.tables("salesforce")
	for _, tt := range tests {
		err := r.importing(tt.file)
		if kindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if all, err := r.service.Mappings(t.Context(), admin(), ""); err != nil || len(all) != 0 {
		t.Errorf("mappings after that: %v, %v", all, err)
	}
	if after := r.tables("salesforce"); after != before {
		t.Errorf("%d tables, then %d", before, after)
	}
}

// The file's API version is one that the org offers, or an old one that is left
// out.
func TestImportChecksTheVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := r.connect().APIVersion
	with := func(version string) string { return strings.Replace(accounts, "60.0", version, 1) }
	wantProblem(t, r.importing(with("99.0")), manage.Invalid, "does not offer API version 99.0")
	if all, err := r.service.Mappings(t.Context(), admin(), ""); err != nil || len(all) != 0 {
		t.Errorf("after a version that the org lacks: %d mappings, %v", len(all), err)
	}
	out, err := r.service.ImportConfig(t.Context(), admin(), "", strings.NewReader(with("20.0")), true)
	if err != nil || len(out.NotApplied) != 1 || out.NotApplied[0] != "connection.api_version" {
		t.Errorf("an old version: %+v, %v", out, err)
	}
	if err := r.importing(with("60.0")); err != nil {
		t.Fatal(err)
	}
	if c, err := r.service.Find(t.Context(), admin(), ""); err != nil || before == "60.0" || c.APIVersion != "60.0" {
		t.Errorf("before %s, then %s, %v", before, c.APIVersion, err)
	}
}
