package reader

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
)

// Waiting counts what of a mapping is read and not in its table, or the other
// way round.
type Waiting struct {
	// Deferred records wait for a row that is held or a write on its way;
	// Refused ones are those that the database does not take; Missing rows have
	// no record that could be found.
	Deferred, Refused, Missing int64
}

// Waiting tells of every mapping of the connection for which something waits.
func (r *Reader) Waiting(ctx context.Context) (map[uuid.UUID]Waiting, error) {
	rows, err := r.db.Pool().Query(ctx, `
		SELECT mapping, sum(deferred)::bigint, sum(refused)::bigint, sum(missing)::bigint FROM (
			SELECT mapping, count(*) AS deferred, 0 AS refused, 0 AS missing FROM _syncline.deferred WHERE connection_id = $1 GROUP BY 1
			UNION ALL SELECT mapping, 0, count(*), 0 FROM _syncline.read_error WHERE connection_id = $1 AND `+apply.NotIgnored+` GROUP BY 1
			UNION ALL SELECT mapping, 0, 0, count(*) FROM _syncline.missing WHERE connection_id = $1 GROUP BY 1) w
		GROUP BY mapping`, r.connection)
	if err != nil {
		return nil, fmt.Errorf("count what waits: %w", err)
	}
	out := map[uuid.UUID]Waiting{}
	var (
		id uuid.UUID
		w  Waiting
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &w.Deferred, &w.Refused, &w.Missing}, func() error {
		out[id] = w
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what waits: %w", err)
	}
	return out, nil
}
