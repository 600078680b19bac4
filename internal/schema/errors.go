package schema

import (
	"errors"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/target"
)

// TableTakenError means that the schema already holds a table that Syncline
// did not make for this connection. Nothing has been changed.
type TableTakenError struct {
	Schema, Table string
	// Owner is the connection that the table was made for; "" if Syncline
	// made it for none.
	Owner string
}

func (e *TableTakenError) Error() string {
	if e.Owner != "" {
		return fmt.Sprintf("table %s belongs to another connection (%s): give this connection another schema, or delete the other one",
			ident(e.Schema, e.Table), e.Owner)
	}
	return fmt.Sprintf("schema %s already holds a table %s that Syncline did not make: rename or drop it, or give the connection another schema",
		ident(e.Schema), ident(e.Table))
}

// ColumnTypeError means that a column is there with a type that can't be
// turned into the mapped one without risk. Nothing has been changed.
type ColumnTypeError struct {
	Schema, Table, Column string
	Have, Want            string
}

func (e *ColumnTypeError) Error() string {
	return fmt.Sprintf("column %s.%s is %s, but the field now needs %s: drop or rename the column, then apply again and reload the mapping",
		ident(e.Schema, e.Table), ident(e.Column), e.Have, e.Want)
}

// InUseError means that something depends on what should be dropped. Nothing has
// been changed.
type InUseError struct {
	// Detail is what the database says: "view mine depends on table …".
	Detail string
}

func (e *InUseError) Error() string { return "something of yours is built on it: " + e.Detail }

// inUse makes an [*InUseError] of err if it is about that.
func inUse(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == pgerrcode.DependentObjectsStillExist {
		return &InUseError{Detail: e.Detail}
	}
	return err
}

func asRights(err error) (*target.RightsError, bool) {
	return errors.AsType[*target.RightsError](err)
}
