package target

import (
	"context"
	"fmt"
)

// Facts identify a database and the line of history that it is on. What the
// role may not see is left at its zero value.
type Facts struct {
	// SystemIdentifier is the cluster's number since initdb, in decimal.
	SystemIdentifier string
	// Timeline grows when a standby is promoted or a backup restored.
	Timeline    int
	DatabaseOID int64
	// Version is server_version_num: 150004.
	Version    int
	InRecovery bool
	Database   string
	Role       string
}

// Facts reads them. Managed services that hide the control file only lose the
// two fields that come from it.
func (db *DB) Facts(ctx context.Context) (Facts, error) {
	var f Facts
	var control, checkpoint bool
	err := db.pool.QueryRow(ctx, `
		SELECT d.oid::bigint, current_setting('server_version_num')::int, pg_is_in_recovery(), d.datname::text, current_user::text,
		       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),
		       has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE')
		FROM pg_database d WHERE d.datname = current_database()`).
		Scan(&f.DatabaseOID, &f.Version, &f.InRecovery, &f.Database, &f.Role, &control, &checkpoint)
	if err != nil {
		return Facts{}, fmt.Errorf("read facts of the database: %w", err)
	}
	if control {
		f.SystemIdentifier = optional[string](ctx, db, "SELECT system_identifier::text FROM pg_control_system()")
	}
	if !f.InRecovery {
		// The first eight digits of a WAL file's name; the control file knows
		// a new timeline only after the next checkpoint.
		f.Timeline = optional[int](ctx, db,
			"SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int")
	} else if checkpoint {
		f.Timeline = optional[int](ctx, db, "SELECT timeline_id FROM pg_control_checkpoint()")
	}
	return f, nil
}

// optional reads one value that a service may refuse; then it is zero.
func optional[T any](ctx context.Context, db *DB, sql string) T {
	var v T
	if err := db.pool.QueryRow(ctx, sql).Scan(&v); err != nil {
		var zero T
		return zero
	}
	return v
}
