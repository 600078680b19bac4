package reader_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// small makes many pages and chunks of few records.
var small = reader.Settings{BulkFrom: 1, BulkPageRows: 1000, BulkChunk: 20_000, BulkGroup: 1}

func bulkSite(t *testing.T, rows int, settings reader.Settings) *site {
	t.Helper()
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", rows)
	s.Reader = s.reader(settings)
	return s
}

// equal holds the table to the org by both judges, and looks at the mark.
func (s *site) equal(rows int) {
	s.Helper()
	report, err := verify.Run(s.Context(), verify.Config{Connection: s.Connection, DB: s.DB, Org: s.Org}, s.tables(), verify.Options{Confirm: time.Millisecond})
	if err != nil || !report.Equal() {
		s.Fatalf("verify: %+v, %v", report, err)
	}
	second, err := judge.Judge(s.Context(), judge.Input{
		Database: s.DSN(), Schema: "salesforce", Dump: judge.Control{URL: s.Sandbox.URL()}.Dump,
		Config: strings.NewReader(`{"version":1,"mappings":[{"object_name":"Account","config":{"upsert_field":"External_ID__c",
			"fields":{"Id":{},"IsDeleted":{},"SystemModstamp":{},"Name":{},"Phone":{},"NumberOfEmployees":{},"External_ID__c":{}}}}]}`),
	})
	if err != nil || !second.Equal() || second.Mappings[0].Records != rows {
		text, _ := json.Marshal(second)
		s.Fatalf("second judge: %s, %v", text, err)
	}
	if m := s.mark(); m.Phase != reader.Poll || m.Rows != int64(rows) || m.Total != m.Rows || !m.Stamp.Equal(m.LoadStarted) || m.LoadedAt.IsZero() {
		s.Errorf("mark %+v", m)
	}
}

// spy passes calls on and lets a test come between.
type spy struct {
	reader.Bulk
	created, deleted, lists, pages int
	job                            func(bulk.Job) bulk.Job
	onPage                         func(n int, skip int) error
	mu                             sync.Mutex
}

func (b *spy) Create(ctx context.Context, soql string, all bool) (bulk.Job, error) {
	b.created++
	return b.Bulk.Create(ctx, soql, all)
}

func (b *spy) Job(ctx context.Context, id string) (bulk.Job, error) {
	j, err := b.Bulk.Job(ctx, id)
	if b.job != nil {
		j = b.job(j)
	}
	return j, err
}

func (b *spy) Pages(ctx context.Context, id string, rows int) (bulk.Pages, error) {
	b.lists++
	return b.Bulk.Pages(ctx, id, rows)
}

func (b *spy) MorePages(ctx context.Context, next string) (bulk.Pages, error) {
	b.lists++
	return b.Bulk.MorePages(ctx, next)
}

func (b *spy) ReadPage(ctx context.Context, link string, l *record.Layout, skip int, use func(*bulk.PageReader) error) error {
	b.mu.Lock()
	b.pages++
	n := b.pages
	b.mu.Unlock()
	if b.onPage != nil {
		if err := b.onPage(n, skip); err != nil {
			return err
		}
	}
	return b.Bulk.ReadPage(ctx, link, l, skip, use)
}

func (b *spy) Delete(ctx context.Context, id string) error {
	b.deleted++
	return b.Bulk.Delete(ctx, id)
}

func (s *site) spied(settings reader.Settings) *spy {
	b := &spy{Bulk: bulk.New(s.Org)}
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: s.Org, Bulk: b, Settings: settings})
	return b
}

func TestBulkLoad(t *testing.T) {
	t.Parallel()
	rows := 12_000
	if testing.Short() {
		rows = 6000
	}
	s := bulkSite(t, rows, reader.Settings{BulkFrom: rows, BulkPageRows: rows / 12})
	b := s.spied(reader.Settings{BulkFrom: rows, BulkPageRows: rows / 12})
	var told []reader.Progress
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), func(p reader.Progress) { told = append(told, p) }); !done || err != nil {
		t.Fatal(done, err)
	}
	s.equal(rows)
	// Fifteen pages, not twelve: five are read at once.
	if b.created != 1 || b.deleted != 1 || b.lists != 3 || b.pages != 15 {
		t.Errorf("%+v", b)
	}
	last := told[len(told)-1]
	if last.Rows != int64(rows) || last.Total != last.Rows || last.Bytes == 0 || told[len(told)/2].Total != last.Total {
		t.Errorf("progress ends with %+v", last)
	}
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Insert("Account", "Name", "after the load")
	if got := s.poll(now); got.Result.Inserted != 1 || got.Err != nil {
		t.Errorf("poll: %+v", got)
	}
}

