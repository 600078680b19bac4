package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

// lookAtTable notes, before a load begins, whether its table has records
// already, and takes up one that a load whose mark is gone has left stripped.
func (l *load) lookAtTable(ctx context.Context) error {
	m := &l.mark
	if m.detail.Stripped == nil {
		stripped, err := schema.Stripped(ctx, l.r.db.Pool(), l.r.schema, l.table.Name)
		if err != nil {
			return err
		}
		if stripped {
			m.detail.Stripped = &strippedMark{}
		}
	}
	if !m.LoadStarted.IsZero() || m.detail.Merged {
		return nil
	}
	err := l.r.db.Pool().QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+l.tableName()+" WHERE sfid IS NOT NULL)").Scan(&m.detail.Merged)
	if err != nil {
		return fmt.Errorf("look for rows of %s: %w", l.table.Name, err)
	}
	l.from = *m
	return nil
}

// end completes the mark of a load that is through. A load that was merged into
// rows has all Ids compared next: rows that it did not bring are removed then,
// in chunks and under the brake.
func (l *load) end(ctx context.Context, tx *target.Tx, next *Mark) error {
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&next.LoadedAt); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	if !l.mark.detail.Merged {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO _syncline.reconcile AS c (connection_id, mapping, view, detail, updated_at)
		VALUES ($1, $2, $3, '{"early": true}', clock_timestamp())
		ON CONFLICT (connection_id, mapping) DO UPDATE
		SET started_at = NULL, detail = coalesce(c.detail, '{}') || excluded.detail, updated_at = excluded.updated_at`,
		l.r.connection, l.table.Mapping.ID, view(l.table))
	if err != nil {
		return fmt.Errorf("have all Ids compared: %w", err)
	}
	return nil
}

// Truncate empties a mapping's table before a reload. It returns false, with
// nothing done, while changes of the application are on their way, which would
// be lost, and where a foreign key points to the table.
func (r *Reader) Truncate(ctx context.Context, fence target.Fence, t *mapping.Table) (bool, error) {
	o := target.Options{Limits: target.Limits{Lock: dressLock}}
	name := pgx.Identifier{r.schema, t.Name}.Sanitize()
	_, err := r.db.Write(ctx, fence, o, func(ctx context.Context, tx *target.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		var waiting bool
		err := tx.QueryRow(ctx, fmt.Sprintf(`
			SELECT EXISTS (SELECT FROM %s WHERE table_name = $1 AND state IN ('NEW', 'PENDING')) OR EXISTS (SELECT FROM %s WHERE sfid IS NULL)`,
			pgx.Identifier{r.schema, "_trigger_log"}.Sanitize(), name), t.Name).Scan(&waiting)
		if err != nil {
			return err
		}
		if waiting {
			return errWaiting
		}
		_, err = tx.Exec(ctx, "SET LOCAL syncline.truncate = 'warn'; TRUNCATE "+name)
		return err
	})
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); errors.Is(err, errWaiting) || ok && pgErr.Code == "0A000" {
		return false, nil
	}
	if err != nil {
		return false, wrap(t, "empty the table", err)
	}
	return true, nil
}

var errWaiting = errors.New("changes of the application are on their way")
