package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ImportStatus is how far an import of a configuration has come.
type ImportStatus string

// The statuses of an import.
const (
	ImportRunning ImportStatus = "running"
	ImportDone    ImportStatus = "done"
	ImportFailed  ImportStatus = "failed"
)

// Import is one import of a configuration file, which goes on after the
// request that began it.
type Import struct {
	ID         uuid.UUID    `db:"id"`
	Connection uuid.UUID    `db:"connection"`
	Status     ImportStatus `db:"status"`
	// Error is why it failed, in words.
	Error     string    `db:"error"`
	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

const importColumns = `id, connection, status, error, created_at, updated_at`

// CreateImport begins an import, in status running.
func (q *Queries) CreateImport(ctx context.Context, connection uuid.UUID) (Import, error) {
	return q.importJob(ctx, "create import", `INSERT INTO syncline.import_job (connection, status) VALUES ($1, $2) RETURNING `+importColumns,
		connection, ImportRunning)
}

// SetImport stores how an import has gone on; cause is "" unless it failed.
func (q *Queries) SetImport(ctx context.Context, id uuid.UUID, status ImportStatus, cause string) error {
	tag, err := q.db.Exec(ctx, `UPDATE syncline.import_job SET status = $2, error = $3, updated_at = clock_timestamp() WHERE id = $1`,
		id, status, clean(cause))
	return gone(tag, explain("update import", err), "update import")
}

// Import returns one import.
func (q *Queries) Import(ctx context.Context, id uuid.UUID) (Import, error) {
	return q.importJob(ctx, "read import", `SELECT `+importColumns+` FROM syncline.import_job WHERE id = $1`, id)
}

// LastImport returns a connection's newest import.
func (q *Queries) LastImport(ctx context.Context, connection uuid.UUID) (Import, error) {
	return q.importJob(ctx, "read import", `SELECT `+importColumns+` FROM syncline.import_job
		WHERE connection = $1 ORDER BY created_at DESC LIMIT 1`, connection)
}

func (q *Queries) importJob(ctx context.Context, doing, sql string, args ...any) (Import, error) {
	rows, _ := q.db.Query(ctx, sql, args...)
	job, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Import])
	return job, explain(doing, err)
}
