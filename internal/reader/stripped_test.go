package reader_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/sandbox"
)

// form is all of a table that a load must leave as it was.
const form = `SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
	SELECT pg_get_indexdef(indexrelid) AS line FROM pg_index WHERE indrelid = 'salesforce.account'::regclass
	UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'salesforce.account'::regclass AND NOT tgisinternal
	UNION ALL SELECT pg_get_constraintdef(oid) || conname FROM pg_constraint WHERE conrelid = 'salesforce.account'::regclass
	UNION ALL SELECT attname || coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid = 'salesforce.account'::regclass AND attnum > 0
	UNION ALL SELECT relacl::text || relname || oid FROM pg_class WHERE oid = 'salesforce.account'::regclass
) x`

func TestALoadLeavesTheTableInItsForm(t *testing.T) {
	t.Parallel()
	const rows = 4000
	s := bulkSite(t, rows, reader.Settings{BulkFrom: 1, BulkPageRows: 1000, BulkChunk: 50_000})
	s.Run(`CREATE VIEW names AS SELECT id, name FROM salesforce.account GROUP BY id;
		GRANT SELECT ON salesforce.account TO PUBLIC;
		CREATE INDEX mine ON salesforce.account (lower(name));
		CREATE TABLE notes (account text REFERENCES salesforce.account (sfid));`)
	before := s.One(form)
	var during string
	var built []string
	progress := func(p reader.Progress) {
		if p.Index != "" {
			built = append(built, p.Index)
		}
		if during == "" && p.Rows > 0 {
			during = s.One(form)
		}
	}
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), progress); !done || err != nil {
		t.Fatal(done, err)
	}
	if diff := cmp.Diff(before, s.One(form)); diff != "" {
		t.Errorf("the table is not as it was (-before +after)\n%s", diff)
	}
	// The foreign key rests on the index on sfid.
	if !strings.Contains(during, "hcu_idx_account_sfid") || !strings.Contains(during, "mine") ||
		strings.Contains(during, "hc_idx_account_systemmodstamp") || strings.Contains(during, "BEFORE INSERT OR UPDATE") {
		t.Errorf("during the load:\n%s", during)
	}
	if diff := cmp.Diff([]string{"hcu_idx_account_external_id__c", "hc_idx_account_systemmodstamp"}, built); diff != "" {
		t.Error(diff)
	}
	if n := s.count("_hc_lastop = 'SYNCED'"); n != fmt.Sprint(rows) {
		t.Errorf("%s rows are SYNCED", n)
	}
	s.equal(rows)
}

// The application works in the table while it is being filled: what it adds
// meets its records, what it changes is captured.
func TestTheApplicationWorksDuringALoad(t *testing.T) {
	t.Parallel()
	const rows = 4000
	s := bulkSite(t, rows, small)
	external := s.Insert("Account", "Name", "theirs", "External_ID__c", "shared")
	app := s.App()
	begun := false
	progress := func(p reader.Progress) {
		if begun || p.Rows < 1000 {
			return
		}
		begun = true
		_, err := app.Exec(t.Context(), `
			INSERT INTO salesforce.account (name, external_id__c) VALUES ('ours', 'shared');
			INSERT INTO salesforce.account (name) VALUES ('only ours');
			INSERT INTO salesforce.account (name, external_id__c)
				SELECT 'twin', external_id__c FROM salesforce.account WHERE sfid IS NOT NULL AND external_id__c <> 'shared' ORDER BY id LIMIT 1;
			UPDATE salesforce.account SET phone = '1' WHERE id = (SELECT max(id) - 1 FROM salesforce.account WHERE sfid IS NOT NULL);
			DELETE FROM salesforce.account WHERE id = (SELECT max(id) FROM salesforce.account WHERE sfid IS NOT NULL)`)
		if err != nil {
			t.Error(err)
		}
	}
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), progress); !done || err != nil {
		t.Fatal(done, err)
	}
	s.poll(now)
	if got := s.count("name = 'ours' AND external_id__c = 'shared' AND sfid = '" + external + "' AND _hc_lastop = 'PENDING'"); got != "1" {
		t.Errorf("%s rows of the shared record", got)
	}
	if got := s.count("sfid IS NULL AND name = 'only ours' AND _hc_lastop = 'PENDING'"); got != "1" {
		t.Errorf("%s rows of the application's own", got)
	}
	if got := s.count("name = 'twin' AND sfid IS NOT NULL AND _hc_lastop = 'PENDING'"); got != "1" {
		t.Errorf("%s rows of a record that was loaded before the application added it", got)
	}
	// All records but the deleted one, and the row that has none yet.
	if got := s.count("true"); got != fmt.Sprint(rows+1) {
		t.Errorf("%s rows", got)
	}
	log := s.One(`SELECT string_agg(action || ' ' || state, ', ' ORDER BY id) FROM salesforce._trigger_log`)
	if log != "INSERT NEW, INSERT NEW, INSERT NEW, UPDATE NEW, DELETE NEW" {
		t.Errorf("log: %s", log)
	}
	if diff := cmp.Diff("hcu_idx_account_external_id__c", s.One(`SELECT indexname FROM pg_indexes WHERE indexname LIKE '%external%'`)); diff != "" {
		t.Error(diff)
	}
}

