package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Progress is how far a mapping's load has come, for people to look at; the
// mark in the target is what counts.
type Progress struct {
	Mapping uuid.UUID `db:"mapping"`
	// Rows and Bytes are loaded; Total rows are expected, 0 if not known.
	Rows  int64 `db:"rows"`
	Bytes int64 `db:"bytes"`
	Total int64 `db:"total"`
	// RowRate and ByteRate are what a second of the last minute brought; they
	// are the store's, and 0 before there is anything to tell.
	RowRate  float64 `db:"row_rate"`
	ByteRate float64 `db:"byte_rate"`
	// StartedAt and UpdatedAt are set by the store.
	StartedAt time.Time `db:"started_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

// StartProgress begins a load's progress afresh.
func (q *Queries) StartProgress(ctx context.Context, connection, mapping uuid.UUID, total int64) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.load_progress (connection, mapping, rows, bytes, total) VALUES ($1, $2, 0, 0, $3)
		ON CONFLICT (mapping) DO UPDATE SET rows = 0, bytes = 0, total = excluded.total,
			started_at = clock_timestamp(), updated_at = clock_timestamp(),
			base_at = clock_timestamp(), base_rows = 0, base_bytes = 0,
			recent_at = clock_timestamp(), recent_rows = 0, recent_bytes = 0`, connection, mapping, total)
	return explain("start load progress", err)
}

// SaveProgress writes Rows, Bytes and Total; once a second is enough. Every half
// minute the figures at hand become the recent ones, and those the base of the
// rate, which so looks back over half a minute to a whole one.
func (q *Queries) SaveProgress(ctx context.Context, connection uuid.UUID, p Progress) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.load_progress AS p (connection, mapping, rows, bytes, total) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (mapping) DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes, total = excluded.total,
			updated_at = clock_timestamp(),
			base_at = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN p.recent_at ELSE p.base_at END,
			base_rows = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN p.recent_rows ELSE p.base_rows END,
			base_bytes = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN p.recent_bytes ELSE p.base_bytes END,
			recent_at = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN clock_timestamp() ELSE p.recent_at END,
			recent_rows = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN excluded.rows ELSE p.recent_rows END,
			recent_bytes = CASE WHEN p.recent_at < clock_timestamp() - interval '30 s' THEN excluded.bytes ELSE p.recent_bytes END`, connection, p.Mapping, p.Rows, p.Bytes, p.Total)
	return explain("save load progress", err)
}

// Progress returns the loads of a connection by start, finished ones included.
func (q *Queries) Progress(ctx context.Context, connection uuid.UUID) ([]Progress, error) {
	rows, _ := q.db.Query(ctx, `SELECT mapping, rows, bytes, total, started_at, updated_at,
			greatest(0, rows - base_rows) / greatest(0.001, extract(epoch FROM statement_timestamp() - base_at))::float8 AS row_rate,
			greatest(0, bytes - base_bytes) / greatest(0.001, extract(epoch FROM statement_timestamp() - base_at))::float8 AS byte_rate
		FROM syncline.load_progress
		WHERE connection = $1 ORDER BY started_at, mapping`, connection)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Progress])
	return list, explain("read load progress", err)
}
