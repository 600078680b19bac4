package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// ReleaseTables takes our triggers and their functions off mapped tables of
// conn, in one transaction: the tables stay with all that is in them, and
// nothing is captured any more. That they were made for conn stays noted, so
// that a later mapping takes them up again. Names that are not there are passed
// over; one that is not conn's is a [*TableTakenError].
func ReleaseTables(ctx context.Context, db *target.DB, conn mapping.Connection, tables ...string) error {
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
			if err := releaseTable(ctx, tx, conn.Schema, t); err != nil {
				return fmt.Errorf("release table %s: %w", t, err)
			}
		}
		return nil
	})
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
	_, err = tx.Exec(ctx, `UPDATE _syncline.owned_table SET mapping = NULL, stripped_at = NULL
		WHERE schema_name = $1 AND table_name = $2`, schema, table)
	return err
}
