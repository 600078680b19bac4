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

	mu       sync.Mutex
	memories map[uuid.UUID]*memory // by connection
	pruned   time.Time
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
	return &Work{cfg: cfg, store: cfg.Store, log: cfg.Logger, memories: map[uuid.UUID]*memory{}}
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
