package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// unfinished are the states over which a job is unique.
func unfinished() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}
}

// Insert inserts jobs as available now and returns their ids in order; a job
// that is there already keeps its id and its schedule. With a tx they appear
// when it commits; tx may be nil.
func (c *Client) Insert(ctx context.Context, tx pgx.Tx, jobs ...Job) ([]int64, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	params := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		params[i] = river.InsertManyParams{Args: argsOf(j), InsertOpts: &river.InsertOpts{
			Queue:      queueName,
			UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()},
		}}
	}
	var res []*rivertype.JobInsertResult
	var err error
	if tx == nil {
		res, err = c.river.InsertMany(ctx, params)
	} else {
		res, err = c.river.InsertManyTx(ctx, tx, params)
	}
	if err != nil {
		return nil, fmt.Errorf("insert %d jobs: %w", len(jobs), err)
	}
	ids := make([]int64, len(res))
	for i, r := range res {
		ids[i] = r.Job.ID
	}
	return ids, nil
}

// db is what a statement runs on: the pool or a transaction.
type db interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (c *Client) on(tx pgx.Tx) db {
	if tx == nil {
		return c.cfg.Pool
	}
	return tx
}

// Wake makes waiting jobs due now and tells all nodes so. Running and ended
// jobs are left alone. It returns how many it moved.
func (c *Client) Wake(ctx context.Context, tx pgx.Tx, ids ...int64) (int, error) {
	tag, err := c.on(tx).Exec(ctx, `
		WITH woken AS (
			UPDATE `+c.jobs+`
			SET state = 'available', scheduled_at = now()
			WHERE id = ANY($1) AND (state IN ('scheduled', 'retryable') OR state = 'available' AND scheduled_at > now())
			RETURNING 1
		)
		SELECT pg_notify($2, $3) FROM woken`,
		ids, c.topic, `{"queue": "`+queueName+`"}`)
	if err != nil {
		return 0, fmt.Errorf("wake jobs: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Discard ends jobs whatever their state. A node that still runs one of them
// cannot bring it back: River stores the outcome of a job only while its row
// says "running".
func (c *Client) Discard(ctx context.Context, tx pgx.Tx, ids ...int64) error {
	_, err := c.on(tx).Exec(ctx, `
		UPDATE `+c.jobs+` SET state = 'cancelled', finalized_at = now()
		WHERE id = ANY($1) AND finalized_at IS NULL`, ids)
	if err != nil {
		return fmt.Errorf("discard jobs: %w", err)
	}
	return nil
}

// Holder says where an unfinished job is.
type Holder struct {
	// Running: a node has taken it. It may have died since.
	Running bool
	// Node is the ID of the client that took it; uuid.Nil if that is no UUID.
	Node uuid.UUID
}

// Unfinished returns which of the jobs are there and not ended, and where. The
// guardian replaces the others, and those that a dead node holds.
func (c *Client) Unfinished(ctx context.Context, ids []int64) (map[int64]Holder, error) {
	rows, err := c.cfg.Pool.Query(ctx, `
		SELECT id, state = 'running', coalesce(attempted_by[array_upper(attempted_by, 1)], '')
		FROM `+c.jobs+` WHERE id = ANY($1) AND finalized_at IS NULL`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	there := make(map[int64]Holder, len(ids))
	var id int64
	var running bool
	var by string
	_, err = pgx.ForEachRow(rows, []any{&id, &running, &by}, func() error {
		node, _ := uuid.Parse(by) // a foreign client is no node of ours
		there[id] = Holder{Running: running, Node: node}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	return there, nil
}

// Promote makes jobs available whose snooze has ended. River's leader does so
// every 5 s; the guardian does it too, so that nothing waits for an election.
func (c *Client) Promote(ctx context.Context) (int, error) {
	tag, err := c.cfg.Pool.Exec(ctx, `
		WITH due AS (
			SELECT id FROM `+c.jobs+`
			WHERE state IN ('scheduled', 'retryable') AND queue = $1 AND scheduled_at <= now()
			ORDER BY scheduled_at LIMIT 10000 FOR UPDATE SKIP LOCKED
		)
		UPDATE `+c.jobs+` j SET state = 'available' FROM due WHERE j.id = due.id`, queueName)
	if err != nil {
		return 0, fmt.Errorf("promote due jobs: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// tune keeps the job table lean: it is small and every turn updates it. A role
// that does not own the table leaves it as it is.
func (c *Client) tune(ctx context.Context) error {
	var options *string
	err := c.cfg.Pool.QueryRow(ctx, `
		SELECT array_to_string(c.reloptions, ',') FROM pg_class c WHERE c.oid = to_regclass($1)`, c.jobs).Scan(&options)
	if err != nil {
		return fmt.Errorf("look at the job table in schema %s (are the migrations done?): %w", c.cfg.Schema, err)
	}
	if options != nil && strings.Contains(*options, "autovacuum_vacuum_scale_factor") {
		return nil
	}
	_, err = c.cfg.Pool.Exec(ctx, `ALTER TABLE `+c.jobs+` SET (
		autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01,
		autovacuum_vacuum_cost_delay = 0)`)
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "autovacuum of the job table not set", "error", err)
	}
	return nil
}
