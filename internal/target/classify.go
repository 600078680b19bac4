package target

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Class says what one does about an error of the user's database.
type Class int

// The classes.
const (
	Other       Class = iota // not of the database, or a bug of ours
	Unavailable              // unreachable, starting, full, read-only: retry later
	Retry                    // deadlock, serialization, a lock or statement timeout: retry soon
	Rights                   // a right or the password is missing: ask a person
	Value                    // a value that the table, a constraint or a user's trigger refuses
	Schema                   // a table, column or function is not there: compare the schema again
	Fenced                   // a newer turn has taken over: stop
)

// String is the class in lower case, as logs and metrics show it.
func (c Class) String() string {
	return [...]string{"other", "unavailable", "retry", "rights", "value", "schema", "fenced"}[c]
}

// classOfCode lists SQLSTATEs; classOfPrefix the classes of SQLSTATEs, asked
// second.
var (
	classOfCode = map[string]Class{
		"40001": Retry, "40P01": Retry, "55P03": Retry, "57014": Retry, "25P03": Retry, "25P04": Retry,
		"57P01": Unavailable, "57P02": Unavailable, "57P03": Unavailable, "57P05": Unavailable,
		"25006": Unavailable, "58030": Unavailable,
		"42501": Rights, "3D000": Rights, "57P04": Rights,
		"42P01": Schema, "42703": Schema, "42883": Schema, "3F000": Schema, "42804": Schema, "42704": Schema, "42P10": Schema,
		"P0001": Value, "54000": Value,
		fencedCode: Fenced,
	}
	classOfPrefix = map[string]Class{"08": Unavailable, "53": Unavailable, "28": Rights, "22": Value, "23": Value}
)

// Classify sorts an error that came out of this package or out of pgx.
func Classify(err error) Class {
	if err == nil || errors.Is(err, context.Canceled) {
		return Other
	}
	if errors.Is(err, ErrFenced) {
		return Fenced
	}
	if _, ok := errors.AsType[*RightsError](err); ok {
		return Rights
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		if c, ok := classOfCode[pgErr.Code]; ok {
			return c
		}
		return classOfPrefix[pgErr.Code[:min(2, len(pgErr.Code))]]
	}
	if isConnection(err) {
		return Unavailable
	}
	return Other
}

// isConnection tells errors of the way to the database, timeouts included.
func isConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, ErrUncertain) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "conn closed")
}

// Refusal is what the database said about a value that it did not take. Fields
// that it did not name are empty.
type Refusal struct {
	Code       string // SQLSTATE
	Message    string
	Detail     string
	Table      string
	Column     string
	Constraint string
}

// Refused reads a [Value] error; ok is false for any other.
func Refused(err error) (r Refusal, ok bool) {
	pgErr, isPg := errors.AsType[*pgconn.PgError](err)
	if !isPg || Classify(err) != Value {
		return Refusal{}, false
	}
	return Refusal{
		Code: pgErr.Code, Message: pgErr.Message, Detail: pgErr.Detail,
		Table: pgErr.TableName, Column: pgErr.ColumnName, Constraint: pgErr.ConstraintName,
	}, true
}
