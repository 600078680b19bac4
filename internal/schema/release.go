package schema

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// ReleaseTables takes our triggers and their functions off mapped tables of
// conn, in one transaction: the tables stay with all that is in them, and
// nothing is captured any more. That they were made for conn stays noted, so
// that a later mapping takes them up again. Names that are not there are passed
// over; one that is not conn's is a [*TableTakenError].
//
// A table that stands without its indexes, since its first load did not end, is
// given them back before, each in a transaction of its own.
func ReleaseTables(ctx context.Context, db *target.DB, conn mapping.Connection, tables ...string) error {
	for _, t := range tables {
		if err := rebuild(ctx, db, conn, t); err != nil {
			return fmt.Errorf("release table %s: %w", t, err)
		}
	}
	return onTables(ctx, db, conn, tables, "release", releaseTable)
}

// onTables does something with those of the named tables that are there, all in
// one transaction. One that is not conn's is a [*TableTakenError].
func onTables(ctx context.Context, db *target.DB, conn mapping.Connection, tables []string, verb string,
	do func(ctx context.Context, tx pgx.Tx, schema, table string) error,
) error {
	return db.Plain(ctx, target.Limits{Lock: lockWait}, func(ctx context.Context, tx pgx.Tx) error {
		p := &planner{q: tx, connection: conn.ID, change: &Change{Schema: conn.Schema}, wish: wish{schema: conn.Schema}}
		for _, t := range tables {
			found, err := p.lookAt(ctx, t)
			if err != nil {
				return err
			}
			if found == nil {
				continue
			}
			if err := do(ctx, tx, conn.Schema, t); err != nil {
				return fmt.Errorf("%s table %s: %w", verb, t, err)
			}
		}
		return nil
	})
}

// Redress gives the tables of conn that a load has left stripped their indexes
// and triggers back, by what was noted of them: neither mapping nor org need be
// there any more.
func Redress(ctx context.Context, db *target.DB, conn mapping.Connection) error {
	rows, err := db.Pool().Query(ctx, `SELECT table_name FROM _syncline.owned_table
		WHERE connection_id = $1 AND schema_name = $2 AND stripped_at IS NOT NULL ORDER BY 1`, conn.ID, conn.Schema)
	if err != nil {
		return fmt.Errorf("list tables whose load did not end: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list tables whose load did not end: %w", err)
	}
	for _, t := range tables {
		if err := rebuild(ctx, db, conn, t); err != nil {
			return fmt.Errorf("build the indexes of %s: %w", t, err)
		}
		err := db.Plain(ctx, target.Limits{Lock: lockWait}, func(ctx context.Context, tx pgx.Tx) error {
			return Restore(ctx, tx, conn, &mapping.Table{Name: t})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rebuild builds the indexes of a stripped table; it changes nothing of others.
func rebuild(ctx context.Context, db *target.DB, conn mapping.Connection, table string) error {
	var kept []keptIndex
	var m uuid.UUID
	err := db.Pool().QueryRow(ctx, `SELECT coalesce(stripped_indexes, '[]'), coalesce(mapping, connection_id)
		FROM _syncline.owned_table WHERE connection_id = $1 AND schema_name = $2 AND table_name = $3 AND stripped_at IS NOT NULL`,
		conn.ID, conn.Schema, table).Scan(&kept, &m)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look which indexes are missing: %w", err)
	}
	p := &planner{wish: wish{schema: conn.Schema}}
	for _, k := range kept {
		x := p.missing(table, index{name: k.Name, unique: k.Unique, on: "(" + ident(k.Column) + ")", column: k.Column})
		if err := x.buildOrLeaveOut(ctx, db, conn.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// rebuildLock is how long a build waits for one that is under way; writes to
// the table wait for that one all the same.
const rebuildLock = time.Minute

// buildOrLeaveOut builds an index, or what stands in for one that the rows do
// not allow.
func (x Index) buildOrLeaveOut(ctx context.Context, db *target.DB, connection, m uuid.UUID) error {
	limits := target.Limits{Lock: rebuildLock, Statement: statementTime}
	build := func(do func(context.Context, pgx.Tx) error) error {
		return db.Plain(ctx, limits, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "LOCK TABLE "+ident(x.schema, x.Table)+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
				return fmt.Errorf("lock table %s: %w", x.Table, err)
			}
			return do(ctx, tx)
		})
	}
	err := build(x.Build)
	if _, ok := errors.AsType[*DuplicateError](err); !ok {
		return err
	}
	ids, err := x.Duplicates(ctx, db.Pool())
	if err != nil {
		return err
	}
	return build(func(ctx context.Context, tx pgx.Tx) error { return x.LeaveOut(ctx, tx, connection, m, ids) })
}

func releaseTable(ctx context.Context, tx pgx.Tx, schema, table string) error {
	name := ident(schema, table)
	for _, t := range tableTriggers(table) {
		if _, err := tx.Exec(ctx, "DROP TRIGGER IF EXISTS "+ident(t.name)+" ON "+name); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, fmt.Sprintf("DROP FUNCTION IF EXISTS %s(), %s(); ALTER TABLE %s ALTER COLUMN _hc_lastop DROP DEFAULT",
		ident(schema, LoggerFunction(table)), ident(schema, StatusFunction(table)), name))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE _syncline.owned_table SET mapping = NULL, stripped_at = NULL, stripped_indexes = NULL
		WHERE schema_name = $1 AND table_name = $2`, schema, table)
	return err
}
