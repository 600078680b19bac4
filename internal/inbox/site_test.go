package inbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer"
	"github.com/synclinehq/syncline/internal/writer/writertest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var algorithms = []mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency}

// site is an org, a database with mapped tables, a writer between them, and the
// inbox of what fails.
type site struct {
	*sitetest.Site
	conn    mapping.Connection
	app     *sitetest.Session // the application's
	tables  map[string]*mapping.Table
	journal *writertest.Journal
	fence   target.Fence
	writer  *writer.Writer
	inbox   *inbox.Inbox
	lose    int  // replies to writes that get lost
	blind   bool // the writer can't query the org
}

// mapped are Account with a unique identifier and Opportunity without.
var mapped = sitetest.Map("inbox",
	mapping.Mapping{ObjectName: "Account", Access: mapping.ReadWrite, UpsertField: "External_ID__c", Fields: []string{
		"Name", "External_ID__c", "Phone", "AnnualRevenue", "NumberOfEmployees", "Active__c", "Customer_Since__c"}},
	mapping.Mapping{ObjectName: "Opportunity", Access: mapping.ReadWrite, Fields: []string{"Name", "StageName", "CloseDate", "Amount"}},
)

func newSite(t testing.TB, a mapping.Algorithm) *site {
	t.Helper()
	s := &site{Site: sitetest.NewMapped(t, mapped, sandbox.Options{}, sitetest.NoRetries), journal: writertest.NewJournal()}
	s.tables, s.conn = mapped.Tables(), s.Connection
	user, _ := s.Sandbox.Org.User(org.IntegrationUser)
	s.conn.Algorithm, s.conn.Org.UserID = a, user.ID
	s.app = s.App()
	s.run(`SET search_path = salesforce, public`)
	s.inbox = inbox.Of(s.DB, s.conn, mapped.Mappings())
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
	s.journal.Raise(s.fence.Number)
	s.must(s.DB.Raise(s.Context(), s.fence))
	s.writer = writer.New(writer.Config{
		Connection: s.conn, Schema: s.conn.Schema, DB: s.DB, Org: lossy{s.Org, s}, Journal: s.journal, Tables: s.tables,
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
	s.app.Run(sql, args...)
}

// lines reads rows as text, "|" between columns.
func (s *site) lines(sql string) string {
	s.Helper()
	return s.app.Lines(sql, "|", "-")
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
	s.must(s.Sandbox.Org.SetRules(r))
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
