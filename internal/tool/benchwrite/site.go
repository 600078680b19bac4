package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine/work"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/tool/benchorg"
	"github.com/synclinehq/syncline/internal/writer"
)

// site is an empty org, a new database with three mapped tables, a control
// store, and a writer.
type site struct {
	org    *benchorg.Org
	client *salesforce.Client
	db     *target.DB
	store  *store.Store
	conn   mapping.Connection
	fence  target.Fence
	writer *writer.Writer
	mapped []*mapping.Table
	tally
}

// tally counts calls by purpose and latencies.
type tally struct {
	mu        sync.Mutex
	byPurpose map[string]int
	latencies []time.Duration
}

func (t *tally) Begin(context.Context) func() { return func() {} }
func (t *tally) Usage(int, int)               {}

func (t *tally) Charge(u salesforce.Use) {
	t.mu.Lock()
	defer t.mu.Unlock()
	purpose := "write"
	switch {
	case u.Kind == salesforce.KindDescribe:
		purpose = u.Kind
	case u.Purpose == readBack, u.Purpose == "load":
		purpose = u.Purpose
	}
	t.byPurpose[purpose]++
}

func (t *tally) observe(o writer.Observation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latencies = append(t.latencies, o.Latencies...)
}

func (t *tally) calls(purpose string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byPurpose[purpose]
}

// open makes a site in two databases of its own.
func (b *bench) open(ctx context.Context, options mapping.ConnectionOptions) (*site, error) {
	if err := b.org.Control(ctx, "POST", "wipe", map[string]any{}, nil); err != nil {
		return nil, err
	}
	name := "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	s := &site{org: b.org, tally: tally{byPurpose: map[string]int{}}}
	if err := b.server.CreateDatabase(ctx, name, "hstore"); err != nil {
		return nil, err
	}
	if err := b.server.CreateDatabase(ctx, name+"_control"); err != nil {
		return nil, err
	}
	token, err := b.org.Token(ctx)
	if err != nil {
		return nil, err
	}
	s.client = salesforce.New(salesforce.Config{
		Tokens: salesforce.StaticToken(token), HTTP: salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true}), Meter: &s.tally,
		MaxConcurrent: 32,
	})
	if s.db, err = target.Open(ctx, target.Config{URL: b.server.DSN(name), MaxConns: 12}); err != nil {
		return nil, err
	}
	if err := s.db.Migrate(ctx); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, b.server.DSN(name+"_control"), options); err != nil || !b.slow {
		return s, err
	}
	fault := map[string]any{"kind": "delay", "delayMs": b.delay.Milliseconds(), "path": "^/services/data"}
	return s, b.org.Control(ctx, "POST", "faults", fault, nil)
}

// connect makes the connection, its tables and its writer.
func (s *site) connect(ctx context.Context, control string, options mapping.ConnectionOptions) error {
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, store.Config{URL: secret.NewText(control), Keys: keys, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	s.conn, err = s.store.CreateConnection(ctx, mapping.Connection{
		Schema: "salesforce", Algorithm: mapping.Dependency, Options: options,
	}, store.Secrets{})
	if err != nil {
		return err
	}
	s.conn.Options = options
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		s.mapped = append(s.mapped, t)
	}
	if _, err := schema.Apply(ctx, s.db, s.conn, s.mapped); err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if s.fence, err = s.raise(ctx, store.Key{Connection: s.conn.ID, Kind: "write"}); err != nil {
		return err
	}
	s.writer = writer.New(writer.Config{
		Connection: s.conn, Schema: s.conn.Schema, DB: s.db, Org: s.client, Bulk: bulk.New(s.client), Journal: work.Journal(s.store), Tables: tables,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Observe: s.observe,
	})
	return nil
}

// tables are three objects with a unique identifier.
func (s *site) tables(ctx context.Context) (map[string]*mapping.Table, error) {
	out := map[string]*mapping.Table{}
	for object, fields := range map[string][]string{
		"Account":     {"Name", "Phone", "Description", "AnnualRevenue", "NumberOfEmployees", "External_ID__c"},
		"Contact":     {"LastName", "Email", "Phone", "External_ID__c"},
		"Opportunity": {"Name", "StageName", "CloseDate", "Amount", "External_ID__c"},
	} {
		m := mapping.Mapping{
			ID: uuid.New(), ConnectionID: s.conn.ID, ObjectName: object, Access: mapping.ReadWrite, PollSeconds: 600,
			UpsertField: "External_ID__c", Fields: fields,
		}
		t, err := mapping.Resolve(m, func(name string) (*sobject.Object, error) { return s.client.Describe(ctx, name) })
		if err != nil {
			return nil, err
		}
		out[t.Name] = t
	}
	return out, nil
}

