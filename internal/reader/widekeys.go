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
		if len(list) == 0 {
			return l.stillSeen(ctx, tx, x, cause)
		}
		if len(list) > maxLongKeys {
			return fmt.Errorf("%d rows are too long for it; take the index out of the mapping: %w", len(list), cause)
		}
		return apply.Refuse(ctx, tx, l.r.connection, l.table.Mapping.ID, list)
	})
	if errors.Is(err, errStillSeen) {
		return l.rest(ctx)
	}
	if err != nil {
		return fmt.Errorf("set rows aside that are too long for index %s: %w", x.Name, err)
	}
	return nil // it is tried again
}

// errStillSeen means that rows were set aside and stand in the way all the
// same: an index holds what any transaction can see, and one that began before
// has not ended.
var errStillSeen = errors.New("rows that were set aside are still seen")

// stillSeen tells rows that were set aside before from an index that none of
// the load's rows is too long for.
func (l *load) stillSeen(ctx context.Context, tx *target.Tx, x schema.Index, cause error) error {
	var before bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM _syncline.read_error
		WHERE connection_id = $1 AND mapping = $2 AND code = $3 AND column_name = $4)`,
		l.r.connection, l.table.Mapping.ID, codeTooLong, x.Column).Scan(&before)
	switch {
	case err != nil:
		return fmt.Errorf("look for read errors: %w", err)
	case before:
		return errStillSeen
	}
	return fmt.Errorf("no row of the load is too long for it; take the index out of the mapping: %w", cause)
}
