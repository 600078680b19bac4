package inbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var algorithms = []mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency}

// site is a database with mapped tables, an org, a writer between them, and the
// inbox of what fails.
type site struct {
	testing.TB
	conn    mapping.Connection
	db      *target.DB
	app     *pgx.Conn // the application's session
	org     *sandbox.Server
	client  *salesforce.Client
	tables  map[string]*mapping.Table
	journal *journal
	fence   target.Fence
	writer  *writer.Writer
	inbox   *inbox.Inbox
	lose    int  // replies to writes that get lost
	blind   bool // the writer can't query the org
}

// newSite maps Account with a unique identifier and Opportunity without.
func newSite(t testing.TB, a mapping.Algorithm) *site {
	t.Helper()
	s := &site{TB: t, journal: &journal{rows: map[uuid.UUID][]writer.JournalRow{}}}
	s.startOrg()
	dsn := pgtest.New(t)
	var err error
	s.db, err = target.Open(t.Context(), target.Config{URL: dsn})
	s.must(err)
	t.Cleanup(s.db.Close)
	s.must(s.db.Migrate(t.Context()))
	user, _ := s.org.Org.User(org.IntegrationUser)
	s.conn = mapping.Connection{ID: uuid.New(), Schema: "salesforce", Algorithm: a, Org: mapping.Org{UserID: user.ID}}
	mappings := s.mapTables()
	_, err = schema.Apply(t.Context(), s.db, s.conn, []*mapping.Table{s.tables["account"], s.tables["opportunity"]})
	s.must(err)
	s.app, err = pgx.Connect(t.Context(), dsn)
	s.must(err)
	t.Cleanup(func() { _ = s.app.Close(context.WithoutCancel(t.Context())) })
	s.run(`SET search_path = salesforce, public`)
	s.inbox = inbox.Of(s.db, s.conn, mappings)
	s.fence = target.Fence{Connection: s.conn.ID, Kind: "write"}
	s.restart()
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) startOrg() {
	s.Helper()
	var err error
	s.org, err = sandbox.Start(s.Context(), sandbox.Options{Seed: 1})
	s.must(err)
	s.Cleanup(func() { _ = s.org.Close() })
	c := s.org.Clients[0]
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	res, err := http.PostForm(s.org.URL()+"/services/oauth2/token", form)
	s.must(err)
	defer res.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	s.must(json.NewDecoder(res.Body).Decode(&token))
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	s.Cleanup(hc.CloseIdleConnections)
	s.client = salesforce.New(salesforce.Config{
		Tokens: salesforce.StaticToken{Access: token.Access, InstanceURL: s.org.URL()}, HTTP: hc,
		CallClient: "syncline-test", MaxRetries: -1,
	})
}

func (s *site) mapTables() []mapping.Mapping {
	s.Helper()
	list := []mapping.Mapping{
		{ObjectName: "Account", Access: mapping.ReadWrite, UpsertField: "External_ID__c", Fields: []string{
			"Name", "External_ID__c", "Phone", "AnnualRevenue", "NumberOfEmployees", "Active__c", "Customer_Since__c"}},
		{ObjectName: "Opportunity", Access: mapping.ReadWrite, Fields: []string{"Name", "StageName", "CloseDate", "Amount"}},
	}
	s.tables = map[string]*mapping.Table{}
	for i := range list {
		m := &list[i]
		m.ID, m.ConnectionID = uuid.New(), s.conn.ID
		t, err := mapping.Resolve(*m, func(object string) (*sobject.Object, error) { return s.client.Describe(s.Context(), object) })
		s.must(err)
		s.tables[t.Name] = t
	}
	return list
}

// lossy loses the replies to writes while the site says so.
type lossy struct {
	*salesforce.Client
	s *site
}

func (l lossy) Write(ctx context.Context, w salesforce.WriteRequest) ([]salesforce.Result, error) {
	out, err := l.Client.Write(ctx, w)
	if l.s.lose > 0 {
		l.s.lose--
		return nil, &salesforce.Error{Class: salesforce.RetrySoon, Sent: true, Message: "the reply was lost"}
	}
	return out, err
}

// While replies get lost, nothing can be looked up either.
func (l lossy) QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error) {
	if l.s.blind {
		return nil, &salesforce.Error{Class: salesforce.AskPerson, Message: "not now"}
	}
	return l.Client.QueryMaps(ctx, soql, all)
}

