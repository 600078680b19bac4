package apply

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/target"
)

// The two ways in which another row stands in a row's way: it holds the same
// unique value, or an open transaction of the application may come to hold it.
const (
	uniqueViolation  = "23505"
	lockNotAvailable = "55P03"
)

func isClash(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == uniqueViolation || pgErr.Code == lockNotAvailable)
}

// shortWait bounds each wait for a transaction of the application once one was
// met: the rows are halved until those that it holds up are found.
const shortWait = "200ms"

// attempt has do write the rows, all at once if nothing stands in their way.
// After a clash or a refusal it tries again, which do is told, and then in ever
// smaller parts; it returns the rows that clash, so cannot be written now, and
// notes in the plan those that the database refuses. Any other error ends it.
func (a *Applier) attempt(ctx context.Context, tx *target.Tx, p *plan, rows []staged, do func(rows []staged, again bool) error) ([]staged, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	cause, err := a.try(ctx, tx, func() error { return do(rows, false) })
	if cause == nil || err != nil {
		return nil, err
	}
	var before string
	err = tx.QueryRow(ctx, `SELECT current_setting('lock_timeout'), set_config('lock_timeout', $1, true)`, shortWait).
		Scan(&before, new(string))
	if err != nil {
		return nil, fmt.Errorf("shorten the lock timeout: %w", err)
	}
	left, err := a.halve(ctx, tx, p, rows, do)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, before); err != nil {
		return nil, fmt.Errorf("restore the lock timeout: %w", err)
	}
	return left, nil
}

func (a *Applier) halve(ctx context.Context, tx *target.Tx, p *plan, rows []staged, do func([]staged, bool) error) ([]staged, error) {
	cause, err := a.try(ctx, tx, func() error { return do(rows, true) })
	if cause == nil || err != nil {
		return nil, err
	}
	if len(rows) == 1 {
		if !isClash(cause) {
			p.refuse(a.sfidOf(rows[0]), rows[0].values, cause)
			return nil, nil
		}
		return rows, nil
	}
	first, err := a.halve(ctx, tx, p, rows[:len(rows)/2], do)
	if err != nil {
		return nil, err
	}
	second, err := a.halve(ctx, tx, p, rows[len(rows)/2:], do)
	return append(first[:len(first):len(first)], second...), err
}

// try runs do in a savepoint. A clash or a refused row undoes it and is its
// cause, no error.
func (a *Applier) try(ctx context.Context, tx *target.Tx, do func() error) (cause, err error) {
	save, err := tx.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("set a savepoint: %w", err)
	}
	if err := do(); err != nil {
		if !isClash(err) && !isRefusal(err) {
			return nil, err
		}
		if err := save.Rollback(ctx); err != nil {
			return nil, fmt.Errorf("go back to the savepoint: %w", err)
		}
		return err, nil
	}
	if err := save.Commit(ctx); err != nil {
		return nil, fmt.Errorf("release the savepoint: %w", err)
	}
	return nil, nil
}

// inCopy passes a COPY stream on; when all of it has been read the COPY is
// still open.
type inCopy struct{ io.Reader }

func (r inCopy) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		crash.Point(crash.ReaderLoadInCopy)
	}
	return n, err
}
