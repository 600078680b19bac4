package reader_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site has a mapped Account and a reader.
type site struct {
	*sitetest.Site
	*reader.Reader
	account *mapping.Table
	fence   target.Fence

	mu   sync.Mutex
	seen []reader.Observation
}

func newSite(t *testing.T, o sandbox.Options) *site {
	t.Helper()
	s := &site{Site: sitetest.New(t, o)}
	s.account = s.Table("Account", "External_ID__c", "Name", "Phone", "NumberOfEmployees", "External_ID__c")
	s.fence = s.Fence("read", 1)
	s.Reader = s.reader(reader.Settings{})
	return s
}

func (s *site) reader(settings reader.Settings) *reader.Reader {
	return reader.New(reader.Config{
		Connection: s.Connection, DB: s.DB, Org: s.Org, Bulk: bulk.New(s.Org), Settings: settings,
		Observe: func(o reader.Observation) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen = append(s.seen, o)
		},
	})
}

func (s *site) load(tables ...*mapping.Table) {
	s.Helper()
	for _, t := range tables {
		done, err := s.Load(s.Context(), s.fence, t, time.Now().Add(time.Minute), nil)
		if err != nil || !done {
			s.Fatalf("load: done %v, %v", done, err)
		}
	}
}

func (s *site) poll(o reader.PollOptions) reader.MappingResult {
	s.Helper()
	res, err := s.Poll(s.Context(), s.fence, []*mapping.Table{s.account}, o)
	if err != nil {
		s.Fatal(err)
	}
	return res.Mappings[0]
}

var now = reader.PollOptions{All: true}

func (s *site) tables() []*mapping.Table { return []*mapping.Table{s.account} }

func (s *site) count(where string) string {
	return s.One(`SELECT count(*) FROM salesforce.account WHERE ` + where)
}

func (s *site) mark() reader.Mark {
	s.Helper()
	marks, err := s.Marks(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return marks[s.account.Mapping.ID]
}

func TestLoadGoesOnWhereATurnEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", 4500)
	var told []reader.Progress
	turns := 0
	for done := false; !done; turns++ {
		var err error
		// A turn whose time is over still takes its first page.
		done, err = s.Load(t.Context(), s.fence, s.account, time.Time{}, func(p reader.Progress) { told = append(told, p) })
		if err != nil {
			t.Fatal(err)
		}
		s.fence = s.Fence("read", s.fence.Number+1)
	}
	// Three pages, the last with one of three indexes.
	if turns != 5 || s.count("true") != "4500" {
		t.Fatalf("%d turns, %s rows, progress %+v", turns, s.count("true"), told)
	}
	last := told[len(told)-1]
	if last.Rows != 4500 || last.Total != 4500 || told[0].Rows != 2000 || told[0].Total != 4500 || last.Bytes == 0 {
		t.Errorf("progress: %+v", told)
	}
	m := s.mark()
	if m.Phase != reader.Poll || !m.Stamp.Equal(m.LoadStarted) || m.LoadStarted.IsZero() || m.LoadedAt.IsZero() || m.Rows != 4500 {
		t.Errorf("mark %+v", m)
	}
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Time{}, nil); !done || err != nil {
		t.Errorf("a load after the load: %v, %v", done, err)
	}
}

func TestChangesDuringALoadAreNotMissed(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{ClockOffset: 3 * time.Hour})
	s.Seed("Account", 3000)
	if _, err := s.Load(t.Context(), s.fence, s.account, time.Time{}, nil); err != nil {
		t.Fatal(err)
	}
	behind := s.One(`SELECT min(sfid COLLATE "C") FROM salesforce.account`) // the load has passed it
	s.Update("Account", behind, "Name", "changed behind the load")
	s.Sandbox.Org.Clock.Step(time.Hour) // no overlap of a poll is as long as this load
	s.load(s.account)
	s.poll(now)
	if got := s.count("name = 'changed behind the load'"); got != "1" {
		t.Errorf("%s rows have the change", got)
	}
}

func TestPollBringsEveryKindOfChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{ClockOffset: -2 * time.Hour})
	kept := s.Insert("Account", "Name", "kept")
	gone := s.Insert("Account", "Name", "gone")
	s.load(s.account)
	s.poll(now)

	s.Update("Account", kept, "Name", "changed")
	s.Delete("Account", gone)
	added := s.Insert("Account", "Name", "added")
	got := s.poll(now)
	if want := (apply.Result{Inserted: 1, Updated: 1, Deleted: 1}); got.Result != want || got.Err != nil {
		t.Errorf("%+v", got)
	}
	if s.count(fmt.Sprintf("sfid = '%s' AND name = 'changed' OR sfid = '%s' AND name = 'added'", kept, added)) != "2" || s.count("true") != "2" {
		t.Error("the rows are not those of the org")
	}
	if got := s.poll(now); got.Result.Changes() != 0 || got.Rows == 0 {
		t.Errorf("the overlap is read again and nothing written: %+v", got)
	}
	s.Tx(func(tx *org.Tx) error { return tx.Undelete(s.Object("Account"), gone) })
	if got := s.poll(now); got.Result.Inserted != 1 {
		t.Errorf("undelete: %+v", got)
	}
	latencies := 0
	for _, o := range s.seen {
		for _, l := range o.Latencies {
			latencies++
			if l < 0 || l > time.Minute {
				t.Errorf("latency %v", l)
			}
		}
	}
	if latencies < 3 {
		t.Errorf("%d latencies were observed", latencies)
	}
}

