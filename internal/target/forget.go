package target

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ForgetMapping deletes what schema _syncline keeps of a mapping, in whatever
// table has a column for it, but for the kept tables.
func ForgetMapping(ctx context.Context, tx pgx.Tx, mapping uuid.UUID, kept ...string) error {
	return forget(ctx, tx, "mapping", mapping, kept)
}

// ForgetConnection deletes all that schema _syncline keeps of a connection. The
// schema goes too if nobody else has anything in it and the role could make it
// again. What users built on its tables makes that fail.
func ForgetConnection(ctx context.Context, tx pgx.Tx, connection uuid.UUID) error {
	if err := forget(ctx, tx, "connection_id", connection, nil); err != nil {
		return err
	}
	var last bool
	err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM _syncline.owner) AND NOT EXISTS (SELECT FROM _syncline.owned_table)
		AND has_database_privilege(current_database(), 'CREATE')
		AND pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = '_syncline'), 'USAGE')`).Scan(&last)
	if err != nil {
		return fmt.Errorf("look who uses schema _syncline: %w", err)
	}
	if !last {
		return nil
	}
	// No CASCADE to the schema: it would take what is not ours.
	const drops = `SELECT 'TABLE ' || string_agg(c.oid::regclass::text, ', ') FROM pg_class c
		WHERE c.relnamespace = '_syncline'::regnamespace AND c.relkind IN ('r', 'p') HAVING count(*) > 0
		UNION ALL SELECT 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = '_syncline'::regnamespace
		UNION ALL SELECT 'SCHEMA _syncline'`
	rows, _ := tx.Query(ctx, drops)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look at schema _syncline: %w", err)
	}
	for _, what := range list { // quoted by the server
		if _, err := tx.Exec(ctx, "DROP "+what); err != nil {
			return fmt.Errorf("drop schema _syncline: %w", err)
		}
	}
	return nil
}

func forget(ctx context.Context, tx pgx.Tx, column string, id uuid.UUID, kept []string) error {
	rows, _ := tx.Query(ctx, `SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = '_syncline' AND c.relkind = 'r' AND a.attname = $1 AND a.atttypid = 'uuid'::regtype
		  AND NOT a.attisdropped AND c.relname <> ALL(coalesce($2::text[], '{}')) ORDER BY 1`, column, kept)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list tables of _syncline: %w", err)
	}
	for _, name := range names {
		sql := "DELETE FROM " + pgx.Identifier{"_syncline", name}.Sanitize() + " WHERE " + pgx.Identifier{column}.Sanitize() + " = $1"
		if _, err := tx.Exec(ctx, sql, id); err != nil {
			return fmt.Errorf("delete from _syncline.%s: %w", name, err)
		}
	}
	return nil
}
