package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// unique is why a record waits whose row would repeat another's unique value.
const unique = "another row holds its unique value"

// uniqueWaits is how long a record waits so before it is called an error: two
// rows that change places clash for one page.
const uniqueWaits = time.Minute

// refused is a record that the database did not take.
type refused struct {
	sfid   string
	values []record.Value
	cause  error
}

func (p *plan) refuse(sfid string, values []record.Value, cause error) {
	p.refused = append(p.refused, refused{sfid, values, cause})
	if p.refuses == nil {
		p.refuses = map[string]bool{}
	}
	p.refuses[sfid] = true
}

// isRefusal says whether it is a row, not the whole statement, that the
// database does not take: its values, or the word of a trigger of the
// application's, which may fail in any way.
func isRefusal(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch target.Classify(err) {
	case target.Value:
		return true
	case target.Other, target.Schema, target.Rights:
		// XX: the server itself is in trouble.
		return strings.Contains(pgErr.Where, "function") && !strings.HasPrefix(pgErr.Code, "XX")
	case target.Unavailable, target.Retry, target.Fenced:
		return false
	}
	return false
}

// ReadError is a record that could not be put into its table.
type ReadError struct {
	Sfid string
	// Record is what came, as a JSON object of texts by column; "" if it could
	// not be read.
	Record string
	// Code is the SQLSTATE, or a word of Syncline's; Message says what was
	// refused, Column and Constraint where, if the database said so.
	Code, Message, Column, Constraint string
}

func (a *Applier) readError(r refused) ReadError {
	e := ReadError{Sfid: r.sfid, Record: a.image(r.values), Code: "unknown", Message: r.cause.Error()}
	if pgErr, ok := errors.AsType[*pgconn.PgError](r.cause); ok {
		e.Code, e.Message, e.Column, e.Constraint = pgErr.Code, pgErr.Message, pgErr.ColumnName, pgErr.ConstraintName
		if pgErr.Detail != "" {
			e.Message += " (" + pgErr.Detail + ")"
		}
	}
	return e
}

// image renders a record for people.
func (a *Applier) image(values []record.Value) string {
	if values == nil {
		return ""
	}
	out := make(map[string]*string, len(values))
	for i, c := range a.table.Columns {
		out[c.Name] = text(c.Type, values[i])
	}
	b, err := json.Marshal(out)
	if err != nil {
		return ""
	}
	return string(b)
}

// noteRefused stores the refused records, and those that have waited too long
// for a unique value to become free.
func (a *Applier) noteRefused(ctx context.Context, tx *target.Tx, p *plan) error {
	if len(p.refused) > 0 {
		list := make([]ReadError, len(p.refused))
		for i, r := range p.refused {
			list[i] = a.readError(r)
		}
		if err := Refuse(ctx, tx, a.connection, a.table.Mapping.ID, list); err != nil {
			return err
		}
	}
	for _, d := range p.later {
		if d.reason == unique {
			return a.giveUpWaiting(ctx, tx)
		}
	}
	return nil
}

// giveUpWaiting turns records that wait for a unique value into read errors.
func (a *Applier) giveUpWaiting(ctx context.Context, tx *target.Tx) error {
	_, err := tx.Exec(ctx, `
		WITH stuck AS (
			DELETE FROM _syncline.deferred d WHERE connection_id = $1 AND mapping = $2 AND reason = $3
				AND (since < clock_timestamp() - make_interval(secs => $4) OR EXISTS (
					SELECT FROM _syncline.read_error e WHERE (e.connection_id, e.mapping, e.sfid) = ($1, $2, d.sfid)))
			RETURNING sfid)
		INSERT INTO _syncline.read_error AS e (connection_id, mapping, sfid, code, message, next_at, last_at)
		SELECT $1, $2, sfid, '23505', $5, clock_timestamp() + interval '1 minute', clock_timestamp() FROM stuck
		ON CONFLICT (connection_id, mapping, sfid) DO UPDATE SET code = excluded.code, message = excluded.message`+backoff,
		a.connection, a.table.Mapping.ID, unique, uniqueWaits.Seconds(),
		a.uniqueMessage())
	if err != nil {
		return fmt.Errorf("give up waiting for unique values: %w", err)
	}
	return nil
}

func (a *Applier) uniqueMessage() string {
	var names []string
	for i, c := range a.table.Columns {
		if i != a.table.Layout.ID && (c.Unique || i == a.table.Upsert) {
			names = append(names, c.Name)
		}
	}
	return unique + " (a unique column of " + a.table.Name + ": " + strings.Join(names, ", ") + ", or one of the application's)"
}

// Ignored is when a read error is due that a person has decided to ignore;
// NotIgnored is the condition of the others.
const (
	Ignored    = "infinity"
	NotIgnored = "coalesce(next_at, '-infinity') <> '" + Ignored + "'"
)

// backoff is the tail of an upsert of read errors: each failure doubles the
// pause before the next attempt, from 10 s to an hour. One that is ignored stays
// so as long as error code, column and constraint are the same.
const backoff = `, attempts = e.attempts + 1, last_at = clock_timestamp(),
	next_at = CASE WHEN e.next_at = '` + Ignored + `' AND (e.code, e.column_name, e.constraint_name)
			IS NOT DISTINCT FROM (excluded.code, excluded.column_name, excluded.constraint_name) THEN e.next_at
		ELSE clock_timestamp() + least(interval '1 hour', interval '10 seconds' * power(2, least(e.attempts, 10))) END`

// Refuse notes records of a mapping that cannot be put into its table; they
// are read again by Id, later and later. A record that waited in
// _syncline.deferred waits here instead.
func Refuse(ctx context.Context, tx *target.Tx, connection, mappingID uuid.UUID, list []ReadError) error {
	columns := make([][]string, 6)
	for _, e := range list {
		for i, v := range []string{e.Sfid, e.Record, e.Code, e.Message, e.Column, e.Constraint} {
			columns[i] = append(columns[i], strings.ReplaceAll(v, "\x00", ""))
		}
	}
	_, err := tx.Exec(ctx, `
		WITH r AS (
			SELECT DISTINCT ON (r.sfid) r.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
				AS r(sfid, record, code, message, column_name, constraint_name)
		), moved AS (
			DELETE FROM _syncline.deferred d USING r WHERE d.connection_id = $1 AND d.mapping = $2 AND d.sfid = r.sfid
		)
		INSERT INTO _syncline.read_error AS e
			(connection_id, mapping, sfid, record, code, message, column_name, constraint_name, next_at, last_at)
		SELECT $1, $2, sfid, nullif(record, ''), code, message, nullif(column_name, ''), nullif(constraint_name, ''),
			clock_timestamp() + interval '10 seconds', clock_timestamp() FROM r
		ON CONFLICT (connection_id, mapping, sfid) DO UPDATE SET record = excluded.record, code = excluded.code,
			message = excluded.message, column_name = excluded.column_name, constraint_name = excluded.constraint_name`+backoff,
		connection, mappingID, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5])
	if err != nil {
		return fmt.Errorf("note refused records: %w", err)
	}
	return nil
}

// Settled forgets that records of a mapping waited, were refused or were thought
// missing: they are in their table now, or gone from it.
func Settled(ctx context.Context, tx *target.Tx, connection, mappingID uuid.UUID, sfids []string) error {
	if len(sfids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		WITH waited AS (
			DELETE FROM _syncline.deferred WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])
		), missed AS (
			DELETE FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[]))
		DELETE FROM _syncline.read_error WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])`,
		connection, mappingID, sfids)
	if err != nil {
		return fmt.Errorf("clear deferred and refused records: %w", err)
	}
	return nil
}
