package manage

import (
	"context"
	"fmt"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// Reload has all records of a mapping read again and merged into its table; then
// all Ids are compared, and rows whose record is gone are removed under the
// brake. The table, its ids, and what others built on it stay, and readers see
// no hole, unless the mapping's options ask for TruncateFirst. A load that is
// under way begins anew.
func (s *Service) Reload(ctx context.Context, c Caller, ref, object string) error {
	conn, err := s.on(ctx, c, access.Operate, ref)
	if err != nil {
		return err
	}
	m, err := s.mappingOf(ctx, conn, object)
	if err != nil {
		return err
	}
	if conn.Status.Paused || m.ReadsPaused(&conn) {
		return &Problem{Kind: Conflict, What: "The reads of " + m.ObjectName + " are paused.", Fix: "Resume them first: syncline resume"}
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetStage(ctx, m.ID, mapping.StageCreated); err != nil {
			return fmt.Errorf("store stage: %w", err)
		}
		return audit(ctx, tx, c, "mapping.reload", m.ObjectName, conn.ID, nil, map[string]any{"truncate_first": m.Options.TruncateFirst})
	})
	if err != nil {
		return problem("reload the mapping", err)
	}
	s.changed(context.WithoutCancel(ctx), conn.ID)
	return nil
}