// A table that the application has rows in is filled row by row, beside them.
func TestATableInUseIsNotStripped(t *testing.T) {
	t.Parallel()
	const rows = 1500
	s := bulkSite(t, rows, small)
	s.Run(`INSERT INTO salesforce.account (name) VALUES ('ours')`)
	before := s.One(form)
	progress := func(reader.Progress) {
		if s.One(form) != before {
			t.Error("the table was stripped")
		}
	}
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), progress); !done || err != nil {
		t.Fatal(done, err)
	}
	if got := s.count("true"); got != fmt.Sprint(rows+1) {
		t.Errorf("%s rows", got)
	}
}

func TestALoadThatEndsBetweenIndexes(t *testing.T) {
	t.Parallel()
	const rows = 1200
	s := bulkSite(t, rows, small)
	before := s.One(form)
	cuts := 0
	for done := false; !done; {
		ctx, cut := context.WithCancel(t.Context())
		var err error
		done, err = s.Load(ctx, s.fence, s.account, time.Now().Add(time.Minute), func(p reader.Progress) {
			if p.Index != "" && cuts < 4 {
				cuts++
				cut()
			}
		})
		cut()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		s.fence = s.Fence("read", s.fence.Number+1)
	}
	if cuts != 4 || s.One(form) != before {
		t.Errorf("%d cuts\n%s", cuts, cmp.Diff(before, s.One(form)))
	}
	s.equal(rows)
}

// cutLoad begins a load and ends it after its first rows.
func (s *site) cutLoad() {
	s.Helper()
	ctx, cut := context.WithCancel(s.Context())
	defer cut()
	_, _ = s.Load(ctx, s.fence, s.account, time.Now().Add(time.Minute), func(p reader.Progress) {
		if p.Rows > 100 {
			cut()
		}
	})
}

// A load that is paused leaves no table without indexes, and goes on later.
func TestALoadThatIsPaused(t *testing.T) {
	t.Parallel()
	const rows = 3500
	s := bulkSite(t, rows, small)
	before := s.One(form)
	s.cutLoad()
	if s.One(form) == before {
		t.Fatal("the table was not stripped")
	}
	if err := s.Dress(t.Context(), s.fence, s.account, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, s.One(form)); diff != "" {
		t.Error(diff)
	}
	some := s.count("true")
	s.load(s.account)
	if diff := cmp.Diff(before, s.One(form)); diff != "" || some == "0" || some == fmt.Sprint(rows) {
		t.Errorf("%s rows were there at the pause\n%s", some, diff)
	}
	s.equal(rows)
}

