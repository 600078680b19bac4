package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

const (
	// codeTooLong is the SQLSTATE of an index key that is too long.
	codeTooLong = "54000"
	// longestKey is about as much as an index takes of a value, compressed.
	longestKey = 2690
	// maxLongKeys bounds the records that are set aside for one index: with
	// more of them the index makes no sense.
	maxLongKeys = 10_000
)

func isTooLong(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == codeTooLong
}

// setAsideLong takes rows of the load whose value is too long for an index out
// of the table: they are read errors, as they would be with the index there.
func (l *load) setAsideLong(ctx context.Context, x schema.Index, cause error) error {
	var list []apply.ReadError
	err := l.patiently(ctx, func(ctx context.Context, tx *target.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(`DELETE FROM %s WHERE id <= $1 AND sfid IS NOT NULL AND pg_column_size(%s) > $2 RETURNING sfid`,
			l.tableName(), pgx.Identifier{x.Column}.Sanitize()), l.mark.detail.Stripped.IDs, longestKey)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e apply.ReadError, err error) {
			e = apply.ReadError{Code: codeTooLong, Message: "the value is too long for index " + x.Name, Column: x.Column}
			return e, row.Scan(&e.Sfid)
		})
		if err != nil {
			return err
		}
		if len(list) == 0 || len(list) > maxLongKeys {
			return fmt.Errorf("%d rows are too long for it; take the index out of the mapping: %w", len(list), cause)
		}
		return apply.Refuse(ctx, tx, l.r.connection, l.table.Mapping.ID, list)
	})
	if err != nil {
		return fmt.Errorf("set rows aside that are too long for index %s: %w", x.Name, err)
	}
	return nil // it is tried again
}
