package work

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

// tally gathers what a slice did, for the charts; several goroutines add.
type tally struct {
	mu sync.Mutex
	of map[tallyKey]*store.Activity
}

type tallyKey struct {
	mapping   uuid.UUID
	direction store.Direction
}

func (t *tally) add(m uuid.UUID, d store.Direction, rows, errors int, latencies []time.Duration) {
	if rows == 0 && errors == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[tallyKey]*store.Activity{}
	}
	key := tallyKey{m, d}
	a := t.of[key]
	if a == nil {
		a = &store.Activity{Mapping: m, Direction: d}
		t.of[key] = a
	}
	a.Rows += int64(rows)
	a.Errors += int64(errors)
	for _, l := range latencies {
		a.Latency.Observe(l)
	}
}

// take empties the tally.
func (t *tally) take() []store.Activity {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []store.Activity
	for _, a := range t.of {
		out = append(out, *a)
	}
	t.of = nil
	return out
}

// keep stores what was gathered; numbers for people are not worth a failure.
func (w *Work) keep(ctx context.Context, connection uuid.UUID, t *tally) {
	all := t.take()
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := w.store.AddActivity(ctx, connection, all); err != nil {
		w.log.WarnContext(ctx, "activity not stored", "connection", connection, "error", err)
	}
	for _, a := range all {
		if a.Errors > 0 {
			w.event(ctx, store.Event{
				Connection: connection, Mapping: a.Mapping, Level: "error", Event: "WRITE ERRORS",
				Fields: map[string]any{"count": a.Errors},
			})
		}
	}
}
