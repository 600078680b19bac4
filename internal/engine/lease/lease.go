// Package lease gives each long-lived listener one owner among the nodes.
//
// A [Keeper] is told which leases its node would like ([Keeper.Want]) and what
// to do while it holds one. It acquires what is free, renews what it holds, and
// ends the work of a lease that it lost. A lease is a row in the control store
// with an owner and an end; time is the control database's.
//
// Listeners only keep hints and wake turns: two owners for a moment, or none,
// cost latency and never data, so no work here needs a fence.
//
// Life cycle: [New], [Keeper.Run] until its context ends; then all work has
// ended and all leases are released.
package lease

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Defaults of [Config].
const (
	// DefaultTTL is how long a lease outlives its owner.
	DefaultTTL = 15 * time.Second
	// DefaultEvery is how often leases are renewed and free ones looked for.
	DefaultEvery = 5 * time.Second
	// releaseWithin bounds the farewell of a node that stops.
	releaseWithin = 2 * time.Second
)

// Store keeps the leases. The control store implements it.
type Store interface {
	// AcquireLease takes a lease that is free, has ended, or is the node's
	// already. Each change of owner has a new epoch.
	AcquireLease(ctx context.Context, name string, node uuid.UUID, ttl time.Duration) (epoch int64, ok bool, err error)
	// RenewLease prolongs a lease; ok is false when it has another owner.
	RenewLease(ctx context.Context, name string, node uuid.UUID, epoch int64, ttl time.Duration) (ok bool, err error)
	// ReleaseLease frees a lease of this owner and epoch.
	ReleaseLease(ctx context.Context, name string, node uuid.UUID, epoch int64) error
}

// Work is what the owner of a lease does. Its context ends when the lease is
// lost or no longer wanted. When it returns earlier it is started again in the
// next round.
type Work func(ctx context.Context)

// Config is what a Keeper needs; zero durations take the defaults.
type Config struct {
	Store  Store
	Node   uuid.UUID
	TTL    time.Duration
	Every  time.Duration
	Logger *slog.Logger
}

// Keeper holds leases for one node.
type Keeper struct {
	cfg    Config
	mu     sync.Mutex
	wanted map[string]Work
	held   map[string]*holding // touched by Run's goroutine only
	nudge  chan struct{}
}

// holding is a lease of ours and its work.
type holding struct {
	epoch   int64
	renewed time.Time // monotonic: when the last renewal was asked for
	cancel  context.CancelFunc
	done    chan struct{}
}

// New makes a Keeper that wants nothing yet.
func New(cfg Config) *Keeper {
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.Every <= 0 {
		cfg.Every = min(DefaultEvery, cfg.TTL/3)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg, wanted: map[string]Work{}, held: map[string]*holding{}, nudge: make(chan struct{}, 1)}
}

// Want replaces the set of wanted leases. Work under way for a lease that stays
// wanted goes on as it is.
func (k *Keeper) Want(wanted map[string]Work) {
	k.mu.Lock()
	changed := len(wanted) != len(k.wanted)
	for name := range wanted {
		if _, ok := k.wanted[name]; !ok {
			changed = true
		}
	}
	k.wanted = maps.Clone(wanted)
	k.mu.Unlock()
	if !changed {
		return
	}
	select {
	case k.nudge <- struct{}{}:
	default:
	}
}

// Run keeps the leases until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.cfg.Every)
	defer tick.Stop()
	for {
		k.round(ctx)
		select {
		case <-ctx.Done():
			k.dropAll(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		case <-k.nudge:
		}
	}
}

// round renews, drops and acquires. It goes on after the failure of one lease.
func (k *Keeper) round(ctx context.Context) {
	k.mu.Lock()
	wanted := maps.Clone(k.wanted)
	k.mu.Unlock()
	for name := range k.held {
		if _, ok := wanted[name]; !ok {
			k.drop(ctx, name, true)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if ctx.Err() != nil {
			return
		}
		if h := k.held[name]; h != nil {
			k.renew(ctx, name, h)
		}
		if k.held[name] == nil {
			k.acquire(ctx, name, wanted[name])
		}
	}
}

// renew prolongs a held lease or ends its work: when another node has it, when
// the store could not be asked for as long as the lease lasts, or when the work
// has ended by itself.
func (k *Keeper) renew(ctx context.Context, name string, h *holding) {
	select {
	case <-h.done:
		k.drop(ctx, name, true)
		return
	default:
	}
	asked := time.Now()
	ok, err := k.cfg.Store.RenewLease(ctx, name, k.cfg.Node, h.epoch, k.cfg.TTL)
	switch {
	case err == nil && ok:
		h.renewed = asked
	case err == nil:
		k.cfg.Logger.InfoContext(ctx, "lease lost", "lease", name)
		k.drop(ctx, name, false)
	case time.Since(h.renewed) > k.cfg.TTL:
		k.cfg.Logger.WarnContext(ctx, "lease given up: it could not be renewed", "lease", name, "error", err)
		k.drop(ctx, name, false)
	}
}

func (k *Keeper) acquire(ctx context.Context, name string, work Work) {
	asked := time.Now()
	epoch, ok, err := k.cfg.Store.AcquireLease(ctx, name, k.cfg.Node, k.cfg.TTL)
	if err != nil {
		if ctx.Err() == nil {
			k.cfg.Logger.WarnContext(ctx, "lease not acquired", "lease", name, "error", err)
		}
		return
	}
	if !ok {
		return
	}
	run, cancel := context.WithCancel(ctx)
	h := &holding{epoch: epoch, renewed: asked, cancel: cancel, done: make(chan struct{})}
	k.held[name] = h
	go func() {
		defer close(h.done)
		defer k.recovered(run, name)
		work(run)
	}()
}

// recovered keeps a panic in one listener from ending the node.
func (k *Keeper) recovered(ctx context.Context, name string) {
	if p := recover(); p != nil {
		k.cfg.Logger.ErrorContext(ctx, "panic in a listener", "lease", name, "panic", p)
	}
}

// drop ends the work of a lease and waits for it.
func (k *Keeper) drop(ctx context.Context, name string, release bool) {
	h := k.held[name]
	delete(k.held, name)
	h.cancel()
	<-h.done
	if !release {
		return
	}
	if err := k.cfg.Store.ReleaseLease(ctx, name, k.cfg.Node, h.epoch); err != nil {
		k.cfg.Logger.WarnContext(ctx, "lease not released; it ends by itself", "lease", name, "error", err)
	}
}

func (k *Keeper) dropAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseWithin)
	defer cancel()
	for _, h := range k.held {
		h.cancel()
	}
	for name := range k.held {
		k.drop(ctx, name, true)
	}
}
