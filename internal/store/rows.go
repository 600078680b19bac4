package store

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
)

// only expects exactly one of what a search by name found.
func only[T any](found []T, err error, doing string) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, fmt.Errorf("%s: %w", doing, ErrNotFound)
	case len(found) > 1:
		return none, fmt.Errorf("%s: %d of that name: the name %w more than once, use the id", doing, len(found), ErrConflict)
	}
	return found[0], nil
}

// gone turns a write that met no row into ErrNotFound.
func gone(tag pgconn.CommandTag, err error, doing string) error {
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	return nil
}

// explainNewer says that a mapping was edited since the given revision.
func explainNewer(mapping uuid.UUID, revision int) error {
	return fmt.Errorf("set mapping %s applied: a newer revision than %d %w", mapping, revision, ErrConflict)
}
