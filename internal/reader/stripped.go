package reader

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

// strippedMark is there while the load's table is stripped (see
// [schema.Strip]). The table was empty then and nothing of it on its way, so
// records of the job are added without looking for rows of theirs; that holds
// as long as nobody else adds rows, which the sequence of id tells.
type strippedMark struct {
	// IDs is how many ids the sequence has given: every row up to it is the
	// load's own.
	IDs int64 `json:"ids"`
}

// errFilled says that the application adds rows to the table that is being
// loaded: from here on each record must be matched.
var errFilled = errors.New("the application adds rows to the table while it is being loaded")

// beginJob stores the mark of a job that was created. If the table is empty, and
// this is the load's first job, it is stripped along with it.
func (l *load) beginJob(ctx context.Context, next Mark) error {
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		if next.Rows == 0 && next.LastID == "" && next.detail.Lost == 0 && next.detail.Short == 0 {
			var err error
			if next.detail.Stripped, err = l.strip(ctx, tx); err != nil {
				return err
			}
		}
		return l.r.store(ctx, tx, l.table, next)
	})
	if err == nil {
		l.mark = next
	}
	return err
}

// stripFirst strips the table of a load by queries before its first page.
func (l *load) stripFirst(ctx context.Context) error {
	next := l.mark
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		if next.detail.Stripped, err = l.strip(ctx, tx); err != nil || next.detail.Stripped == nil {
			return err
		}
		return l.r.store(ctx, tx, l.table, next)
	})
	if err == nil {
		l.mark = next
	}
	return err
}

// strip returns nil for a table that stays as it is.
func (l *load) strip(ctx context.Context, tx *target.Tx) (*strippedMark, error) {
	save, err := tx.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("set a savepoint: %w", err)
	}
	mark, err := l.stripIn(ctx, save)
	if err == nil && mark != nil {
		return mark, save.Commit(ctx)
	}
	if _, refused := errors.AsType[*pgconn.PgError](err); err != nil && !refused {
		return nil, err
	}
	if err != nil { // a lock that is not had, a right: it goes without
		l.r.log.InfoContext(ctx, "the table keeps its indexes while it is loaded", "table", l.table.Name, "error", err)
	}
	return nil, save.Rollback(ctx)
}

func (l *load) stripIn(ctx context.Context, tx pgx.Tx) (*strippedMark, error) {
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '1s'"); err != nil {
		return nil, err
	}
	if ok, err := schema.Strip(ctx, tx, l.conn(), l.table); err != nil || !ok {
		return nil, err
	}
	var quiet bool
	err := tx.QueryRow(ctx, fmt.Sprintf(`
		SELECT NOT EXISTS (SELECT FROM %s WHERE table_name = $1 AND state IN ('NEW', 'PENDING'))
		   AND NOT EXISTS (SELECT FROM _syncline.intent WHERE connection_id = $2 AND table_name = $1 AND state <> 'settled')`,
		pgx.Identifier{l.r.schema, "_trigger_log"}.Sanitize()), l.table.Name, l.r.connection).Scan(&quiet)
	if err != nil || !quiet {
		return nil, err
	}
	ids, err := l.ids(ctx, tx)
	if err != nil {
		return nil, err
	}
	return &strippedMark{IDs: ids}, nil
}

func (l *load) conn() mapping.Connection {
	return mapping.Connection{ID: l.r.connection, Schema: l.r.schema}
}

func (l *load) tableName() string { return pgx.Identifier{l.r.schema, l.table.Name}.Sanitize() }

// ids is how many ids the table's sequence has given.
func (l *load) ids(ctx context.Context, tx pgx.Tx) (n int64, err error) {
	if l.sequence == "" {
		if err := tx.QueryRow(ctx, "SELECT pg_get_serial_sequence($1, 'id')", l.tableName()).Scan(&l.sequence); err != nil {
			return 0, fmt.Errorf("find the sequence of %s: %w", l.table.Name, err)
		}
	}
	if err := tx.QueryRow(ctx, "SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM "+l.sequence).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the sequence of %s: %w", l.table.Name, err)
	}
	return n, nil
}

// unshared makes sure that every row of the table is the load's own. The
// sequence also moves when a transaction of ours is undone; then the rows are
// looked at, with the application held off for a moment.
func (l *load) unshared(ctx context.Context, tx pgx.Tx) (ids int64, err error) {
	ids, err = l.ids(ctx, tx)
	if err != nil || ids == l.mark.detail.Stripped.IDs {
		return ids, err
	}
	if err := l.lockOut(ctx, tx); err != nil {
		return 0, err
	}
	return l.ids(ctx, tx)
}

// lockOut keeps the application from adding rows until tx ends, and makes sure
// that it has added none.
func (l *load) lockOut(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "LOCK TABLE "+l.tableName()+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		if isLockTimeout(err) {
			return errFilled
		}
		return fmt.Errorf("lock table %s: %w", l.table.Name, err)
	}
	var filled bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+l.tableName()+" WHERE id > $1)", l.mark.detail.Stripped.IDs).Scan(&filled); err != nil {
		return fmt.Errorf("look for rows of the application: %w", err)
	}
	if filled {
		return errFilled
	}
	return nil
}