// The turn is cut at each of its steps in turn; each next one is by a reader
// that knows nothing but the mark.
func TestBulkLoadGoesOnAfterACutAnywhere(t *testing.T) {
	t.Parallel()
	const rows = 7300
	s := bulkSite(t, rows, small)
	var b *spy
	cuts, created := 0, 0
	var reread atomic.Int64 // pages are read side by side
	for done := false; !done; {
		if cuts++; cuts > 200 {
			t.Fatal("the load does not come on")
		}
		b = s.spied(small)
		b.onPage = func(_, skip int) error {
			reread.Add(int64(min(skip, 1)))
			return nil
		}
		ctx, cut := context.WithCancel(t.Context())
		commits := 0
		var err error
		done, err = s.Load(ctx, s.fence, s.account, time.Now().Add(time.Minute), func(reader.Progress) {
			if commits++; commits > cuts%3 { // after one, two or three commits
				cut()
			}
		})
		cut()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		created += b.created
		s.fence = s.Fence("read", s.fence.Number+1)
	}
	s.equal(rows)
	if created != 1 || reread.Load() == 0 || cuts < 10 {
		t.Errorf("%d jobs, %d turns, %d pages read from their middle on", created, cuts, reread.Load())
	}
}

// A turn whose time is over still does a step.
func TestBulkLoadInShortTurns(t *testing.T) {
	t.Parallel()
	const rows = 3500
	s := bulkSite(t, rows, small)
	b := s.spied(small)
	turns := 0
	for done := false; !done; turns++ {
		var err error
		if done, err = s.Load(t.Context(), s.fence, s.account, time.Time{}, nil); err != nil || turns > 1000 {
			t.Fatal(turns, err)
		}
	}
	s.equal(rows)
	if turns < 6 || b.pages != 5 || b.created != 1 {
		t.Errorf("%d turns, %d pages, %d jobs", turns, b.pages, b.created)
	}
}

// Into a table that has rows several chunks go as one batch. A page among them
// that was not whole is read again, and what is equal is not written.
func TestBulkLoadMatchesChunksTogether(t *testing.T) {
	t.Parallel()
	const rows = 3500
	together := reader.Settings{BulkFrom: 1, BulkPageRows: 1000, BulkChunk: 10_000}
	s := bulkSite(t, rows, together)
	s.load(s.account)
	if _, err := s.DB.Pool().Exec(t.Context(), `SET xmlbinary = 'hex'; UPDATE salesforce.account SET name = 'other' WHERE id % 10 = 0; RESET xmlbinary`); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	b := s.spied(together)
	b.onPage = func(n, _ int) error {
		if n == 3 {
			return &bulk.ShortError{Announced: 700, Read: 699}
		}
		return nil
	}
	commits := 0
	done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), func(reader.Progress) { commits++ })
	if !done || err != nil {
		t.Fatal(done, err)
	}
	s.equal(rows)
	if chunks := rows * 60 / together.BulkChunk; b.pages != 6 || commits > chunks {
		t.Errorf("%d pages, %d commits of %d chunks or more", b.pages, commits, chunks)
	}
}

// Records that a page lacks are missed by nobody: the page is read again from
// its start, since nobody knows which they are.
func TestShortBulkPages(t *testing.T) {
	t.Parallel()
	const rows = 3500
	s := bulkSite(t, rows, small)
	b := s.spied(small)
	b.onPage = func(n, skip int) error {
		if n == 2 {
			return &bulk.ShortError{Announced: 1000, Read: 999}
		}
		return nil
	}
	s.load(s.account)
	s.equal(rows)
	if b.pages != 6 {
		t.Errorf("%d pages", b.pages)
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	b.onPage = func(int, int) error { return &bulk.ShortError{Announced: 1000, Read: 999} }
	var short *bulk.ShortError
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), nil); done || !errors.As(err, &short) {
		t.Errorf("%v, %v", done, err)
	}
	b.onPage = nil
	s.load(s.account)
	s.equal(rows)
}

func TestBulkJobWithFewerRecordsThanAnnounced(t *testing.T) {
	t.Parallel()
	const rows = 1500
	s := bulkSite(t, rows, small)
	b := s.spied(small)
	b.job = func(j bulk.Job) bulk.Job { j.Records++; return j }
	var short *reader.ShortError
	if done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), nil); done || !errors.As(err, &short) || b.created != 3 {
		t.Errorf("%v, %v, %d jobs", done, err, b.created)
	}
	b.job = nil
	s.load(s.account)
	s.equal(rows)
}

