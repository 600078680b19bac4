package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// RunStatus is how a verification that somebody asked for stands.
type RunStatus string

// The statuses of a verification.
const (
	RunRunning RunStatus = "running"
	RunDone    RunStatus = "done"
	RunFailed  RunStatus = "failed"
	// RunInterrupted is one whose node has stopped or died.
	RunInterrupted RunStatus = "interrupted"
)

// VerifyRun is a verification that somebody asked for. It goes on after the
// request that began it, in the process that took it, which stores it every
// second; silent for half a minute it counts as interrupted.
type VerifyRun struct {
	ID         uuid.UUID `db:"id"`
	Connection uuid.UUID `db:"connection"`
	Status     RunStatus `db:"status"`
	// By is who asked.
	By string `db:"by"`
	// Progress and Report are the caller's JSON; nil if there is none yet.
	Progress json.RawMessage `db:"progress"`
	Report   json.RawMessage `db:"report"`
	// Error is why it failed, and Fix what to do about it, in words.
	Error string `db:"error"`
	Fix   string `db:"fix"`
	// CreatedAt and UpdatedAt are set by the store.
	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

// runsKept is how many runs of a connection are kept.
const runsKept = 20

const verifyRunColumns = `id, connection, CASE WHEN status = 'running' AND updated_at < clock_timestamp() - interval '30 s'
	THEN 'interrupted' ELSE status END AS status, by, progress, report, error, fix, created_at, updated_at`

// CreateVerifyRun begins a run, in status running. The oldest of many go.
func (q *Queries) CreateVerifyRun(ctx context.Context, connection uuid.UUID, by string) (VerifyRun, error) {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.verify_run WHERE id IN (SELECT id FROM syncline.verify_run
		WHERE connection = $1 ORDER BY created_at DESC OFFSET $2)`, connection, runsKept-1)
	if err != nil {
		return VerifyRun{}, explain("drop old verifications", err)
	}
	return q.verifyRun(ctx, "create verification", `INSERT INTO syncline.verify_run (connection, status, by) VALUES ($1, $2, $3)
		RETURNING `+verifyRunColumns, connection, RunRunning, clean(by))
}

// SetVerifyRun stores how a run stands: Status, Progress, Report, Error and Fix.
func (q *Queries) SetVerifyRun(ctx context.Context, r VerifyRun) error {
	tag, err := q.db.Exec(ctx, `UPDATE syncline.verify_run SET status = $2, progress = $3, report = $4, error = $5, fix = $6,
		updated_at = clock_timestamp() WHERE id = $1`,
		r.ID, r.Status, cleanJSON(r.Progress), cleanJSON(r.Report), clean(r.Error), clean(r.Fix))
	return gone(tag, explain("update verification", err), "update verification")
}

// VerifyRun returns one run of a connection.
func (q *Queries) VerifyRun(ctx context.Context, connection, id uuid.UUID) (VerifyRun, error) {
	return q.verifyRun(ctx, "read verification", `SELECT `+verifyRunColumns+` FROM syncline.verify_run WHERE connection = $1 AND id = $2`,
		connection, id)
}

func (q *Queries) verifyRun(ctx context.Context, doing, sql string, args ...any) (VerifyRun, error) {
	rows, _ := q.db.Query(ctx, sql, args...)
	run, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[VerifyRun])
	return run, explain(doing, err)
}
