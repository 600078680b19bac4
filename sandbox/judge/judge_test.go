package judge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/sandbox/judge"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const config = `{"version": 1, "mappings": [
 {"object_name": "Account", "config": {"access": "read_write", "upsert_field": "Ext__c",
  "fields": {"Id": {}, "Ext__c": {}, "Name": {}, "Score__c": {}, "Budget__c": {}, "Active__c": {}, "Since__c": {}, "SystemModstamp": {},
             "Open__c": {}, "Tags__c": {}, "OwnerId": {}, "NumberOfEmployees": {}},
  "indexes": {"Id": {"unique": true}, "Ext__c": {"unique": true}}}},
 {"object_name": "Contact", "config": {"access": "read_only",
  "fields": {"Id": {}, "LastName": {}, "AccountId": {}, "Account__Ext__c": {}}}}]}`

const tables = `
CREATE SCHEMA salesforce;
CREATE TABLE salesforce.account (name varchar(255), ext__c varchar(64), score__c double precision, budget__c numeric(16,2), active__c boolean,
  since__c date, systemmodstamp timestamp, open__c time, tags__c varchar(4099), ownerid varchar(18), numberofemployees integer,
  sfid varchar(18), id serial PRIMARY KEY, _hc_lastop varchar(32), _hc_err text);
CREATE TABLE salesforce.contact (lastname varchar(80), accountid varchar(18), account__ext__c varchar(64),
  sfid varchar(18), id serial PRIMARY KEY, _hc_lastop varchar(32), _hc_err text);
