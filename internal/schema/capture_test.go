package schema_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

const logSQL = `SELECT state, action, table_name, record_id, sfid, old, "values" FROM salesforce._trigger_log ORDER BY id`

// contact is small, so that a log entry is easy to read.
func contact(access mapping.Access) *mapping.Table {
	t := table("Contact", access, text("Name", 80), col("Score__c", record.Type{Kind: record.Double}))
	return t
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestWhatIsLogged(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO salesforce.contact (name) VALUES ('Ada'); "
	const known = "SET xmlbinary = hex; INSERT INTO salesforce.contact (name, sfid) VALUES ('Ada', '003A'); SET xmlbinary = base64; "
	cases := []struct {
		name, sql           string
		readWrite, readOnly string
	}{
		{
			name: "insert: all columns, NULL ones too",
			sql:  insert,
			readWrite: `NEW | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>NULL, "score__c"=>NULL, "systemmodstamp"=>NULL
`,
			readOnly: `READONLY | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>NULL, "score__c"=>NULL, "systemmodstamp"=>NULL
`,
		},
		{
			name: "insert with sfid: the column stays NULL",
			sql:  "INSERT INTO salesforce.contact (sfid) VALUES ('003A')",
			readWrite: `NEW | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "name"=>NULL, "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL
`,
			readOnly: `READONLY | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "name"=>NULL, "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL
`,
		},
		{
			name: "update: only what differs, NULL as NULL",
			sql:  known + "UPDATE salesforce.contact SET name = NULL, score__c = 1.5",
			readWrite: `NEW | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | "name"=>NULL, "score__c"=>"1.5"
`,
			readOnly: `READONLY | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | "name"=>NULL, "score__c"=>"1.5"
`,
		},
		{
			name: "update of sfid: the old one is told",
			sql:  known + "UPDATE salesforce.contact SET sfid = '003B'",
			readWrite: `NEW | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | "sfid"=>"003B"
`,
			readOnly: `READONLY | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | "sfid"=>"003B"
`,
		},
		{
			name: "update of nothing, or of _hc columns only",
			sql:  known + "UPDATE salesforce.contact SET name = 'Ada'; UPDATE salesforce.contact SET _hc_err = 'x'",
			readWrite: `IGNORE | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | 
IGNORE | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | 
`,
			readOnly: `READONLY | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | 
READONLY | UPDATE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | 
`,
		},
		{
			name: "delete of a known record",
			sql:  known + "DELETE FROM salesforce.contact",
			readWrite: `NEW | DELETE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | <null>
`,
			readOnly: `READONLY | DELETE | contact | 1 | 003A | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>NULL, "systemmodstamp"=>NULL | <null>
`,
		},
		{
			name: "delete of a record that never reached Salesforce",
			sql:  "SET xmlbinary = hex; " + insert + "SET xmlbinary = base64; DELETE FROM salesforce.contact",
			readWrite: `IGNORE | DELETE | contact | 1 | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>NULL, "score__c"=>NULL, "systemmodstamp"=>NULL | <null>
`,
			readOnly: `READONLY | DELETE | contact | 1 | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>NULL, "score__c"=>NULL, "systemmodstamp"=>NULL | <null>
`,
		},
		{name: "a session with xmlbinary hex", sql: "SET xmlbinary = hex; " + insert + "DELETE FROM salesforce.contact; RESET xmlbinary"},
		{name: "a session with capture off", sql: "SET syncline.capture = off; " + insert + "UPDATE salesforce.contact SET name = 'B'; DELETE FROM salesforce.contact; RESET syncline.capture"},
	}
	for _, access := range []mapping.Access{mapping.ReadWrite, mapping.ReadOnly} {
		t.Run(string(access), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.apply(contact(access))
			c := s.user()
			for _, k := range cases {
				s.run(c, "TRUNCATE salesforce._trigger_log RESTART IDENTITY; SET syncline.truncate = warn; TRUNCATE salesforce.contact RESTART IDENTITY")
				s.run(c, k.sql)
				want := k.readWrite
				if access == mapping.ReadOnly {
					want = k.readOnly
				}
				equal(t, k.name, s.lines(c, logSQL), want)
			}
		})
	}
}

