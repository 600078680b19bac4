package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is loaded: both sides are equal.
type site struct {
	*sitetest.Site
	tables []*mapping.Table
}

func newSite(t *testing.T, rows int) *site {
	t.Helper()
	s := &site{Site: sitetest.New(t, sandbox.Options{})}
	account := s.Table("Account", "External_ID__c", "Name", "Phone", "AnnualRevenue", "External_ID__c")
	contact := s.Table("Contact", "", "LastName", "Email", "Account__External_ID__c")
	s.tables = []*mapping.Table{account, contact}
	if rows > 0 {
		s.Seed("Account", rows)
		s.Seed("Contact", rows)
	}
	s.load()
	return s
}

func (s *site) load() {
	s.Helper()
	fence := s.Fence("load", 1)
	r := reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: s.Org})
	for _, t := range s.tables {
		if done, err := r.Load(s.Context(), fence, t, time.Now().Add(time.Minute), nil); !done || err != nil {
			s.Fatalf("load: %v, %v", done, err)
		}
	}
}

func (s *site) config() verify.Config {
	return verify.Config{Connection: s.Connection, DB: s.DB, Org: s.Org}
}

func (s *site) verify(o verify.Options) *verify.Report {
	s.Helper()
	o.Confirm = time.Millisecond
	r, err := verify.Run(s.Context(), s.config(), s.tables, o)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// ours runs statements past the capture triggers.
func (s *site) ours(sql string) { s.Run("SET xmlbinary = 'hex';" + sql) }

func TestEqualSides(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2500)
	before := s.Calls()
	r := s.verify(verify.Options{})
	if !r.Equal() || len(r.Mappings) != 2 {
		t.Fatalf("%+v", r)
	}
	for _, m := range r.Mappings {
		if m.RowsSalesforce != 2500 || m.RowsPostgres != 2500 || m.Equal != 2500 || len(m.Samples) != 0 {
			t.Errorf("%+v", m)
		}
	}
	if calls := s.Calls() - before; r.Calls != calls || calls != 5 {
		t.Errorf("%d calls told, the org counted %d", r.Calls, calls)
	}
}

func TestEveryKindOfDifferenceIsFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	var ids []string
	for i := range 6 {
		ids = append(ids, s.Insert("Account", "Name", fmt.Sprint("n", i), "Phone", "555", "External_ID__c", fmt.Sprint("e", i)))
	}
	s.tables = s.tables[:1]
	s.ours(`TRUNCATE salesforce.account; DELETE FROM _syncline.mark`)
	s.load()

	s.ours(fmt.Sprintf(`UPDATE salesforce.account SET name = 'other', phone = NULL WHERE sfid = '%s'`, ids[0]))
	s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[1]))
	s.ours(`INSERT INTO salesforce.account (sfid, name) VALUES ('001zzzzzzzzzzzzAAA', 'phantom')`)
	s.ours(`INSERT INTO salesforce.account (name) VALUES ('never sent')`)
	// What is on its way, and what was refused, is no difference.
	s.Run(fmt.Sprintf(`UPDATE salesforce.account SET name = 'mine' WHERE sfid = '%s'`, ids[2]))
	s.Run(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, ids[3]))
	s.Run(`INSERT INTO salesforce.account (name) VALUES ('new')`)
	s.Run(fmt.Sprintf(`UPDATE salesforce.account SET name = 'refused' WHERE sfid = '%s'`, ids[4]))
	s.Run(`INSERT INTO salesforce.account (name) VALUES ('refused')`)
	s.Run(`UPDATE salesforce._trigger_log SET state = 'FAILED' WHERE "values" LIKE '%"refused"%'`)

	r := s.verify(verify.Options{})
	m := r.Mappings[0]
	want := verify.MappingReport{
		Mapping: s.tables[0].Mapping.ID, Object: "Account", Table: "account",
		Proof: verify.Full, RowsSalesforce: 6, RowsPostgres: 8, Equal: 1, Pending: 3, FailedWrites: 2,
		Differences: verify.Differences{MissingInPostgres: 1, MissingInSalesforce: 2, Different: 1},
	}
	samples := m.Samples
	m.Samples = nil
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Differences() != 4 || r.Equal() {
		t.Errorf("%d differences", r.Differences())
	}
	byKind := map[verify.Kind]verify.Sample{}
	for _, x := range samples {
		byKind[x.Kind] = x
	}
	n0, other, phone := "n0", "other", "555"
	got := byKind[verify.Different]
	if diff := cmp.Diff([]verify.FieldDifference{{Field: "Name", Salesforce: &n0, Postgres: &other}, {Field: "Phone", Salesforce: &phone}}, got.Fields); diff != "" || got.Sfid != ids[0] || got.ID == 0 {
		t.Errorf("%+v:\n%s", got, diff)
	}
	if byKind[verify.MissingInPostgres].Sfid != ids[1] || byKind[verify.MissingInSalesforce].Sfid != "001zzzzzzzzzzzzAAA" || byKind[verify.NeverSent].ID == 0 {
		t.Errorf("samples %+v", samples)
	}
	if text, err := json.Marshal(r); err != nil || len(text) == 0 {
		t.Errorf("%v", err)
	}
}

