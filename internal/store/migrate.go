package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/synclinehq/syncline/internal/crash"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock keeps nodes that start at once from migrating at once. It is a
// transaction's advisory lock, not a session's, so that it also holds through
// a pooler in transaction mode.
const migrationLock = 0x53594e434c494e45 // "SYNCLINE"

// migrate brings River's tables and then ours up to date.
func migrate(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return fmt.Errorf("wait for other nodes' migrations: %w", err)
		}
		if err := makeSchema(ctx, pool); err != nil {
			return err
		}
		if err := migrateRiver(ctx, pool, logger); err != nil {
			return fmt.Errorf("migrate the job queue: %w", err)
		}
		if err := migrateOwn(ctx, pool, logger); err != nil {
			return fmt.Errorf("migrate the control store: %w", err)
		}
		return nil
	})
}

// makeSchema looks first, since CREATE SCHEMA IF NOT EXISTS asks for the right
// to create even where there is nothing to create.
func makeSchema(ctx context.Context, pool *pgxpool.Pool) error {
	var there bool
	if err := pool.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", Schema).Scan(&there); err != nil {
		return fmt.Errorf("look for schema %s: %w", Schema, err)
	}
	if there {
		return nil
	}
	_, err := pool.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{Schema}.Sanitize())
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == pgerrcode.InsufficientPrivilege {
		user, database := pool.Config().ConnConfig.User, pool.Config().ConnConfig.Database
		return fmt.Errorf("create schema %s: %w; let its owner run: GRANT CREATE ON DATABASE %s TO %s", Schema, err,
			pgx.Identifier{database}.Sanitize(), pgx.Identifier{user}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("create schema %s: %w", Schema, err)
	}
	return nil
}

func migrateRiver(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: Schema, Logger: logger})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func migrateOwn(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(Schema+".migration"), goose.WithSlog(logger), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	at, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if at > known {
		return fmt.Errorf("the control store is at version %d, this program knows up to %d: "+
			"a newer Syncline has migrated it, run that one", at, known)
	}
	if at < known {
		crash.Point(crash.StoreInMigration)
	}
	_, err = provider.Up(ctx)
	return err
}