func TestLoggerRowsHaveTheirTransactionAndClockAndNoUpdatedAt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	s.run(c, "BEGIN; INSERT INTO salesforce.contact (name) VALUES ('a')")
	got := s.lines(c, `SELECT id, txid = txid_current(), created_at > now(), updated_at, processed_at, processed_tx, sf_result, sf_message
		FROM salesforce._trigger_log`)
	s.run(c, "COMMIT")
	equal(t, "log row", got, "1 | t | t | <null> | <null> | <null> | <null> | <null>\n")
}

func TestLogIsISOWithFullDigitsWhateverTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(account(mapping.ReadWrite))
	const insert = `INSERT INTO salesforce.account (slaexpirationdate__c, lastactivity__c, annualrevenue, opens__c, ispartner)
		VALUES (DATE '2024-02-03', TIMESTAMP '2024-02-03 04:05:06.789', 0.1::float8 + 0.2::float8, TIME '07:08:09', true)`
	const picked = `SELECT "values"::hstore -> ARRAY['slaexpirationdate__c','lastactivity__c','annualrevenue','opens__c','ispartner']
		FROM salesforce._trigger_log ORDER BY id DESC LIMIT 1`
	const want = "{2024-02-03,\"2024-02-03 04:05:06.789\",0.30000000000000004,07:08:09,t}\n"
	c := s.user()
	for _, settings := range []string{
		"SET datestyle = DEFAULT; SET extra_float_digits = DEFAULT",
		"SET datestyle = 'German'",
		"SET datestyle = 'SQL, DMY'; SET extra_float_digits = -15",
		"SET datestyle = 'Postgres'; SET extra_float_digits = 0",
	} {
		s.run(c, settings)
		before := s.lines(c, "SELECT current_setting('datestyle'), current_setting('extra_float_digits')")
		s.run(c, "BEGIN; "+insert)
		inside := s.lines(c, "SELECT current_setting('datestyle'), current_setting('extra_float_digits')")
		s.run(c, "COMMIT")
		after := s.lines(c, "SELECT current_setting('datestyle'), current_setting('extra_float_digits')")
		equal(t, settings, s.lines(c, picked), want)
		equal(t, settings+", then inside", inside, before)
		equal(t, settings+", then after", after, before)
	}
}

func TestStatusColumns(t *testing.T) {
	t.Parallel()
	const user, ours = "SET xmlbinary = base64; ", "SET xmlbinary = hex; "
	const keep = ours + "SET syncline.keep_status = on; "
	const row = ours + "INSERT INTO salesforce.contact (name) VALUES ('a'); "
	cases := []struct{ name, sql, want string }{
		{"user inserts", user + "INSERT INTO salesforce.contact (name, _hc_lastop, _hc_err) VALUES ('a', 'X', 'y')", "PENDING | <null>"},
		{"user updates over FAILED", row + "UPDATE salesforce.contact SET _hc_lastop = 'FAILED', _hc_err = '{}'; " + user + "UPDATE salesforce.contact SET name = 'b'", "PENDING | <null>"},
		{"user may not keep", user + "SET syncline.keep_status = on; INSERT INTO salesforce.contact (_hc_lastop) VALUES ('X')", "PENDING | <null>"},
		{"capture off counts as ours", user + "SET syncline.capture = off; INSERT INTO salesforce.contact (name) VALUES ('a')", "SYNCED | <null>"},
		{"ours inserts", row, "SYNCED | <null>"},
		{"ours inserts with FAILED", ours + "INSERT INTO salesforce.contact (_hc_lastop, _hc_err) VALUES ('FAILED', 'x')", "SYNCED | <null>"},
		{"ours sets another value", row + "UPDATE salesforce.contact SET _hc_lastop = 'FAILED', _hc_err = '{}'", "FAILED | {}"},
		{"ours sets the same value again", row + "UPDATE salesforce.contact SET _hc_lastop = 'FAILED', _hc_err = 'a'; UPDATE salesforce.contact SET _hc_lastop = 'FAILED', _hc_err = 'b'", "SYNCED | <null>"},
		{"ours sets NULL", row + "UPDATE salesforce.contact SET _hc_lastop = NULL, _hc_err = 'a'", "SYNCED | <null>"},
		{"ours updates a PENDING row", user + "INSERT INTO salesforce.contact (name) VALUES ('a'); " + ours + "UPDATE salesforce.contact SET name = 'b'", "SYNCED | <null>"},
		{"ours sets over NULL", keep + "INSERT INTO salesforce.contact (name) VALUES ('a'); SET syncline.keep_status = off; UPDATE salesforce.contact SET _hc_lastop = 'FAILED'", "SYNCED | <null>"},
		{"keep on update", row + "UPDATE salesforce.contact SET _hc_lastop = 'FAILED', _hc_err = 'a'; " + keep + "UPDATE salesforce.contact SET name = 'b'", "FAILED | a"},
		{"keep on insert", keep + "INSERT INTO salesforce.contact (_hc_lastop) VALUES ('INSERTED')", "INSERTED | <null>"},
	}
	for _, access := range []mapping.Access{mapping.ReadWrite, mapping.ReadOnly} {
		s := newSite(t)
		s.apply(contact(access))
		c := s.user()
		for _, k := range cases {
			s.run(c, ours+"DELETE FROM salesforce.contact")
			s.run(c, k.sql)
			equal(t, string(access)+": "+k.name, s.lines(c, "SELECT _hc_lastop, _hc_err FROM salesforce.contact"), k.want+"\n")
			s.run(c, "RESET ALL")
		}
	}
}

