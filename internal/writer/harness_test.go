package writer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is an org, a database with mapped tables and a writer between them.
type site struct {
	*sitetest.Site
	*Writer
	conn    mapping.Connection
	org     *sandbox.Server
	client  *orgSpy
	bulk    *bulkSpy
	journal *memory
	app     *sitetest.Session // the application's
	fence   target.Fence
	seen    []Observation
}

// orgSpy is the client, with a hook around each write.
type orgSpy struct {
	*salesforce.Client
	mu     sync.Mutex
	around func(salesforce.WriteRequest, func() ([]salesforce.Result, error)) ([]salesforce.Result, error)
	calls  int // of writes
	// together are the numbers of writes in composed calls; all changes their
	// replies.
	together []int
	all      func([]salesforce.WriteRequest, func() ([]salesforce.Written, error)) ([]salesforce.Written, error)
}

func (o *orgSpy) WriteAll(ctx context.Context, list []salesforce.WriteRequest) ([]salesforce.Written, error) {
	o.mu.Lock()
	o.calls++
	o.together = append(o.together, len(list))
	all := o.all
	o.mu.Unlock()
	send := func() ([]salesforce.Written, error) { return o.Client.WriteAll(ctx, list) }
	if all == nil {
		return send()
	}
	return all(list, send)
}

func (o *orgSpy) Write(ctx context.Context, w salesforce.WriteRequest) ([]salesforce.Result, error) {
	o.mu.Lock()
	o.calls++
	around := o.around
	o.mu.Unlock()
	send := func() ([]salesforce.Result, error) { return o.Client.Write(ctx, w) }
	if around == nil {
		return send()
	}
	return around(w, send)
}

// bulkSpy is the Bulk API, with the names of the calls that change something,
// and a death or an error before or after one of them.
type bulkSpy struct {
	*bulk.Client
	mu    sync.Mutex
	calls []string
	fail  func(call string, send func() error) error
}

func (b *bulkSpy) do(call string, send func() error) error {
	b.mu.Lock()
	b.calls = append(b.calls, call)
	fail := b.fail
	b.mu.Unlock()
	if fail == nil {
		return send()
	}
	return fail(call, send)
}

func (b *bulkSpy) CreateIngest(ctx context.Context, in bulk.Ingest) (job bulk.Job, err error) {
	err = b.do("create "+in.Op.String(), func() error {
		job, err = b.Client.CreateIngest(ctx, in)
		return err
	})
	return job, err
}

func (b *bulkSpy) Upload(ctx context.Context, id string, rows []byte) error {
	return b.do("upload", func() error { return b.Client.Upload(ctx, id, rows) })
}

func (b *bulkSpy) Complete(ctx context.Context, id string, before time.Time, reply func()) error {
	return b.do("complete", func() error { return b.Client.Complete(ctx, id, before, reply) })
}

// memory is a journal that lives as long as the test.
type memory struct {
	mu     sync.Mutex
	rows   map[uuid.UUID][]JournalRow
	number int64
	down   error // what every call fails with
	jobs   map[uuid.UUID]string
	noted  time.Duration // how long ago every job was noted
}

func (m *memory) Sending(_ context.Context, f target.Fence, batch uuid.UUID, entries []JournalEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	if f.Number != m.number {
		return fmt.Errorf("journal: %w", target.ErrFenced)
	}
	for _, e := range entries {
		m.rows[batch] = append(m.rows[batch], JournalRow{JournalEntry: e})
	}
	return nil
}

func (m *memory) Accepted(_ context.Context, batch uuid.UUID, results []JournalResult) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	for _, r := range results {
		i := slices.IndexFunc(m.rows[batch], func(row JournalRow) bool { return row.Position == r.Position })
		if i < 0 {
			return fmt.Errorf("no such position %d", r.Position)
		}
		if row := &m.rows[batch][i]; !row.Answered {
			row.Answered, row.Result = true, r
		}
	}
	return nil
}

func (m *memory) NoteJob(_ context.Context, f target.Fence, batch uuid.UUID, job string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	if f.Number != m.number {
		return fmt.Errorf("journal: %w", target.ErrFenced)
	}
	m.jobs[batch] = job
	return nil
}

func (m *memory) JobOf(_ context.Context, _, batch uuid.UUID) (JobNote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, ok := m.jobs[batch]
	return JobNote{Found: ok, ID: id, Age: m.noted}, m.down
}

func (m *memory) Batch(_ context.Context, _, batch uuid.UUID) ([]JournalRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows[batch]), m.down
}

// mapped are Account and Contact with a unique identifier, Opportunity without,
// and User read-only.
var mapped = sitetest.Map("writer",
	mapping.Mapping{ObjectName: "Account", Access: mapping.ReadWrite, UpsertField: "External_ID__c", Fields: []string{
		"Name", "External_ID__c", "Phone", "Description", "AnnualRevenue", "NumberOfEmployees", "Active__c",
		"Customer_Since__c", "Region_Label__c", "ParentId", "Parent__External_ID__c", "CreatedDate"}},
	mapping.Mapping{ObjectName: "Contact", Access: mapping.ReadWrite, UpsertField: "External_ID__c", Fields: []string{
		"LastName", "Email", "External_ID__c", "AccountId", "Account__External_ID__c"}},
	mapping.Mapping{ObjectName: "Opportunity", Access: mapping.ReadWrite, Fields: []string{"Name", "StageName", "CloseDate", "Amount"}},
	mapping.Mapping{ObjectName: "User", Access: mapping.ReadOnly, Fields: []string{"Username"}},
)

