package work

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/writer"
)

const (
	tendEvery  = 5 * time.Second
	pruneEvery = 10 * time.Minute
	// countOrgEvery is the pause between two counts in the org, each of which
	// is an API call.
	countOrgEvery = 30 * time.Minute
	// countShare bounds the time that counting rows takes of the database's: a
	// count that took d is not repeated before countShare × d.
	countShare = 200
)

// counting is when a mapping's rows are counted again.
type counting struct{ rows, org time.Time }

// tend does a connection's chores.
func (w *Work) tend(ctx context.Context, t *engine.Turn) (engine.Next, error) {
	next := engine.Next{After: tendEvery}
	w.prune(ctx)
	if len(t.Mappings) == 0 {
		return engine.Next{After: restless}, nil
	}
	if err := w.counts(ctx, t); err != nil {
		return next, err
	}
	if err := w.gauges(ctx, t); err != nil {
		return next, err
	}
	if err := w.logIDs(ctx, t); err != nil {
		return next, err
	}
	if err := w.reconcile(ctx, t); err != nil {
		return next, err
	}
	if err := w.retryIndexes(ctx, t); err != nil {
		return next, err
	}
	if err := w.prove(ctx, t); err != nil {
		return next, err
	}
	wr, _, err := w.writer(ctx, t, &tally{})
	if err != nil {
		return next, nil //nolint:nilerr // the mapping was told, by tables
	}
	if err := w.requeue(ctx, t, wr); err != nil {
		return next, err
	}
	return next, wr.Tidy(ctx, t.Fence)
}

// requeueShare bounds what looking for REQUEUE in the archive may take: one part
// in so many of the time.
const requeueShare = 20

// requeue looks into the archive, the less often the longer a look takes.
func (w *Work) requeue(ctx context.Context, t *engine.Turn, wr *writer.Writer) error {
	began, memory := time.Now(), w.of(t.Connection)
	if !memory.due(lookForRequeued, began) {
		return nil
	}
	if err := wr.Requeue(ctx, t.Fence); err != nil {
		return err
	}
	now := time.Now()
	memory.putOff(lookForRequeued, now.Add(requeueShare*now.Sub(began)))
	return nil
}

// prune deletes what the control store has kept long enough, and forgets what
// is gone.
func (w *Work) prune(ctx context.Context) {
	w.mu.Lock()
	due := time.Since(w.pruned) > pruneEvery
	if due {
		w.pruned = time.Now()
	}
	w.mu.Unlock()
	if !due {
		return
	}
	if _, err := w.store.Prune(ctx, w.cfg.Keep); err != nil {
		w.log.WarnContext(ctx, "old records not deleted", "error", err)
	}
	if err := w.forget(ctx); err != nil {
		w.log.WarnContext(ctx, "connections that are gone are not forgotten", "error", err)
	}
}

// counts counts rows on both sides, for people to look at.
func (w *Work) counts(ctx context.Context, t *engine.Turn) error {
	memory := w.of(t.Connection)
	for _, m := range t.Active(mapping.StageSynced) {
		when := memory.countedAt(m.ID)
		if when.org.IsZero() {
			when.org = time.Now().Add(countOrgEvery) // the load has just counted
		}
		var c store.Counts
		if time.Now().After(when.rows) {
			n, took, err := count(ctx, t, m)
			if err != nil {
				return err
			}
			c.RowsDB = &n
			when.rows = time.Now().Add(max(tendEvery-time.Second, countShare*took))
			w.gaugeRows(t, m, n)
		}
		if time.Now().After(when.org) && standing(ctx, t).Roomy() {
			n, err := countOrg(ctx, t, m)
			if err == nil {
				rows := int64(n)
				c.RowsSF = &rows
			}
			when.org = time.Now().Add(countOrgEvery)
		}
		memory.setCounted(m.ID, when)
		if c == (store.Counts{}) {
			continue
		}
		if err := w.store.SetCounts(ctx, m.ID, c); err != nil {
			return fmt.Errorf("store counts: %w", err)
		}
	}
	return nil
}

func countOrg(ctx context.Context, t *engine.Turn, m mapping.Mapping) (int, error) {
	table, err := t.Session.Table(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("mapping of %s: %w", m.ObjectName, err)
	}
	return t.Session.Org.Count(salesforce.WithUse(ctx, m.ObjectName, "count"), reader.CountQuery(table), false)
}

func count(ctx context.Context, t *engine.Turn, m mapping.Mapping) (n int64, took time.Duration, err error) {
	table, err := t.Session.Table(ctx, m)
	if err != nil {
		return 0, 0, fmt.Errorf("mapping of %s: %w", m.ObjectName, err)
	}
	start := time.Now()
	err = t.Session.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{t.Config.Schema, table.Name}.Sanitize()).Scan(&n)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count rows of %s: %w", table.Name, err)
	}
	return n, time.Since(start), nil
}