func TestKeepStatusOfASession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	s.run(c, "INSERT INTO salesforce.contact (name) VALUES ('a')")
	f := target.Fence{Connection: s.conn.ID, Kind: "read", Number: 1}
	if err := s.db.Raise(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	_, err := s.db.Write(t.Context(), f, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		if err := tx.KeepStatus(ctx, true); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE salesforce.contact SET name = 'b'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "row", s.lines(c, "SELECT name, _hc_lastop FROM salesforce.contact"), "b | PENDING\n")
	equal(t, "entries", s.lines(c, "SELECT count(*) FROM salesforce._trigger_log"), "1\n")
}

func TestCaptureFunctions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	s.run(c, "SET xmlbinary = hex; INSERT INTO salesforce.contact (name, sfid, score__c) VALUES ('Ada', '003A', 2); SET xmlbinary = base64")
	cases := []struct{ name, sql, returns, log string }{
		{
			"insert", "SELECT salesforce.hc_capture_insert_from_row(hstore(c.*), 'contact') FROM salesforce.contact c", "1",
			`NEW | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>"2", "systemmodstamp"=>NULL`,
		},
		{
			"insert without columns, never without id and sfid",
			"SELECT salesforce.hc_capture_insert_from_row(hstore(c.*), 'contact', '{id,sfid,systemmodstamp,name}') FROM salesforce.contact c", "1",
			`NEW | INSERT | contact | 1 | <null> | <null> | "id"=>"1", "sfid"=>"003A", "score__c"=>"2"`,
		},
		{"insert without id", "SELECT salesforce.hc_capture_insert_from_row('name=>x', 'contact')", "<null>", ""},
		{
			"update", "SELECT salesforce.hc_capture_update_from_row(hstore(c.*), 'contact') FROM salesforce.contact c", "1",
			`NEW | UPDATE | contact | 1 | 003A | <null> | "id"=>"1", "name"=>"Ada", "sfid"=>"003A", "score__c"=>"2", "systemmodstamp"=>NULL`,
		},
		{
			"update of some columns", "SELECT salesforce.hc_capture_update_from_row(hstore(c.*), 'contact', ARRAY['name','_hc_lastop','absent']) FROM salesforce.contact c", "1",
			`NEW | UPDATE | contact | 1 | 003A | <null> | "name"=>"Ada"`,
		},
		{"update without id", "SELECT salesforce.hc_capture_update_from_row('name=>x', 'contact')", "<null>", ""},
	}
	for _, k := range cases {
		s.run(c, "TRUNCATE salesforce._trigger_log RESTART IDENTITY")
		equal(t, k.name, s.lines(c, k.sql), k.returns+"\n")
		want := k.log
		if want != "" {
			want += "\n"
		}
		equal(t, k.name, s.lines(c, logSQL), want)
	}
	equal(t, "updated_at has its default", s.lines(c, "SELECT count(*) FROM salesforce._trigger_log WHERE updated_at IS NULL"), "0\n")
}

