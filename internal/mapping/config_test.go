package mapping_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/mapping"
)

var exportedAt = time.Date(2026, 11, 22, 14, 35, 0, 123456000, time.UTC)

func parseFile(t *testing.T, name string) *mapping.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "config", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := mapping.ParseConfig(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseConfigOfEveryAge(t *testing.T) {
	t.Parallel()
	unique, plain := mapping.Index{Unique: true}, mapping.Index{}
	for name, want := range map[string]*mapping.File{
		"2015.json": {
			Connection: mapping.FileConnection{Algorithm: mapping.Ordered},
			Entries: []mapping.Entry{{
				ObjectName: "Contact", Access: mapping.ReadWrite, Notify: true, PollSeconds: 600, MaxDailyCalls: 3000, Policy: mapping.LastWriter,
				Fields: []string{"CreatedDate", "Id", "IsDeleted", "LastName", "SystemModstamp", "external_id__c"},
			}},
		},
		"2017.json": {
			Connection: mapping.FileConnection{Present: true, Algorithm: mapping.Ordered, ExportedAt: time.Date(2017, 8, 4, 13, 25, 57, 541610000, time.UTC)},
			Entries: []mapping.Entry{{
				ObjectName: "i_m__To_Request_BOM__c", Access: mapping.ReadOnly, PollSeconds: 600, MaxDailyCalls: 30000, Policy: mapping.LastWriter,
				Fields:    []string{"Id", "LastModifiedDate", "Name", "i_m__To_Request_BOM__r__i_m__ExternalId__c"},
				Indexes:   map[string]mapping.Index{"Id": unique, "LastModifiedDate": plain},
				AppliedAt: time.Date(2017, 8, 4, 13, 25, 57, 541000000, time.UTC),
			}},
		},
		"2020.json": {
			Connection: mapping.FileConnection{
				Present: true, AppName: "my-app", Name: "my connection", OrganizationID: "00D000000000001EAA", APIVersion: "49.0",
				ExportedAt: time.Date(2020, 11, 3, 9, 59, 5, 546328000, time.UTC), Algorithm: mapping.Ordered,
				Features: map[string]bool{"poll_db_no_merge": true, "poll_external_ids": false, "rest_count_only": false, "disable_bulk_writes": false},
			},
			Entries: []mapping.Entry{{
				ObjectName: "Account", Access: mapping.ReadWrite, PollSeconds: 600, MaxDailyCalls: 30000, Policy: mapping.LastWriter, UpsertField: "PG_ID__c",
				Fields:    []string{"CreatedDate", "Id", "IsDeleted", "Name", "PG_ID__c", "Parent__PG_ID__c", "SystemModstamp"},
				Indexes:   map[string]mapping.Index{"Id": unique, "PG_ID__c": unique, "SystemModstamp": plain},
				AppliedAt: time.Date(2020, 11, 3, 9, 59, 5, 546328000, time.UTC),
			}, {
				ObjectName: "User", Access: mapping.ReadOnly, Notify: true, PollSeconds: 3600, MaxDailyCalls: 30000, Policy: mapping.LastWriter,
				Fields:  []string{"Id", "SystemModstamp", "Username"},
				Indexes: map[string]mapping.Index{"Id": unique, "SystemModstamp": plain},
			}},
		},
	} {
		if diff := cmp.Diff(want, parseFile(t, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseConfigTolerates(t *testing.T) {
	t.Parallel()
	f, err := mapping.ParseConfig(strings.NewReader("\xef\xbb\xbf" + `{"connection": {"api_version": 49.0, "features": {"poll_db_no_merge": "false", "new_one": true}, "plan": "x"},
		"mappings": [{"object_name": "Account", "state": "OK", "config": {"access": "read_only", "fields": {"Name": null}, "revision": 3,
		"sf_notify_enabled": "true", "indexes": {}, "upsert_field": null, "sf_max_daily_api_calls": 3e4, "extra": 1}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Connection.Algorithm != mapping.Merged || f.Connection.APIVersion != "49.0" || !f.Connection.Features["new_one"] {
		t.Errorf("connection %+v", f.Connection)
	}
	e := f.Entry("ACCOUNT")
	if e == nil || !e.Notify || e.Indexes != nil || e.PollSeconds != 600 || !slices.Equal(e.Fields, []string{"Id", "Name"}) {
		t.Errorf("entry %+v", e)
	}
	want := []string{"connection.plan", "mappings[0].config.extra", "mappings[0].state"}
	if diff := cmp.Diff(want, f.Ignored); diff != "" {
		t.Error(diff)
	}
	id := uuid.New()
	m := f.Mappings(id)
	if len(m) != 1 || m[0].ConnectionID != id || m[0].ObjectName != "Account" || m[0].ID != uuid.Nil {
		t.Errorf("mappings %+v", m)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	t.Parallel()
	one := func(config string) string {
		return `{"version":1,"mappings":[{"object_name":"Account","config":` + config + `}]}`
	}
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", ``, []string{"the file is not valid JSON: it ends too early"}},
		{"cut", `{"mappings": [`, []string{"the file is not valid JSON: it ends too early"}},
		{"YAML", "mappings:\n- x", []string{"the file is not valid JSON: invalid character 'm'"}},
		{"two files", `{}{}`, []string{"the file is not valid JSON"}},
		{"key twice", `{"version":1,"version":1}`, []string{"duplicate object member name"}},
		{"array", `[]`, []string{"the file must hold a JSON object with the key mappings, not an array"}},
		{"other JSON", `{"name":"syncline"}`, []string{"mappings: the file has no mappings; is it an export"}},
		{"version", `{"version":2,"mappings":[]}`, []string{"version: version 2 is not known; this server reads version 1"}},
		{"version text", `{"version":"new","mappings":[]}`, []string{`version: a whole number is wanted, not the string "new"`}},
		{"mappings", `{"mappings":{}}`, []string{"mappings: an array is wanted, not an object"}},
		{"mapping", `{"mappings":["Account"]}`, []string{`mappings[0]: an object is wanted, not the string "Account"`}},
		{"no name, no config", `{"mappings":[{}]}`, []string{"mappings[0].object_name: missing", "mappings[0].config: missing"}},
		{"duplicate", `{"mappings":[{"object_name":"Account","config":{"access":"read_only","fields":{}}},{"object_name":"account","config":{"access":"read_only","fields":{}}}]}`,
			[]string{"mappings[1].object_name: Account is mapped twice in this file"}},
		{"hostile names", `{"mappings":[{"object_name":"x\"; drop table y--","config":{"access":"read_only","fields":{"a' OR 1=1":{}, "Name":{}, "NAME":{}}}}]}`, []string{
			`mappings[0].object_name: "x\"; drop table y--" is no API name`,
			`mappings[0].config.fields.Name: the field is listed twice, as NAME and Name`,
			`mappings[0].config.fields.a' OR 1=1: "a' OR 1=1" is no API name`,
		}},
		{"access", one(`{"access":"rw","fields":{}}`), []string{`mappings[0].config.access: "rw" is no access; use read_only or read_write`}},
		{"no access, no fields", one(`{}`), []string{"mappings[0].config.access: missing", "mappings[0].config.fields: missing"}},
		{"kinds", one(`{"access":1,"fields":[],"indexes":[],"sf_notify_enabled":"yes","sf_polling_seconds":"x","sf_max_daily_api_calls":true,"upsert_field":5,"applied_at":"now"}`), []string{
			"mappings[0].config.access: a string is wanted, not the number 1",
			`mappings[0].config.sf_notify_enabled: true or false is wanted, not the string "yes"`,
			`mappings[0].config.sf_polling_seconds: a whole number is wanted, not the string "x"`,
			"mappings[0].config.sf_max_daily_api_calls: a whole number is wanted, not true",
			"mappings[0].config.fields: an object is wanted, not an array",
			"mappings[0].config.indexes: an object is wanted, not an array",
			"mappings[0].config.upsert_field: a string is wanted, not the number 5",
			`mappings[0].config.applied_at: "now" is no time`,
		}},
		{"ranges", one(`{"access":"read_only","fields":{},"sf_polling_seconds":0,"sf_max_daily_api_calls":1.5}`), []string{
			"mappings[0].config.sf_polling_seconds: a whole number from 1 to 86400 is wanted, not 0",
			"mappings[0].config.sf_max_daily_api_calls: a whole number from 0 to 2147483647 is wanted, not 1.5",
		}},
		{"not mapped", one(`{"access":"read_only","fields":{"Id":{}},"indexes":{"Nope":{"unique":true}},"upsert_field":"Nope"}`), []string{
			"mappings[0].config.indexes.Nope: the field is not among the mapping's fields",
			"mappings[0].config.upsert_field: Nope is not among the mapping's fields",
		}},
		{"connection", `{"connection":{"api_version":"new","exported_at":"x","features":{"a":3},"syncline":{"algorithm":"fast","policies":{"Lead":"salesforce","Case":"me"}}},"mappings":[]}`, []string{
			`connection.api_version: "new" is no API version such as 68.0`,
			`connection.exported_at: "x" is no time`,
			"connection.features.a: true or false is wanted, not the number 3",
			`connection.syncline.algorithm: "fast" is no write algorithm`,
			`connection.syncline.policies.Case: "me" is no conflict policy`,
			"connection.syncline.policies.case: the file has no mapping of this object",
			"connection.syncline.policies.lead: the file has no mapping of this object",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.ParseConfig(strings.NewReader(tt.in))
			var list mapping.PathErrors
			if !errors.As(err, &list) {
				t.Fatalf("got %v, want PathErrors", err)
			}
			if len(list) != len(tt.want) {
				t.Fatalf("got %d errors, want %d:\n%v", len(list), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.Contains(list[i].Error(), want) {
					t.Errorf("error %d: %q lacks %q", i, list[i].Error(), want)
				}
			}
		})
	}
	if _, err := mapping.ParseConfig(strings.NewReader(strings.Repeat(" ", 17<<20))); err == nil || !strings.Contains(err.Error(), "larger than 16 MB") {
		t.Errorf("got %v", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	f := parseFile(t, "2020.json")
	conn := mapping.Connection{
		AppName: "my-app", Name: "my connection", APIVersion: "49.0", Algorithm: mapping.Ordered, Features: f.Connection.Features,
		Org: mapping.Org{OrganizationID: "00D000000000001EAA"},
	}
	got := mapping.Export(conn, f.Mappings(uuid.New()), exportedAt)
	golden := filepath.Join("testdata", "config", "exported.json")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestExportDefaults(t *testing.T) {
	t.Parallel()
	got := string(mapping.Export(mapping.Connection{Algorithm: mapping.Dependency}, nil, exportedAt))
	for _, want := range []string{`"poll_db_no_merge": true`, `"algorithm": "dependency"`, `"mappings": []`, `"exported_at": "2026-11-22T14:35:00.123456+00:00"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if got := string(mapping.Export(mapping.Connection{}, nil, exportedAt)); strings.Contains(got, "syncline") {
		t.Errorf("%s: nothing of ours belongs into a default export", got)
	}
}

// configuration draws a connection and its mappings.
func configuration(t *rapid.T) (mapping.Connection, []mapping.Mapping) {
	name := rapid.StringMatching(`[A-Z][A-Za-z0-9]{0,8}(__c)?`)
	fold := strings.ToLower
	conn := mapping.Connection{
		AppName: rapid.StringMatching(`[a-z-]{0,8}`).Draw(t, "app"), Name: rapid.String().Draw(t, "name"), APIVersion: "68.0",
		Algorithm: rapid.SampledFrom([]mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency}).Draw(t, "algorithm"),
		Features:  rapid.MapOf(rapid.StringMatching(`f_[a-z]{1,5}`), rapid.Bool()).Draw(t, "features"),
	}
	var ms []mapping.Mapping
	for _, object := range rapid.SliceOfNDistinct(name, 0, 5, fold).Draw(t, "objects") {
		fields := rapid.SliceOfNDistinct(name, 0, 8, fold).Filter(func(f []string) bool {
			return !slices.ContainsFunc(f, func(n string) bool { return strings.EqualFold(n, "Id") })
		}).Draw(t, "fields")
		fields = append(fields, "Id")
		slices.Sort(fields)
		m := mapping.Mapping{
			ObjectName: object, Fields: fields,
			Access:      rapid.SampledFrom([]mapping.Access{mapping.ReadOnly, mapping.ReadWrite}).Draw(t, "access"),
			PollSeconds: rapid.IntRange(1, 3600).Draw(t, "poll"), Notify: rapid.Bool().Draw(t, "notify"), MaxDailyCalls: rapid.IntRange(0, 1<<30).Draw(t, "calls"),
			Policy:      rapid.SampledFrom([]mapping.Policy{mapping.LastWriter, mapping.SalesforceWins, mapping.PostgresWins}).Draw(t, "policy"),
			UpsertField: rapid.SampledFrom(append([]string{""}, fields...)).Draw(t, "upsert"),
		}
		for _, f := range fields {
			if rapid.Bool().Draw(t, "indexed") {
				if m.Indexes == nil {
					m.Indexes = map[string]mapping.Index{}
				}
				m.Indexes[f] = mapping.Index{Unique: rapid.Bool().Draw(t, "unique")}
			}
		}
		ms = append(ms, m)
	}
	slices.SortFunc(ms, func(a, b mapping.Mapping) int {
		return strings.Compare(strings.ToLower(a.ObjectName), strings.ToLower(b.ObjectName))
	})
	return conn, ms
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		conn, ms := configuration(t)
		out := mapping.Export(conn, ms, exportedAt)
		f, err := mapping.ParseConfig(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		got := f.Mappings(uuid.Nil)
		if len(ms) > 0 && !cmp.Equal(ms, got) {
			t.Fatal(cmp.Diff(ms, got))
		}
		if f.Connection.Algorithm != conn.Algorithm || f.Connection.AppName != conn.AppName || f.Connection.Name != conn.Name || len(f.Ignored) != 0 {
			t.Fatalf("connection %+v, ignored %v", f.Connection, f.Ignored)
		}
		conn.Features = f.Connection.Features
		if again := mapping.Export(conn, got, exportedAt); !bytes.Equal(again, out) {
			t.Fatalf("a second export differs: %s", cmp.Diff(string(out), string(again)))
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	for _, name := range []string{"2015.json", "2017.json", "2020.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", "config", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"mappings":[{"object_name":"A","config":{"access":"read_only","fields":{"Id":{}}}}],"connection":{"syncline":{"policies":{"a":"salesforce"}}}}`))
	f.Add([]byte(ownFile(ownOptions)))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := mapping.ParseConfig(bytes.NewReader(data))
		if err != nil {
			var list mapping.PathErrors
			if !errors.As(err, &list) || len(list) == 0 || list.Error() == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		conn := mapping.Connection{Algorithm: file.Connection.Algorithm, Features: file.Connection.Features, APIVersion: file.Connection.APIVersion}
		out := mapping.Export(conn, file.Mappings(uuid.Nil), exportedAt)
		again, err := mapping.ParseConfig(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("the export is refused: %v\n%s", err, out)
		}
		if a, b := fmt.Sprint(file.Mappings(uuid.Nil)), fmt.Sprint(again.Mappings(uuid.Nil)); len(file.Entries) == 1 && a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
