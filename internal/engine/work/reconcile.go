package work

import (
	"context"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/store"
)

// reconcileEvery is how often the mappings are looked at whose Ids may have to be
// compared.
const reconcileEvery = 15 * time.Second

// reconcile compares Ids where that is due, removes the rows of records that
// are gone, and tells people of deletions that the brake holds.
func (w *Work) reconcile(ctx context.Context, t *engine.Turn) error {
	now, memory := time.Now(), w.of(t.Connection)
	if !memory.due(compareIDs, now) {
		return nil
	}
	memory.putOff(compareIDs, now.Add(reconcileEvery))
	var mappings []mapping.Mapping
	for _, m := range t.Active(mapping.StageSynced) {
		if !m.Options.PauseReads && !t.Config.Options.PauseReads {
			mappings = append(mappings, m)
		}
	}
	list, _ := tables(ctx, t, mappings) // each mapping was told
	if len(list) == 0 {
		return nil
	}
	var sum tally
	r := w.reader(t, &sum)
	done, err := r.Reconcile(ctx, t.Fence, list, reader.ReconcileOptions{Until: t.Until})
	w.keep(ctx, t.Connection, &sum)
	if err != nil {
		return fmt.Errorf("compare Ids: %w", err)
	}
	for _, m := range done {
		w.tellReconciled(ctx, t, m)
	}
	if err := w.gaugeWaiting(ctx, t, r); err != nil {
		return err
	}
	return w.tellHolds(ctx, t)
}

func (w *Work) tellReconciled(ctx context.Context, t *engine.Turn, m reader.Reconciled) {
	if m.Err != nil {
		w.log.WarnContext(ctx, "Ids not compared", "object", m.Object, "error", m.Err)
		return
	}
	if m.Result.Changes() > 0 || m.Extra > 0 {
		w.event(ctx, store.Event{
			Connection: t.Connection, Mapping: m.Mapping, Level: "info", Event: "RECONCILED " + m.Object,
			Fields: map[string]any{
				"compared": m.Compared, "removed": m.Result.Deleted, "updated": m.Result.Updated, "without_row": m.Extra, "missing": m.Missing,
			},
		})
	}
}

// gaugeWaiting shows what could not be applied.
func (w *Work) gaugeWaiting(ctx context.Context, t *engine.Turn, r *reader.Reader) error {
	if w.cfg.Metrics == nil {
		return nil
	}
	waiting, err := r.Waiting(ctx)
	if err != nil {
		return err
	}
	gauge, connection := w.cfg.Metrics.WaitingRecords, t.Connection.String()
	for _, m := range t.Mappings {
		n := waiting[m.ID]
		gauge.WithLabelValues(connection, m.ObjectName, "deferred").Set(float64(n.Deferred))
		gauge.WithLabelValues(connection, m.ObjectName, "refused").Set(float64(n.Refused))
		gauge.WithLabelValues(connection, m.ObjectName, "missing").Set(float64(n.Missing))
	}
	return nil
}

// tellHolds writes an event for each hold of which no node has told. After a
// kill between event and note it is told again.
func (w *Work) tellHolds(ctx context.Context, t *engine.Turn) error {
	b, pool := brake.Of(t.Connection), t.Session.DB.Pool()
	list, err := b.Untold(ctx, pool)
	if err != nil {
		return err
	}
	for _, h := range list {
		w.event(ctx, store.Event{
			Connection: t.Connection, Mapping: h.Mapping, Level: "warn", Event: "DELETIONS HELD",
			Fields: map[string]any{
				"hold": h.ID, "direction": string(h.Direction), "rows": h.Rows, "of": h.Of, "reason": h.Reason, "sample": h.Sample,
			},
		})
		if err := b.Told(ctx, pool, h.ID); err != nil {
			return err
		}
	}
	return nil
}
