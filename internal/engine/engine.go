package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/engine/queue"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

// Engine runs turns on one node.
type Engine struct {
	cfg       Config
	settings  Settings
	store     *store.Store
	queue     *queue.Client
	node      *node
	hub       *hub
	sessions  *sessions
	failures  *failures
	listeners *listeners
	shown     *shown // the guardian's own
	log       *slog.Logger

	// orphans are jobs that the queue thinks are here, since when; the
	// guardian's own.
	orphans map[int64]time.Time

	nudge  chan struct{} // asks the guardian to look now
	settle chan settling

	life   sync.Mutex
	cancel context.CancelFunc // nil unless started
	chores sync.WaitGroup
}

// New makes an engine; it does nothing before Start.
func New(cfg Config) (*Engine, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	e := &Engine{
		cfg: cfg, settings: cfg.Settings.withDefaults(), store: cfg.Store, hub: newHub(),
		orphans: map[int64]time.Time{},
		nudge:   make(chan struct{}, 1), settle: make(chan settling, settleRoom),
	}
	e.node = newNode(cfg, e.settings.TTL, os.Getpid(), cfg.Logger)
	e.log = cfg.Logger.With("node", e.node.id)
	e.sessions = newSessions(cfg.Open, e.settings.Idle)
	e.failures = &failures{min: e.settings.RetryMin, max: e.settings.RetryMax, of: map[Key]failure{}}
	e.listeners = newListeners(e)
	e.shown = newShown(cfg.Metrics)
	var err error
	e.queue, err = queue.New(queue.Config{
		Pool: cfg.Store.Pool(), Schema: store.Schema, ID: e.node.id.String(), Run: e.run,
		Settled:    func(id int64, job queue.Job) { e.onSettled(id, keyOf(job)) },
		MaxWorkers: cfg.MaxTurns, PollOnly: cfg.PollOnly, SoftStop: e.settings.SoftStop,
		Logger: quiet(e.log),
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// settleRoom is how many ended turns may wait for a second look. Beyond it a
// wake in that instant waits until the turn is due.
const settleRoom = 10_000

// quiet keeps the queue's running commentary out of the log.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{l.Handler()}) }

type atLeastWarn struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// NodeID identifies this process among the nodes.
func (e *Engine) NodeID() uuid.UUID { return e.node.id }

// Start registers the node and begins to take turns. It goes on after ctx ends;
// only Stop stops it. An engine starts once.
func (e *Engine) Start(ctx context.Context) error {
	e.life.Lock()
	defer e.life.Unlock()
	if e.cancel != nil {
		return errors.New("engine: started already")
	}
	if err := e.node.beat(ctx); err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	if err := e.queue.Start(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.chores.Go(func() { e.node.run(run) })
	e.chores.Go(func() { e.watchSettled(run) })
	e.chores.Go(func() { e.listeners.keeper.Run(run) })
	e.chores.Go(func() { e.guard(run) })
	if !e.cfg.PollOnly {
		e.chores.Go(func() { e.listenWakes(run) })
	}
	return nil
}

// Stop ends the turns in hand after what is in flight, within
// [Settings].SoftStop, then by their contexts, at once when ctx ends; it closes
// the sessions and signs the node off. Other nodes go on at once.
func (e *Engine) Stop(ctx context.Context) error {
	e.life.Lock()
	defer e.life.Unlock()
	if e.cancel == nil {
		return nil
	}
	e.hub.drain()
	err := e.queue.Stop(ctx)
	e.cancel()
	e.chores.Wait()
	e.sessions.closeAll()
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	e.node.leave(bye)
	e.cancel = nil
	return err
}

// Activity is a turn in hand on some node.
type Activity struct {
	Key
	Node  uuid.UUID
	Since time.Time
}

// Activities lists the turns in hand on all nodes, of one connection or, with
// uuid.Nil, of all. A turn that is kept in hand for its next wake is among them.
func (e *Engine) Activities(ctx context.Context, connection uuid.UUID) ([]Activity, error) {
	turns, err := e.store.Turns(ctx)
	if err != nil {
		return nil, err
	}
	var out []Activity
	for _, t := range turns {
		if t.Node != uuid.Nil && (connection == uuid.Nil || t.Connection == connection) {
			out = append(out, Activity{Key: t.Key, Node: t.Node, Since: t.StartedAt})
		}
	}
	return out, nil
}

// scope reads what the key's turns are about.
func (e *Engine) scope(ctx context.Context, key Key) (*scope, error) {
	c, err := e.store.Connection(ctx, key.Connection)
	if err != nil {
		return nil, err
	}
	mappings, err := e.store.Mappings(ctx, key.Connection)
	if err != nil {
		return nil, err
	}
	if key.Mapping != "" {
		mappings = only(mappings, key.Mapping)
	}
	return &scope{c, mappings}, nil
}

func only(mappings []mapping.Mapping, id string) []mapping.Mapping {
	for i := range mappings {
		if mappings[i].ID.String() == id {
			return mappings[i : i+1]
		}
	}
	return nil
}

// owner is what the target must know us by.
func (e *Engine) owner(ctx context.Context, c mapping.Connection) (target.Owner, error) {
	s, err := e.store.Server(ctx)
	if err != nil {
		return target.Owner{}, &controlError{err}
	}
	return target.Owner{Connection: c.ID, Control: s.ControlID, Schema: c.Schema, Generation: s.Generation}, nil
}

func (e *Engine) observe(kind string, took time.Duration) {
	if m := e.cfg.Metrics; m != nil {
		m.TurnSeconds.WithLabelValues(kind).Observe(took.Seconds())
	}
}

func (e *Engine) count(kind string, by float64) {
	if m := e.cfg.Metrics; m != nil {
		m.TurnsRunning.WithLabelValues(kind).Add(by)
	}
}
