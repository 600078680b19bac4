package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// WakeChannel is the NOTIFY channel on the control database; the payload is
// the woken turn's [Key] as JSON.
const WakeChannel = "syncline_wake"

// Turn is the row of one line of turns. It outlives the turns themselves: the
// job may be gone, the row says what should be.
type Turn struct {
	Key
	// Generation is carried by the job's arguments; a job of an older one ends
	// at once.
	Generation int64
	// JobID is River's; 0 when no job was inserted yet.
	JobID int64
	// Node runs the turn now; uuid.Nil between two turns.
	Node uuid.UUID
	// StartedAt, EndedAt and NextAt are zero when unknown. NextAt is when the
	// next turn was planned at the end of the last.
	StartedAt, EndedAt, NextAt time.Time
	// WakeSeq counts the wakes.
	WakeSeq int64
	// LastError is the error of the last turn, "" if it went well.
	LastError string
}

type turnRow struct {
	Connection uuid.UUID  `db:"connection"`
	Kind       string     `db:"kind"`
	Mapping    string     `db:"mapping"`
	Generation int64      `db:"generation"`
	JobID      *int64     `db:"job_id"`
	Node       *uuid.UUID `db:"node"`
	StartedAt  *time.Time `db:"started_at"`
	EndedAt    *time.Time `db:"ended_at"`
	NextAt     *time.Time `db:"next_at"`
	WakeSeq    int64      `db:"wake_seq"`
	LastError  string     `db:"last_error"`
}

func (r turnRow) turn() Turn {
	return Turn{
		Key: Key{r.Connection, r.Kind, r.Mapping}, Generation: r.Generation, JobID: orZero(r.JobID), Node: orZero(r.Node),
		StartedAt: orZero(r.StartedAt), EndedAt: orZero(r.EndedAt), NextAt: orZero(r.NextAt),
		WakeSeq: r.WakeSeq, LastError: r.LastError,
	}
}

const turnColumns = `t.connection, t.kind, t.mapping, t.generation, t.job_id, t.node,
	t.started_at, t.ended_at, t.next_at, t.wake_seq, t.last_error`

// EnsureTurn makes the row of a line of turns, in generation 1, unless it is
// there. It returns the row, and whether it is new.
func (q *Queries) EnsureTurn(ctx context.Context, key Key) (Turn, bool, error) {
	tag, err := q.db.Exec(ctx, `
		INSERT INTO syncline.turn (connection, kind, mapping) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		key.Connection, key.Kind, key.Mapping)
	if err != nil {
		return Turn{}, false, explain("make turn", err)
	}
	turn, err := q.Turn(ctx, key)
	return turn, tag.RowsAffected() == 1, err
}

// Turn returns one row.
func (q *Queries) Turn(ctx context.Context, key Key) (Turn, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+turnColumns+` FROM syncline.turn t
		WHERE connection = $1 AND kind = $2 AND mapping = $3`, key.Connection, key.Kind, key.Mapping)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[turnRow])
	return row.turn(), explain("read turn", err)
}

// Turns returns all rows, ordered by key.
func (q *Queries) Turns(ctx context.Context) ([]Turn, error) {
	return q.turns(ctx, "list turns", `SELECT `+turnColumns+` FROM syncline.turn t ORDER BY connection, kind, mapping`)
}

// DeadTurns returns the turns that are running on a node whose heartbeat is
// older than ttl, or that has left: the guardian raises their generation.
func (q *Queries) DeadTurns(ctx context.Context, ttl time.Duration) ([]Turn, error) {
	return q.turns(ctx, "list dead turns", `
		SELECT `+turnColumns+` FROM syncline.turn t LEFT JOIN syncline.node n ON n.id = t.node
		WHERE t.node IS NOT NULL AND (n.id IS NULL OR n.heartbeat_at < clock_timestamp() - $1::interval)
		ORDER BY t.connection, t.kind, t.mapping`, ttl)
}

func (q *Queries) turns(ctx context.Context, doing, sql string, args ...any) ([]Turn, error) {
	rows, _ := q.db.Query(ctx, sql, args...)
	turns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Turn, error) {
		r, err := pgx.RowToStructByName[turnRow](row)
		return r.turn(), err
	})
	return turns, explain(doing, err)
}

// DeleteTurn removes a line of turns that nobody wants any more.
func (q *Queries) DeleteTurn(ctx context.Context, key Key) error {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.turn WHERE connection = $1 AND kind = $2 AND mapping = $3`,
		key.Connection, key.Kind, key.Mapping)
	return explain("delete turn", err)
}

