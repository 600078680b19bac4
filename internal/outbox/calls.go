package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OpenCalls counts the intents that are open or unknown, by call.
func (o *Outbox) OpenCalls(ctx context.Context, q Querier) (map[uuid.UUID]int, error) {
	rows, err := q.Query(ctx, `SELECT batch::text, count(*) FROM _syncline.intent
		WHERE connection_id = $1 AND state IN ('open', 'unknown') GROUP BY batch`, o.connection)
	if err != nil {
		return nil, fmt.Errorf("count open intents: %w", err)
	}
	out := map[uuid.UUID]int{}
	var (
		batch string
		n     int
	)
	_, err = pgx.ForEachRow(rows, []any{&batch, &n}, func() error {
		id, err := uuid.Parse(batch)
		out[id] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count open intents: %w", err)
	}
	return out, nil
}

// OfCall returns the intents of a call that are open or unknown, without their
// bodies.
func (o *Outbox) OfCall(ctx context.Context, q Querier, batch uuid.UUID) ([]Intent, error) {
	rows, err := q.Query(ctx, `
		SELECT log_id, table_name, coalesce(record_id, 0), coalesce(sfid, ''), coalesce(external_id, '') FROM _syncline.intent
		WHERE connection_id = $1 AND batch = $2 AND state IN ('open', 'unknown') ORDER BY position`, o.connection, batch)
	if err != nil {
		return nil, fmt.Errorf("read the open intents of a call: %w", err)
	}
	intents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Intent, err error) {
		err = row.Scan(&i.LogID, &i.Table, &i.RecordID, &i.Sfid, &i.ExternalID)
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the open intents of a call: %w", err)
	}
	return intents, nil
}
