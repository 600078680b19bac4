package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/target"
)

// NoteJob writes down that a call goes as a Bulk job (job is ""), the job's id
// when it is known, and, again, that the turn goes on with it; and commits. As with [Store.Sending] it is ErrFenced, and nothing is
// written, unless the fence stands at its number: a job without a note got no
// data, and one whose note is old gets none any more.
func (s *Store) NoteJob(ctx context.Context, fence target.Fence, batch uuid.UUID, job string) error {
	var held int
	err := s.pool.QueryRow(ctx, `
		WITH fence AS MATERIALIZED (
			SELECT number FROM syncline.fence
			WHERE connection = $1 AND kind = $2 AND mapping = $3 AND number = $4 FOR SHARE),
		written AS (
			INSERT INTO syncline.journal_job AS j (batch, connection, job) SELECT $5, $1, $6 FROM fence
			ON CONFLICT (batch) DO UPDATE SET job = excluded.job, at = clock_timestamp())
		SELECT count(*) FROM fence`,
		fence.Connection, fence.Kind, fence.Mapping, fence.Number, batch, job).Scan(&held)
	if err != nil {
		return explain("journal a Bulk job", err)
	}
	if held == 0 {
		return fmt.Errorf("journal a Bulk job under fence %d: %w", fence.Number, ErrFenced)
	}
	return nil
}

// JobNote is what the journal knows of the Bulk job of a call.
type JobNote struct {
	// Found says that a job was about to be made; ID is the org's, "" if it was
	// not known yet.
	Found bool
	ID    string
	// Age is how long ago the job was last noted.
	Age time.Duration
}

// JobOf returns what was noted last of the Bulk job of a call.
func (q *Queries) JobOf(ctx context.Context, connection, batch uuid.UUID) (JobNote, error) {
	n := JobNote{Found: true}
	err := q.db.QueryRow(ctx, `SELECT job, clock_timestamp() - at FROM syncline.journal_job WHERE connection = $1 AND batch = $2`,
		connection, batch).Scan(&n.ID, &n.Age)
	if errors.Is(err, pgx.ErrNoRows) {
		return JobNote{}, nil
	}
	return n, explain("read the Bulk job of a call", err)
}
