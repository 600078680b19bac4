package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// DropAll takes a connection out of its database, in one transaction: all
// tables that were made for it with their functions, those of the trigger log,
// and what schema _syncline keeps of it. What else is in the connection's schema
// is the users' and stays, and so does a schema that the role could not make
// again. What users built on a table (views, foreign keys) makes it fail with
// the database's own words, and then nothing is dropped.
func DropAll(ctx context.Context, db *target.DB, conn mapping.Connection) error {
	return db.Plain(ctx, target.Limits{Lock: lockWait}, func(ctx context.Context, tx pgx.Tx) error {
		if err := dropOwned(ctx, tx, conn); err != nil {
			return err
		}
		if err := dropPublic(ctx, tx); err != nil {
			return err
		}
		if err := dropEmpty(ctx, tx, conn.Schema); err != nil {
			return err
		}
		return target.ForgetConnection(ctx, tx, conn.ID)
	})
}

// dropOwned drops tables and functions.
func dropOwned(ctx context.Context, tx pgx.Tx, conn mapping.Connection) error {
	rows, _ := tx.Query(ctx, `DELETE FROM _syncline.owned_table WHERE connection_id = $1 RETURNING schema_name, table_name`, conn.ID)
	type owned struct{ Schema, Table string }
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[owned])
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	w := wish{schema: conn.Schema}
	system, err := w.systemFunctions()
	if err != nil {
		return err
	}
	var functions, names []string
	for _, f := range system {
		functions = append(functions, f.name)
	}
	for _, t := range tables {
		names = append(names, ident(t.Schema, t.Table))
		functions = append(functions, LoggerFunction(t.Table), StatusFunction(t.Table))
	}
	if len(names) > 0 { // at once: users may have tied them together
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+strings.Join(names, ", ")); err != nil {
			return fmt.Errorf("drop tables: %w", inUse(err))
		}
	}
	return dropFunctions(ctx, tx, `n.nspname = $1 AND p.proname = ANY($2)`, conn.Schema, functions)
}

// dropFunctions drops those under a condition on p and n.
func dropFunctions(ctx context.Context, tx pgx.Tx, condition string, args ...any) error {
	rows, _ := tx.Query(ctx, `SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE pg_has_role(p.proowner, 'USAGE') AND `+condition, args...)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list functions: %w", err)
	}
	for _, name := range names { // quoted by the server
		if _, err := tx.Exec(ctx, "DROP FUNCTION "+name); err != nil {
			return fmt.Errorf("drop function %s: %w", name, err)
		}
	}
	return nil
}

// dropPublic drops get_xmlbinary if it is ours and nothing uses it any more.
func dropPublic(ctx context.Context, tx pgx.Tx) error {
	return unlessUsed(ctx, tx, func(tx pgx.Tx) error {
		return dropFunctions(ctx, tx, `n.nspname = 'public' AND p.proname = 'get_xmlbinary' AND p.pronargs = 0
			AND starts_with(obj_description(p.oid, 'pg_proc'), $1)`, marker)
	})
}

// unlessUsed does nothing if something depends on what is to be dropped.
func unlessUsed(ctx context.Context, tx pgx.Tx, drop func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, tx, drop)
	if _, ok := errors.AsType[*InUseError](inUse(err)); ok {
		return nil
	}
	return err
}

// dropEmpty drops the connection's schema if nothing is left in it.
func dropEmpty(ctx context.Context, tx pgx.Tx, schema string) error {
	var mayMake bool
	err := tx.QueryRow(ctx, `SELECT has_database_privilege(current_database(), 'CREATE') AND pg_has_role(nspowner, 'USAGE')
		FROM pg_namespace WHERE nspname = $1`, schema).Scan(&mayMake)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (!mayMake || schema == "public") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at schema %s: %w", schema, err)
	}
	err = unlessUsed(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DROP SCHEMA "+ident(schema))
		return err
	})
	if err != nil {
		return fmt.Errorf("drop schema %s: %w", schema, err)
	}
	return nil
}
