package target

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateLock is the advisory lock that lets one node at a time migrate.
const migrateLock = 0x53796e636c696e65 // "Syncline"

// RightsError names a right that the role lacks and the SQL that grants it.
type RightsError struct {
	What  string // what could not be done
	Grant string // the statement that a person with the right runs
	Err   error  // what the database said; nil where we asked first
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("%s: the database role lacks a right; run as the owner: %s", e.What, e.Grant)
}

func (e *RightsError) Unwrap() error { return e.Err }

// ErrNewer means that a newer Syncline has been at this database.
var ErrNewer = errors.New("schema _syncline was made by a newer version of Syncline: update this one")

// errForeign means that schema _syncline holds somebody else's tables.
var errForeign = errors.New("schema _syncline holds tables that are not Syncline's: " +
	"rename it (ALTER SCHEMA _syncline RENAME TO other); Syncline then makes its own")

// Migrate brings schema _syncline to this version's form. It is idempotent;
// nodes that call it at once wait for each other; all of it is one
// transaction. A missing right is a [*RightsError].
func (db *DB) Migrate(ctx context.Context) error {
	return db.Plain(ctx, Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrateLock)); err != nil {
			return fmt.Errorf("wait for other migrations: %w", err)
		}
		have, err := versions(ctx, tx)
		if err != nil {
			return err
		}
		steps, err := migrationSteps()
		if err != nil {
			return err
		}
		if slices.Max(append(have, 0)) > steps[len(steps)-1].number {
			return ErrNewer
		}
		for _, s := range steps {
			if slices.Contains(have, s.number) {
				continue
			}
			if err := s.apply(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// migrationSteps lists the migrations in the order of their numbers, which may
// have gaps.
func migrationSteps() ([]step, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	steps := make([]step, len(files))
	for i, file := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(file, "migrations/"), "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		steps[i] = step{n, file}
	}
	return steps, nil
}

// versions are the numbers of the migrations that ran here. It makes the
// schema if there is none, and its table of versions.
func versions(ctx context.Context, tx pgx.Tx) ([]int, error) {
	at, err := look(ctx, tx)
	if err != nil {
		return nil, err
	}
	switch {
	case at.exists && !at.usable:
		return nil, &RightsError{What: "use schema _syncline", Grant: sharedGrant(at.role)}
	case !at.exists && !at.mayCreate:
		return nil, &RightsError{
			What:  "create schema _syncline",
			Grant: fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", at.database, at.role),
		}
	case !at.versioned && !at.empty:
		return nil, errForeign
	case !at.versioned:
		sql := `CREATE TABLE _syncline.version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
		if !at.exists { // IF NOT EXISTS would ask for the right all the same
			sql = "CREATE SCHEMA _syncline; " + sql
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			return nil, withGrant("make tables in schema _syncline", sharedGrant(at.role), err)
		}
	}
	rows, err := tx.Query(ctx, "SELECT version FROM _syncline.version")
	if err != nil {
		return nil, withGrant("read version of schema _syncline", sharedGrant(at.role), err)
	}
	have, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, withGrant("read version of schema _syncline", sharedGrant(at.role), err)
	}
	return have, nil
}

// ground is what a migration finds. Schema _syncline may have been made by hand,
// so that the role needs no right on the database; it is empty then.
type ground struct {
	exists, usable, versioned, empty bool
	mayCreate                        bool   // schemas in the database
	role, database                   string // quoted
}

func look(ctx context.Context, tx pgx.Tx) (ground, error) {
	var g ground
	err := tx.QueryRow(ctx, `
		SELECT n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
		       EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'version'),
		       NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid),
		       has_database_privilege(d.oid, 'CREATE'), quote_ident(current_user), quote_ident(d.datname)
		FROM pg_database d LEFT JOIN pg_namespace n ON n.nspname = '_syncline'
		WHERE d.datname = current_database()`).
		Scan(&g.exists, &g.usable, &g.versioned, &g.empty, &g.mayCreate, &g.role, &g.database)
	if err != nil {
		return ground{}, fmt.Errorf("look at schema _syncline: %w", err)
	}
	return g, nil
}

// sharedGrant lets a second role work in a _syncline that another role owns.
func sharedGrant(role string) string {
	return fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA _syncline TO %[1]s; "+
		"GRANT ALL ON ALL TABLES IN SCHEMA _syncline TO %[1]s; "+
		"GRANT ALL ON ALL SEQUENCES IN SCHEMA _syncline TO %[1]s;", role)
}

// withGrant makes a [*RightsError] of err if it is one about rights.
func withGrant(what, grant string, err error) error {
	if Classify(err) == Rights {
		return &RightsError{What: what, Grant: grant, Err: err}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// step is one migration; its file name begins with its number.
type step struct {
	number int
	file   string
}

func (s step) apply(ctx context.Context, tx pgx.Tx) error {
	sql, err := migrations.ReadFile(s.file)
	if err != nil {
		return fmt.Errorf("read migration: %w", err)
	}
	if _, err := tx.Exec(ctx, string(sql)); err != nil {
		return fmt.Errorf("migration %s: %w", s.file, err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO _syncline.version (version) VALUES ($1)", s.number); err != nil {
		return fmt.Errorf("migration %s: %w", s.file, err)
	}
	return nil
}