// TestUsersTriggers runs what applications in the field have: a trigger that
// logs although Syncline fired it, one that fires on Syncline's writes alone,
// one that inserts a whole log row.
func TestUsersTriggers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite), account(mapping.ReadWrite))
	c := s.user()
	s.run(c, `
		CREATE FUNCTION public.derive() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE before text := get_xmlbinary();
		BEGIN
			SET LOCAL xmlbinary TO 'base64';
			UPDATE salesforce.account SET name = NEW.name;
			EXECUTE 'SET LOCAL xmlbinary TO ' || before;
			RETURN NEW;
		END $$;
		CREATE TRIGGER derive AFTER UPDATE ON salesforce.contact FOR EACH ROW
			WHEN (get_xmlbinary()::text != 'base64'::text) EXECUTE FUNCTION public.derive();
		CREATE FUNCTION public.whole() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE trigger_row salesforce._trigger_log;
		BEGIN
			trigger_row.id = nextval('salesforce._trigger_log_id_seq');
			trigger_row.state = 'NEW';
			trigger_row.action = 'UPDATE';
			trigger_row.table_name = 'mine';
			trigger_row.values = hstore(NEW) - ARRAY['_hc_lastop','_hc_err'];
			INSERT INTO salesforce._trigger_log VALUES (trigger_row.*);
			RETURN NEW;
		END $$;
		CREATE TRIGGER whole AFTER INSERT ON salesforce.contact FOR EACH ROW EXECUTE FUNCTION public.whole();
		SET xmlbinary = hex;
		INSERT INTO salesforce.account (name) VALUES ('old');
		INSERT INTO salesforce.contact (name) VALUES ('a');
		UPDATE salesforce.contact SET name = 'new'`)
	equal(t, "log", s.lines(c, `SELECT state, table_name, action, "values" FROM salesforce._trigger_log ORDER BY id`),
		`NEW | mine | UPDATE | "id"=>"1", "name"=>"a", "sfid"=>NULL, "score__c"=>NULL, "systemmodstamp"=>NULL
NEW | account | UPDATE | "name"=>"new"
`)
	equal(t, "status", s.lines(c, "SELECT _hc_lastop FROM salesforce.account UNION ALL SELECT _hc_lastop FROM salesforce.contact"),
		"PENDING\nSYNCED\n")
}

func TestNotifyPings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	s.run(c, `LISTEN "salesforce.hc_trigger_log"; INSERT INTO salesforce.contact (name) VALUES ('a'), ('b')`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n, err := c.WaitForNotification(ctx)
	if err != nil || n.Payload != "ping" || n.Channel != schema.Channel("salesforce") {
		t.Errorf("notification %+v, %v", n, err)
	}
}

func TestTruncateCannotPassSilently(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	var warned string
	config, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { warned = n.Message }
	c, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	s.run(c, "INSERT INTO salesforce.contact (name) VALUES ('a')")
	if _, err := c.Exec(t.Context(), "TRUNCATE salesforce.contact"); err == nil {
		t.Error("TRUNCATE passed")
	}
	s.run(c, "SET syncline.truncate = 'warn'; TRUNCATE salesforce.contact")
	if warned == "" {
		t.Error("no warning")
	}
	for _, quiet := range []string{"SET xmlbinary = hex", "SET syncline.capture = off"} {
		warned = ""
		s.run(c, "RESET ALL; "+quiet+"; TRUNCATE salesforce.contact")
		if warned != "" {
			t.Errorf("%s: warned %q", quiet, warned)
		}
	}
}

// TestAnySearchPath writes and calls everything with a path that holds neither
// public nor the schema.
func TestAnySearchPath(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c := s.user()
	for _, path := range []string{"''", "pg_temp", "salesforce"} {
		s.run(c, "SET search_path = "+path)
		s.run(c, `INSERT INTO salesforce.contact (name) VALUES ('a');
			UPDATE salesforce.contact SET name = 'b';
			SELECT salesforce.hc_capture_insert_from_row(public.hstore(c.*), 'contact') FROM salesforce.contact c;
			SELECT salesforce.hc_capture_update_from_row(public.hstore(c.*), 'contact', ARRAY['name']) FROM salesforce.contact c;
			DELETE FROM salesforce.contact`)
	}
	equal(t, "entries", s.lines(c, "SELECT count(*) FROM salesforce._trigger_log"), "15\n")
}
