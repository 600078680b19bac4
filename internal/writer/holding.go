package writer

import (
	"context"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// holding is what one open call keeps waiting.
type holding struct {
	intents int
	held    *plan.Held
}

// holds is everything that has to wait just now: what open calls touch, and
// what waits for its next attempt. What a call touches is worked out once, as
// long as none of its records is settled: a job may hold many.
func (w *Writer) holds(ctx context.Context, tx querier) (*plan.Held, error) {
	open, err := w.box.OpenCalls(ctx, tx)
	if err != nil {
		return nil, err
	}
	if w.strange(open) {
		w.seldom(w.set.Backoff)
	}
	held := plan.Hold(nil)
	kept := make(map[uuid.UUID]holding, len(open))
	for batch, n := range open {
		h := w.holding[batch]
		// What waits for a job goes on when all of it is settled: sooner, a part of
		// it would go by calls that are not worth it, and the rest would be too
		// little for a job.
		if h.held == nil || h.intents != n && w.jobs[batch] == nil {
			if h, err = w.holdCall(ctx, tx, batch); err != nil {
				return nil, err
			}
		}
		kept[batch] = h
		held.Include(h.held)
	}
	w.holding = kept
	for _, id := range w.putOff() {
		held.Entry(id)
	}
	return held, nil
}

// holdCall names what has to wait for one call.
func (w *Writer) holdCall(ctx context.Context, tx querier, batch uuid.UUID) (holding, error) {
	intents, err := w.box.OfCall(ctx, tx, batch)
	if err != nil {
		return holding{}, err
	}
	h := holding{intents: len(intents), held: plan.Hold(intents)}
	if w.algorithm() == mapping.Ordered {
		return h, nil
	}
	entries, err := w.log.ByID(ctx, tx, logIDs(intents))
	if err != nil {
		return holding{}, err
	}
	h.held.Touch(w.cfg.Tables, entries)
	return h, nil
}

// holdNew names what has to wait for a call that is claimed now.
func (w *Writer) holdNew(c *call, set *plan.ChangeSet) {
	h := holding{intents: len(c.intents), held: plan.Hold(c.intents)}
	if w.algorithm() != mapping.Ordered {
		entries := make([]triggerlog.Entry, len(set.Items))
		for i, item := range set.Items {
			entries[i] = item.Entry
		}
		h.held.Touch(w.cfg.Tables, entries)
	}
	w.holding[c.batch] = h
}
