package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Describe is an object's describe as the org gave it last.
type Describe struct {
	// Object is the API name in Salesforce's case.
	Object string `db:"object"`
	// Body is the reply.
	Body json.RawMessage `db:"body"`
	// LastModified is the reply's Last-Modified header, to be sent back as
	// If-Modified-Since; "" if it had none.
	LastModified string    `db:"last_modified"`
	FetchedAt    time.Time `db:"fetched_at"`
}

// PutDescribe keeps a describe in place of an older one. FetchedAt is set by
// the store.
func (q *Queries) PutDescribe(ctx context.Context, connection uuid.UUID, d Describe) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.describe (connection, object, body, last_modified) VALUES ($1, $2, $3, $4)
		ON CONFLICT (connection, object) DO UPDATE
		SET body = excluded.body, last_modified = excluded.last_modified, fetched_at = clock_timestamp()`,
		connection, d.Object, cleanJSON(d.Body), d.LastModified)
	return explain("keep describe of "+d.Object, err)
}

// Describe returns the describe kept for an object.
func (q *Queries) Describe(ctx context.Context, connection uuid.UUID, object string) (Describe, error) {
	rows, _ := q.db.Query(ctx, `SELECT object, body, last_modified, fetched_at FROM syncline.describe
		WHERE connection = $1 AND object = $2`, connection, object)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Describe])
	return d, explain("read describe of "+object, err)
}

// ForgetDescribes drops all describes of a connection: its org or its user
// has changed.
func (q *Queries) ForgetDescribes(ctx context.Context, connection uuid.UUID) error {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.describe WHERE connection = $1`, connection)
	return explain("forget describes", err)
}