func TestOpenIntentsAndArrivingCreatesArePending(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.tables = s.tables[:1]
	known := s.Insert("Account", "Name", "known")
	s.Insert("Account", "Name", "created", "External_ID__c", "E9")
	s.ours(`TRUNCATE salesforce.account; DELETE FROM _syncline.mark`)
	s.ours(fmt.Sprintf(`INSERT INTO salesforce.account (sfid, name) VALUES ('%s', 'being sent')`, known))
	s.ours(fmt.Sprintf(`INSERT INTO _syncline.intent (connection_id, batch, position, mapping, table_name, log_id, op, object, record_id, sfid)
		SELECT '%s', gen_random_uuid(), 0, gen_random_uuid(), 'account', 1, 'update', 'Account', id, sfid FROM salesforce.account`, s.Connection.ID))
	s.Run(`INSERT INTO salesforce.account (name, external_id__c) VALUES ('created', 'e9')`)
	if m := s.verify(verify.Options{}).Mappings[0]; m.Pending != 2 || m.Differences.Sum() != 0 {
		t.Errorf("%+v", m)
	}
}

func TestDuplicatesOfTheUniqueIdentifier(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.tables = s.tables[:1]
	s.Run(`DROP INDEX salesforce.hcu_idx_account_external_id__c`)
	s.ours(`INSERT INTO salesforce.account (name, external_id__c) VALUES ('a', 'dup'), ('b', 'DUP'), ('c', NULL), ('d', NULL)`)
	if r := s.verify(verify.Options{}); r.Duplicates() != 1 {
		t.Errorf("%+v", r)
	}
}

func TestADifferenceThatIsGoneOnTheSecondLookDoesNotCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.tables = s.tables[:1]
	id := s.Insert("Account", "Name", "new")
	s.load() // phase poll already: nothing is loaded
	c := s.config()
	c.Org = &lateOrg{Org: s.Org, late: func() {
		s.ours(fmt.Sprintf(`INSERT INTO salesforce.account (sfid, name, isdeleted, systemmodstamp)
			VALUES ('%s', 'new', false, '%s')`, id, s.stamp(id)))
	}}
	r, err := verify.Run(t.Context(), c, s.tables, verify.Options{Confirm: time.Millisecond, Rounds: 2})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Mappings[0]; !r.Equal() || m.Equal != 1 {
		t.Errorf("%+v", m)
	}
}

// lateOrg lets the row arrive when the record is looked at for the third time.
type lateOrg struct {
	verify.Org
	late  func()
	calls int
}

func (o *lateOrg) Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error) {
	if o.calls++; o.calls == 2 {
		defer o.late()
	}
	return o.Org.Query(ctx, soql, all, b)
}

func (s *site) stamp(id string) string {
	s.Helper()
	found, err := s.Org.QueryMaps(s.Context(), "SELECT SystemModstamp FROM Account WHERE Id = '"+id+"'", false)
	if err != nil || len(found) != 1 {
		s.Fatalf("%v, %v", found, err)
	}
	return fmt.Sprint(found[0]["SystemModstamp"])
}

func TestBeyondTheBoundsDifferencesCountUnconfirmed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 500)
	s.tables = s.tables[:1]
	s.ours(`UPDATE salesforce.account SET name = 'drift'`)
	m := s.verify(verify.Options{Recheck: 300, SampleLimit: 5, Rounds: 1}).Mappings[0]
	if m.Differences.Different != 500 || m.Unconfirmed != 200 || len(m.Samples) != 5 {
		t.Errorf("%+v", m)
	}
}

