package schema_test

import (
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
)

// asHstore compares what was logged of each row's newest change with hstore's
// own text of the row.
const asHstore = `SELECT l.action, coalesce(l."values" = (hstore(c) - '{_hc_lastop,_hc_err}'::text[])::text, false)
	FROM %TABLE% c CROSS JOIN LATERAL (SELECT * FROM salesforce._trigger_log l WHERE l.record_id = c.id AND action = 'INSERT' ORDER BY id DESC LIMIT 1) l ORDER BY c.id DESC LIMIT 1`

// TestColumnsChangeUnderTheLogger: what users do to a table between two writes
// of a session that has its functions ready.
func TestColumnsChangeUnderTheLogger(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, alter, table string }{
		{name: "nothing", alter: "SELECT"},
		{name: "a column is added", alter: "ALTER TABLE salesforce.account ADD COLUMN mine text DEFAULT 'd'"},
		{name: "one is dropped", alter: "ALTER TABLE salesforce.account DROP COLUMN description"},
		{name: "one is renamed", alter: "ALTER TABLE salesforce.account RENAME COLUMN description TO note"},
		{name: "one is widened", alter: "ALTER TABLE salesforce.account ALTER COLUMN name TYPE text"},
		{name: "types change", alter: "ALTER TABLE salesforce.account ALTER COLUMN ispartner TYPE text, ALTER COLUMN name TYPE numeric USING 7"},
		{name: "it is renamed", alter: "ALTER TABLE salesforce.account RENAME TO other", table: "salesforce.other"},
		{name: "it moves", alter: "CREATE SCHEMA elsewhere; ALTER TABLE salesforce.account SET SCHEMA elsewhere", table: "elsewhere.account"},
		{name: "another takes its name", alter: "ALTER TABLE salesforce.account RENAME TO other; CREATE TABLE salesforce.account (LIKE salesforce.other)", table: "salesforce.other"},
	}
	for _, k := range cases {
		for _, by := range []string{"the session", "its transaction", "another session"} {
			t.Run(k.name+" by "+by, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.apply(account(mapping.ReadWrite))
				c, other := s.user(), s.user()
				write := `INSERT INTO %TABLE% (name, ispartner, lastactivity__c) VALUES ('1', true, now()); UPDATE %TABLE% SET annualrevenue = 2`
				s.run(c, strings.ReplaceAll(write, "%TABLE%", "salesforce.account"))
				table := "salesforce.account"
				if k.table != "" {
					table = k.table
				}
				write = strings.ReplaceAll(write, "%TABLE%", table)
				switch by {
				case "the session":
					s.run(c, k.alter)
					s.run(c, write)
				case "its transaction":
					s.run(c, "BEGIN; "+k.alter+"; "+write+"; COMMIT")
				default:
					s.run(other, k.alter)
					s.run(c, write)
				}
				s.run(c, "DELETE FROM salesforce._trigger_log WHERE action <> 'INSERT'; INSERT INTO "+table+" (name, ispartner) VALUES ('2', false)")
				equal(t, "logged", s.lines(c, strings.ReplaceAll(asHstore, "%TABLE%", table)), "INSERT | t\n")
				s.run(c, "UPDATE "+table+" SET annualrevenue = 3, ispartner = NOT ispartner::bool WHERE false; UPDATE "+table+" SET annualrevenue = 3")
				equal(t, "entries", s.lines(c, "SELECT DISTINCT action, state, \"values\" FROM salesforce._trigger_log WHERE action = 'UPDATE'"),
					"UPDATE | NEW | \"annualrevenue\"=>\"3\"\n")
			})
		}
	}
}

// TestColumnsOfUsers: after the next Apply those that were added are listed too,
// whatever their type.
func TestColumnsOfUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(account(mapping.ReadWrite))
	c := s.user()
	s.run(c, `CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(5);
		ALTER TABLE salesforce.account ADD COLUMN u_pair pair, ADD COLUMN u_mood mood, ADD COLUMN u_short short, ADD COLUMN u_array text[],
			ADD COLUMN u_json jsonb, ADD COLUMN u_char char(5), ADD COLUMN u_bytes bytea, ADD COLUMN u_num numeric(9,2), ADD COLUMN u_yes bool,
			ADD COLUMN u_at timestamptz, ADD COLUMN u_inet inet, ADD COLUMN u_rows pair[], ADD COLUMN "U ""x" text`)
	change := s.apply(account(mapping.ReadWrite))
	if len(change.Statements) != 1 || change.Statements[0].Kind != schema.SetFunction {
		t.Errorf("statements %+v", change.Statements)
	}
	if again := s.apply(account(mapping.ReadWrite)); !again.Empty() {
		t.Errorf("again %+v", again.Statements)
	}
	for _, row := range []string{
		`(1,NULL)::pair, 'ok', 'abc', '{"a b",NULL}', '{"a": "\"x"}', 'ab', '\x00ff', 1.5, false, '2024-02-03 04:05+00', '10.0.0.1', '{"(1,x)"}', 'a"b\c'`,
		`(NULL,NULL)::pair, 'sad', '', '{}', 'null', '', '', 0, true, 'infinity', '::1/64', '{}', ''`,
		`NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
	} {
		c := s.user() // with counts of its own
		s.run(c, `SET track_functions = 'all'; BEGIN; INSERT INTO salesforce.account (name, ispartner, u_pair, u_mood, u_short, u_array, u_json, u_char, u_bytes, u_num, u_yes, u_at, u_inet, u_rows, "U ""x")
			VALUES ('n', true, `+row+`); UPDATE salesforce.account SET name = 'm' WHERE name = 'n'; UPDATE salesforce.account SET name = 'n' WHERE name = 'm'`)
		equal(t, "captured by names that are listed", s.lines(c, `SELECT calls FROM pg_stat_xact_user_functions
			WHERE funcid = 'hstore(text[], text[])'::regprocedure`), "5\n")
		equal(t, row, s.lines(c, strings.ReplaceAll(asHstore, "%TABLE%", "salesforce.account")), "INSERT | t\n")
		equal(t, row+", old", s.lines(c, `SELECT l.old = (hstore(c) - '{_hc_lastop,_hc_err}'::text[])::text FROM salesforce.account c
			JOIN salesforce._trigger_log l ON l.record_id = c.id WHERE action = 'UPDATE' AND "values" = '"name"=>"m"' ORDER BY c.id DESC LIMIT 1`), "t\n")
		s.run(c, "COMMIT; UPDATE salesforce.account SET name = 'done'")
	}
}