func isLockTimeout(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == "55P03"
}

// The times of waiting for a lock that the application has.
const (
	dressLock     = 2 * time.Second
	dressTime     = 2 * time.Hour
	dressAttempts = 6
)

// dress ends the stripped part of a load: the indexes are built, the status
// trigger is put back, and from then on records are matched. It returns false
// when the turn is over before that; whoever comes next goes on.
func (l *load) dress(ctx context.Context, more func() bool) (bool, error) {
	if l.mark.detail.Stripped == nil {
		return true, nil
	}
	for first := true; ; first = false {
		missing, err := schema.MissingIndexes(ctx, l.r.db.Pool(), l.conn(), l.table)
		if err != nil {
			return false, err
		}
		if len(missing) == 0 {
			break
		}
		if !first && !more() {
			return false, nil
		}
		l.tell(missing[0].Name)
		if err := l.build(ctx, missing[0]); err != nil {
			return false, err
		}
		crash.Point(crash.ReaderLoadAfterIndex)
	}
	next := l.mark
	next.detail.Stripped = nil
	err := l.patiently(ctx, func(ctx context.Context, tx *target.Tx) error {
		if err := schema.Restore(ctx, tx, l.conn(), l.table); err != nil {
			return err
		}
		return l.r.store(ctx, tx, l.table, next)
	})
	if err != nil {
		return false, err
	}
	l.mark = next
	return true, nil
}

// build builds an index. Rows that the application has added may be records
// that the load has added too: then the load's row goes, and its record is read
// again by Id and merged. A unique index that Salesforce's own values do not
// allow is left out.
func (l *load) build(ctx context.Context, x schema.Index) error {
	err := l.patiently(ctx, func(ctx context.Context, tx *target.Tx) error { return x.Build(ctx, tx) })
	if isTooLong(err) {
		return l.setAsideLong(ctx, x, err)
	}
	dup, ok := errors.AsType[*schema.DuplicateError](err)
	if !ok {
		return err
	}
	twins, err := l.dropTwins(ctx)
	if err != nil || twins > 0 {
		return err // with twins gone it is tried again
	}
	ids, err := x.Duplicates(ctx, l.r.db.Pool())
	if err != nil {
		return err
	}
	if x.Column == "sfid" {
		return fmt.Errorf("two rows of %s have one sfid, delete one of each: %s: %w", l.table.Name, strings.Join(ids, ", "), dup)
	}
	l.r.log.WarnContext(ctx, "a unique index is left out: records have the same value", "index", x.Name, "records", ids)
	return l.patiently(ctx, func(ctx context.Context, tx *target.Tx) error {
		return x.LeaveOut(ctx, tx, l.r.connection, l.table.Mapping.ID, ids)
	})
}

// dropTwins deletes rows of the load whose record has a row of the
// application's, and defers their records.
func (l *load) dropTwins(ctx context.Context) (int, error) {
	same := "l.sfid = a.sfid"
	if u := l.table.Upsert; u >= 0 {
		c := pgx.Identifier{l.table.Columns[u].Name}.Sanitize()
		same = fmt.Sprintf("(l.sfid = a.sfid OR (a.sfid IS NULL AND l.%[1]s = a.%[1]s))", c)
	}
	sql := fmt.Sprintf("DELETE FROM %[1]s l USING %[1]s a WHERE l.id <= $1 AND a.id > $1 AND l.sfid IS NOT NULL AND %[2]s RETURNING l.sfid", l.tableName(), same)
	var dropped int
	err := l.patiently(ctx, func(ctx context.Context, tx *target.Tx) error {
		rows, err := tx.Query(ctx, sql, l.mark.detail.Stripped.IDs)
		if err != nil {
			return err
		}
		sfids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		reasons := make([]string, len(sfids))
		for i := range reasons {
			reasons[i] = "the application added a row of it during the load"
		}
		dropped = len(sfids)
		return apply.Defer(ctx, tx, l.r.connection, l.table.Mapping.ID, sfids, reasons)
	})
	if err != nil {
		return 0, fmt.Errorf("drop rows that the application has added too: %w", err)
	}
	return dropped, nil
}

// patiently is a transaction that may take long, tried again when a lock is
// not had.
func (l *load) patiently(ctx context.Context, fn func(context.Context, *target.Tx) error) error {
	o := target.Options{Limits: target.Limits{Lock: dressLock, Statement: dressTime}}
	for attempt := 1; ; attempt++ {
		_, err := l.r.db.Write(ctx, l.fence, o, fn)
		if err == nil || !isLockTimeout(err) || attempt == dressAttempts {
			return err
		}
		if err := l.rest(ctx); err != nil {
			return err
		}
	}
}

// rest is the pause before what an application is in the way of is tried again.
func (l *load) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(200*time.Millisecond + rand.N(time.Second)):
		return nil
	}
}
