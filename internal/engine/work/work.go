package work

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/spool"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// Config is what a Work needs. Metrics, Clock and Logger may be nil.
type Config struct {
	Store   *store.Store
	Metrics *telemetry.Metrics
	Clock   clock.Clock
	Logger  *slog.Logger
	// Keep says how long the control store keeps its records; store.DefaultKeep
	// if zero.
	Keep store.Keep
	// Spool takes what a load's database can't take at once; nil for none.
	Spool *spool.Spool
}

// Work has the handlers of one node. It is safe for concurrent use.
type Work struct {
	cfg   Config
	store *store.Store
	log   *slog.Logger

	mu      sync.Mutex
	writers map[uuid.UUID]*writing
	echoes  map[uuid.UUID]*echoes
	wakes   map[uuid.UUID]int64 // the newest wake of a read turn that was served
	asked   map[uuid.UUID]int64 // polls of a mapping alone that were served
	counted map[uuid.UUID]counting
	gauged  map[uuid.UUID]time.Time // when a connection's queue is looked at again
	// warnedIDs is when a connection was warned that log ids run out.
	warnedIDs map[uuid.UUID]time.Time
	pruned    time.Time
	// requeueAt is when the archive is looked into again, by connection.
	requeueAt map[uuid.UUID]time.Time
	proofs    map[uuid.UUID]proving
	// reconciled is when a connection's Ids are looked at again; held are the
	// holds that were told of.
	reconciled map[uuid.UUID]time.Time
	// indexed is when unique indexes that are left out are looked at again.
	indexed map[uuid.UUID]time.Time
	held    map[string]bool
}

// New makes a Work; there is nothing to close.
func New(cfg Config) *Work {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Keep == (store.Keep{}) {
		cfg.Keep = store.DefaultKeep()
	}
	return &Work{
		cfg: cfg, store: cfg.Store, log: cfg.Logger, writers: map[uuid.UUID]*writing{}, requeueAt: map[uuid.UUID]time.Time{},
		wakes: map[uuid.UUID]int64{}, asked: map[uuid.UUID]int64{}, echoes: map[uuid.UUID]*echoes{}, counted: map[uuid.UUID]counting{},
		gauged: map[uuid.UUID]time.Time{}, warnedIDs: map[uuid.UUID]time.Time{}, proofs: map[uuid.UUID]proving{}, reconciled: map[uuid.UUID]time.Time{}, indexed: map[uuid.UUID]time.Time{}, held: map[string]bool{},
	}
}

// Handlers are the handlers by kind of turn.
func (w *Work) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		engine.KindRead:  w.read,
		engine.KindWrite: w.write,
		engine.KindLoad:  w.load,
		engine.KindTend:  w.tend,
	}
}

// tables resolves mappings. One that can't be is told and left out; its error
// is among those returned.
func tables(ctx context.Context, t *engine.Turn, mappings []mapping.Mapping) ([]*mapping.Table, error) {
	var out []*mapping.Table
	var first error
	for _, m := range mappings {
		table, err := t.Session.Table(ctx, m)
		if err != nil {
			t.Report(ctx, m.ID, err)
			if first == nil {
				first = fmt.Errorf("mapping of %s: %w", m.ObjectName, err)
			}
			continue
		}
		out = append(out, table)
	}
	return out, first
}

// event writes a line of the log that people read.
func (w *Work) event(ctx context.Context, e store.Event) {
	if err := w.store.AddEvents(ctx, []store.Event{e}); err != nil {
		w.log.WarnContext(ctx, "event not stored", "event", e.Event, "error", err)
	}
}