func TestPollIsDueByInterval(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	if got := s.poll(now); got.Polled {
		t.Errorf("polled before it was loaded: %+v", got)
	}
	s.load(s.account)
	if got := s.poll(reader.PollOptions{}); !got.Polled || got.Next != 2*time.Second {
		t.Errorf("first: %+v", got)
	}
	if got := s.poll(reader.PollOptions{}); got.Polled || got.Next <= 0 || got.Next > 2*time.Second {
		t.Errorf("second: %+v", got)
	}
}

// 5,000 records share one second, and the turn ends after each page.
func TestManyRecordsOnOneStampOverManyTurns(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.load(s.account)
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Tx(func(tx *org.Tx) error {
		for i := range 5000 {
			if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", fmt.Sprint("n", i))); err != nil {
				return err
			}
		}
		return nil
	})
	before := s.mark().Stamp
	turns := 0
	for {
		got := s.poll(reader.PollOptions{All: true, Until: time.Now()})
		if got.Err != nil {
			t.Fatal(got.Err)
		}
		if turns++; got.Next != 0 || turns > 10 {
			break
		}
		if !s.mark().Stamp.Equal(before) {
			t.Fatal("the mark passed records that were not applied")
		}
		s.Reader = s.reader(reader.Settings{}) // another node goes on
	}
	if s.count("true") != "5000" || turns != 3 {
		t.Errorf("%s rows after %d turns", s.count("true"), turns)
	}
	if !s.mark().Stamp.After(before) {
		t.Error("the mark did not move")
	}
}

// A transaction of some seconds commits after a poll that was newer than its
// stamps; the next poll, which is no sweep, has it.
func TestPollsOverlap(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.load(s.account)
	s.poll(now) // the first one sweeps
	tx := s.Sandbox.Org.Begin(s.Actor())
	defer tx.Rollback()
	if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", "late")); err != nil {
		t.Fatal(err)
	}
	s.Sandbox.Org.Clock.Step(5 * time.Second)
	s.poll(now)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := s.poll(now); got.Result.Inserted != 1 {
		t.Errorf("%+v", got)
	}
}

func TestSweepFindsRecordsThatBecameVisibleLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.load(s.account)
	s.poll(now)
	tx := s.Sandbox.Org.Begin(s.Actor())
	defer tx.Rollback()
	if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", "late")); err != nil {
		t.Fatal(err)
	}
	s.Sandbox.Org.Clock.Step(5 * time.Minute) // the transaction is still open
	s.poll(now)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := s.poll(now); got.Rows != 0 {
		t.Fatalf("the short overlap sees it: the test shows nothing: %+v", got)
	}
	if got := s.poll(reader.PollOptions{All: true, Sweep: true}); got.Result.Inserted != 1 {
		t.Errorf("%+v", got)
	}
}

func TestDeferredRecordsAreReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	id := s.Insert("Account", "Name", "first")
	gone := s.Insert("Account", "Name", "gone")
	s.load(s.account)
	s.poll(now)
	app := s.App()
	if _, err := app.Exec(t.Context(), `BEGIN`); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Exec(t.Context(), `UPDATE salesforce.account SET phone = 'mine'`); err != nil {
		t.Fatal(err)
	}
	s.Update("Account", id, "Name", "second")
	s.Update("Account", gone, "Name", "second")
	if got := s.poll(now); got.Result.Deferred != 2 || got.Err != nil {
		t.Fatalf("%+v", got)
	}
	s.Tx(func(tx *org.Tx) error { return tx.Purge(s.Object("Account"), gone) })
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.poll(now) // no window would bring it from here on
	if _, err := app.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if got := s.poll(now); got.Result.Updated != 1 || got.Err != nil {
		t.Errorf("%+v", got)
	}
	if s.count("name = 'second' AND phone = 'mine'") != "1" {
		t.Error("the row has not both changes")
	}
	if n := s.One(`SELECT count(*) FROM _syncline.deferred`); n != "0" {
		t.Errorf("%s records are still deferred", n)
	}
}