// queue makes n changes as an application would that works on 50 rows at a
// time: inserts of three tables, then an update of each row.
func (s *site) queue(ctx context.Context, n int) error {
	const rows = 50
	conn, err := s.db.Pool().Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for _, sql := range []string{
		"SET search_path = salesforce, public",
		"CREATE INDEX ON account (name)", "CREATE INDEX ON contact (lastname)", "CREATE INDEX ON opportunity (name)",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	list := [2][3]string{{
		`INSERT INTO account (name, annualrevenue, external_id__c) SELECT 'a' || i, i, 'a' || i FROM generate_series($1::int, $2::int) i`,
		`INSERT INTO contact (lastname, phone, external_id__c) SELECT 'c' || i, i, 'c' || i FROM generate_series($1::int, $2::int) i`,
		`INSERT INTO opportunity (name, stagename, closedate, external_id__c)
			SELECT 'o' || i, 'Prospecting', '2030-01-01', 'o' || i FROM generate_series($1::int, $2::int) i`,
	}, {
		`UPDATE account SET phone = '1' WHERE name IN (SELECT 'a' || i FROM generate_series($1::int, $2::int) i)`,
		`UPDATE contact SET email = 'a@example.com' WHERE lastname IN (SELECT 'c' || i FROM generate_series($1::int, $2::int) i)`,
		`UPDATE opportunity SET amount = 1 WHERE name IN (SELECT 'o' || i FROM generate_series($1::int, $2::int) i)`,
	}}
	for _, statements := range list {
		for i := 0; i < n/2; i += rows {
			slot, turn := i/rows%3, i/rows/3
			if _, err := conn.Exec(ctx, statements[slot], turn*rows+1, turn*rows+min(rows, n/2-i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// drain sends until the log is empty, and says how long that took.
func (s *site) drain(ctx context.Context) (writer.Progress, time.Duration, error) {
	var sum writer.Progress
	start := time.Now()
	for {
		p, err := s.writer.Drain(ctx, s.fence, time.Now().Add(15*time.Second))
		if err != nil {
			return sum, 0, err
		}
		sum.Sent, sum.Failed, sum.Retry = sum.Sent+p.Sent, sum.Failed+p.Failed, sum.Retry+p.Retry
		left, err := s.unsent(ctx)
		if err != nil {
			return sum, 0, err
		}
		if left == 0 {
			return sum, time.Since(start), nil
		}
		if wait := time.Until(p.NextAt); !p.NextAt.IsZero() && wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return sum, 0, context.Cause(ctx)
			}
		}
	}
}

func (s *site) unsent(ctx context.Context) (int, error) {
	var n int
	err := s.db.Pool().QueryRow(ctx, `SELECT count(*) FROM salesforce._trigger_log WHERE state IN ('NEW', 'PENDING')`).Scan(&n)
	return n, err
}

// check compares both sides by their numbers of rows.
func (s *site) check(ctx context.Context) error {
	for table, object := range map[string]string{"account": "Account", "contact": "Contact", "opportunity": "Opportunity"} {
		var n int
		sql := fmt.Sprintf(`SELECT count(*) FROM salesforce.%s WHERE sfid IS NOT NULL`, table)
		if err := s.db.Pool().QueryRow(ctx, sql).Scan(&n); err != nil {
			return err
		}
		counts, err := s.client.RecordCount(ctx, object)
		if err != nil {
			return err
		}
		if counts[object] != n {
			return fmt.Errorf("%d rows of %s have an Id, %d records are in the org", n, table, counts[object])
		}
	}
	return nil
}

// readBack is the purpose of the calls that poll.
const readBack = "poll"

// readBack polls until nothing comes any more: what Salesforce made of the
// changes on save is then in the tables.
func (s *site) readBack(ctx context.Context) error {
	fence, err := s.raise(ctx, store.Key{Connection: s.conn.ID, Kind: "read"})
	if err != nil {
		return err
	}
	result, err := s.reader().Poll(ctx, fence, s.mapped, reader.PollOptions{All: true})
	if err != nil {
		return err
	}
	for _, m := range result.Mappings {
		if m.Err != nil {
			return m.Err
		}
	}
	return nil
}

func (s *site) reader() *reader.Reader {
	return reader.New(reader.Config{Connection: s.conn, DB: s.db, Org: s.client, Bulk: bulk.New(s.client)})
}

// load loads the empty objects, so that they can be polled.
func (s *site) load(ctx context.Context) error {
	for _, t := range s.mapped {
		fence, err := s.raise(ctx, store.Key{Connection: s.conn.ID, Kind: "load", Mapping: t.Mapping.ID.String()})
		if err != nil {
			return err
		}
		r := s.reader()
		if err := r.Restart(ctx, fence, t); err != nil {
			return err
		}
		done, err := r.Load(ctx, fence, t, time.Now().Add(time.Minute), nil)
		if err != nil {
			return err
		}
		if !done {
			return fmt.Errorf("the load of %s did not come to its end", t.Object)
		}
	}
	return nil
}

func (s *site) raise(ctx context.Context, key store.Key) (target.Fence, error) {
	fence, err := s.store.RaiseFence(ctx, key)
	if err != nil {
		return fence, err
	}
	return fence, s.db.Raise(ctx, fence)
}

func (s *site) close() {
	s.store.Close()
	s.db.Close()
}
