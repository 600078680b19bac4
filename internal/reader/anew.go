package reader

import (
	"context"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// anew is the mark of a mapping whose view has changed: all that the object
// holds may have come into it, so the next window begins at the beginning.
func (m Mark) anew(view string) Mark {
	if m.detail.LeftFrom.IsZero() {
		m.detail.LeftFrom = m.Stamp
	}
	m.detail.Window, m.detail.View = &window{From: beginning(), Sweep: true, Anew: true}, view
	return m
}

// beginning is before every record.
func beginning() time.Time { return time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC) }

// reload has a mapping whose view has changed loaded again, if its object is so
// large that a Bulk job takes far fewer calls than a poll of everything. The
// load merges; what has left the view is found when all Ids are compared, and
// held, since the comparison still knows the view of before.
func (r *Reader) reload(ctx context.Context, fence target.Fence, t *mapping.Table, m Mark) (bool, error) {
	if r.bulk == nil || r.settings.BulkFrom < 0 {
		return false, nil
	}
	n, err := r.bulk.RecordCount(salesforce.WithUse(ctx, t.Object, "load"), t.Object)
	if err != nil || n < r.settings.BulkFrom {
		return false, nil //nolint:nilerr // what is wrong with the org, the poll will tell
	}
	_, err = r.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO _syncline.reconcile (connection_id, mapping, view, detail, updated_at)
			VALUES ($1, $2, $3, '{}', clock_timestamp()) ON CONFLICT DO NOTHING`, r.connection, t.Mapping.ID, m.detail.View)
		if err != nil {
			return fmt.Errorf("keep the view of before: %w", err)
		}
		return r.store(ctx, tx, t, Mark{Phase: Load})
	})
	if err != nil {
		return false, wrap(t, "begin to read anew", err)
	}
	return true, nil
}
