package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/telemetry"
	"github.com/synclinehq/syncline/internal/triggerlog"
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
	if err := w.calls(ctx, t); err != nil {
		return next, err
	}
	wr, _, err := w.writer(ctx, t, &tally{})
	if err != nil {
		return next, nil //nolint:nilerr // the mapping was told, by tables
	}
	return next, wr.Archive(ctx, t.Fence)
}

// prune deletes what the control store has kept long enough.
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
}

// counts counts rows on both sides, for people to look at.
func (w *Work) counts(ctx context.Context, t *engine.Turn) error {
	for _, m := range t.Active(mapping.StageSynced) {
		w.mu.Lock()
		when, known := w.counted[m.ID]
		w.mu.Unlock()
		if !known {
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
		if time.Now().After(when.org) {
			n, err := t.Session.Org.Count(salesforce.WithUse(ctx, m.ObjectName, "count"), "SELECT COUNT() FROM "+m.ObjectName, false)
			if err == nil {
				rows := int64(n)
				c.RowsSF = &rows
			}
			when.org = time.Now().Add(countOrgEvery)
		}
		w.mu.Lock()
		w.counted[m.ID] = when
		w.mu.Unlock()
		if c == (store.Counts{}) {
			continue
		}
		if err := w.store.SetCounts(ctx, m.ID, c); err != nil {
			return fmt.Errorf("store counts: %w", err)
		}
	}
	return nil
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

func (w *Work) gaugeRows(t *engine.Turn, m mapping.Mapping, rows int64) {
	if w.cfg.Metrics != nil {
		w.cfg.Metrics.TableRows.WithLabelValues(t.Connection.String(), m.ObjectName).Set(float64(rows))
	}
}

// gauges shows the queue and how far each mapping lags, for metrics.
func (w *Work) gauges(ctx context.Context, t *engine.Turn) error {
	if w.cfg.Metrics == nil {
		return nil
	}
	var d triggerlog.Depth
	lags := map[string]float64{}
	err := t.Session.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if d, err = triggerlog.In(t.Config.Schema).Depth(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT mapping::text, extract(epoch FROM clock_timestamp() - polled_at)::float8
			FROM _syncline.mark WHERE connection_id = $1 AND polled_at IS NOT NULL`, t.Connection)
		if err != nil {
			return err
		}
		var id string
		var lag float64
		_, err = pgx.ForEachRow(rows, []any{&id, &lag}, func() error { lags[id] = lag; return nil })
		return err
	})
	if err != nil {
		if target.Classify(err) == target.Schema {
			return nil // the log is not there yet
		}
		return fmt.Errorf("look at the queue: %w", err)
	}
	connection := t.Connection.String()
	w.cfg.Metrics.QueueEntries.WithLabelValues(connection, "", "NEW").Set(float64(d.Unsent))
	w.cfg.Metrics.QueueEntries.WithLabelValues(connection, "", "PENDING").Set(float64(d.Pending))
	w.cfg.Metrics.LagSeconds.WithLabelValues(connection, "", telemetry.ToSalesforce).Set(d.Oldest.Seconds())
	for _, m := range t.Mappings {
		if lag, ok := lags[m.ID.String()]; ok {
			w.cfg.Metrics.LagSeconds.WithLabelValues(connection, m.ObjectName, telemetry.ToPostgres).Set(lag)
		}
	}
	return nil
}

// calls shows the API calls of all nodes, which the control store adds up. Those
// from before this node's first look are not shown.
func (w *Work) calls(ctx context.Context, t *engine.Turn) error {
	if w.cfg.Metrics == nil {
		return nil
	}
	counts, err := w.store.Calls(ctx, t.Connection, time.Time{})
	if err != nil {
		return fmt.Errorf("read API calls: %w", err)
	}
	now := map[string]int64{}
	for _, c := range counts {
		now[c.Kind] += c.Calls
	}
	w.mu.Lock()
	last, known := w.called[t.Connection]
	w.called[t.Connection] = now
	w.mu.Unlock()
	connection := t.Connection.String()
	for kind, n := range now {
		if more := n - last[kind]; known && more > 0 {
			w.cfg.Metrics.APICallsTotal.WithLabelValues(connection, kind).Add(float64(more))
		}
	}
	usage, err := w.store.Usage(ctx, t.Connection)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return fmt.Errorf("read the org's usage: %w", err)
	}
	w.cfg.Metrics.APIUsed.WithLabelValues(connection).Set(float64(usage.Used))
	w.cfg.Metrics.APILimit.WithLabelValues(connection).Set(float64(usage.Max))
	return nil
}