// StartTurn marks a turn as running on node. It is false, and the job ends at
// once, when the row's generation is newer or the row is gone. A turn of a
// newer generation than the row's takes the row along. wakeSeq is to be
// compared with EndTurn's.
func (q *Queries) StartTurn(ctx context.Context, key Key, generation int64, node uuid.UUID) (wakeSeq int64, ok bool, err error) {
	err = q.db.QueryRow(ctx, `
		UPDATE syncline.turn SET generation = $4, node = $5, started_at = clock_timestamp(), ended_at = NULL, next_at = NULL
		WHERE connection = $1 AND kind = $2 AND mapping = $3 AND generation <= $4
		RETURNING wake_seq`, key.Connection, key.Kind, key.Mapping, generation, node).Scan(&wakeSeq)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return wakeSeq, err == nil, explain("start turn", err)
}

// EndTurn marks the turn as over and the next one as due after wait; lastError
// is "" when it went well. It is false when the turn was overtaken meanwhile:
// nothing is written then. A wakeSeq above StartTurn's means that the turn was
// woken since: the next one is due now.
func (q *Queries) EndTurn(ctx context.Context, key Key, generation int64, node uuid.UUID, wait time.Duration, lastError string) (wakeSeq int64, ok bool, err error) {
	err = q.db.QueryRow(ctx, `
		UPDATE syncline.turn SET node = NULL, ended_at = clock_timestamp(), next_at = clock_timestamp() + $6::interval, last_error = $7
		WHERE connection = $1 AND kind = $2 AND mapping = $3 AND generation = $4 AND node = $5
		RETURNING wake_seq`,
		key.Connection, key.Kind, key.Mapping, generation, node, wait, clean(lastError)).Scan(&wakeSeq)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return wakeSeq, err == nil, explain("end turn", err)
}

// RaiseGeneration retires the job of generation from. It is false when
// somebody else has done so already. Insert the new job and SetJob in the same
// transaction.
func (q *Queries) RaiseGeneration(ctx context.Context, key Key, from int64) (generation int64, ok bool, err error) {
	err = q.db.QueryRow(ctx, `
		UPDATE syncline.turn SET generation = generation + 1, node = NULL, job_id = NULL
		WHERE connection = $1 AND kind = $2 AND mapping = $3 AND generation = $4
		RETURNING generation`, key.Connection, key.Kind, key.Mapping, from).Scan(&generation)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return generation, err == nil, explain("raise turn's generation", err)
}

// SetJob stores which job carries the turns of a generation. It is false when
// the generation is no longer the newest.
func (q *Queries) SetJob(ctx context.Context, key Key, generation, jobID int64) (bool, error) {
	tag, err := q.db.Exec(ctx, `UPDATE syncline.turn SET job_id = $5
		WHERE connection = $1 AND kind = $2 AND mapping = $3 AND generation = $4`,
		key.Connection, key.Kind, key.Mapping, generation, jobID)
	return tag.RowsAffected() == 1, explain("store turn's job", err)
}

// Wake asks for a turn now: it counts the wake and, when that commits, tells
// all nodes on [WakeChannel]. It returns the job to be made available, 0 if
// there is none yet. ErrNotFound when there is no such line of turns.
func (q *Queries) Wake(ctx context.Context, key Key) (jobID int64, err error) {
	err = q.db.QueryRow(ctx, `
		WITH woken AS (
			UPDATE syncline.turn SET wake_seq = wake_seq + 1
			WHERE connection = $1 AND kind = $2 AND mapping = $3 RETURNING job_id)
		SELECT coalesce(job_id, 0) FROM woken, LATERAL (SELECT pg_notify($4,
			json_build_object('connection', $1::uuid, 'kind', $2::text, 'mapping', $3::text)::text)) AS told`,
		key.Connection, key.Kind, key.Mapping, WakeChannel).Scan(&jobID)
	return jobID, explain("wake turn", err)
}
