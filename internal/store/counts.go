package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Counts are a mapping's numbers as last counted, for people to look at;
// nothing is decided by them. Nil is not counted yet and, on writing, leaves
// what is there.
type Counts struct {
	// RowsDB and RowsSF are the records on either side.
	RowsDB, RowsSF *int64
	// Pending are log entries not sent yet, Errors those that failed.
	Pending, Errors *int64
	// PolledAt is the last poll that went through, WrittenAt the last write
	// that Salesforce answered.
	PolledAt, WrittenAt *time.Time
}

type countsRow struct {
	Mapping   uuid.UUID  `db:"mapping"`
	RowsDB    *int64     `db:"rows_db"`
	RowsSF    *int64     `db:"rows_sf"`
	Pending   *int64     `db:"pending"`
	Errors    *int64     `db:"errors"`
	PolledAt  *time.Time `db:"polled_at"`
	WrittenAt *time.Time `db:"written_at"`
}

// SetCounts writes those numbers that are not nil. Times never go back.
func (q *Queries) SetCounts(ctx context.Context, mapping uuid.UUID, c Counts) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.mapping_count AS m (mapping, rows_db, rows_sf, pending, errors, polled_at, written_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (mapping) DO UPDATE SET rows_db = coalesce(excluded.rows_db, m.rows_db),
			rows_sf = coalesce(excluded.rows_sf, m.rows_sf), pending = coalesce(excluded.pending, m.pending),
			errors = coalesce(excluded.errors, m.errors), polled_at = greatest(excluded.polled_at, m.polled_at),
			written_at = greatest(excluded.written_at, m.written_at), updated_at = clock_timestamp()`,
		mapping, c.RowsDB, c.RowsSF, c.Pending, c.Errors, c.PolledAt, c.WrittenAt)
	return explain("store mapping's counts", err)
}

// Counts returns the numbers of a connection's mappings by mapping; one that
// was never counted is missing.
func (q *Queries) Counts(ctx context.Context, connection uuid.UUID) (map[uuid.UUID]Counts, error) {
	rows, _ := q.db.Query(ctx, `
		SELECT c.mapping, c.rows_db, c.rows_sf, c.pending, c.errors, c.polled_at, c.written_at
		FROM syncline.mapping_count c JOIN syncline.mapping m ON m.id = c.mapping WHERE m.connection = $1`, connection)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[countsRow])
	counts := make(map[uuid.UUID]Counts, len(list))
	for _, r := range list {
		counts[r.Mapping] = Counts{r.RowsDB, r.RowsSF, r.Pending, r.Errors, r.PolledAt, r.WrittenAt}
	}
	return counts, explain("read mappings' counts", err)
}
