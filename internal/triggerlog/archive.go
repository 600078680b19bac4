package triggerlog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const allColumns = `id, txid, created_at, updated_at, processed_at, processed_tx, state, action,
	table_name, record_id, sfid, old, "values", sf_result, sf_message`

// Archive moves up to limit finished entries to the archive and returns how
// many it moved: SUCCESS, MERGED, IGNORED and REQUEUED at once; IGNORE (which
// becomes IGNORED) and READONLY when they are older than quiet; FAILED when
// older than failedFor. An ignored DELETE stays while an entry of its row is
// unsettled, since a late insert may revive it (see [Log.ReviveDeletes]).
func (l *Log) Archive(ctx context.Context, q Querier, quiet, failedFor time.Duration, limit int) (int, error) {
	tag, err := q.Exec(ctx, `
		WITH done AS (
			SELECT id FROM `+l.live+` t
			WHERE state IN ('SUCCESS', 'MERGED', 'IGNORED', 'REQUEUED', 'READONLY', 'IGNORE', 'FAILED')
			  AND (state IN ('SUCCESS', 'MERGED', 'IGNORED', 'REQUEUED')
			   OR state = 'READONLY' AND created_at < now() - $1::interval
			   OR state = 'IGNORE' AND created_at < now() - $1::interval
			      AND NOT (action = 'DELETE' AND EXISTS (
				SELECT 1 FROM `+l.live+` o WHERE (o.state = 'NEW' OR o.state = 'PENDING')
				AND o.table_name = t.table_name AND o.record_id = t.record_id))
			   OR state = 'FAILED' AND coalesce(processed_at, created_at) < now() - $2::interval)
			LIMIT $3 FOR UPDATE SKIP LOCKED
		), gone AS (
			DELETE FROM `+l.live+` t USING done WHERE t.id = done.id RETURNING t.*
		)
		INSERT INTO `+l.archive+` (`+allColumns+`)
		SELECT id, txid, created_at, updated_at, processed_at, processed_tx,
			CASE state WHEN 'IGNORE' THEN 'IGNORED' ELSE state END, action,
			table_name, record_id, sfid, old, "values", sf_result, sf_message
		FROM gone ORDER BY id
		ON CONFLICT (id) DO NOTHING`, quiet, failedFor, limit)
	if err != nil {
		return 0, fmt.Errorf("archive trigger log entries: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Requeue copies archived entries that a person set to REQUEUE back into the
// live log as NEW, with a new id, and marks them REQUEUED. It returns how many.
func (l *Log) Requeue(ctx context.Context, q Querier, limit int) (int, error) {
	tag, err := q.Exec(ctx, `
		WITH wanted AS (
			SELECT id FROM `+l.archive+` WHERE state = 'REQUEUE' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
		), marked AS (
			UPDATE `+l.archive+` a SET state = 'REQUEUED', updated_at = now()
			FROM wanted WHERE a.id = wanted.id RETURNING a.*
		)
		INSERT INTO `+l.live+` (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
		SELECT txid_current(), clock_timestamp(), now(), 'NEW', action, table_name, record_id, sfid, old, "values"
		FROM marked ORDER BY id`, limit)
	if err != nil {
		return 0, fmt.Errorf("requeue archived trigger log entries: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Purge deletes up to limit archived entries that were finished longer than
// keep ago, FAILED ones longer than keepFailed: they came late, and people still
// decide about them. What is to be copied back stays.
func (l *Log) Purge(ctx context.Context, q Querier, keep, keepFailed time.Duration, limit int) (int, error) {
	// No entry is finished before it is captured: the first condition is there
	// for the index on created_at.
	tag, err := q.Exec(ctx, `
		DELETE FROM `+l.archive+` WHERE id IN (
			SELECT id FROM `+l.archive+` WHERE created_at < now() - $1::interval AND state <> 'REQUEUE'
				AND coalesce(processed_at, created_at) < now() - CASE state WHEN 'FAILED' THEN $2 ELSE $1 END::interval
			ORDER BY created_at LIMIT $3)`,
		keep, keepFailed, limit)
	if err != nil {
		return 0, fmt.Errorf("purge the trigger log archive: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// Depth is what waits in the log of one table.
type Depth struct {
	// Unsent entries are NEW, Pending ones on their way, Failed ones refused and
	// still in the live log.
	Unsent, Pending, Failed int
	// Oldest is the age of the oldest NEW or PENDING entry, 0 if there is none.
	Oldest time.Duration
}

// Depths counts what waits by table, by the database's clock. Tables of which
// nothing waits are left out; those that no mapping has may be among them.
func (l *Log) Depths(ctx context.Context, q Querier) (map[string]Depth, error) {
	rows, err := q.Query(ctx, `
		SELECT table_name, count(*) FILTER (WHERE state = 'NEW'), count(*) FILTER (WHERE state = 'PENDING'),
			count(*) FILTER (WHERE state = 'FAILED'),
			greatest(clock_timestamp() - min(created_at) FILTER (WHERE state IN ('NEW', 'PENDING')), '0')
		FROM `+l.live+` WHERE state IN ('NEW', 'PENDING', 'FAILED') GROUP BY table_name`)
	if err != nil {
		return nil, fmt.Errorf("count trigger log entries: %w", err)
	}
	depths := map[string]Depth{}
	var table string
	var d Depth
	_, err = pgx.ForEachRow(rows, []any{&table, &d.Unsent, &d.Pending, &d.Failed, &d.Oldest}, func() error {
		depths[table] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count trigger log entries: %w", err)
	}
	return depths, nil
}

// Failed returns FAILED entries of the live log and of the archive, newest
// first, that failed within the last span; for one table, or "" for all.
func (l *Log) Failed(ctx context.Context, q Querier, table string, within time.Duration, limit int) ([]Entry, error) {
	return l.collect(ctx, q, "read failed trigger log entries", `
		SELECT * FROM (
			SELECT `+entryColumns+` FROM `+l.live+` WHERE state = 'FAILED' AND ($1 = '' OR table_name = $1)
				AND coalesce(processed_at, created_at) > now() - $2::interval
			UNION ALL
			SELECT `+entryColumns+` FROM `+l.archive+` WHERE state = 'FAILED' AND ($1 = '' OR table_name = $1)
				AND coalesce(processed_at, created_at) > now() - $2::interval
		) f ORDER BY 1 DESC LIMIT $3`, table, within, limit)
}
