package engine

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// Handler does the work of one slice of a turn. It takes no new work once
// [Turn.More] is false; what is in flight may end. It reports trouble of single
// mappings by [Turn.Report] and returns an error for what concerns the whole
// key. ctx ends when the node stops for good or may no longer work.
type Handler func(ctx context.Context, t *Turn) (Next, error)

// Next is when a turn would like to go on.
type Next struct {
	// After is how long until there is something to do, unless a wake comes
	// first. Zero means that there is more work now.
	After time.Duration
	// Hot asks to stay in hand until then: the connection is busy, and a wake
	// shall find it within milliseconds. The engine may refuse.
	Hot bool
}

// Turn is one turn in hand. It belongs to the goroutine of its handler.
type Turn struct {
	Key
	// Fence is raised in both databases; every commit is made under it.
	Fence target.Fence
	// Session is shared with the other turns of the connection on this node.
	Session *Session
	// Config and Mappings are as they stood when the slice began. Mappings
	// has those of the connection; for a load turn, its own only. Paused ones
	// are among them.
	Config   mapping.Connection
	Mappings []mapping.Mapping
	// Wake has a token when something happened since the slice began.
	Wake <-chan struct{}
	// Until is when the slice takes no new work any more.
	Until time.Time
	Clock clock.Clock
	Log   *slog.Logger

	run    *running
	engine *Engine
}

// More says whether the turn may take on new work in this slice. It may not
// when its settings have changed: the next slice, which follows at once, has
// the new ones.
func (t *Turn) More() bool {
	return time.Now().Before(t.Until) && !t.run.stopping() && !t.run.changed.Load()
}

// Stopping is closed when the turn shall end after what is in flight: the node
// stops, or the connection or mapping was paused or removed.
func (t *Turn) Stopping() <-chan struct{} { return t.run.stop }

// Wait waits for d, a wake, or the end of the slice, whatever comes first. It
// says whether it was a wake. A handler that would rather keep its state in
// hand than return uses it.
func (t *Turn) Wait(ctx context.Context, d time.Duration) (woken bool) {
	timer := time.NewTimer(min(d, time.Until(t.Until)))
	defer timer.Stop()
	select {
	case <-t.Wake:
		return true
	case <-timer.C:
	case <-t.run.stop:
	case <-ctx.Done():
	}
	return false
}

// Active lists the mappings that are in one of the given stages and whose
// records may be read: neither they nor their reads are paused.
func (t *Turn) Active(stages ...mapping.Stage) []mapping.Mapping {
	var out []mapping.Mapping
	for _, m := range t.Mappings {
		if !m.ReadsPaused(&t.Config) && slices.Contains(stages, m.Status.Stage) {
			out = append(out, m)
		}
	}
	return out
}

// Report stores how a mapping fares: err nil means fine. The condition is
// written only when it changes.
func (t *Turn) Report(ctx context.Context, m uuid.UUID, err error) {
	i := slices.IndexFunc(t.Mappings, func(x mapping.Mapping) bool { return x.ID == m })
	if i < 0 || ctx.Err() != nil {
		return
	}
	t.engine.reportMapping(ctx, &t.Mappings[i], judge(err))
}

// WakeTurn asks for another turn of the same connection now.
func (t *Turn) WakeTurn(ctx context.Context, kind, mappingID string) error {
	return t.engine.Wake(ctx, Key{Connection: t.Connection, Kind: kind, Mapping: mappingID})
}

// Changed tells all nodes that the connection's configuration, stages or
// pauses have changed, so that the turns which should be are made now.
func (t *Turn) Changed(ctx context.Context) error { return t.engine.Changed(ctx, t.Connection) }
