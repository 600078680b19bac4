package manage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/verify"
)

// Status is how a connection stands.
type Status struct {
	Connection mapping.Connection
	State      mapping.State
	// Summary is the worst state of its mappings, "OK" if all are well.
	Summary  string
	Mappings []MappingStatus
	// Queue is what waits to be sent to Salesforce.
	Queue Queue
	// StalenessToPostgres is the longest time since a mapping was last polled;
	// a change in Salesforce that is older has arrived. Below 0: not known yet.
	StalenessToPostgres time.Duration
	// Latencies of the last 15 minutes, from commit to commit.
	ToSalesforce, ToPostgres Latency
	Calls                    Calls
	// Unseen says why the database could not be asked, "" if it could: what
	// comes from there is missing then.
	Unseen string
}

// MappingStatus is how a mapping stands.
type MappingStatus struct {
	Mapping mapping.Mapping
	State   mapping.State
	Table   string
	// RowsPostgres and RowsSalesforce as last counted; nil if never.
	RowsPostgres, RowsSalesforce *int64
	Queue                        Queue
	// LoadedRows of LoadTotal while it loads.
	LoadedRows, LoadTotal int64
	// Load is how far its load has come, nil when it does not load.
	Load *Load
	// Staleness is the time since its last poll, below 0 before the first.
	Staleness           time.Duration
	PolledAt, WrittenAt *time.Time
	// Proof is the newest of its proofs, nil if there was none.
	Proof *verify.Outcome
}

// Latency sums up how long changes took one way.
type Latency struct {
	Changes, Errors int64
	P50, P99        time.Duration
}

// Calls are the API calls of the last 24 hours.
type Calls struct {
	Total int64
	ByUse []budget.Count
	// Org is the org's own count for all its applications.
	Org budget.Usage
}

const latencyWindow = 15 * time.Minute

// Status tells how a connection stands now.
func (s *Service) Status(ctx context.Context, c Caller, ref string) (*Status, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	st := &Status{Connection: conn, StalenessToPostgres: -1}
	g, err := s.gather(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	s.lookInside(ctx, conn, g, st)
	st.fill(g)
	return st, nil
}

// gathered is what the control store knows.
type gathered struct {
	mappings   []mapping.Mapping
	counts     map[uuid.UUID]store.Counts
	loads      map[uuid.UUID]store.Progress
	activities []engine.Activity
	importing  bool
	activity   []store.Activity
	calls      []budget.Count
	usage      budget.Usage
	queues     map[string]Queue
	marks      map[string]mark
	proofs     map[uuid.UUID]verify.Outcome
}

func (s *Service) gather(ctx context.Context, conn mapping.Connection) (*gathered, error) {
	g := &gathered{}
	var err error
	if g.mappings, err = s.store.Mappings(ctx, conn.ID); err != nil {
		return nil, err
	}
	if g.counts, err = s.store.Counts(ctx, conn.ID); err != nil {
		return nil, err
	}
	if g.loads, err = s.loads(ctx, conn.ID); err != nil {
		return nil, err
	}
	if g.activities, err = s.cfg.Engine.Activities(ctx, conn.ID); err != nil {
		return nil, err
	}
	now := s.cfg.Clock.Now()
	if g.activity, err = s.store.Activity(ctx, conn.ID, now.Add(-latencyWindow)); err != nil {
		return nil, err
	}
	if g.calls, err = s.store.Calls(ctx, conn.ID, now.Add(-24*time.Hour)); err != nil {
		return nil, err
	}
	if g.usage, err = s.store.Usage(ctx, conn.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	job, err := s.store.LastImport(ctx, conn.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	g.importing = job.Status == store.ImportRunning && now.Sub(job.UpdatedAt) < 10*time.Minute
	return g, nil
}

// lookInside asks the database. That it can't be asked is part of the status,
// not an error.
func (s *Service) lookInside(ctx context.Context, conn mapping.Connection, g *gathered, st *Status) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	db, err := s.lookAt(ctx, conn)
	if err == nil && len(g.mappings) > 0 {
		if g.queues, err = queues(ctx, db, conn.Schema); err == nil {
			g.marks, err = marks(ctx, db, conn)
		}
		if err == nil {
			g.proofs, err = newestProofs(ctx, db, conn.ID)
		}
	}
	if err != nil {
		st.Unseen = orElse(target.Words(err), "the database could not be asked")
	}
}

func (st *Status) fill(g *gathered) {
	var states []mapping.State
	for _, m := range g.mappings {
		ms := st.mapping(m, g)
		states = append(states, ms.State)
		st.Mappings = append(st.Mappings, ms)
		st.Queue.add(ms.Queue)
		if m.Status.Stage == mapping.StageSynced {
			st.StalenessToPostgres = max(st.StalenessToPostgres, ms.Staleness)
		}
	}
	st.Summary = mapping.Summary(states)
	st.State = mapping.ConnectionState(mapping.ConnectionFacts{
		Status: st.Connection.Status, Activity: st.activity(g), OldestUnsent: st.Queue.Oldest,
	})
	st.ToSalesforce = latency(g.activity, store.ToSalesforce)
	st.ToPostgres = latency(g.activity, store.ToPostgres)
	st.Calls = Calls{ByUse: g.calls, Org: g.usage}
	for _, call := range g.calls {
		st.Calls.Total += call.Calls
	}
}

func (st *Status) activity(g *gathered) mapping.ConnectionActivity {
	switch {
	case g.importing:
		return mapping.Importing
	case st.Queue.Pending > 0 && working(g, engine.KindWrite, ""):
		return mapping.Sending
	}
	return mapping.Quiet
}

func working(g *gathered, kind, mappingID string) bool {
	for _, a := range g.activities {
		if a.Kind == kind && a.Key.Mapping == mappingID {
			return true
		}
	}
	return false
}

func (st *Status) mapping(m mapping.Mapping, g *gathered) MappingStatus {
	table := schema.Shorten(strings.ToLower(m.ObjectName))
	counts, k := g.counts[m.ID], g.marks[m.ID.String()]
	out := MappingStatus{
		Mapping: m, Table: table, Queue: g.queues[table], Staleness: -1,
		RowsPostgres: counts.RowsDB, RowsSalesforce: counts.RowsSF,
		PolledAt: counts.PolledAt, WrittenAt: counts.WrittenAt,
	}
	if _, ok := g.marks[m.ID.String()]; ok {
		out.LoadedRows, out.LoadTotal, out.Staleness = k.Rows, k.Total, k.Lag
	}
	out.Load = loadOf(m, g.loads)
	if p, ok := g.proofs[m.ID]; ok {
		out.Proof = &p
	}
	facts := mapping.MappingFacts{Connection: st.Connection.Status, Status: m.Status}
	if working(g, engine.KindLoad, m.ID.String()) {
		facts.Activity = mapping.Loading
	}
	out.State = mapping.MappingState(facts)
	return out
}

func latency(minutes []store.Activity, direction store.Direction) Latency {
	var all store.Histogram
	var out Latency
	for _, a := range minutes {
		if a.Direction == direction {
			all.Merge(a.Latency)
			out.Changes += a.Rows
			out.Errors += a.Errors
		}
	}
	out.P50, out.P99 = all.Quantile(0.5), all.Quantile(0.99)
	return out
}
