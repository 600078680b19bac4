package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// recheck is how long a read turn waits at most while the budget slows polls.
const recheck = time.Minute

// restless is how long a read turn waits when nothing is due.
const restless = 30 * time.Second

// read polls the mappings that are due; all of them after a wake, which is
// somebody's wish or a hint that something happened, but for one that was made
// to read back what was written, or for single mappings: then those.
func (w *Work) read(ctx context.Context, t *engine.Turn) (engine.Next, error) {
	memory := w.of(t.Connection)
	newest, err := w.newestWake(ctx, t.Key)
	if err != nil {
		return engine.Next{}, err
	}
	active := t.Active(mapping.StageSynced)
	written, echoes := memory.takeEchoes()
	asked, wishes := memory.takeAsked(active)
	all := memory.woken(newest) > echoes+wishes
	list, failed := tables(ctx, t, active)
	if len(list) == 0 {
		return engine.Next{After: restless}, failed
	}
	var sum tally
	defer w.keep(ctx, t.Connection, &sum)
	r := w.reader(t, &sum)
	if back := only(list, written, asked); len(back) > 0 && !all {
		result, err := r.Poll(ctx, t.Fence, back, reader.PollOptions{All: true, Until: t.Until})
		if err != nil {
			return engine.Next{}, err
		}
		reportPolls(ctx, t, result)
	}
	if list, err = w.paced(ctx, t, list); err != nil {
		return engine.Next{}, err
	}
	result, err := r.Poll(ctx, t.Fence, list, reader.PollOptions{All: all, Until: t.Until})
	if err != nil {
		return engine.Next{}, err
	}
	reportPolls(ctx, t, result)
	if err := w.reloads(ctx, t, result); err != nil {
		return engine.Next{}, err
	}
	after, ok := result.Next()
	if !ok {
		after = restless
	}
	if !standing(ctx, t).Roomy() {
		after = min(after, recheck) // pauses shrink again
	}
	return engine.Next{After: after}, nil
}

// reloads has mappings loaded whose filter was changed.
func (w *Work) reloads(ctx context.Context, t *engine.Turn, result reader.PollResult) error {
	changed := false
	for _, m := range result.Mappings {
		if !m.Reload {
			continue
		}
		changed = true
		if err := w.showLoad(ctx, t, m.Mapping, "READ ANEW "+m.Object); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return t.Changed(ctx)
}

func reportPolls(ctx context.Context, t *engine.Turn, result reader.PollResult) {
	for _, m := range result.Mappings {
		if m.Polled || m.Err != nil {
			t.Report(ctx, m.Mapping, m.Err)
		}
	}
}

// newestWake is the number of the turn's newest wake.
func (w *Work) newestWake(ctx context.Context, key engine.Key) (int64, error) {
	row, err := w.store.Turn(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read turn: %w", err)
	}
	return row.WakeSeq, nil
}

func (w *Work) reader(t *engine.Turn, sum *tally) *reader.Reader {
	return reader.New(reader.Config{
		Connection: t.Config, DB: t.Session.DB, Org: t.Session.Org, Logger: t.Log,
		Bulk: bulk.New(t.Session.Org).Through(w.cfg.Spool),
		Observe: func(o reader.Observation) {
			w.countRows(t.Connection, o)
			if !o.Load {
				sum.add(o.Mapping, store.ToPostgres, o.Result.Changes(), 0, o.Latencies)
			}
		},
	})
}

func (w *Work) countConflicts(connection uuid.UUID, object string, winner mapping.Policy, n int) {
	if n > 0 {
		w.cfg.Metrics.ConflictsTotal.WithLabelValues(connection.String(), object, string(winner)).Add(float64(n))
	}
}

func (w *Work) countRows(connection uuid.UUID, o reader.Observation) {
	if w.cfg.Metrics == nil {
		return
	}
	operation := "poll"
	rows := o.Result.Changes()
	if o.Load {
		operation, rows = "load", o.Rows
	}
	w.cfg.Metrics.RowsTotal.WithLabelValues(connection.String(), o.Object, telemetry.ToPostgres, operation).Add(float64(rows))
	w.countConflicts(connection, o.Object, mapping.PostgresWins, o.Result.Kept)
	w.countConflicts(connection, o.Object, mapping.SalesforceWins, o.Result.Conflicts-o.Result.Kept)
}
