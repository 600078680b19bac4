package triggerlog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is what this package needs of a transaction or pool.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Log gives access to the trigger log of one schema. It keeps no state; every
// method works in the transaction that it is given.
type Log struct {
	schema        string
	live, archive string // quoted names
}

// In returns the log of a schema.
func In(schema string) *Log {
	return &Log{
		schema:  schema,
		live:    pgx.Identifier{schema, "_trigger_log"}.Sanitize(),
		archive: pgx.Identifier{schema, "_trigger_log_archive"}.Sanitize(),
	}
}

const entryColumns = `id, coalesce(txid, 0), coalesce(created_at, 'epoch'), coalesce(state, ''), coalesce(action, ''),
	coalesce(table_name, ''), coalesce(record_id, 0), coalesce(sfid, ''), old, "values", coalesce(sf_message, '')`

func scanEntry(row pgx.CollectableRow) (Entry, error) {
	var e Entry
	err := row.Scan(&e.ID, &e.TxID, &e.CreatedAt, &e.State, &e.Action,
		&e.Table, &e.RecordID, &e.Sfid, &e.Old, &e.Values, &e.Message)
	return e, err
}

func (l *Log) collect(ctx context.Context, q Querier, what, sql string, args ...any) ([]Entry, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return entries, nil
}

// Next returns the oldest NEW entries with an id above after, in log order, at
// most limit, and locks them, so that a state set by hand waits for the claim
// or is seen by it. After is for paging past entries that have to wait within
// one transaction; it is never kept: entries are claimed by state.
//
// The order is that of the ids. A transaction that commits late adds entries
// with small ids behind our back; they are simply claimed next, since two
// transactions that touch one record commit in the order of its row lock.
//
// The condition is the plain state = 'NEW' AND id > after in a form that only the
// index on (state, id) serves: for that one, Postgres walks the primary key over
// every entry that is settled and not yet archived.
func (l *Log) Next(ctx context.Context, q Querier, after int32, limit int) ([]Entry, error) {
	return l.collect(ctx, q, "read new trigger log entries", `
		SELECT `+entryColumns+` FROM `+l.live+`
		WHERE (state, id) > ('NEW', $1) AND state <= 'NEW' ORDER BY state, id LIMIT $2 FOR NO KEY UPDATE`, after, limit)
}

// Unsettled returns the entries of these rows that are NEW, PENDING or FAILED,
// in log order. Rows are named by id; a record whose row is gone is found by
// its sfid. FAILED entries come along since they decide which status a row
// keeps; they are not unsettled.
func (l *Log) Unsettled(ctx context.Context, q Querier, table string, recordIDs []int32, sfids []string) ([]Entry, error) {
	return l.collect(ctx, q, "read unsettled trigger log entries", `
		SELECT `+entryColumns+` FROM `+l.live+`
		WHERE state IN ('NEW', 'PENDING', 'FAILED') AND table_name = $1
		  AND (record_id = ANY($2::int[]) OR sfid = ANY($3::text[]))
		ORDER BY id`, table, recordIDs, sfids)
}

// AnyUnsettled says whether the table has entries that are NEW or PENDING.
func (l *Log) AnyUnsettled(ctx context.Context, q Querier, table string) (bool, error) {
	var any bool
	err := q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+l.live+`
		WHERE (state = 'NEW' OR state = 'PENDING') AND table_name = $1)`, table).Scan(&any)
	if err != nil {
		return false, fmt.Errorf("look for unsettled trigger log entries: %w", err)
	}
	return any, nil
}

// OfRecords returns every live entry of these rows, whatever its state, and
// their deletes that are in the archive already, in log order. The planner
// needs them to see a delete behind an insert, and an insert that failed.
func (l *Log) OfRecords(ctx context.Context, q Querier, table string, recordIDs []int32) ([]Entry, error) {
	return l.collect(ctx, q, "read the trigger log of records", `
		SELECT `+entryColumns+` FROM `+l.live+` WHERE table_name = $1 AND record_id = ANY($2::int[])
		UNION ALL
		SELECT `+entryColumns+` FROM `+l.archive+`
		WHERE table_name = $1 AND record_id = ANY($2::int[]) AND action = 'DELETE'
		ORDER BY 1`, table, recordIDs)
}