// However a job ends, the load comes to its own end.
func TestBulkJobsThatEndEarly(t *testing.T) {
	t.Parallel()
	end := func(state bulk.State) func(*site, *spy) {
		return func(_ *site, b *spy) {
			b.job = func(j bulk.Job) bulk.Job { j.State, j.Message = state, "told by a test"; return j }
		}
	}
	drop := func(s *site, b *spy) { // deleted by a person while it is being read
		b.onPage = func(n, _ int) error {
			if n != 3 {
				return nil
			}
			return s.dropJobs()
		}
	}
	tests := []struct {
		name    string
		make    func(*site, *spy)
		created int
	}{
		{"failed", end(bulk.Failed), 1},
		{"aborted", end(bulk.Aborted), 2},
		{"deleted", drop, 2},
		{"fails in the org", func(s *site, _ *spy) {
			s.Fault(`{"kind":"job_fails","path":"/jobs/query$","count":1}`)
		}, 1},
		{"refused", func(s *site, _ *spy) {
			s.Fault(`{"kind":"status","method":"POST","path":"/jobs/query$","status":400,"code":"INVALIDENTITY","message":"Entity 'Account' is not supported by the Bulk API."}`)
		}, 1},
		{"quota", func(s *site, _ *spy) {
			s.Fault(`{"kind":"status","method":"POST","path":"/jobs/query$","status":400,"code":"EXCEEDEDQUOTA","message":"ApiBatchItems Limit exceeded."}`)
		}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const rows = 4500
			s := bulkSite(t, rows, small)
			b := s.spied(small)
			test.make(s, b)
			s.load(s.account)
			s.equal(rows)
			if b.created != test.created {
				t.Errorf("%d jobs were asked for, want %d", b.created, test.created)
			}
		})
	}
}

// dropJobs deletes all query jobs of the org.
func (s *site) dropJobs() error {
	c := bulk.New(s.Org)
	var list struct{ Records []struct{ ID string } }
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodGet, Path: "/jobs/query"}
	if _, err := s.Org.CallJSON(s.Context(), call, &list); err != nil {
		return err
	}
	for _, j := range list.Records {
		if err := c.Delete(s.Context(), j.ID); err != nil {
			return err
		}
	}
	return nil
}

// Faults of the line in the middle of pages cost calls, no rows.
func TestBulkLoadOverABadLine(t *testing.T) {
	t.Parallel()
	const rows = 6000
	s := bulkSite(t, rows, small)
	s.Fault(`{"kind":"cut_body","path":"/results$","bytes":30000,"count":3}`)
	s.Fault(`{"kind":"drop_after","path":"/resultPages$","count":1}`)
	s.Fault(`{"kind":"status","path":"/jobs/query/[^/]*$","status":503,"code":"SERVER_UNAVAILABLE","count":1}`)
	for n := 0; ; n++ {
		done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), nil)
		if done {
			break
		}
		if n > 20 {
			t.Fatal(err)
		}
	}
	s.equal(rows)
}

func TestSmallObjectsAndOldSettingsGoByQueries(t *testing.T) {
	t.Parallel()
	for _, settings := range []reader.Settings{{}, {BulkFrom: -1}, {BulkFrom: 301}} {
		s := bulkSite(t, 300, settings)
		b := s.spied(settings)
		s.load(s.account)
		if b.created != 0 || s.count("true") != "300" {
			t.Errorf("%+v: %d jobs", settings, b.created)
		}
	}
}

// What the application changes during the load, and what changes in the org
// after the job took its picture, ends up the same on both sides.
func TestChangesDuringABulkLoad(t *testing.T) {
	t.Parallel()
	const rows = 4000
	s := newSite(t, sandbox.Options{})
	first, gone := s.Insert("Account", "Name", "a"), s.Insert("Account", "Name", "b")
	s.Seed("Account", rows)
	last := s.Insert("Account", "Name", "c")
	b := s.spied(small)
	var once sync.Once
	b.onPage = func(n, _ int) error {
		if n == 3 {
			once.Do(func() {
				s.Update("Account", first, "Name", "changed first")
				s.Update("Account", last, "Name", "changed last")
				s.Delete("Account", gone)
			})
		}
		return nil
	}
	s.load(s.account)
	s.poll(now)
	if s.count("name LIKE 'changed %'") != "2" || s.count("true") != fmt.Sprint(rows+2) {
		t.Errorf("%s changed of %s", s.count("name LIKE 'changed %'"), s.count("true"))
	}
}
