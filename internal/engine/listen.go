package engine

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine/lease"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

// wakePause is the least time between two wakes that a listener sends over the
// control database. A turn in hand on the same node is woken at once.
const wakePause = 50 * time.Millisecond

func leaseName(connection uuid.UUID) string { return "triggerlog/" + connection.String() }

// listeners hear of new trigger log entries, one node for each connection.
type listeners struct {
	engine *Engine
	keeper *lease.Keeper
	mu     sync.Mutex
	wanted map[string]mapping.Connection
}

func newListeners(e *Engine) *listeners {
	return &listeners{engine: e, wanted: map[string]mapping.Connection{}, keeper: lease.New(lease.Config{
		Store: e.store, Node: e.node.id, TTL: e.settings.TTL, Logger: e.log,
	})}
}

// want replaces the set of connections to listen to, by lease.
func (l *listeners) want(wanted map[string]mapping.Connection) {
	l.mu.Lock()
	l.wanted = wanted
	l.mu.Unlock()
	work := make(map[string]lease.Work, len(wanted))
	for name := range wanted {
		work[name] = func(ctx context.Context) { l.listen(ctx, name) }
	}
	l.keeper.Want(work)
}

func (l *listeners) current(name string) (mapping.Connection, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.wanted[name]
	return c, ok
}

// listen hears one connection's log until the lease is lost or the connection
// changes; then the keeper starts it again.
func (l *listeners) listen(ctx context.Context, name string) {
	c, ok := l.current(name)
	if !ok {
		return
	}
	session, release, err := l.engine.sessions.acquire(ctx, c)
	if err != nil {
		return // the turns tell what is wrong
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	hint := make(chan struct{}, 1)
	heard := func() {
		select {
		case hint <- struct{}{}:
		default:
		}
	}
	helpers.Go(func() { l.forward(ctx, Key{Connection: c.ID, Kind: KindWrite}, hint) })
	helpers.Go(func() { l.untilChanged(ctx, name, c); cancel() })
	err = l.hear(ctx, session, c, heard)
	if err != nil && ctx.Err() == nil {
		l.engine.log.WarnContext(ctx, "listener ended", "connection", c.ID, "error", err)
	}
}

// hear calls heard when there may be something new in the log. Every commit
// notifies if the connection asks for that; else those of a busy application
// need not.
func (l *listeners) hear(ctx context.Context, s *Session, c mapping.Connection, heard func()) error {
	onState := func(up bool, cause error) {
		if up {
			heard() // what was notified before is lost
			return
		}
		l.engine.log.InfoContext(ctx, "trigger log is not heard; entries are found by polling",
			"connection", c.ID, "cause", cause)
	}
	if c.Options.PingEvery {
		return s.DB.Listen(ctx, schema.Channel(c.Schema), func(string) { heard() }, onState)
	}
	return s.DB.Watch(ctx, target.Source{
		Channel: schema.Channel(c.Schema), Lock: schema.WatchLock(c.Schema), Sequence: schema.LogSequence(c.Schema),
	}, heard, onState)
}

// forward wakes the writer: in this process at once, else over the control
// database, at most one wake each wakePause.
func (l *listeners) forward(ctx context.Context, key Key, hint <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hint:
		}
		// A turn that waits after trouble looks at the log when its wait is
		// over; woken before, it would only be put back, 20 times a second.
		if l.engine.hub.deliver(key) || l.engine.failures.remaining(key) > 0 {
			continue
		}
		if err := l.engine.Wake(ctx, key); err != nil && ctx.Err() == nil {
			l.engine.log.WarnContext(ctx, "writer not woken", "connection", key.Connection, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wakePause):
		}
	}
}

// untilChanged returns when the connection is no longer the one that the
// listener was started for.
func (l *listeners) untilChanged(ctx context.Context, name string, c mapping.Connection) {
	tick := time.NewTicker(l.engine.settings.Guard)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now, ok := l.current(name); !ok || !now.UpdatedAt.Equal(c.UpdatedAt) {
			return
		}
	}
}