func TestMappingsAreChosenByName(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	if r := s.verify(verify.Options{Mappings: []string{"contact"}}); len(r.Mappings) != 1 || r.Mappings[0].Object != "Contact" {
		t.Errorf("%+v", r)
	}
	_, err := verify.Run(t.Context(), s.config(), s.tables, verify.Options{Mappings: []string{"Lead"}})
	var unknown *verify.UnknownMappingError
	if !errors.As(err, &unknown) || err.Error() != "Lead is not mapped; mapped are: Account, Contact" {
		t.Errorf("%v", err)
	}
}

func TestValuesThatSalesforceTakesForTheSameAreNoDifference(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	s.tables = s.tables[:1]
	s.Insert("Account", "Name", "Acme", "AnnualRevenue", json.Number("10.5"), "Phone", "1")
	s.ours(`TRUNCATE salesforce.account; DELETE FROM _syncline.mark`)
	s.load()
	s.ours(`UPDATE salesforce.account SET name = '  Acme ', external_id__c = '', systemmodstamp = systemmodstamp + interval '300 ms'`)
	if r := s.verify(verify.Options{}); !r.Equal() {
		t.Errorf("%+v", r.Mappings[0].Samples)
	}
}

// endlessOrg makes up records 0 to n-1.
type endlessOrg struct{ n int }

func (o endlessOrg) page(from int, b *record.Batch) (salesforce.Page, error) {
	to := min(from+2000, o.n)
	for i := from; i < to; i++ {
		b.Append([]record.Value{record.TextValue(id(i)), record.TextValue(fmt.Sprint("name ", i)), record.TimestampValue(time.Unix(0, 0))})
	}
	return salesforce.Page{Page: restjson.Page{Total: o.n, Done: to == o.n, Next: fmt.Sprint(to)}}, nil
}

func (o endlessOrg) Query(_ context.Context, _ string, _ bool, b *record.Batch) (salesforce.Page, error) {
	return o.page(0, b)
}

func (o endlessOrg) More(_ context.Context, next string, b *record.Batch) (salesforce.Page, error) {
	var from int
	if _, err := fmt.Sscan(next, &from); err != nil {
		return salesforce.Page{}, err
	}
	return o.page(from, b)
}

func (o endlessOrg) QueryMaps(context.Context, string, bool) ([]map[string]any, error) {
	return nil, nil
}

func id(n int) string {
	s, err := record.ID18(fmt.Sprintf("a00%012d", n))
	if err != nil {
		panic(err)
	}
	return s
}

func TestMemoryDoesNotGrowWithRows(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 200,000 rows")
	}
	const rows = 200_000
	s := sitetest.New(t, sandbox.Options{})
	s.Table("Account", "", "Name") // makes the system tables
	table := made(s)
	s.Run(`SET xmlbinary = 'hex'; CREATE TABLE salesforce.made__c (id serial PRIMARY KEY, sfid varchar(18) UNIQUE, name varchar(80), systemmodstamp timestamp)`)
	if _, err := s.DB.Pool().CopyFrom(t.Context(), []string{"salesforce", "made__c"}, []string{"sfid", "name", "systemmodstamp"}, copySource(rows)); err != nil {
		t.Fatal(err)
	}
	peak := map[bool]uint64{} // in the second half?
	c := verify.Config{Connection: s.Connection, DB: s.DB, Org: endlessOrg{rows}, Progress: func(p verify.Progress) {
		n := p.Compared
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak[n > rows/2] = max(peak[n > rows/2], m.HeapAlloc)
	}}
	r, err := verify.Run(t.Context(), c, []*mapping.Table{table}, verify.Options{})
	if err != nil || r.Mappings[0].Equal != rows {
		t.Fatalf("%+v, %v", r, err)
	}
	t.Logf("%d rows in %v; live heap at most %d and %d KiB", rows, r.Took, peak[false]>>10, peak[true]>>10)
	if peak[true] > peak[false]+(4<<20) {
		t.Errorf("the heap grew from %d to %d bytes", peak[false], peak[true])
	}
}
