package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// DropTables drops mapped tables of conn, their trigger functions and the note
// that they are ours, in one transaction. Names that are not there are passed
// over; one that is not conn's is a [*TableTakenError], and then nothing is
// dropped. What users built on a table (views, foreign keys) makes it fail with
// the database's own words: it is theirs to drop. The trigger log stays.
func DropTables(ctx context.Context, db *target.DB, conn mapping.Connection, tables ...string) error {
	return onTables(ctx, db, conn, tables, "drop", dropTable)
}

func dropTable(ctx context.Context, tx pgx.Tx, schema, table string) error {
	_, err := tx.Exec(ctx, fmt.Sprintf("DROP TABLE %s; DROP FUNCTION IF EXISTS %s(), %s()",
		ident(schema, table), ident(schema, LoggerFunction(table)), ident(schema, StatusFunction(table))))
	if err != nil {
		return inUse(err)
	}
	_, err = tx.Exec(ctx, "DELETE FROM _syncline.owned_table WHERE schema_name = $1 AND table_name = $2", schema, table)
	return err
}