func newSite(t testing.TB, change ...func(*Config)) *site {
	t.Helper()
	s := &site{
		Site:    sitetest.NewMapped(t, mapped, sandbox.Options{}, sitetest.NoRetries),
		journal: &memory{rows: map[uuid.UUID][]JournalRow{}, jobs: map[uuid.UUID]string{}, number: 1},
	}
	s.org, s.client, s.bulk = s.Sandbox, &orgSpy{Client: s.Org}, &bulkSpy{Client: bulk.New(s.Org)}
	user, _ := s.org.Org.User(org.IntegrationUser)
	s.conn = s.Connection
	s.conn.Org.UserID = user.ID
	s.app = s.App()
	s.run(`SET search_path = salesforce, public`)
	cfg := Config{
		Connection: s.conn, Schema: s.conn.Schema, DB: s.DB, Org: s.client, Journal: s.journal, Tables: mapped.Tables(),
		Bulk:     s.bulk,
		Observe:  func(o Observation) { s.seen = append(s.seen, o) },
		Settings: Settings{Backoff: time.Millisecond, Attempts: 3, ProbeEvery: time.Millisecond},
	}
	for _, f := range change {
		f(&cfg)
	}
	s.Writer = New(cfg)
	s.fence = target.Fence{Connection: s.conn.ID, Kind: "write"}
	s.nextTurn()
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// nextTurn raises the fence in both databases, as a turn does at its start.
func (s *site) nextTurn() {
	s.Helper()
	s.fence.Number++
	s.journal.number = s.fence.Number
	s.must(s.db.Raise(s.Context(), s.fence))
}

// restart is what is left when the process has died: the two databases.
func (s *site) restart() {
	s.Helper()
	s.Writer = New(s.cfg)
	s.nextTurn()
}

func (s *site) run(sql string, args ...any) {
	s.Helper()
	s.app.Run(sql, args...)
}

// lines reads rows as text, "|" between columns.
func (s *site) lines(sql string) string {
	s.Helper()
	return s.app.Lines(sql, "|", "-")
}

func (s *site) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s:\n%swant:\n%s", what, got, want)
	}
}

// log is the live log: action, table, record, state.
func (s *site) states() string {
	s.Helper()
	return s.lines(`SELECT action, table_name, record_id, state FROM _trigger_log ORDER BY id`)
}

// drain runs until nothing is left that is due soon.
func (s *site) drain() Progress {
	s.Helper()
	var sum Progress
	for range 20 {
		p, err := s.Drain(s.Context(), s.fence, time.Now().Add(time.Minute))
		s.must(err)
		sum.Sent, sum.Failed, sum.Retry = sum.Sent+p.Sent, sum.Failed+p.Failed, sum.Retry+p.Retry
		// On a slow machine a look in vain is put off; what waits goes on waiting.
		idle := p.NextAt.Equal(s.idleUntil)
		s.idleUntil = time.Time{}
		if p.NextAt.IsZero() || time.Until(p.NextAt) > time.Second || idle && p.Sent+p.Failed+p.Retry == 0 {
			return sum
		}
		<-time.After(time.Until(p.NextAt))
	}
	s.Fatalf("does not come to rest; log:\n%s", s.states())
	return sum
}

// step makes the next calls one after the other.
func (s *site) step(ctx context.Context, fence target.Fence, p *Progress) (bool, error) {
	c, err := s.claim(ctx, fence)
	p.Failed += c.failed
	for _, calls := range lanes(c.calls) {
		err = errors.Join(err, s.deliverAll(ctx, fence, calls, p))
	}
	return len(c.calls)+c.settled > 0, err
}

func (s *site) inOrg(soql string) string {
	s.Helper()
	return s.InOrg(soql)
}

func (s *site) fault(f map[string]any) {
	s.Helper()
	s.must(s.org.Control().Do(s.Context(), http.MethodPost, "faults", f, nil))
}

type ctx = context.Context

func (s *site) setPolicy(p string) {
	t := *s.cfg.Tables["account"]
	t.Mapping.Policy = mapping.Policy(p)
	s.cfg.Tables["account"] = &t
}

// phoneOf is the phone of the one account in the org, as an SQL literal.
func phoneOf(s *site) string {
	s.Helper()
	rows, err := s.client.QueryMaps(s.Context(), `SELECT Phone FROM Account`, false)
	s.must(err)
	return fmt.Sprintf("'%v'", rows[0]["Phone"])
}

func raw(bodies ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(bodies))
	for i, b := range bodies {
		out[i] = json.RawMessage(b)
	}
	return out
}

// failing is a journal that takes so many calls and no more.
type failing struct {
	*memory
	after int
}

func (f *failing) Sending(ctx context.Context, fence target.Fence, batch uuid.UUID, entries []JournalEntry) error {
	if f.after == 0 {
		return errors.New("the journal is down")
	}
	f.after--
	return f.memory.Sending(ctx, fence, batch, entries)
}
