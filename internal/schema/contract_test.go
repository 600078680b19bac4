package schema_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
)

// pings runs each statement in a transaction of its own and tells how many of
// them notified. A last notification of its own marks the end.
func (s *site) pings(c *pgx.Conn, statements ...string) int {
	s.Helper()
	listener := s.user()
	channel := pgx.Identifier{schema.Channel("salesforce")}.Sanitize()
	s.run(listener, "LISTEN "+channel)
	for _, sql := range statements {
		s.run(c, sql)
	}
	s.run(c, "NOTIFY "+channel+", 'end'")
	for n := 0; ; n++ {
		got, err := listener.WaitForNotification(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		switch got.Payload {
		case "ping":
		case "end":
			return n
		default:
			s.Errorf("payload %q", got.Payload)
		}
	}
}

func TestEveryEntryPings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite), table("User", mapping.ReadOnly, text("Name", 121)))
	c := s.user()
	n := s.pings(c,
		"INSERT INTO salesforce.contact (name) VALUES ('a')",
		"UPDATE salesforce.contact SET name = 'a'",          // IGNORE
		`INSERT INTO salesforce."user" (name) VALUES ('a')`, // READONLY
		"INSERT INTO salesforce._trigger_log (state) VALUES ('MINE')",
		"SELECT salesforce.hc_capture_update_from_row(hstore(c), 'contact') FROM salesforce.contact c",
		"INSERT INTO salesforce.contact (name) SELECT 'b' FROM generate_series(1, 3)", // one transaction, one ping
		"DELETE FROM salesforce.contact",
	)
	if n != 7 {
		t.Errorf("%d of 7 transactions notified", n)
	}
	equal(t, "states", s.lines(c, "SELECT DISTINCT state FROM salesforce._trigger_log ORDER BY 1"), "IGNORE\nMINE\nNEW\nREADONLY\n")
	n = s.pings(c,
		"SET xmlbinary = hex; INSERT INTO salesforce.contact (name) VALUES ('a')",
		"UPDATE salesforce._trigger_log SET state = 'NEW' WHERE state = 'MINE'")
	if n != 0 {
		t.Errorf("%d notifications of a write of ours and of a state set by hand", n)
	}
}

// TestPingsWhileSomebodyWatches: whoever holds the lock looks at the log; an
// option has every commit notify all the same.
func TestPingsWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const write = "INSERT INTO salesforce.contact (name) VALUES ('a')"
	c, watcher := s.user(), s.user()
	for _, every := range []bool{false, true, false} {
		s.conn.Options.PingEvery = every
		s.apply(contact(mapping.ReadWrite))
		if n := s.pings(c, write, write); n != 2 {
			t.Errorf("every %v: %d notifications while nobody watches", every, n)
		}
		s.run(watcher, fmt.Sprintf("BEGIN; SELECT pg_advisory_xact_lock(%d)", schema.WatchLock("salesforce")))
		want := 0
		if every {
			want = 2
		}
		if n := s.pings(c, write, "BEGIN; "+write+"; COMMIT"); n != want {
			t.Errorf("every %v: %d notifications while somebody watches", every, n)
		}
		s.run(watcher, "ROLLBACK")
	}
	equal(t, "locks left behind", s.lines(c, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`), "0\n")
}

// TestHstoreText: what is logged is what hstore writes, whatever the value.
func TestHstoreText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(table("Contact", mapping.ReadWrite, text("Name", 80), text("B", 80), text("Long_Name__c", 0),
		col("Flag", record.Type{Kind: record.Bool})))
	c := s.user()
	for _, v := range []string{``, `NULL`, `"`, `\`, `a "quoted" \ => , value`, "line\nbreak\ttab", `ünïcödé 🙂`, strings.Repeat(`\"`, 3000)} {
		s.run(c, "TRUNCATE salesforce._trigger_log")
		if _, err := c.Exec(t.Context(), "INSERT INTO salesforce.contact (name, b, long_name__c, flag) VALUES (left($1, 80), NULL, $1, false)", v); err != nil {
			t.Fatal(err)
		}
		equal(t, v, s.lines(c, `SELECT l."values" = (hstore(c) - '{_hc_lastop,_hc_err}'::text[])::text, l."values"::hstore -> 'long_name__c' = c.long_name__c
			FROM salesforce._trigger_log l JOIN salesforce.contact c ON c.id = l.record_id`), "t | t\n")
	}
}

