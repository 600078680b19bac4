package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

// node says that this process lives, and knows when it can no longer say so.
type node struct {
	id    uuid.UUID
	self  store.Node
	store *store.Store
	ttl   time.Duration
	log   *slog.Logger

	mu sync.Mutex
	// heard is when the newest heartbeat that was stored had been sent.
	heard time.Time
	// life ends when the node falls silent for longer than ttl: others take
	// its turns then. A new one begins with the next heartbeat.
	life context.Context
	end  context.CancelFunc
}

func newNode(c Config, ttl time.Duration, pid int, log *slog.Logger) *node {
	id := uuid.New()
	return &node{
		id: id, store: c.Store, ttl: ttl, log: log,
		self: store.Node{ID: id, Name: c.NodeName, PID: pid, Version: c.Version},
	}
}

// beat writes one heartbeat.
func (n *node) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.ttl/3)
	defer cancel()
	sent := time.Now()
	if err := n.store.Heartbeat(ctx, n.self); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = sent
	if n.life == nil || n.life.Err() != nil {
		n.life, n.end = context.WithCancel(context.Background())
	}
	return nil
}

// run beats each third of the TTL until ctx ends. It looks at its own age
// before it beats: after a stop of the process (SIGSTOP, a suspended machine)
// its turns belong to others, however quickly the next heartbeat succeeds.
func (n *node) run(ctx context.Context) {
	tick := time.NewTicker(n.ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n.checkAge()
		if err := n.beat(ctx); err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "heartbeat not written", "error", err)
			n.checkAge()
		}
	}
}

// checkAge ends the node's life when the last heartbeat is too old.
func (n *node) checkAge() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil && n.life.Err() == nil && time.Since(n.heard) > n.ttl {
		n.log.Warn("this node has been silent for too long; its turns are given up", "silent", time.Since(n.heard))
		n.end()
	}
}

// well says whether the node may take turns.
func (n *node) well() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life != nil && n.life.Err() == nil && time.Since(n.heard) <= n.ttl
}

// bind gives a context that also ends when the node's life does.
func (n *node) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	n.mu.Lock()
	life := n.life
	n.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	if life == nil {
		return ctx, cancel
	}
	unbind := context.AfterFunc(life, cancel)
	return ctx, func() { unbind(); cancel() }
}

// leave says farewell, so that nobody waits for the heartbeat to grow old.
func (n *node) leave(ctx context.Context) {
	n.mu.Lock()
	if n.end != nil {
		n.end()
	}
	n.mu.Unlock()
	if err := n.store.Leave(ctx, n.id); err != nil {
		n.log.WarnContext(ctx, "node not signed off; others notice by its heartbeat", "error", err)
	}
}