// A load that is begun anew finds the table stripped by the one before.
func TestRestartOfAStrippedLoad(t *testing.T) {
	t.Parallel()
	const rows = 3500
	s := bulkSite(t, rows, small)
	before := s.One(form)
	s.cutLoad()
	if s.One(form) == before || s.count("true") == "0" {
		t.Fatal("nothing was begun")
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	s.load(s.account)
	if diff := cmp.Diff(before, s.One(form)); diff != "" {
		t.Error(diff)
	}
	s.equal(rows)
}

// Rows that a trigger of the user's refuses are set aside.
func TestAStrippedLoadPassesOverWhatIsRefused(t *testing.T) {
	t.Parallel()
	const rows = 1500
	s := bulkSite(t, rows, reader.Settings{BulkFrom: 1, BulkPageRows: 1000, BulkChunk: 20_000})
	s.Insert("Account", "Name", "bad")
	s.Run(`ALTER TABLE salesforce.account ADD CHECK (name <> 'bad')`)
	s.load(s.account)
	if got := s.count("true"); got != fmt.Sprint(rows) {
		t.Errorf("%s rows", got)
	}
	if got := s.One(`SELECT string_agg(code, ',') FROM _syncline.read_error`); got != "23514" {
		t.Errorf("read errors: %q", got)
	}
}

// Values that Salesforce lets two records have leave their unique index out,
// until they are repaired.
func TestAUniqueIndexThatCannotBe(t *testing.T) {
	t.Parallel()
	s := bulkSite(t, 1500, small)
	s.account = s.uniquePhones()
	for i := range 300 {
		s.Insert("Contact", "LastName", fmt.Sprint(i), "Phone", fmt.Sprint("+1 ", i/2))
	}
	s.load(s.account)
	left, err := schema.LeftOutIndexes(t.Context(), s.DB.Pool(), s.Connection)
	if err != nil || len(left) != 1 || left[0].Column != "phone" {
		t.Fatalf("%+v, %v", left, err)
	}
	if got := s.One(`SELECT count(*) FROM pg_indexes WHERE tablename = 'contact' AND indexdef NOT LIKE '%UNIQUE%' AND indexdef LIKE '%(phone)'`); got != "1" {
		t.Errorf("%s stand-ins", got)
	}
	if _, err := schema.Apply(t.Context(), s.DB, s.Connection, s.tables()); err != nil {
		t.Errorf("apply: %v", err)
	}
	retry := func() []string {
		s.Run(`UPDATE _syncline.missing_index SET tried_at = now() - interval '2 hours'`)
		built, err := schema.RetryIndexes(t.Context(), s.DB, s.Connection, s.account)
		if err != nil {
			t.Fatal(err)
		}
		return built
	}
	if built := retry(); len(built) != 0 {
		t.Errorf("built %v", built)
	}
	s.Run(`UPDATE salesforce.contact SET phone = NULL`)
	if diff := cmp.Diff([]string{"hcu_idx_contact_phone"}, retry()); diff != "" {
		t.Error(diff)
	}
	if change, err := schema.Plan(t.Context(), s.DB.Pool(), s.Connection, s.tables()); err != nil || !change.Empty() {
		t.Errorf("plan: %+v, %v", change, err)
	}
}

// uniquePhones maps Contact with a unique index on the phone.
func (s *site) uniquePhones() *mapping.Table {
	s.Helper()
	m := mapping.Mapping{
		ID: uuid.New(), ConnectionID: s.Connection.ID, ObjectName: "Contact", Access: mapping.ReadWrite,
		Fields: []string{"LastName", "Phone"}, PollSeconds: 2, Indexes: map[string]mapping.Index{"Phone": {Unique: true}},
	}
	t, err := mapping.Resolve(m, func(object string) (*sobject.Object, error) { return s.Org.Describe(s.Context(), object) })
	if err != nil {
		s.Fatal(err)
	}
	if _, err := schema.Apply(s.Context(), s.DB, s.Connection, []*mapping.Table{t}); err != nil {
		s.Fatal(err)
	}
	return t
}

// A value that is too long for an index of the mapping's stops no load.
func TestAValueTooLongForAnIndex(t *testing.T) {
	t.Parallel()
	const rows = 1500
	s := newSite(t, sandbox.Options{})
	s.account = s.TableOf(mapping.Mapping{
		ID: s.account.Mapping.ID, ConnectionID: s.Connection.ID, ObjectName: "Account", Access: mapping.ReadWrite, PollSeconds: 2,
		Fields: []string{"Name", "Description"}, Indexes: map[string]mapping.Index{"Description": {}},
	})
	s.Reader = s.reader(small)
	s.Seed("Account", rows)
	long := make([]byte, 10_000)
	for i := range long {
		long[i] = byte('!' + rand.N(90))
	}
	id := s.Insert("Account", "Name", "long", "Description", string(long))
	before := s.One(form)
	// Somebody who looked at the database before still sees the row when it is
	// set aside.
	old := s.App()
	if _, err := old.Exec(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class`); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*time.Second, func() { _, _ = old.Exec(context.Background(), `COMMIT`) })
	s.load(s.account)
	if diff := cmp.Diff(before, s.One(form)); diff != "" {
		t.Error(diff)
	}
	if got := s.count("true"); got != fmt.Sprint(rows) {
		t.Errorf("%s rows", got)
	}
	refused := `SELECT string_agg(sfid || ' ' || code || ' ' || column_name, ',') FROM _syncline.read_error`
	if got := s.One(refused); got != id+" 54000 description" {
		t.Errorf("read errors: %q", got)
	}
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Update("Account", id, "Description", "short")
	s.poll(now)
	if got := s.One(refused); got != "" || s.count("description = 'short'") != "1" {
		t.Errorf("read errors: %q", got)
	}
}
