package target

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options of one [DB.Write].
type Options struct {
	// Limits that differ from the database's own; zero fields keep those.
	Limits Limits
}

// CommitPair names one committed transaction. Counter grows with every commit
// in the database (with gaps, and not in commit order when transactions
// overlap); Nonce is what two histories of one database never share.
type CommitPair struct {
	Counter int64
	Nonce   uuid.UUID
}

// ErrUncertain is returned when the connection broke after COMMIT was sent.
// The pair that comes with it has its Nonce, so that [DB.HasPair] finds out.
var ErrUncertain = errors.New("the connection broke while committing; whether it was committed is not known")

// Tx is a transaction of [DB.Write]. Begin gives a savepoint. The session that
// opened it commits.
type Tx struct {
	pgx.Tx
}

var errNotYours = errors.New("this transaction is ended by the session that began it")

// Commit refuses: the fence and the commit pair belong to the session.
func (*Tx) Commit(context.Context) error { return errNotYours }

// Rollback refuses; return an error instead.
func (*Tx) Rollback(context.Context) error { return errNotYours }

// KeepStatus tells the status triggers whether to leave _hc_lastop and _hc_err
// as they are from here to the end of the transaction. It is off at first.
func (tx *Tx) KeepStatus(ctx context.Context, on bool) error {
	value := "off"
	if on {
		value = "on"
	}
	if _, err := tx.Exec(ctx, "SET LOCAL syncline.keep_status = "+value); err != nil {
		return fmt.Errorf("switch keep_status %s: %w", value, err)
	}
	return nil
}

// Write runs fn in one transaction that counts only while f is ours. The
// first round trip begins it, sets the local switches and checks the fence
// under a share lock (invariant: no commit without the fence); the last one
// records the commit pair and commits. fn's error rolls back and is returned
// as it is.
//
// Constraints that the application has deferred are checked at once: what they
// refuse is then one statement's fault, not that of the whole transaction.
//
// Writes of one fence may overlap: none holds a lock on the fence that another
// of them would wait for.
func (db *DB) Write(ctx context.Context, f Fence, o Options, fn func(context.Context, *Tx) error) (CommitPair, error) {
	begin := "begin isolation level read committed read write; set constraints all immediate; " +
		db.switches(o.Limits) + "; " + f.check()
	var pair CommitPair
	err := db.session(ctx, begin, func(ctx context.Context, conn *pgxpool.Conn, tx pgx.Tx) error {
		if err := fn(ctx, &Tx{Tx: tx}); err != nil {
			return err
		}
		var err error
		pair, err = commit(ctx, conn.Conn().PgConn(), f)
		return err
	})
	if err == nil && pair.Counter%trimEvery == 0 {
		db.trim(ctx, f)
	}
	return pair, fenced(err)
}

// Read runs fn in one read-only transaction with the same switches as Write:
// values come out in the same form whatever the role's settings are.
func (db *DB) Read(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	begin := "begin isolation level read committed read only; " + db.switches(Limits{})
	return db.session(ctx, begin, func(ctx context.Context, _ *pgxpool.Conn, tx pgx.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
}

// Plain runs fn in one transaction without a fence, and commits. It is for
// work that no turn owns: migrations and changes of the schema.
func (db *DB) Plain(ctx context.Context, l Limits, fn func(context.Context, pgx.Tx) error) error {
	begin := "begin isolation level read committed read write; " + db.switches(l)
	return db.session(ctx, begin, func(ctx context.Context, _ *pgxpool.Conn, tx pgx.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
}

// session takes a connection, begins with the given statements and hands both
// to fn, which ends the transaction when all is well. In every other case,
// panics included, the transaction is rolled back.
func (db *DB) session(ctx context.Context, begin string,
	fn func(context.Context, *pgxpool.Conn, pgx.Tx) error,
) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	defer conn.Release()
	defer rollback(ctx, conn.Conn())
	tx, err := conn.Conn().BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return fn(ctx, conn, tx)
}

// rollback ends whatever transaction is still open; a connection on which that
// fails is closed by its pool.
func rollback(ctx context.Context, conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().IsBusy() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback") // the pool drops a connection that is not idle
}

// switches sets everything that a session of ours needs, for this transaction
// alone. xmlbinary is the mark of Heroku Connect's own sessions: capture
// triggers pass over them. The search path keeps the role's own and makes
// public and hstore's schema resolvable, for the application's triggers.
func (db *DB) switches(l Limits) string {
	l = l.or(db.limits)
	return fmt.Sprintf(`select set_config('xmlbinary', 'hex', true), `+
		`set_config('datestyle', 'ISO, YMD', true), `+
		`set_config('intervalstyle', 'postgres', true), `+
		`set_config('timezone', 'UTC', true), `+
		`set_config('extra_float_digits', '3', true), `+
		`set_config('bytea_output', 'hex', true), `+
		`set_config('statement_timeout', '%d', true), `+
		`set_config('lock_timeout', '%d', true), `+
		`set_config('idle_in_transaction_session_timeout', '%d', true), `+
		`set_config('search_path', pg_catalog.concat_ws(', ', `+
		`nullif(pg_catalog.current_setting('search_path'), ''), 'public', `+
		`(select pg_catalog.quote_ident(n.nspname) from pg_catalog.pg_extension e `+
		`join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'hstore')), true)`,
		l.Statement.Milliseconds(), l.Lock.Milliseconds(), l.Idle.Milliseconds())
}

// commit records the pair and commits, in one round trip.
func commit(ctx context.Context, conn *pgconn.PgConn, f Fence) (CommitPair, error) {
	nonce, err := uuid.NewRandom()
	if err != nil {
		return CommitPair{}, fmt.Errorf("make nonce: %w", err)
	}
	sql := fmt.Sprintf("insert into _syncline.commit (connection_id, kind, mapping, nonce) "+
		"values ('%s', %s, %s, '%s') returning counter; commit",
		f.Connection, literal(f.Kind), literal(f.Mapping), nonce)
	pair := CommitPair{Nonce: nonce}
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && conn.TxStatus() != 0 && !conn.IsClosed() {
			return CommitPair{}, fmt.Errorf("commit: %w", pgErr)
		}
		return pair, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	if len(results) != 2 || len(results[0].Rows) != 1 || results[1].CommandTag.String() != "COMMIT" {
		return CommitPair{}, fmt.Errorf("commit: %w", pgx.ErrTxCommitRollback)
	}
	if _, err := fmt.Sscan(string(results[0].Rows[0][0]), &pair.Counter); err != nil {
		return pair, fmt.Errorf("read commit counter: %w", err)
	}
	return pair, nil
}

// literal quotes a string for SQL; standard_conforming_strings is on in all of
// our connections.
func literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
}
