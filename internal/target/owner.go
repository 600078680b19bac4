package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Owner says who writes a connection's data in this database.
type Owner struct {
	Connection uuid.UUID
	// Control identifies the control store.
	Control uuid.UUID
	Schema  string
	// Generation grows in the control store whenever it claims; a database
	// that knows a higher one has seen a control store that was restored since.
	Generation int64
}

var (
	// ErrCloned means that the database is a copy, or that another
	// installation owns the connection: stop, ask a person, send nothing.
	ErrCloned = errors.New("the database is not the one that this connection was set up with")
	// ErrControlRestored means that the control store is older than what this
	// database has seen of it: stop, ask a person, send nothing.
	ErrControlRestored = errors.New("the control store was restored from an older backup")
)

// CloneError says in which way owner row and database differ.
type CloneError struct {
	What          string // what differs: control store, cluster, timeline, database
	Stored, Found string
}

func (e *CloneError) Error() string {
	return fmt.Sprintf("%v: %s was %s, is %s; confirm that this database shall be used from now on, or give the URL of the right one",
		ErrCloned, e.What, e.Stored, e.Found)
}

// Is makes errors.Is(err, ErrCloned) hold.
func (e *CloneError) Is(target error) bool { return target == ErrCloned }

// Claim makes o the owner where there is none, and otherwise checks: a
// mismatch is a [*CloneError] or [ErrControlRestored] and changes nothing. A
// higher generation is stored. Turns call it at their start.
func (db *DB) Claim(ctx context.Context, o Owner) error {
	return db.claim(ctx, o, false)
}

// Adopt makes o the owner of this database whatever the row says: a person has
// answered that it is the right one.
func (db *DB) Adopt(ctx context.Context, o Owner) error {
	return db.claim(ctx, o, true)
}

// ownerRow is the row as it stands.
type ownerRow struct {
	control    uuid.UUID
	system     string
	timeline   int
	database   int64
	generation int64
}

func (db *DB) claim(ctx context.Context, o Owner, adopt bool) error {
	facts, err := db.Facts(ctx)
	if err != nil {
		return err
	}
	return db.Plain(ctx, Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		row, found, err := readOwner(ctx, tx, o.Connection)
		if err != nil {
			return err
		}
		if found && !adopt {
			if err := row.check(o, facts); err != nil {
				return err
			}
			if row.generation == o.Generation {
				return nil
			}
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO _syncline.owner
				(connection_id, control_id, schema_name, system_identifier, timeline, database_oid, generation)
			VALUES ($1, $2, $3, nullif($4, ''), nullif($5, 0), $6, $7)
			ON CONFLICT (connection_id) DO UPDATE SET control_id = EXCLUDED.control_id,
				schema_name = EXCLUDED.schema_name, system_identifier = EXCLUDED.system_identifier,
				timeline = EXCLUDED.timeline, database_oid = EXCLUDED.database_oid,
				generation = EXCLUDED.generation, updated_at = clock_timestamp()`,
			o.Connection, o.Control, o.Schema, facts.SystemIdentifier, facts.Timeline, facts.DatabaseOID, o.Generation)
		if err != nil {
			return fmt.Errorf("store owner: %w", err)
		}
		return nil
	})
}

func readOwner(ctx context.Context, tx pgx.Tx, connection uuid.UUID) (row ownerRow, found bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT control_id, coalesce(system_identifier, ''), coalesce(timeline, 0), coalesce(database_oid, 0), generation
		FROM _syncline.owner WHERE connection_id = $1 FOR UPDATE`, connection).
		Scan(&row.control, &row.system, &row.timeline, &row.database, &row.generation)
	if errors.Is(err, pgx.ErrNoRows) {
		return ownerRow{}, false, nil
	}
	if err != nil {
		return ownerRow{}, false, fmt.Errorf("read owner: %w", err)
	}
	return row, true, nil
}

// check compares what both sides know; a fact that one of them lacks proves
// nothing.
func (row ownerRow) check(o Owner, f Facts) error {
	switch {
	case row.control != o.Control:
		return &CloneError{"the control store", row.control.String(), o.Control.String()}
	case row.system != "" && f.SystemIdentifier != "" && row.system != f.SystemIdentifier:
		return &CloneError{"the cluster", row.system, f.SystemIdentifier}
	case row.timeline != 0 && f.Timeline != 0 && row.timeline != f.Timeline:
		return &CloneError{"the timeline", fmt.Sprint(row.timeline), fmt.Sprint(f.Timeline)}
	case row.database != 0 && row.database != f.DatabaseOID:
		return &CloneError{"the database's number", fmt.Sprint(row.database), fmt.Sprint(f.DatabaseOID)}
	case row.generation > o.Generation:
		return fmt.Errorf("%w: the database has seen generation %d of it, this is %d",
			ErrControlRestored, row.generation, o.Generation)
	}
	return nil
}
