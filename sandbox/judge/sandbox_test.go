package judge_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/judge"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// TestSandboxAgainstTables fills tables from the dump of a seeded org, with the
// conversions of Postgres, and finds both sides equal; then one record moves.
func TestSandboxAgainstTables(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, body := range []string{`{"object":"Account","rows":250,"seed":1}`, `{"object":"Contact","rows":150,"seed":2}`, `{"object":"Project__c","rows":40,"seed":3}`} {
		control(t, s, "seed", body)
	}
	catalog := schema.Standard(nil)
	if err := schema.Demo(catalog); err != nil {
		t.Fatal(err)
	}
	org := judge.Control{URL: s.URL()}
	dsn := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA salesforce; SET timezone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	var mappings []string
	for object, relationship := range map[string]string{"Account": "Parent__External_ID__c", "Contact": "Account__External_ID__c", "Project__c": "Account__r__External_ID__c"} {
		o, _ := catalog.Object(object)
		mappings = append(mappings, fill(t, conn, org, o, relationship))
	}
	in := judge.Input{Database: dsn, Schema: "salesforce", Dump: org.Dump}
	judged := func() *judge.Report {
		t.Helper()
		writes, err := org.Writes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.Config = strings.NewReader(`{"version":1,"mappings":[` + strings.Join(mappings, ",") + `]}`)
		in.Writes = writes
		r, err := judge.Judge(t.Context(), in)
		if err = errors.Join(err, writes.Close()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := judged(); !r.Equal() || r.Mappings[0].Records == 0 {
		text, _ := json.MarshalIndent(r, "", " ")
		t.Fatalf("the sides differ: %.3000s", text)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE salesforce.contact SET account__external_id__c = 'other' WHERE id = 1; DELETE FROM salesforce.account WHERE id = 5"); err != nil {
		t.Fatal(err)
	}
	if r := judged(); r.Differences != 2 {
		t.Errorf("%d differences, want 2: %s", r.Differences, verdict(r))
	}
}

func control(t *testing.T, s *sandbox.Server, endpoint, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.ControlURL(endpoint), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", endpoint, body, res.Status)
	}
}

// sqlType is the type of a field's column.
func sqlType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeBoolean:
		return "boolean"
	case schema.TypeInt:
		return "integer"
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent:
		return "double precision"
	case schema.TypeDate:
		return "date"
	case schema.TypeDateTime:
		return "timestamp"
	case schema.TypeReference, schema.TypeID:
		return "varchar(18)"
	case schema.TypeMultiPicklist:
		return "varchar(4099)"
	}
	return "text"
}

// fill makes the table of an object from its dump and returns its mapping.
func fill(t *testing.T, conn *pgx.Conn, org judge.Control, o *schema.Object, relationship string) string {
	t.Helper()
	table := pgx.Identifier{"salesforce", strings.ToLower(o.Name)}.Sanitize()
	var columns, names, values, mapped []string
	for _, f := range o.Fields {
		if f.Type.Compound() || f.Type == schema.TypeID {
			continue
		}
		name := pgx.Identifier{strings.ToLower(f.Name)}.Sanitize()
		columns, names = append(columns, name+" "+sqlType(f)), append(names, name)
		values = append(values, "(j->'fields'->>'"+f.Name+"')::"+sqlType(f))
		mapped = append(mapped, `"`+f.Name+`":{}`)
	}
	hop, external, custom := strings.Cut(relationship, "__r__")
	if custom {
		hop += "__c"
	} else {
		hop, external, _ = strings.Cut(relationship, "__")
		hop += "Id"
	}
	column := pgx.Identifier{strings.ToLower(relationship)}.Sanitize()
	columns, mapped = append(columns, column+" text"), append(mapped, `"`+relationship+`":{}`)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec("CREATE TABLE " + table + " (" + strings.Join(columns, ", ") + ", sfid varchar(18), id serial PRIMARY KEY)")
	for _, line := range dumpLines(t, org, o.Name) {
		exec("INSERT INTO "+table+" ("+strings.Join(names, ", ")+", sfid) SELECT "+strings.Join(values, ", ")+", j->>'id' FROM (SELECT $1::text::json AS j) d", line)
	}
	parents := map[string]string{}
	for _, line := range dumpLines(t, org, "Account") {
		var rec struct {
			ID     string
			Fields map[string]any
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatal(err)
		}
		if v, ok := rec.Fields[external].(string); ok {
			parents[rec.ID] = v
		}
	}
	all, err := json.Marshal(parents)
	if err != nil {
		t.Fatal(err)
	}
	exec("UPDATE "+table+" SET "+column+" = $1::text::json->>"+pgx.Identifier{strings.ToLower(hop)}.Sanitize(), string(all))
	return `{"object_name":"` + o.Name + `","config":{"upsert_field":"External_ID__c","fields":{"Id":{},` + strings.Join(mapped, ",") + `}}}`
}

func dumpLines(t *testing.T, org judge.Control, object string) []string {
	t.Helper()
	body, err := org.Dump(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var lines []string
	scan := bufio.NewScanner(body)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		lines = append(lines, scan.Text())
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
