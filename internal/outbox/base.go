package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Base is what is known of one column of a row while a local change to it is
// unsettled. Values are in Postgres's text form; nil is NULL.
type Base struct {
	Table    string
	RecordID int32
	Column   string
	// Base is the value that both sides last agreed on.
	Base *string
	// Theirs is the newest value that came from Salesforce since; it counts
	// only if Seen.
	Theirs *string
	Seen   bool
	// LogID is the first unsettled entry that changed the column.
	LogID int32
}

// RememberTheirs stores what came in for columns whose local change is on its
// way. The base that stands there stays; the incoming value replaces the one
// before.
func (o *Outbox) RememberTheirs(ctx context.Context, q Querier, bases []Base) error {
	if len(bases) == 0 {
		return nil
	}
	a := arrange(bases)
	_, err := q.Exec(ctx, `
		INSERT INTO _syncline.base (connection_id, table_name, record_id, column_name, base, theirs, seen, log_id, at)
		SELECT $1, b.t, b.r, b.c, b.b, b.h, true, b.l, clock_timestamp()
		FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::int[]) AS b(t, r, c, b, h, l)
		ON CONFLICT (connection_id, table_name, record_id, column_name) DO UPDATE
		SET theirs = excluded.theirs, seen = true, at = clock_timestamp()`,
		o.connection, a.tables, a.records, a.columns, a.bases, a.theirs, a.logs)
	if err != nil {
		return fmt.Errorf("remember incoming values of changed columns: %w", err)
	}
	return nil
}

// Agree sets the base of columns to a value that Salesforce has just accepted
// while a newer local change to them is still unsettled.
func (o *Outbox) Agree(ctx context.Context, q Querier, bases []Base) error {
	if len(bases) == 0 {
		return nil
	}
	a := arrange(bases)
	_, err := q.Exec(ctx, `
		INSERT INTO _syncline.base (connection_id, table_name, record_id, column_name, base, theirs, seen, log_id, at)
		SELECT $1, b.t, b.r, b.c, b.b, NULL, false, b.l, clock_timestamp()
		FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::int[]) AS b(t, r, c, b, l)
		ON CONFLICT (connection_id, table_name, record_id, column_name) DO UPDATE
		SET base = excluded.base, theirs = NULL, seen = false, log_id = excluded.log_id, at = clock_timestamp()`,
		o.connection, a.tables, a.records, a.columns, a.bases, a.logs)
	if err != nil {
		return fmt.Errorf("store agreed values: %w", err)
	}
	return nil
}

// Bases returns what is known of the rows' columns.
func (o *Outbox) Bases(ctx context.Context, q Querier, table string, recordIDs []int32) ([]Base, error) {
	rows, err := q.Query(ctx, `
		SELECT table_name, record_id, column_name, base, theirs, seen, coalesce(log_id, 0)
		FROM _syncline.base WHERE connection_id = $1 AND table_name = $2 AND record_id = ANY($3::int[])`,
		o.connection, table, recordIDs)
	if err != nil {
		return nil, fmt.Errorf("read bases: %w", err)
	}
	bases, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b Base, err error) {
		err = row.Scan(&b.Table, &b.RecordID, &b.Column, &b.Base, &b.Theirs, &b.Seen, &b.LogID)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("read bases: %w", err)
	}
	return bases, nil
}

// ForgetBases deletes the bases of columns that no unsettled entry changes any
// more. An empty list of columns stands for all columns of the row.
func (o *Outbox) ForgetBases(ctx context.Context, q Querier, table string, recordID int32, columns []string) error {
	_, err := q.Exec(ctx, `DELETE FROM _syncline.base WHERE connection_id = $1 AND table_name = $2
		AND record_id = $3 AND (cardinality($4::text[]) = 0 OR column_name = ANY($4::text[]))`,
		o.connection, table, recordID, nonNil(columns))
	if err != nil {
		return fmt.Errorf("forget bases: %w", err)
	}
	return nil
}

// Conflict is one column (or, with Column "", one whole row) that both sides
// changed since the base, and who won.
type Conflict struct {
	Mapping            uuid.UUID
	Table              string
	RecordID           int32
	Sfid               string
	Column             string
	Base, Ours, Theirs *string
	Winner             string // "postgres" or "salesforce"
	Policy             string
	LogID              int32
}

// LogConflicts appends to the conflict log and returns what it wrote: the same
// conflict of the same entry is written once.
func (o *Outbox) LogConflicts(ctx context.Context, q Querier, conflicts []Conflict) (written []Conflict, err error) {
	for _, c := range conflicts {
		tag, err := q.Exec(ctx, `
			INSERT INTO _syncline.conflict (connection_id, mapping, table_name, record_id, sfid, column_name,
				base, ours, theirs, winner, policy, log_id)
			SELECT $1, $2, $3, nullif($4::int, 0), nullif($5::text, ''), $6::text, $7, $8, $9::text, $10, $11, nullif($12::int, 0)
			WHERE NOT EXISTS (SELECT 1 FROM _syncline.conflict WHERE connection_id = $1 AND table_name = $3
				AND log_id = nullif($12::int, 0) AND column_name = $6::text AND theirs IS NOT DISTINCT FROM $9::text)`,
			o.connection, c.Mapping, c.Table, c.RecordID, c.Sfid, c.Column,
			c.Base, c.Ours, c.Theirs, c.Winner, c.Policy, c.LogID)
		if err != nil {
			return nil, fmt.Errorf("log a conflict: %w", err)
		}
		if tag.RowsAffected() > 0 {
			written = append(written, c)
		}
	}
	return written, nil
}

// CountConflicts returns how many conflicts were logged.
func (o *Outbox) CountConflicts(ctx context.Context, q Querier) (int, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT count(*) FROM _syncline.conflict WHERE connection_id = $1`, o.connection).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count conflicts: %w", err)
	}
	return n, nil
}

type arrays struct {
	tables, columns []string
	records, logs   []int32
	bases, theirs   []*string
}

func arrange(bases []Base) arrays {
	var a arrays
	for _, b := range bases {
		a.tables = append(a.tables, b.Table)
		a.records = append(a.records, b.RecordID)
		a.columns = append(a.columns, b.Column)
		a.bases = append(a.bases, b.Base)
		a.theirs = append(a.theirs, b.Theirs)
		a.logs = append(a.logs, b.LogID)
	}
	return a
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
