package work

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

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
	if !w.reconcileDue(t.Connection) {
		return nil
	}
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

func (w *Work) reconcileDue(connection uuid.UUID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.reconciled[connection]) {
		return false
	}
	w.reconciled[connection] = time.Now().Add(reconcileEvery)
	return true
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

// tellHolds writes an event for each hold that this node has not told of.
func (w *Work) tellHolds(ctx context.Context, t *engine.Turn) error {
	list, err := brake.Of(t.Connection).List(ctx, t.Session.DB.Pool(), false)
	if err != nil {
		return fmt.Errorf("list holds: %w", err)
	}
	for _, h := range list {
		key := fmt.Sprint(t.Connection, h.ID)
		w.mu.Lock()
		told := w.held[key]
		w.held[key] = true
		w.mu.Unlock()
		if told {
			continue
		}
		w.event(ctx, store.Event{
			Connection: t.Connection, Mapping: h.Mapping, Level: "warn", Event: "DELETIONS HELD",
			Fields: map[string]any{
				"hold": h.ID, "direction": string(h.Direction), "rows": h.Rows, "of": h.Of, "reason": h.Reason, "sample": h.Sample,
			},
		})
	}
	return nil
}
