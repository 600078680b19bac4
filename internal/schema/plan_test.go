package schema_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

func TestATableThatIsNotOursStopsEverything(t *testing.T) {
	t.Parallel()
	for _, foreign := range []string{"CREATE TABLE salesforce.contact (n int)", "CREATE VIEW salesforce.contact AS SELECT 1", "CREATE TABLE salesforce._trigger_log (n int)"} {
		s := newSite(t)
		c := s.user()
		s.run(c, "CREATE SCHEMA salesforce; "+foreign)
		_, err := schema.Apply(t.Context(), s.db, s.conn, []*mapping.Table{contact(mapping.ReadOnly)})
		var taken *schema.TableTakenError
		if !errors.As(err, &taken) || !strings.Contains(err.Error(), "did not make") {
			t.Errorf("%s: %v", foreign, err)
		}
		equal(t, "tables", s.lines(c, "SELECT count(*) FROM pg_class WHERE relnamespace = 'salesforce'::regnamespace"), "1\n")
	}
}

func TestASecondConnectionMayNotShareASchema(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadOnly))
	other := mapping.Connection{ID: uuid.New(), Schema: "salesforce"}
	_, err := schema.Apply(t.Context(), s.db, other, nil)
	var taken *schema.TableTakenError
	if !errors.As(err, &taken) || taken.Owner != s.conn.ID.String() {
		t.Errorf("error %v", err)
	}
	other.Schema = "other"
	if _, err := schema.Apply(t.Context(), s.db, other, []*mapping.Table{contact(mapping.ReadOnly)}); err != nil {
		t.Error(err)
	}
}

func TestFieldsAddedLaterAndLongerOnes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(table("Contact", mapping.ReadOnly, text("Name", 80), text("Note", 200)))
	c := s.user()
	s.run(c, "ALTER TABLE salesforce.contact ADD COLUMN mine uuid; CREATE INDEX mine ON salesforce.contact (mine)")
	after := []*mapping.Table{table("Contact", mapping.ReadWrite, text("Name", 120), text("Note", 0), indexed(text("Email", 80)))}
	change := s.apply(after...)
	kinds := map[schema.Kind]int{}
	for _, st := range change.Statements {
		kinds[st.Kind]++
	}
	want := map[schema.Kind]int{schema.AddColumn: 1, schema.Widen: 2, schema.CreateIndex: 1, schema.SetFunction: 1}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("statements %v, want %v", kinds, want)
	}
	equal(t, "columns", s.lines(c, `SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'salesforce.contact'::regclass AND attnum > 0`),
		"name note systemmodstamp sfid id _hc_lastop _hc_err mine email\n")
	s.run(c, "INSERT INTO salesforce.contact (name) VALUES ('a')")
	equal(t, "now read-write", s.lines(c, "SELECT state FROM salesforce._trigger_log"), "NEW\n")
	// A shorter field leaves the column as wide as it is.
	if again := s.apply(table("Contact", mapping.ReadWrite, text("Name", 10), text("Note", 10))); !again.Empty() {
		t.Errorf("narrowed: %+v", again.Statements)
	}
}

func TestAnotherTypeNeedsAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(table("Contact", mapping.ReadOnly, col("Age__c", record.Type{Kind: record.Double})))
	_, err := schema.Apply(t.Context(), s.db, s.conn, []*mapping.Table{
		table("Contact", mapping.ReadOnly, text("New__c", 10), col("Age__c", record.Type{Kind: record.Date})),
	})
	var kind *schema.ColumnTypeError
	if !errors.As(err, &kind) || kind.Column != "age__c" || kind.Have != "double precision" || kind.Want != "date" {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsMissingOrChangedIsRepaired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tables := []*mapping.Table{contact(mapping.ReadWrite)}
	s.apply(tables...)
	c := s.user()
	s.run(c, `DROP TRIGGER hc_contact_status_trigger ON salesforce.contact;
		DROP TRIGGER hc_contact_logtrigger ON salesforce.contact;
		CREATE TRIGGER hc_contact_logtrigger AFTER INSERT ON salesforce.contact FOR EACH ROW EXECUTE FUNCTION salesforce.hc_contact_logger();
		DROP INDEX salesforce.hcu_idx_contact_sfid;
		CREATE OR REPLACE FUNCTION salesforce.hc_contact_logger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
	if change := s.apply(tables...); len(change.Statements) != 5 {
		t.Errorf("repairs: %+v", change.Statements)
	}
	if again := s.apply(tables...); !again.Empty() {
		t.Errorf("again: %+v", again.Statements)
	}
}

func TestHstoreStaysInItsSchema(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.user()
	s.run(c, `DROP EXTENSION hstore; CREATE SCHEMA "heroku_Ext"; CREATE EXTENSION hstore SCHEMA "heroku_Ext"`)
	s.apply(contact(mapping.ReadWrite))
	s.run(c, `INSERT INTO salesforce.contact (name) VALUES ('a'); UPDATE salesforce.contact SET name = 'b';
		SELECT salesforce.hc_capture_update_from_row("heroku_Ext".hstore(c.*), 'contact') FROM salesforce.contact c`)
	s.run(c, `DROP SCHEMA salesforce CASCADE; DROP EXTENSION hstore`)
	s.apply(contact(mapping.ReadWrite))
	equal(t, "made where there is none", s.lines(c, "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'hstore'"), "public\n")
}

func TestAForeignGetXMLBinaryIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.user()
	const body = "SELECT current_setting('xmlbinary')::varchar -- mine"
	s.run(c, "CREATE FUNCTION public.get_xmlbinary() RETURNS varchar LANGUAGE sql AS $$"+body+"$$")
	s.apply(contact(mapping.ReadWrite))
	const source = "SELECT prosrc FROM pg_proc WHERE proname = 'get_xmlbinary'"
	equal(t, "foreign", s.lines(c, source), body+"\n")
	s.run(c, "COMMENT ON FUNCTION public.get_xmlbinary() IS 'syncline: an older one'")
	s.apply(contact(mapping.ReadWrite))
	equal(t, "ours", s.lines(c, "SELECT strpos(pg_get_functiondef('get_xmlbinary'::regproc), 'mine') = 0, get_xmlbinary()"), "t | base64\n")
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	names := []string{
		`a"b`, `it's`, `x'; DROP SCHEMA salesforce; --`, `back\slash`, "select", "$syncline$", "100%s {{.Log}}",
		"ünïcödé", strings.Repeat("é", 31), strings.Repeat("x", 63),
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.conn.Schema = name
			tables := []*mapping.Table{table(name, mapping.ReadWrite, unique(text(name, 10)))}
			s.apply(tables...)
			if again := s.apply(tables...); !again.Empty() {
				t.Errorf("again %+v", again.Statements)
			}
			c := s.user()
			in := pgx.Identifier{name, strings.ToLower(name)}.Sanitize()
			s.run(c, "LISTEN "+pgx.Identifier{schema.Channel(name)}.Sanitize())
			s.run(c, fmt.Sprintf("INSERT INTO %[1]s DEFAULT VALUES; UPDATE %[1]s SET sfid = 'x'; DELETE FROM %[1]s", in))
			got := s.lines(c, "SELECT count(*), min(table_name) FROM "+pgx.Identifier{name, "_trigger_log"}.Sanitize())
			equal(t, "log", got, "3 | "+strings.ToLower(name)+"\n")
		})
	}
}

func TestLongNamesStayApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 70)
	one, two := schema.Shorten(long+"1"), schema.Shorten(long+"2")
	if one == two || len(one) != 63 || !strings.HasPrefix(one, strings.Repeat("a", 54)+"_") {
		t.Errorf("%s, %s", one, two)
	}
	if got := schema.Shorten(strings.Repeat("é", 40)); len(got) > 63 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%q", got)
	}
}

func TestIndexesOfTwoTablesWithOneName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tables := []*mapping.Table{
		table("A", mapping.ReadOnly, indexed(text("b_c", 10))),
		table("A_b", mapping.ReadOnly, indexed(text("c", 10))),
	}
	s.apply(tables...)
	if again := s.apply(tables...); !again.Empty() {
		t.Errorf("again %+v", again.Statements)
	}
	equal(t, "indexes", s.lines(s.user(), `SELECT tablename, indexname FROM pg_indexes
		WHERE indexname LIKE 'hc\_idx\_a\_b\_c%' ORDER BY 1`), "a | hc_idx_a_b_c\na_b | hc_idx_a_b_c_"+lastEight(t, s)+"\n")
}

