package target

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// wordsOfCode are the next steps that depend on more than the class.
var wordsOfCode = map[string]string{
	"28P01": "the database refused the password: check the database URL",
	"28000": "the database refused this role: check the user in the database URL and pg_hba.conf",
	"3D000": "there is no database of that name: check the database URL",
	"53100": "the database's disk is full: make room, Syncline goes on by itself",
	"53300": "the database has no connection slot free: raise its limit or use a pooler; Syncline tries again",
	"25006": "the database is read-only, perhaps a standby: give the URL of the primary",
	"57P03": "the database is starting up; Syncline tries again",
}

// Words says for people what happened and what to do next. It never holds a
// connection string.
func Words(err error) string {
	if err == nil {
		return ""
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		if w, ok := wordsOfCode[pgErr.Code]; ok {
			return w
		}
	}
	switch Classify(err) {
	case Unavailable:
		return unreachable(err, pgErr)
	case Retry:
		return "the database was busy (" + message(err, pgErr) + "); Syncline tries again"
	case Rights:
		return rightsWords(err, pgErr)
	case Value:
		return valueWords(pgErr)
	case Schema:
		return message(err, pgErr) + ": the schema is not as Syncline made it; repair it or reload the mapping"
	case Fenced:
		return "another node has taken this work over; nothing needs to be done"
	case Other:
	}
	return message(err, pgErr)
}

func message(err error, pgErr *pgconn.PgError) string {
	if pgErr != nil {
		return pgErr.Message
	}
	return err.Error()
}

func rightsWords(err error, pgErr *pgconn.PgError) string {
	if r, ok := errors.AsType[*RightsError](err); ok {
		return r.Error()
	}
	return message(err, pgErr) + ": the database role lacks a right; grant it, Syncline tries again"
}

func unreachable(err error, pgErr *pgconn.PgError) string {
	if pgErr != nil {
		return "the database is not available (" + pgErr.Message + "); Syncline tries again"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the database's host %q is not known: check the database URL", dns.Name)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return fmt.Sprintf("the database at %s does not answer (%v): check that it runs and may be reached; Syncline tries again",
			op.Addr, op.Err)
	}
	return "the database does not answer: check that it runs and may be reached; Syncline tries again"
}

func valueWords(pgErr *pgconn.PgError) string {
	var where []string
	for _, p := range [][2]string{
		{"table", pgErr.TableName}, {"column", pgErr.ColumnName}, {"constraint", pgErr.ConstraintName},
	} {
		if p[1] != "" {
			where = append(where, p[0]+" "+p[1])
		}
	}
	w := "the database does not take this value: " + pgErr.Message
	if len(where) > 0 {
		w += " (" + strings.Join(where, ", ") + ")"
	}
	return w
}