CREATE TABLE salesforce._trigger_log (id serial PRIMARY KEY, state varchar(8), table_name varchar(128), record_id integer, sfid varchar(18), sf_message text);
CREATE TABLE salesforce._trigger_log_archive (LIKE salesforce._trigger_log);`

// state is the org's side: JSON lines by object.
type state map[string][]string

func (s state) dump(_ context.Context, object string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(strings.Join(s[object], "\n"))), nil
}

// account is a line of the dump; fields override those of an ordinary record.
func account(id string, fields ...string) string {
	all := map[string]string{"Id": quoted(id), "Ext__c": `"x` + id[14:15] + `"`, "Name": `"Acme"`, "Score__c": "1.5", "Budget__c": "3.5E8",
		"Active__c": "true", "Since__c": `"2026-11-22"`, "SystemModstamp": `"2026-11-22T14:35:00.000+0000"`, "Open__c": `"14:35:00.000Z"`,
		"Tags__c": `"b;a"`, "OwnerId": `"005000000000001AAA"`, "NumberOfEmployees": "7", "BillingAddress": `{"city":"Oslo"}`}
	return record("Account", id, all, fields)
}

func contact(id string, fields ...string) string {
	return record("Contact", id, map[string]string{"Id": quoted(id), "LastName": `"Young"`, "AccountId": "null"}, fields)
}

func record(object, id string, all map[string]string, fields []string) string {
	deleted := "false"
	for _, f := range fields {
		if name, v, ok := strings.Cut(f, "="); ok {
			all[name] = v
		} else {
			deleted = "true"
		}
	}
	var parts []string
	for name, v := range all {
		parts = append(parts, quoted(name)+":"+v)
	}
	return `{"object":"` + object + `","id":"` + id + `","deleted":` + deleted + `,"fields":{` + strings.Join(parts, ",") + `}}`
}

func quoted(s string) string { return `"` + s + `"` }

const (
	a1 = "001000000000001AAA"
	a2 = "001000000000002AAA"
	a3 = "001000000000003AAA"
	c1 = "003000000000001AAA"
)

// insert is the row that equals account(id).
func insert(id string) string {
	return fmt.Sprintf(`INSERT INTO salesforce.account (ext__c, name, score__c, budget__c, active__c, since__c, systemmodstamp, open__c, tags__c, ownerid, numberofemployees, sfid)
		VALUES ('x%s', 'Acme', 1.5, 350000000, true, '2026-11-22', '2026-11-22 14:35:00.4', '14:35', 'a;b', '005000000000001', 7, '%s');`, id[14:15], id)
}

func database(t *testing.T, statements ...string) string {
	t.Helper()
	dsn := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{tables}, statements...) {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// verdict is a report in one line: mapping by mapping, what is not zero.
func verdict(r *judge.Report) string {
	var out []string
	for _, m := range r.Mappings {
		for _, part := range []struct {
			name  string
			tally judge.Tally
		}{
			{"missing", m.Missing}, {"extra", m.Extra}, {"no id", m.NoID}, {"fields", m.Fields}, {"columns", m.Columns},
			{"org duplicates", m.OrgDuplicates}, {"row duplicates", m.RowDuplicates}, {"pending", m.Pending}, {"failed", m.Failed},
		} {
			for _, f := range part.tally.Samples {
				what := strings.Join(strings.Fields(f.ID+" "+f.Field), " ")
				out = append(out, strings.TrimSpace(part.name+" "+what))
			}
		}
	}
	for _, f := range r.CreatedTwice.Samples {
		out = append(out, "created twice "+f.Org)
	}
	return strings.Join(out, ", ")
}

// verdicts are states of both sides and what the judge says of them.
func verdicts() map[string]struct {
	org  state
	sql  []string
	want string
} {
	return map[string]struct {
		org  state
		sql  []string
		want string
	}{
		"equal in spite of form": {
			state{"Account": {account(a1, `Name="  Acme\r\n"`), account(a2, "deleted")}, "Contact": {contact(c1, `AccountId="`+a1+`"`)}},
			[]string{insert(a1), "UPDATE salesforce.account SET name = 'Acme ', sfid = '001000000000001'", "INSERT INTO salesforce.contact (lastname, accountid, account__ext__c, sfid) VALUES ('Young', '001000000000001', 'x1', '" + c1 + "')"}, "",
		},
		"null and empty text are one": {
			state{"Account": {account(a1, "Name=null", "Tags__c=null", "OwnerId=null")}, "Contact": {contact(c1)}},
			[]string{insert(a1), "UPDATE salesforce.account SET name = '', tags__c = NULL, ownerid = ''", "INSERT INTO salesforce.contact (lastname, sfid) VALUES ('Young', '" + c1 + "')"}, "",
		},
		"missing and extra": {
			state{"Account": {account(a1), account(a3, "deleted")}, "Contact": {contact(c1)}},
			[]string{insert(a2), insert(a3), "INSERT INTO salesforce.contact (lastname, sfid) VALUES ('Young', '" + c1 + "')"}, "missing " + a1 + ", extra " + a2 + ", extra " + a3,
		},
		"a difference among extras": {
			state{"Account": {account(a1)}}, []string{insert(a1),
				"UPDATE salesforce.account SET name = 'acme'",
				insert(a2), insert(a3)}, "extra " + a2 + ", extra " + a3 + ", fields " + a1 + " Name",
		},
		"rows without Id": {
			state{"Account": {account(a1)}}, []string{insert(a1), insert(a2), insert(a3), "UPDATE salesforce.account SET sfid = NULL WHERE id > 1", entry("_trigger_log", "NEW", 2, ""), entry("_trigger_log", "FAILED", 3, "")},
			"pending, failed",
		},
		"a row without Id and without entry": {
			state{"Account": {account(a1)}}, []string{insert(a1), insert(a2), "UPDATE salesforce.account SET sfid = '' WHERE id > 1"}, "no id",
		},
		"an insert that has arrived but is not settled": {
			state{"Account": {account(a1)}}, []string{insert(a1), "UPDATE salesforce.account SET sfid = NULL", entry("_trigger_log", "PENDING", 1, "")}, "pending",
		},
		"a failed write, then a newer one that went well": {
			state{"Account": {account(a1), account(a2)}}, []string{insert(a1), insert(a2), "UPDATE salesforce.account SET score__c = 2",
				entry("_trigger_log", "FAILED", 1, a1), entry("_trigger_log", "FAILED", 2, a2), entry("_trigger_log_archive", "SUCCESS", 2, a2),
				"INSERT INTO salesforce._trigger_log (id, state, table_name, record_id) VALUES (99, 'READONLY', 'account', 1), (98, 'IGNORE', 'account', 1)"},
			"fields " + a2 + " Score__c, failed " + a1 + " Score__c",
		},
		"a deletion on its way": {
			state{"Account": {account(a1), account(a2)}}, []string{entry("_trigger_log", "NEW", 1, a1), entry("_trigger_log_archive", "FAILED", 2, a2)}, "pending " + a1 + ", failed " + a2,
		},
		"duplicates": {
			state{"Account": {account(a1), account(a2, `Ext__c="X1"`)}}, []string{insert(a1), insert(a1), insert(a2), "UPDATE salesforce.account SET ext__c = 'X1' WHERE id = 3"},
			"org duplicates " + a2 + " Ext__c, row duplicates " + a1 + " Ext__c, row duplicates " + a1 + ", row duplicates " + a2 + " Ext__c",
		},
		"a parent's external id": {
			state{"Account": {account(a1)}, "Contact": {contact(c1, `AccountId="`+a1+`"`)}},
			[]string{insert(a1), "INSERT INTO salesforce.contact (lastname, accountid, account__ext__c, sfid) VALUES ('Young', '" + a1 + "', 'x2', '" + c1 + "')"},
			"fields " + c1 + " Account__Ext__c",
		},
		"a column that is not there": {
			state{"Account": {account(a1)}}, []string{insert(a1), "ALTER TABLE salesforce.account DROP tags__c", "DROP TABLE salesforce.contact"}, "columns Tags__c, columns",
		},
	}
}

// entry is an INSERT of an entry into one of the logs, the newest so far.
func entry(table, state string, row int, id string) string {
	return fmt.Sprintf("INSERT INTO salesforce.%s (id, state, table_name, record_id, sfid, sf_message) "+
		"VALUES ((SELECT count(*) FROM salesforce._trigger_log) + 1, '%s', 'account', %d, '%s', 'because');", table, state, row, id)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range verdicts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := judge.Judge(t.Context(), judge.Input{Database: database(t, tt.sql...), Schema: "salesforce", Config: strings.NewReader(config), Dump: tt.org.dump})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, verdict(r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValuesThatDiffer(t *testing.T) {
	t.Parallel()
	dsn := database(t, insert(a1))
	for field, value := range map[string]string{
		"Name": `"Acme 2"`, "Score__c": "1.5000001", "Budget__c": "350000000.01", "Active__c": "false", "Since__c": `"2026-11-23"`,
		"SystemModstamp": `"2026-11-22T14:35:01.000+0000"`, "Open__c": `"14:36:00.000Z"`, "Tags__c": `"a"`,
		"OwnerId": `"005000000000002AAA"`, "NumberOfEmployees": "8.0", "Ext__c": "null",
	} {
		r, err := judge.Judge(t.Context(), judge.Input{Database: dsn, Schema: "salesforce", Config: strings.NewReader(config),
			Dump: state{"Account": {account(a1, field+"="+value)}}.dump})
		if err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		if want := "fields " + a1 + " " + field; verdict(r) != want || r.Equal() {
			t.Errorf("got %q, want %q", verdict(r), want)
		}
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	dsn := database(t, insert(a1))
	write := func(op, id, ext string) string {
		return fmt.Sprintf(`{"seq":1,"client":"c","object":"Account","id":"%s","op":"%s","fields":{%s}}`, id, op, ext)
	}
	for name, tt := range map[string]struct {
		log  []string
		want int
	}{
		"once":             {[]string{write("insert", a1, `"Ext__c":"k"`), write("update", a1, `"Ext__c":"k"`)}, 0},
		"twice":            {[]string{write("insert", a1, `"Ext__c":"k"`), write("insert", a2, `"Ext__c":"K"`)}, 1},
		"again when gone":  {[]string{write("insert", a1, `"Ext__c":"k"`), write("delete", a1, ""), write("insert", a2, `"Ext__c":"k"`)}, 0},
		"again when freed": {[]string{write("insert", a1, `"Ext__c":"k"`), write("update", a1, `"Ext__c":null`), write("insert", a2, `"Ext__c":"k"`)}, 0},
		"without an id":    {[]string{write("insert", a1, ""), write("insert", a2, `"Ext__c":""`), write("insert", a3, `"Ext__c":null`)}, 0},
	} {
		r, err := judge.Judge(t.Context(), judge.Input{Database: dsn, Schema: "salesforce", Config: strings.NewReader(config),
			Dump: state{"Account": {account(a1)}}.dump, Writes: strings.NewReader(strings.Join(tt.log, "\n"))})
		if err != nil || r.CreatedTwice.Count != tt.want || r.Duplicates != tt.want || r.Writes != len(tt.log) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	dsn := database(t, insert(a1))
	good := state{"Account": {account(a1)}}
	for name, tt := range map[string]struct {
		in   judge.Input
		want string
	}{
		"config":        {judge.Input{Config: strings.NewReader("nonsense")}, "read configuration file"},
		"empty config":  {judge.Input{Config: strings.NewReader("{}")}, "no mappings"},
		"database":      {judge.Input{Database: "postgres://127.0.0.1:1/x?connect_timeout=1"}, "connect to the database"},
		"no dump":       {judge.Input{Dump: func(context.Context, string) (io.ReadCloser, error) { return nil, errors.New("gone") }}, "open the state of Account: gone"},
		"broken dump":   {judge.Input{Dump: state{"Account": {account(a1), `{"object":"Account","id":`}}.dump}, "state of Account, line 2"},
		"not a record":  {judge.Input{Dump: state{"Account": {account(a1), `5`}}.dump}, "line 2: a number where a record should be"},
		"no id":         {judge.Input{Dump: state{"Account": {account(a1), `{}`}}.dump}, "line 2: a record without id"},
		"twice":         {judge.Input{Dump: state{"Account": {account(a1), account(a1)}}.dump}, "occurs twice"},
		"bad datetime":  {judge.Input{Dump: state{"Account": {account(a1, `SystemModstamp="soon"`)}}.dump}, `field SystemModstamp: "soon" is not a datetime`},
		"broken writes": {judge.Input{Writes: strings.NewReader("{")}, "log of accepted writes, after entry 0"},
	} {
		if tt.in.Config == nil {
			tt.in.Config = strings.NewReader(config)
		}
		if tt.in.Database == "" {
			tt.in.Database = dsn
		}
		if tt.in.Dump == nil {
			tt.in.Dump = good.dump
		}
		tt.in.Schema = "salesforce"
		if _, err := judge.Judge(t.Context(), tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			http.Error(w, "no token", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, r.URL.RequestURI())
	}))
	defer server.Close()
	body, err := judge.Control{URL: server.URL + "/", Token: "t"}.Dump(t.Context(), "My Object")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil || string(got) != "/_sandbox/dump?object=My+Object" {
		t.Errorf("%s %v", got, err)
	}
	if _, err := (judge.Control{URL: server.URL}).Writes(t.Context()); err == nil || !strings.Contains(err.Error(), "403 Forbidden: no token") {
		t.Error(err)
	}
}
