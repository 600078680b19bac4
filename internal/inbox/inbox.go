package inbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// settleAfter is how long after its claim an insert whose reply was lost may
// still arrive: until then nobody may say that it did not.
const settleAfter = outbox.SendWithin + 10*time.Minute + 30*time.Second

// Inbox is the failures of one connection. It is safe for concurrent use.
type Inbox struct {
	db            *target.DB
	conn          mapping.Connection
	log           *triggerlog.Log
	box           *outbox.Outbox
	live, archive string // quoted
	tables        map[string]mapping.Mapping
	objects       map[uuid.UUID]mapping.Mapping
}

// Of returns the inbox of a connection with these mappings, in its database.
func Of(db *target.DB, conn mapping.Connection, mappings []mapping.Mapping) *Inbox {
	in := &Inbox{
		db: db, conn: conn, log: triggerlog.In(conn.Schema), box: outbox.Of(conn.ID),
		live:    pgx.Identifier{conn.Schema, "_trigger_log"}.Sanitize(),
		archive: pgx.Identifier{conn.Schema, "_trigger_log_archive"}.Sanitize(),
		tables:  map[string]mapping.Mapping{}, objects: map[uuid.UUID]mapping.Mapping{},
	}
	for _, m := range mappings {
		in.tables[TableOf(m)] = m
		in.objects[m.ID] = m
	}
	return in
}

// TableOf is the name of a mapping's table, without its schema.
func TableOf(m mapping.Mapping) string { return schema.Shorten(strings.ToLower(m.ObjectName)) }

// object is the object of a table; "" if no mapping has it.
func (in *Inbox) object(table string) string { return in.tables[table].ObjectName }

func (in *Inbox) name(table string) string {
	return pgx.Identifier{in.conn.Schema, table}.Sanitize()
}

// statementLimit bounds a statement; one may look through a long log.
const statementLimit = time.Minute

// read is a transaction that only looks.
func (in *Inbox) read(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	return in.db.Plain(ctx, target.Limits{Statement: statementLimit}, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET TRANSACTION READ ONLY`); err != nil {
			return fmt.Errorf("begin to look: %w", err)
		}
		return fn(ctx, tx)
	})
}

// hstore is the quoted schema of the extension. Its function is called by its full
// name and with the row of a subquery, which has no type but record: another one
// of that name, for a table's rows, must not run with Syncline's rights.
func (in *Inbox) hstore(ctx context.Context, tx pgx.Tx) (string, error) {
	var name string
	err := tx.QueryRow(ctx, `SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hstore'`).Scan(&name)
	if err != nil {
		return "", fmt.Errorf("find the extension hstore: %w", err)
	}
	return name, nil
}