func TestCaptureFunctionsTellTransactionAndClock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	s.run(c, `BEGIN; SELECT salesforce.hc_capture_insert_from_row('id=>1', 'contact', NULL),
		salesforce.hc_capture_update_from_row('id=>1, name=>x', 'contact', NULL)`)
	got := s.lines(c, `SELECT state, txid = txid_current(), created_at > now(), updated_at = now(), processed_at, processed_tx, sf_result, sf_message
		FROM salesforce._trigger_log`)
	s.run(c, "COMMIT")
	const row = "NEW | t | t | t | <null> | <null> | <null> | <null>\n"
	equal(t, "log rows", got, row+row)
	if _, err := c.Exec(t.Context(), "SELECT salesforce.hc_capture_insert_from_row('id=>one', 'contact')"); err == nil {
		t.Error("an id that is no number was logged")
	}
}

// TestAlteredTables: what applications in the field do to mapped tables.
func TestAlteredTables(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite), account(mapping.ReadWrite))
	c := s.user()
	s.run(c, `
		ALTER TABLE salesforce.contact ADD COLUMN heroku_uuid uuid NOT NULL DEFAULT 'e3a5fbe2-0000-4000-8000-000000000001',
			ADD COLUMN parent text, ALTER COLUMN score__c SET DEFAULT 7, DROP CONSTRAINT contact_pkey, ADD PRIMARY KEY (heroku_uuid, id);
		ALTER TABLE salesforce.contact ADD FOREIGN KEY (parent) REFERENCES salesforce.account (external_id__c);
		CREATE FUNCTION public.upper_name() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END';
		CREATE TRIGGER zz_last BEFORE INSERT OR UPDATE ON salesforce.contact FOR EACH ROW EXECUTE FUNCTION public.upper_name();
		CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN UPDATE salesforce.contact SET score__c = 8 WHERE id = NEW.id; RETURN NULL; END';
		CREATE TRIGGER zz_again AFTER INSERT ON salesforce.contact FOR EACH ROW EXECUTE FUNCTION public.again();
		INSERT INTO salesforce.account (external_id__c) VALUES ('x');
		TRUNCATE salesforce._trigger_log;
		INSERT INTO salesforce.contact (name, parent) VALUES ('ada', 'x') ON CONFLICT (heroku_uuid, id) DO NOTHING;
		INSERT INTO salesforce.contact (id, name) VALUES (1, 'bob') ON CONFLICT (heroku_uuid, id) DO UPDATE SET name = EXCLUDED.name;
		COPY salesforce.contact (name) FROM PROGRAM 'echo copied';
		DELETE FROM salesforce.contact WHERE id = 1`)
	equal(t, "log", s.lines(c, `SELECT action, "values"::hstore -> ARRAY['name', 'score__c', 'parent'], old::hstore -> ARRAY['name', 'score__c']
		FROM salesforce._trigger_log ORDER BY id`), `INSERT | {ADA,7,x} | <null>
UPDATE | {NULL,8,NULL} | {ADA,7}
UPDATE | {BOB,NULL,NULL} | {ADA,8}
INSERT | {COPIED,7,NULL} | <null>
UPDATE | {NULL,8,NULL} | {COPIED,7}
DELETE | <null> | {BOB,8}
`)
	equal(t, "extra columns are logged", s.lines(c, `SELECT count(*) FROM salesforce._trigger_log WHERE action = 'INSERT' AND "values"::hstore ? 'heroku_uuid'`), "2\n")
	// The added columns are captured already; listed by name they cost less.
	if change := s.apply(contact(mapping.ReadWrite), account(mapping.ReadWrite)); len(change.Statements) != 1 || change.Statements[0].Kind != schema.SetFunction {
		t.Errorf("it would be repaired: %+v", change.Statements)
	}
}

// TestApplicationRole has no more than the rights that docs/database.md lists.
func TestApplicationRole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	role := "app" + strings.ReplaceAll(uuid.NewString(), "-", "")
	s.run(c, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA salesforce TO %[1]s;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA salesforce TO %[1]s;
		GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA salesforce TO %[1]s`, role))
	u, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "p")
	app, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		app.Close(context.Background())
		if _, err := c.Exec(context.Background(), fmt.Sprintf("DROP OWNED BY %[1]s; DROP ROLE %[1]s", role)); err != nil {
			t.Error(err)
		}
	})
	s.run(app, `INSERT INTO salesforce.contact (name) VALUES ('a'); UPDATE salesforce.contact SET name = 'b';
		SELECT salesforce.hc_capture_insert_from_row(hstore(c), 'contact') FROM salesforce.contact c;
		UPDATE salesforce._trigger_log SET state = 'IGNORED' WHERE action = 'UPDATE'; DELETE FROM salesforce.contact`)
	equal(t, "log", s.lines(app, "SELECT state, action FROM salesforce._trigger_log ORDER BY id"),
		"NEW | INSERT\nIGNORED | UPDATE\nNEW | INSERT\nIGNORE | DELETE\n")
}
