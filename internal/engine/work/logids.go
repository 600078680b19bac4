package work

import (
	"context"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// warnIDsEvery is the pause between two warnings that ids run out: what there
// is to do is not done in minutes.
const warnIDsEvery = time.Hour

// logIDs shows how much of the trigger log's ids is used, and warns in time.
func (w *Work) logIDs(ctx context.Context, t *engine.Turn) error {
	ids, err := triggerlog.In(t.Config.Schema).IDs(ctx, t.Session.DB.Pool())
	if err != nil {
		if target.Classify(err) == target.Schema {
			return nil // the log is not there yet
		}
		return fmt.Errorf("look at the trigger log's ids: %w", err)
	}
	if w.cfg.Metrics != nil {
		w.cfg.Metrics.LogIDsUsed.WithLabelValues(t.Connection.String()).Set(ids.Share())
	}
	if w.of(t.Connection).warnOfIDs(ids.Share(), time.Now()) {
		t.Log.WarnContext(ctx, "the ids of the trigger log run out: at the end every change of a mapped table fails; "+
			"see docs/operate.md, The ids of the trigger log", "last", ids.Last, "of", ids.Max)
	}
	return nil
}

// warnOfIDs says whether a warning is due, at most one every hour.
func (m *memory) warnOfIDs(share float64, now time.Time) bool {
	if share < triggerlog.ManyIDs || !m.due(warnIDs, now) {
		return false
	}
	m.putOff(warnIDs, now.Add(warnIDsEvery))
	return true
}