// restart is a new turn of a new process.
func (s *site) restart() {
	s.Helper()
	s.fence.Number++
	s.journal.number = s.fence.Number
	s.must(s.db.Raise(s.Context(), s.fence))
	s.writer = writer.New(writer.Config{
		Connection: s.conn, Schema: s.conn.Schema, DB: s.db, Org: lossy{s.client, s}, Journal: s.journal, Tables: s.tables,
		Settings: writer.Settings{Backoff: time.Millisecond, Attempts: 3, ProbeEvery: time.Hour},
	})
}

// drain sends until nothing is left that is due soon.
func (s *site) drain() {
	s.Helper()
	for range 20 {
		p, err := s.writer.Drain(s.Context(), s.fence, time.Now().Add(time.Minute))
		s.must(err)
		if p.NextAt.IsZero() || time.Until(p.NextAt) > time.Second {
			return
		}
		<-time.After(time.Until(p.NextAt))
	}
	s.Fatalf("does not come to rest; log:\n%s", s.states())
}

func (s *site) run(sql string, args ...any) {
	s.Helper()
	if _, err := s.app.Exec(s.Context(), sql, args...); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// lines reads rows as text, "|" between columns.
func (s *site) lines(sql string) string {
	s.Helper()
	results, err := s.app.PgConn().Exec(s.Context(), sql).ReadAll()
	if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	var b strings.Builder
	for _, row := range results[len(results)-1].Rows {
		for i, v := range row {
			if i > 0 {
				b.WriteString("|")
			}
			if v == nil {
				b.WriteString("-")
			}
			b.Write(v)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (s *site) states() string {
	s.Helper()
	return s.lines(`SELECT action, record_id, state FROM _trigger_log ORDER BY id`)
}

// failed are the log ids of entries that are FAILED.
func (s *site) failed() []int32 {
	s.Helper()
	rows, err := s.app.Query(s.Context(), `SELECT id FROM _trigger_log WHERE state = 'FAILED' ORDER BY id`)
	s.must(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	s.must(err)
	return ids
}

func (s *site) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s:\n%swant:\n%s", what, got, want)
	}
}

// rules replaces the org's rules; "" takes them away.
func (s *site) rule(object, condition, message, field string) {
	s.Helper()
	var r org.Rules
	if condition != "" {
		r.Validations = []org.Validation{{Object: object, Condition: condition, Message: message, Fields: []string{field}}}
	}
	s.must(s.org.Org.SetRules(r))
}

// inOrg reads records, one a line.
func (s *site) inOrg(soql string) string {
	s.Helper()
	rows, err := s.client.QueryMaps(s.Context(), soql, false)
	s.must(err)
	var b strings.Builder
	for _, r := range rows {
		line, err := json.Marshal(r)
		s.must(err)
		b.Write(line)
		b.WriteString("\n")
	}
	return b.String()
}

func (s *site) done(o inbox.Outcome, err error) inbox.Outcome {
	s.Helper()
	s.must(err)
	if len(o.Skipped) > 0 {
		s.Errorf("skipped: %v", o.Skipped)
	}
	return o
}

func (s *site) table(_ context.Context, name string) (*mapping.Table, error) {
	return s.tables[name], nil
}

// journal is a control store's memory of calls that lives as long as the test.
type journal struct {
	mu     sync.Mutex
	rows   map[uuid.UUID][]writer.JournalRow
	number int64
}

func (j *journal) Sending(_ context.Context, f target.Fence, batch uuid.UUID, entries []writer.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.Number != j.number {
		return target.ErrFenced
	}
	for _, e := range entries {
		j.rows[batch] = append(j.rows[batch], writer.JournalRow{JournalEntry: e})
	}
	return nil
}

func (j *journal) Accepted(_ context.Context, batch uuid.UUID, results []writer.JournalResult) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range results {
		i := slices.IndexFunc(j.rows[batch], func(row writer.JournalRow) bool { return row.Position == r.Position })
		if row := &j.rows[batch][i]; !row.Answered {
			row.Answered, row.Result = true, r
		}
	}
	return nil
}

func (j *journal) Batch(_ context.Context, _, batch uuid.UUID) ([]writer.JournalRow, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.rows[batch]), nil
}

// No write of these tests is a Bulk job.
func (j *journal) NoteJob(context.Context, target.Fence, uuid.UUID, string) error { return nil }

func (j *journal) JobOf(context.Context, uuid.UUID, uuid.UUID) (writer.JobNote, error) {
	return writer.JobNote{}, nil
}
