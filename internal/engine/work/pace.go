package work

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// usedEvery is how often the calls of a connection are added up again.
const usedEvery = time.Minute

// standing is how the org's calls stand; without a budget there is room.
func standing(ctx context.Context, t *engine.Turn) budget.Standing {
	if t.Session.Calls == nil {
		return budget.Standing{}
	}
	return t.Session.Calls.Standing(ctx)
}

// paced gives the tables with the pauses between polls that the budget leaves:
// as set while there is room, then longer. A mapping that nears what its own
// sf_max_daily_api_calls allows is slowed alone.
func (w *Work) paced(ctx context.Context, t *engine.Turn, list []*mapping.Table) ([]*mapping.Table, error) {
	calls, err := w.calls(ctx, t.Connection)
	if err != nil {
		return nil, err
	}
	s := standing(ctx, t)
	w.tellPace(ctx, t, s)
	out := make([]*mapping.Table, len(list))
	for i, table := range list {
		out[i] = slowed(table, max(s.Stretch(), stretchOf(&table.Mapping, calls)))
	}
	return out, nil
}

// stretchOf is by how much a mapping is slowed for its own calls.
func stretchOf(m *mapping.Mapping, calls []budget.Count) float64 {
	own := budget.Standing{Limits: budget.Limits{Daily: int64(m.MaxDailyCalls)}}
	for _, c := range calls {
		if c.Mapping == m.ObjectName {
			own.Ours += c.Calls
		}
	}
	return own.Stretch()
}

// slowed is the table with longer pauses between polls; tables are shared, so
// it is a copy.
func slowed(table *mapping.Table, stretch float64) *mapping.Table {
	if stretch <= 1 {
		return table
	}
	slow := *table
	slow.Mapping.PollSeconds = int(math.Round(stretch * float64(cmp.Or(table.Mapping.PollSeconds, mapping.DefaultPollSeconds))))
	return &slow
}

// tellPace writes an event when the budget begins to slow polls, and when it
// no longer does.
func (w *Work) tellPace(ctx context.Context, t *engine.Turn, s budget.Standing) {
	slow := w.of(t.Connection).slowing(s.Stretch())
	if slow == nil {
		return
	}
	e := store.Event{
		Connection: t.Connection, Level: "warn", Event: "API BUDGET SLOWS POLLS",
		Fields: map[string]any{"calls": s.Ours, "allowed": s.Allowed(), "pauses": fmt.Sprintf("%.1f times as long", s.Stretch())},
	}
	if !*slow {
		e.Level, e.Event = "info", "API BUDGET HAS ROOM AGAIN"
		delete(e.Fields, "pauses")
	}
	w.event(ctx, e)
}

// tellFrom is the stretch from which people are told; that polls are a little
// slower may come and go.
const tellFrom = 1.5

// slowing says whether polls are slowed, if people were told otherwise last.
func (m *memory) slowing(stretch float64) *bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	slow := stretch >= tellFrom || m.slow && stretch > 1
	if slow == m.slow {
		return nil
	}
	m.slow = slow
	return &slow
}

// calls are those of the connection in the last 24 hours by use, a minute old
// at most.
func (w *Work) calls(ctx context.Context, connection uuid.UUID) ([]budget.Count, error) {
	m := w.of(connection)
	m.mu.Lock()
	kept, at := m.calls, m.calledAt
	m.mu.Unlock()
	if time.Since(at) < usedEvery {
		return kept, nil
	}
	calls, err := w.store.Calls(ctx, connection, time.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("read API calls: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls, m.calledAt = calls, time.Now()
	return calls, nil
}