// ByID returns live entries by id, in log order.
func (l *Log) ByID(ctx context.Context, q Querier, ids []int32) ([]Entry, error) {
	return l.collect(ctx, q, "read trigger log entries", `
		SELECT `+entryColumns+` FROM `+l.live+` WHERE id = ANY($1::int[]) ORDER BY id`, ids)
}

// SetState moves entries from one state to another and returns how many were
// in it. It is the claim (NEW to PENDING) and its undoing.
func (l *Log) SetState(ctx context.Context, q Querier, ids []int32, from, to State) (int, error) {
	tag, err := q.Exec(ctx, `UPDATE `+l.live+` SET state = $3, updated_at = now()
		WHERE id = ANY($1::int[]) AND state = $2`, ids, string(from), string(to))
	if err != nil {
		return 0, fmt.Errorf("set trigger log state %s: %w", to, err)
	}
	return int(tag.RowsAffected()), nil
}

// Settle stores outcomes. An entry that is no longer PENDING or NEW (a person
// changed it) keeps its state: the wish of a person is not overwritten.
func (l *Log) Settle(ctx context.Context, q Querier, outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	n := len(outcomes)
	ids, states, sfids := make([]int32, n), make([]string, n), make([]string, n)
	messages, results := make([]string, n), make([]int32, n)
	for i, o := range outcomes {
		ids[i], states[i], sfids[i], messages[i], results[i] = o.ID, string(o.State), o.Sfid, o.Message, o.Result
	}
	_, err := q.Exec(ctx, `
		UPDATE `+l.live+` t SET state = o.state, processed_at = now(), updated_at = now(),
			processed_tx = txid_current(), sf_result = o.result,
			sf_message = nullif(o.message, ''), sfid = coalesce(t.sfid, nullif(o.sfid, ''))
		FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::int[]) AS o(id, state, sfid, message, result)
		WHERE t.id = o.id AND t.state IN ('NEW', 'PENDING')`, ids, states, sfids, messages, results)
	if err != nil {
		return fmt.Errorf("settle trigger log entries: %w", err)
	}
	return nil
}

// Revival names the row of an accepted insert that is gone.
type Revival struct {
	RecordID int32
	After    int32 // the insert's log id
	Sfid     string
}

// ReviveDeletes makes the captured deletes of rows sendable. A row that was
// deleted before its insert had reached Salesforce left a DELETE in state
// IGNORE; once the insert is accepted the record exists and must go
// (docs/INVARIANTS.md, I3). Only a delete with a log id above the insert's is
// meant: row ids may be given out again. It returns how many entries it revived.
// It looks through the whole log once, however many rows there are: there is no
// index on them.
func (l *Log) ReviveDeletes(ctx context.Context, q Querier, table string, rows []Revival) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	records, after, sfids := make([]int32, len(rows)), make([]int32, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		records[i], after[i], sfids[i] = r.RecordID, r.After, r.Sfid
	}
	tag, err := q.Exec(ctx, `
		WITH deletes AS MATERIALIZED (
			SELECT id, record_id, state FROM `+l.live+`
			WHERE action = 'DELETE' AND table_name = $1 AND record_id = ANY($2::int[])
		), first AS (
			SELECT DISTINCT ON (g.record_id, g.after) d.id, d.state, g.sfid
			FROM unnest($2::int[], $3::int[], $4::text[]) AS g(record_id, after, sfid)
			JOIN deletes d ON d.record_id = g.record_id AND d.id > g.after
			ORDER BY g.record_id, g.after, d.id
		)
		UPDATE `+l.live+` t SET state = 'NEW', sfid = f.sfid, updated_at = now()
		FROM first f WHERE t.id = f.id AND f.state = 'IGNORE' AND t.state = 'IGNORE'`,
		table, records, after, sfids)
	if err != nil {
		return 0, fmt.Errorf("revive a captured delete: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
