package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AuditEntry is one administrative change. Entries can't be changed or
// deleted, and outlive the connection that they speak of.
type AuditEntry struct {
	// ID and At are set by the store.
	ID int64
	At time.Time
	// Who did it: a user, a token by name, or the server itself.
	Who string
	// From is where it came from: an address, or the command line.
	From string
	// Action is what was done, as "mapping.update"; Subject to what, by name.
	Action, Subject string
	// Connection is uuid.Nil for changes of the server.
	Connection uuid.UUID
	// Before and After are JSON objects without secrets, nil where there was or
	// is nothing.
	Before, After json.RawMessage
}

type auditRow struct {
	ID         int64           `db:"id"`
	At         time.Time       `db:"at"`
	Who        string          `db:"who"`
	Origin     string          `db:"origin"`
	Action     string          `db:"action"`
	Subject    string          `db:"subject"`
	Connection *uuid.UUID      `db:"connection"`
	Before     json.RawMessage `db:"before"`
	After      json.RawMessage `db:"after"`
}

// AppendAudit writes an entry; call it on the Tx of the change, so that there
// is never one without the other. It returns the entry's id.
func (q *Queries) AppendAudit(ctx context.Context, e AuditEntry) (int64, error) {
	var id int64
	err := q.db.QueryRow(ctx, `
		INSERT INTO syncline.audit (who, origin, action, subject, connection, before, after)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
		clean(e.Who), clean(e.From), e.Action, clean(e.Subject), orNull(e.Connection), cleanJSON(e.Before), cleanJSON(e.After)).Scan(&id)
	return id, explain("write audit entry", err)
}

// AuditTrail returns entries newest first, at most limit, older than before (0
// for the newest); of one connection, or with uuid.Nil of all and the server.
func (q *Queries) AuditTrail(ctx context.Context, connection uuid.UUID, before int64, limit int) ([]AuditEntry, error) {
	rows, _ := q.db.Query(ctx, `
		SELECT id, at, who, origin, action, subject, connection, before, after FROM syncline.audit
		WHERE ($1::uuid IS NULL OR connection = $1) AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3`,
		orNull(connection), before, limit)
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (AuditEntry, error) {
		r, err := pgx.RowToStructByName[auditRow](row)
		return AuditEntry{
			ID: r.ID, At: r.At, Who: r.Who, From: r.Origin, Action: r.Action, Subject: r.Subject,
			Connection: orZero(r.Connection), Before: r.Before, After: r.After,
		}, err
	})
	return entries, explain("read audit trail", err)
}
