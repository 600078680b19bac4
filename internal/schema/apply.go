package schema

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

const (
	// lockWait is how long a change holds up the application before it gives
	// way: a waiting ALTER TABLE blocks everything behind it.
	lockWait      = 2 * time.Second
	statementTime = 30 * time.Minute
	attempts      = 8
	backoffMin    = 200 * time.Millisecond
	backoffMax    = 10 * time.Second
)

// Apply plans and runs what is planned, in one transaction, and returns what
// it did. A lock that is not had in time makes it roll back and try again
// after a pause. On any error nothing has been changed.
func Apply(ctx context.Context, db *target.DB, conn mapping.Connection, tables []*mapping.Table) (*Change, error) {
	pause := backoffMin
	for attempt := 1; ; attempt++ {
		change, err := applyOnce(ctx, db, conn, tables)
		if err == nil {
			crash.Point(crash.SchemaAfterDDL, conn.Schema)
			return change, nil
		}
		if !gaveWay(err) || attempt == attempts {
			return nil, explain(ctx, db, conn.Schema, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("apply schema: %w", context.Cause(ctx))
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, backoffMax)
	}
}

// gaveWay tells a lock that was not had in time or a deadlock; a statement that
// took too long would only take as long again.
func gaveWay(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "55P03" || pgErr.Code == "40P01")
}

func applyOnce(ctx context.Context, db *target.DB, conn mapping.Connection, tables []*mapping.Table) (*Change, error) {
	var change *Change
	limits := target.Limits{Lock: lockWait, Statement: statementTime}
	err := db.Plain(ctx, limits, func(ctx context.Context, tx pgx.Tx) error {
		// get_xmlbinary and hstore are shared, so the lock is for the database.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('syncline schema', 0))"); err != nil {
			return fmt.Errorf("wait for other changes of the schema: %w", err)
		}
		var err error
		if change, err = Plan(ctx, tx, conn, tables); err != nil {
			return fmt.Errorf("plan schema %s: %w", conn.Schema, err)
		}
		for _, s := range change.Statements {
			if _, err := tx.Exec(ctx, s.SQL); err != nil {
				return fmt.Errorf("%s %s (%s): %w", s.Kind, s.Table, s.Reason, err)
			}
			crash.Point(crash.SchemaInDDL, s.SQL)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return change, nil
}

// explain adds the grant to an error about rights that the plan did not
// foresee: objects in the schema that belong to another role.
func explain(ctx context.Context, db *target.DB, schema string, err error) error {
	if _, ok := asRights(err); ok || target.Classify(err) != target.Rights {
		return err
	}
	var role, owner string
	unknown := db.Pool().QueryRow(ctx, `
		SELECT quote_ident(current_user), quote_ident(pg_get_userbyid(coalesce(
			(SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			 WHERE n.nspname = $1 AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1),
			(SELECT nspowner FROM pg_namespace WHERE nspname = $1),
			(SELECT datdba FROM pg_database WHERE datname = current_database()))))`, schema).Scan(&role, &owner)
	if unknown != nil {
		return err
	}
	return &target.RightsError{
		What: "change schema " + schema, Grant: fmt.Sprintf("GRANT %s TO %s;", owner, role), Err: err,
	}
}
