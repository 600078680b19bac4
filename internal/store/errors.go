package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/target"
)

// The errors that callers act on; test with errors.Is.
var (
	// ErrNotFound: no such thing, or it is no longer valid.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the name or key is taken already.
	ErrConflict = errors.New("exists already")
	// ErrFenced: a newer turn holds the fence; this one stops and commits
	// nothing more.
	// It is the same error as the target's.
	ErrFenced = target.ErrFenced
	// ErrInvalid: a value that the store refuses, named in the message.
	ErrInvalid = errors.New("invalid")
)

// conflictWords says which rule a unique constraint stands for.
var conflictWords = map[string]string{
	"connection_app_resource": "a connection with this app and resource name",
	"mapping_object":          "a mapping of this object in this connection",
	"journal_batch_position":  "a journal entry at this position of the batch",
}

// explain wraps err with what was being done, and turns the PostgreSQL errors
// that a caller can act on into ours. The values of a row never get into it.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch pgErr.Code {
	case pgerrcode.UniqueViolation:
		what := conflictWords[pgErr.ConstraintName]
		if what == "" {
			what = "an entry of " + pgErr.TableName
		}
		return fmt.Errorf("%s: %s %w", doing, what, ErrConflict)
	case pgerrcode.ForeignKeyViolation:
		return fmt.Errorf("%s: what %s refers to (%s) was %w", doing, pgErr.TableName, pgErr.ConstraintName, ErrNotFound)
	case pgerrcode.CheckViolation:
		return fmt.Errorf("%s: %w value (rule %s)", doing, ErrInvalid, pgErr.ConstraintName)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
