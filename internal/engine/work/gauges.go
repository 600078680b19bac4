package work

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/telemetry"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

func (w *Work) gaugeRows(t *engine.Turn, m mapping.Mapping, rows int64) {
	if w.cfg.Metrics != nil {
		w.cfg.Metrics.TableRows.WithLabelValues(t.Connection.String(), m.ObjectName).Set(float64(rows))
	}
}

// gauges shows the queue, how far each mapping lags, and the org's allowance.
func (w *Work) gauges(ctx context.Context, t *engine.Turn) error {
	if w.cfg.Metrics == nil {
		return nil
	}
	if err := w.gaugeUsage(ctx, t.Connection); err != nil {
		return err
	}
	start, memory := time.Now(), w.of(t.Connection)
	if !memory.due(gaugeQueue, start) {
		return nil
	}
	l, err := lookAt(ctx, t)
	if err != nil {
		if target.Classify(err) == target.Schema {
			return nil // the log is not there yet
		}
		return fmt.Errorf("look at the queue: %w", err)
	}
	memory.putOff(gaugeQueue, start.Add(max(tendEvery-time.Second, countShare*time.Since(start))))
	for _, m := range t.Mappings {
		w.gaugeMapping(t.Connection.String(), m, l)
	}
	return nil
}

// look is what the target tells of a connection's queue and marks.
type look struct {
	depths map[string]triggerlog.Depth // by table
	lags   map[uuid.UUID]float64       // seconds since the last poll, by mapping
}

func lookAt(ctx context.Context, t *engine.Turn) (look, error) {
	l := look{lags: map[uuid.UUID]float64{}}
	err := t.Session.DB.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if l.depths, err = triggerlog.In(t.Config.Schema).Depths(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT mapping, extract(epoch FROM clock_timestamp() - polled_at)::float8
			FROM _syncline.mark WHERE connection_id = $1 AND polled_at IS NOT NULL`, t.Connection)
		if err != nil {
			return err
		}
		var id uuid.UUID
		var lag float64
		_, err = pgx.ForEachRow(rows, []any{&id, &lag}, func() error { l.lags[id] = lag; return nil })
		return err
	})
	return l, err
}

func (w *Work) gaugeMapping(connection string, m mapping.Mapping, l look) {
	metrics, d := w.cfg.Metrics, l.depths[strings.ToLower(m.ObjectName)]
	metrics.QueueEntries.WithLabelValues(connection, m.ObjectName, string(triggerlog.New)).Set(float64(d.Unsent))
	metrics.QueueEntries.WithLabelValues(connection, m.ObjectName, string(triggerlog.Pending)).Set(float64(d.Pending))
	metrics.LagSeconds.WithLabelValues(connection, m.ObjectName, telemetry.ToSalesforce).Set(d.Oldest.Seconds())
	if lag, ok := l.lags[m.ID]; ok {
		metrics.LagSeconds.WithLabelValues(connection, m.ObjectName, telemetry.ToPostgres).Set(max(0, lag))
	}
}

func (w *Work) gaugeUsage(ctx context.Context, connection uuid.UUID) error {
	usage, err := w.store.Usage(ctx, connection)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the org's usage: %w", err)
	}
	w.cfg.Metrics.APIUsed.WithLabelValues(connection.String()).Set(float64(usage.Used))
	w.cfg.Metrics.APILimit.WithLabelValues(connection.String()).Set(float64(usage.Max))
	return nil
}