func TestOldDeferredRecordsAreNotAskedForInEveryPoll(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	id := s.Insert("Account", "Name", "x")
	s.load(s.account)
	s.Sandbox.Org.Clock.Step(time.Hour)
	app := s.App() // holds the row until the test ends
	if _, err := app.PgConn().Exec(t.Context(), `BEGIN; UPDATE salesforce.account SET phone = 'mine'`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	s.Run(fmt.Sprintf(`INSERT INTO _syncline.deferred (connection_id, mapping, sfid, since) VALUES ('%s', '%s', '%s', now() - interval '1 hour')`,
		s.Connection.ID, s.account.Mapping.ID, id))
	before := s.Calls()
	for range 5 {
		if got := s.poll(now); got.Err != nil {
			t.Fatal(got.Err)
		}
	}
	if calls := s.Calls() - before; calls != 6 {
		t.Errorf("%d calls for 5 polls and one reading of what was deferred", calls)
	}
}

func TestOneBadMappingStopsNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	contact := s.Table("Contact", "", "LastName")
	s.load(s.account, contact)
	s.Insert("Account", "Name", "fine")
	s.Run(`ALTER TABLE salesforce.contact RENAME TO gone`)
	s.Insert("Contact", "LastName", "Doe")
	res, err := s.Poll(t.Context(), s.fence, []*mapping.Table{contact, s.account}, now)
	if err != nil {
		t.Fatal(err)
	}
	bad, good := res.Mappings[0], res.Mappings[1]
	var me *reader.MappingError
	if !errors.As(bad.Err, &me) || me.Object != "Contact" || target.Classify(bad.Err) != target.Schema {
		t.Errorf("%v", bad.Err)
	}
	if good.Err != nil || good.Result.Inserted != 1 {
		t.Errorf("%+v", good)
	}
	if next, ok := res.Next(); !ok || next <= 0 {
		t.Errorf("next %v", next)
	}
}

func TestAFenceThatWasOvertakenStopsEverything(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Insert("Account", "Name", "x")
	old := s.fence
	s.Fence("read", 2)
	if _, err := s.Load(t.Context(), old, s.account, time.Time{}, nil); !errors.Is(err, target.ErrFenced) {
		t.Errorf("load: %v", err)
	}
	s.fence.Number = 2
	s.load(s.account)
	if _, err := s.Poll(t.Context(), old, []*mapping.Table{s.account}, now); !errors.Is(err, target.ErrFenced) {
		t.Errorf("poll: %v", err)
	}
	if s.mark().PolledAt != (time.Time{}) {
		t.Error("the mark moved")
	}
}

func TestFaultsOfTheOrgLoseNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"expired cursor": `{"kind":"status","status":400,"code":"INVALID_QUERY_LOCATOR","message":"invalid query locator","path":"/query(All)?/0r8","count":1}`,
		"cut body":       `{"kind":"cut_body","bytes":9000,"path":"/query","count":5}`,
		"html":           `{"kind":"html","path":"/query","count":5}`,
		"session":        `{"kind":"session","path":"/query","skip":1,"count":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{})
			s.Seed("Account", 4100)
			s.Fault(fault)
			for range 5 {
				done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), nil)
				if done {
					break
				}
				if err == nil {
					t.Fatal("neither done nor an error")
				}
			}
			if got := s.count("true"); got != "4100" {
				t.Errorf("%s rows", got)
			}
		})
	}
}

func TestRestartReadsAllAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", 300)
	s.load(s.account)
	s.Run(`SET xmlbinary = 'hex'; DELETE FROM salesforce.account WHERE id % 3 = 0; UPDATE salesforce.account SET name = 'drift' WHERE id % 3 = 1`)
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	if _, known := must(s.Marks(t.Context()))[s.account.Mapping.ID]; known {
		t.Error("the mark is still there")
	}
	s.load(s.account)
	if s.count("true") != "300" || s.count("name = 'drift'") != "0" {
		t.Error("the rows are not those of the org")
	}
}

func must(m map[uuid.UUID]reader.Mark, err error) map[uuid.UUID]reader.Mark {
	if err != nil {
		panic(err)
	}
	return m
}

func TestErrorsNameTheObject(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Fault(`{"kind":"status","status":400,"code":"INVALID_FIELD","message":"No such column 'Phone'","path":"/query"}`)
	_, err := s.Load(t.Context(), s.fence, s.account, time.Time{}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "Account: load: ") || !strings.Contains(err.Error(), "No such column") {
		t.Errorf("%v", err)
	}
}

// shortOrg leaves the last record out of some pages.
type shortOrg struct {
	reader.Org
	left int
}

func (o *shortOrg) Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error) {
	page, err := o.Org.Query(ctx, soql, all, b)
	if err == nil && o.left > 0 && b.Len() > 0 {
		o.left--
		b.Truncate(b.Len() - 1)
		page.Rows--
	}
	return page, err
}

func TestAShortPageIsNoSuccess(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", 50)
	short := &shortOrg{Org: s.Org, left: 2}
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: short})
	s.load(s.account) // the third reading is whole
	if got := s.count("true"); got != "50" {
		t.Fatalf("%s rows", got)
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	short.left = 3
	var missing *reader.ShortError
	if _, err := s.Load(t.Context(), s.fence, s.account, time.Time{}, nil); !errors.As(err, &missing) || missing.Announced != 50 || missing.Read != 49 {
		t.Errorf("load: %v", err)
	}
	s.load(s.account)
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Insert("Account", "Name", "new")
	before := s.mark().Stamp
	short.left = 1
	if got := s.poll(now); !errors.As(got.Err, &missing) || !s.mark().Stamp.Equal(before) {
		t.Errorf("poll: %+v", got)
	}
	if got := s.poll(now); got.Err != nil || got.Result.Inserted != 1 {
		t.Errorf("poll again: %+v", got)
	}
}
