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

// restless is how long a read turn waits when nothing is due.
const restless = 30 * time.Second

// read polls the mappings that are due; all of them after a wake, which is
// somebody's wish or a hint that something happened.
func (w *Work) read(ctx context.Context, t *engine.Turn) (engine.Next, error) {
	woken, err := w.woken(ctx, t.Key)
	if err != nil {
		return engine.Next{}, err
	}
	list, failed := tables(ctx, t, t.Active(mapping.StageSynced))
	if len(list) == 0 {
		return engine.Next{After: restless}, failed
	}
	var sum tally
	r := w.reader(t, &sum)
	result, err := r.Poll(ctx, t.Fence, list, reader.PollOptions{All: woken, Until: t.Until})
	w.keep(ctx, t.Connection, &sum)
	if err != nil {
		return engine.Next{}, err
	}
	for _, m := range result.Mappings {
		if m.Polled || m.Err != nil {
			t.Report(ctx, m.Mapping, m.Err)
		}
	}
	after, ok := result.Next()
	if !ok {
		after = restless
	}
	return engine.Next{After: after}, nil
}

// woken says whether the turn was woken since its last slice on this node.
func (w *Work) woken(ctx context.Context, key engine.Key) (bool, error) {
	row, err := w.store.Turn(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read turn: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.wakes[key.Connection]
	w.wakes[key.Connection] = row.WakeSeq
	return known && row.WakeSeq > last, nil
}

func (w *Work) reader(t *engine.Turn, sum *tally) *reader.Reader {
	return reader.New(reader.Config{
		Connection: t.Config, DB: t.Session.DB, Org: t.Session.Org, Bulk: bulk.New(t.Session.Org), Logger: t.Log,
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