// lastEight reads the hash that the second table's index got: what counts is
// that there is one.
func lastEight(t *testing.T, s *site) string {
	t.Helper()
	name := strings.TrimSpace(s.lines(s.user(), "SELECT indexname FROM pg_indexes WHERE tablename = 'a_b' AND indexname LIKE 'hc%a_b_c%'"))
	return name[max(0, len(name)-8):]
}

func TestMissingRightsAreNamedWithTheirGrant(t *testing.T) {
	t.Parallel()
	admin := newSite(t)
	c := admin.user()
	name := "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin.run(c, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'p'; CREATE SCHEMA salesforce;
		GRANT USAGE, CREATE ON SCHEMA _syncline TO %[1]s; GRANT ALL ON ALL TABLES IN SCHEMA _syncline TO %[1]s;
		REVOKE CREATE ON SCHEMA public FROM PUBLIC`, name))
	defer admin.run(c, fmt.Sprintf("DROP OWNED BY %[1]s CASCADE; DROP ROLE %[1]s", name))
	u, err := url.Parse(admin.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "p")
	db, err := target.Open(t.Context(), target.Config{URL: u.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, want := range []string{"GRANT USAGE, CREATE ON SCHEMA public TO ", `GRANT USAGE, CREATE ON SCHEMA "salesforce" TO `} {
		_, err := schema.Apply(t.Context(), db, admin.conn, []*mapping.Table{contact(mapping.ReadWrite)})
		var rights *target.RightsError
		if !errors.As(err, &rights) || !strings.HasPrefix(rights.Grant, want) {
			t.Fatalf("error %v, want %s", err, want)
		}
		admin.run(c, rights.Grant)
	}
	if _, err := schema.Apply(t.Context(), db, admin.conn, []*mapping.Table{contact(mapping.ReadWrite)}); err != nil {
		t.Error(err)
	}
}

// TestPartitionedAndExtendedTables: users rebuild mapped tables; the log still
// names the mapped table.
func TestPartitionedAndExtendedTables(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tables := []*mapping.Table{contact(mapping.ReadWrite)}
	s.apply(tables...)
	c := s.user()
	s.run(c, `ALTER TABLE salesforce.contact RENAME TO plain;
		CREATE TABLE salesforce.contact (LIKE salesforce.plain INCLUDING DEFAULTS) PARTITION BY HASH (id);
		CREATE TABLE salesforce.part PARTITION OF salesforce.contact FOR VALUES WITH (modulus 1, remainder 0);
		ALTER TABLE salesforce.contact ADD COLUMN extra text DEFAULT 'e', ADD PRIMARY KEY (id);
		ALTER SEQUENCE salesforce.contact_id_seq OWNED BY salesforce.contact.id;
		DROP TABLE salesforce.plain`)
	withoutUnique := contact(mapping.ReadWrite)
	for i := range withoutUnique.Columns {
		withoutUnique.Columns[i].Unique = false
	}
	_, err := schema.Apply(t.Context(), s.db, s.conn, []*mapping.Table{withoutUnique})
	if err == nil {
		t.Fatal("a unique index on sfid of a table partitioned by id cannot be")
	}
	s.run(c, `CREATE INDEX hcu_idx_contact_sfid ON salesforce.contact (sfid)`)
	s.apply(withoutUnique)
	s.run(c, "INSERT INTO salesforce.contact (name) VALUES ('a'); UPDATE salesforce.contact SET extra = 'f'")
	equal(t, "log", s.lines(c, `SELECT table_name, action, "values"::hstore -> 'extra' FROM salesforce._trigger_log ORDER BY id`),
		"contact | INSERT | e\ncontact | UPDATE | f\n")
}

// TestApplyGivesWayAndComesBack: a lock held by the application delays a
// change, and is not held up by it.
func TestApplyGivesWayAndComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite))
	c, watch := s.user(), s.user()
	s.run(c, "BEGIN; INSERT INTO salesforce.contact (name) VALUES ('a')")
	done := make(chan error, 1)
	go func() {
		_, err := schema.Apply(t.Context(), s.db, s.conn, []*mapping.Table{table("Contact", mapping.ReadWrite, text("Later__c", 10))})
		done <- err
	}()
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for s.lines(watch, waiting) == "0\n" {
	}
	s.run(c, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
