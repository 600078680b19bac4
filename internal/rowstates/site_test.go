package rowstates

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer"
	"github.com/synclinehq/syncline/internal/writer/writertest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is an org and a database with both halves at work between them.
type site struct {
	*sitetest.Site
	org     *spy
	journal *writertest.Journal
	account *mapping.Table
	app     *sitetest.Session
	reader  *reader.Reader
	writer  *writer.Writer
	// turn numbers the writer's fence.
	turn  int64
	polls target.Fence
}

// spy lets something happen while a write is under way: when the org has done
// it and the writer has no reply yet.
type spy struct {
	*salesforce.Client
	during func()
}

func (o *spy) happen() {
	if f := o.during; f != nil {
		o.during = nil
		f()
	}
}

func (o *spy) Write(ctx context.Context, w salesforce.WriteRequest) ([]salesforce.Result, error) {
	out, err := o.Client.Write(ctx, w)
	o.happen()
	return out, err
}

func (o *spy) WriteAll(ctx context.Context, list []salesforce.WriteRequest) ([]salesforce.Written, error) {
	out, err := o.Client.WriteAll(ctx, list)
	o.happen()
	return out, err
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Site: sitetest.New(t, sandbox.Options{}), journal: writertest.NewJournal()}
	s.org = &spy{Client: s.Org}
	s.account = s.Table("Account", "External_ID__c", "Name", "Phone", "External_ID__c")
	s.Connection.Algorithm = mapping.Dependency
	user, _ := s.Sandbox.Org.User(org.IntegrationUser)
	s.Connection.Org.UserID = user.ID
	s.app = s.App()
	s.sql(`SET search_path = salesforce, public`)
	s.reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: s.Org, Bulk: bulk.New(s.Org)})
	s.polls = s.Fence("read", 1)
	if done, err := s.reader.Load(s.Context(), s.polls, s.account, time.Now().Add(time.Minute), nil); err != nil || !done {
		t.Fatalf("load: %v, %v", done, err)
	}
	s.newWriter(time.Millisecond)
	return s
}

// newWriter is the next turn of another process: it knows only what stands in
// the databases. With a long pause it does not try again what was lost.
func (s *site) newWriter(pause time.Duration) {
	s.Helper()
	s.turn++
	s.journal.Raise(s.turn)
	s.writer = writer.New(writer.Config{
		Connection: s.Connection, Schema: s.Connection.Schema, DB: s.DB, Org: s.org, Journal: s.journal,
		Tables:   map[string]*mapping.Table{"account": s.account},
		Settings: writer.Settings{Backoff: pause, Attempts: 3, ProbeEvery: time.Millisecond},
	})
	f := s.Fence("write", s.turn)
	// Calls of another turn are not made again before they can have ended.
	s.sql(`UPDATE _syncline.intent SET claimed_at = claimed_at - interval '1 hour' WHERE state <> 'settled'`)
	if err := s.writer.Recover(s.Context(), f); err != nil {
		s.Fatal(err)
	}
}

func (s *site) fence() target.Fence {
	return target.Fence{Connection: s.Connection.ID, Kind: "write", Number: s.turn}
}

func (s *site) sql(text string, args ...any) {
	s.Helper()
	s.app.Run(text, args...)
}

// lines reads rows as text, "|" between columns.
func (s *site) lines(text string, args ...any) []string {
	s.Helper()
	rows, err := s.app.Query(s.Context(), text, args...)
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		cells := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				cells[i] = fmt.Sprint(v)
			}
		}
		return strings.Join(cells, "|"), err
	})
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	return out
}

// write lets the writer send what it can. A reply that was lost is no failure.
func (s *site) write() {
	s.Helper()
	for range 5 {
		p, err := s.writer.Drain(s.Context(), s.fence(), time.Now().Add(time.Minute))
		if err != nil && !salesforce.OutcomeUnknown(err) && !errors.Is(err, target.ErrFenced) {
			s.Fatal(err)
		}
		if p.NextAt.IsZero() || time.Until(p.NextAt) > time.Second {
			return
		}
		<-time.After(time.Until(p.NextAt))
	}
}

func (s *site) read() {
	s.Helper()
	if _, err := s.reader.Poll(s.Context(), s.polls, []*mapping.Table{s.account}, reader.PollOptions{All: true}); err != nil {
		s.Fatal(err)
	}
}

// rest lets both halves work until nothing changes any more.
func (s *site) rest() {
	s.Helper()
	before := ""
	for range 8 {
		s.write()
		s.read()
		now := strings.Join(s.lines(`SELECT 'row', a.id, a.name, a.phone, a.sfid, a._hc_lastop FROM account a
			UNION ALL SELECT 'log', id, state, sfid, sf_message, NULL FROM _trigger_log
			UNION ALL SELECT 'deferred', 0, sfid, NULL, NULL, NULL FROM _syncline.deferred`), "\n")
		if now == before {
			return
		}
		before = now
	}
	s.Fatalf("does not come to rest:\n%s", before)
}

// inOrg is the record with an external ID; nothing if there is none.
func (s *site) inOrg(ext string) []map[string]any {
	s.Helper()
	rows, err := s.Org.QueryMaps(s.Context(), `SELECT Id, Name, Phone FROM Account WHERE External_ID__c = '`+ext+`'`, false)
	if err != nil {
		s.Fatal(err)
	}
	return rows
}

func (s *site) undelete(sfid string) {
	s.Helper()
	s.Tx(func(tx *org.Tx) error { return tx.Undelete(s.Object("Account"), sfid) })
}

func (s *site) policy(p mapping.Policy) {
	t := *s.account
	t.Mapping.Policy = p
	s.account = &t
}
