package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is what this package needs of a transaction or pool.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// State of an intent.
type State string

// The states. Settled means accepted by Salesforce.
const (
	Open    State = "open"
	Unknown State = "unknown"
	Settled State = "settled"
)

// SendWithin is how long after the claim a call may still go out. What was
// claimed longer ago and not journalled as sent was never sent.
const SendWithin = 30 * time.Second

// Op is what is sent.
type Op string

// The operations of a write.
const (
	Insert Op = "insert"
	Update Op = "update"
	Upsert Op = "upsert"
	Delete Op = "delete"
)

// Intent is one record of one call that is about to be sent.
type Intent struct {
	ID       int64
	Batch    uuid.UUID // all intents of one call
	Position int       // place of the record in the call
	Mapping  uuid.UUID
	Table    string
	// LogID with the two below and Hash names the entry, also after the
	// database went back in time.
	LogID        int32
	LogTxID      int64
	LogCreatedAt time.Time
	Hash         []byte
	RecordID     int32
	Sfid         string // "" for a create
	ExternalID   string // value of the unique identifier, "" if none is sent
	Op           Op
	Object       string
	// Body is the JSON that is sent; "" for a delete.
	Body  string
	State State
	// ClaimedAt and SettledAt are times of the target database.
	ClaimedAt time.Time
	SettledAt *time.Time
}

// Outbox gives access to the intents, bases and conflicts of one connection.
// It keeps no state; every method works in the transaction it is given.
type Outbox struct{ connection uuid.UUID }

// Of returns the outbox of a connection.
func Of(connection uuid.UUID) *Outbox { return &Outbox{connection: connection} }

// Put stores the intents of a call and sets their ID, State and ClaimedAt. They
// are open.
func (o *Outbox) Put(ctx context.Context, q Querier, intents []Intent) error {
	if len(intents) == 0 {
		return nil
	}
	a := arrangeIntents(intents)
	rows, err := q.Query(ctx, `
		INSERT INTO _syncline.intent (connection_id, batch, position, mapping, table_name, log_id, log_txid,
			log_created_at, change_hash, record_id, sfid, external_id, op, object, body, state, claimed_at, send_before)
		SELECT $1, i.batch, i.position, i.mapping, i.table_name, i.log_id, i.txid, i.created_at, i.hash,
			nullif(i.record_id, 0), nullif(i.sfid, ''), nullif(i.external_id, ''), i.op, i.object, nullif(i.body, ''),
			'open', clock_timestamp(), clock_timestamp() + $16::interval
		FROM unnest($2::text[]::uuid[], $3::int[], $4::text[]::uuid[], $5::text[], $6::int[], $7::bigint[], $8::timestamptz[],
			$9::bytea[], $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
			AS i(batch, position, mapping, table_name, log_id, txid, created_at, hash, record_id, sfid,
				external_id, op, object, body)
		RETURNING batch, position, id, claimed_at`,
		o.connection, a.batches, a.positions, a.mappings, a.tables, a.logIDs, a.txids, a.createdAt,
		a.hashes, a.records, a.sfids, a.externals, a.ops, a.objects, a.bodies, SendWithin)
	if err != nil {
		return fmt.Errorf("store intents: %w", err)
	}
	type place struct {
		batch    uuid.UUID
		position int
	}
	at := make(map[place]*Intent, len(intents))
	for i := range intents {
		at[place{intents[i].Batch, intents[i].Position}] = &intents[i]
	}
	var (
		p         place
		id        int64
		claimedAt time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&p.batch, &p.position, &id, &claimedAt}, func() error {
		if i := at[p]; i != nil {
			i.ID, i.State, i.ClaimedAt = id, Open, claimedAt
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store intents: %w", err)
	}
	return nil
}

type intentArrays struct {
	batches, mappings                              []string
	positions, logIDs, records                     []int32
	txids                                          []int64
	createdAt                                      []time.Time
	hashes                                         [][]byte
	tables, sfids, externals, ops, objects, bodies []string
}

func arrangeIntents(intents []Intent) intentArrays {
	var a intentArrays
	for _, i := range intents {
		a.batches, a.mappings = append(a.batches, i.Batch.String()), append(a.mappings, i.Mapping.String())
		a.positions, a.logIDs = append(a.positions, int32(i.Position)), append(a.logIDs, i.LogID)
		a.records, a.txids = append(a.records, i.RecordID), append(a.txids, i.LogTxID)
		a.createdAt, a.hashes = append(a.createdAt, i.LogCreatedAt), append(a.hashes, i.Hash)
		a.tables, a.sfids = append(a.tables, i.Table), append(a.sfids, i.Sfid)
		a.externals, a.ops = append(a.externals, i.ExternalID), append(a.ops, string(i.Op))
		a.objects, a.bodies = append(a.objects, i.Object), append(a.bodies, i.Body)
	}
	return a
}

// Rebatch moves intents to a new call, in the order given, open and claimed
// now: a call whose outcome is not known is about to be made again.
func (o *Outbox) Rebatch(ctx context.Context, q Querier, ids []int64, batch uuid.UUID) error {
	_, err := q.Exec(ctx, `
		UPDATE _syncline.intent i SET batch = $3, position = n.position - 1, state = 'open',
			claimed_at = clock_timestamp(), send_before = clock_timestamp() + $4::interval
		FROM unnest($2::bigint[]) WITH ORDINALITY AS n(id, position)
		WHERE i.connection_id = $1 AND i.id = n.id`, o.connection, ids, batch, SendWithin)
	if err != nil {
		return fmt.Errorf("move intents to a new call: %w", err)
	}
	return nil
}

const intentColumns = `id, batch, position, mapping, table_name, log_id, coalesce(log_txid, 0),
	coalesce(log_created_at, 'epoch'), change_hash, coalesce(record_id, 0), coalesce(sfid, ''), coalesce(external_id, ''),
	op, object, coalesce(body, ''), state, claimed_at, settled_at`

func (o *Outbox) collect(ctx context.Context, q Querier, what, where string, args ...any) ([]Intent, error) {
	rows, err := q.Query(ctx, `SELECT `+intentColumns+` FROM _syncline.intent WHERE connection_id = $1 AND `+where,
		append([]any{o.connection}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	intents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Intent, err error) {
		err = row.Scan(&i.ID, &i.Batch, &i.Position, &i.Mapping, &i.Table, &i.LogID, &i.LogTxID,
			&i.LogCreatedAt, &i.Hash, &i.RecordID, &i.Sfid, &i.ExternalID,
			&i.Op, &i.Object, &i.Body, &i.State, &i.ClaimedAt, &i.SettledAt)
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return intents, nil
}

// Waiting returns the intents that are open or unknown, by call and position.
// A turn that starts settles these first.
func (o *Outbox) Waiting(ctx context.Context, q Querier) ([]Intent, error) {
	return o.collect(ctx, q, "read open intents", `state IN ('open', 'unknown') ORDER BY id`)
}

// WaitingBut is Waiting without the intents of some calls.
func (o *Outbox) WaitingBut(ctx context.Context, q Querier, calls []uuid.UUID) ([]Intent, error) {
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.String()
	}
	return o.collect(ctx, q, "read open intents", `state IN ('open', 'unknown')
		AND batch <> ALL($2::text[]::uuid[]) ORDER BY id`, names)
}

// Touching returns the intents that concern incoming records of a table: those
// of these rows, sfids or external IDs that are not settled, or were settled
// at or after asked, when the records were asked for; and every insert without
// an external ID that is not settled, since any unknown record may be its.
func (o *Outbox) Touching(ctx context.Context, q Querier, table string,
	recordIDs []int32, sfids, externalIDs []string, asked time.Time,
) ([]Intent, error) {
	return o.collect(ctx, q, "read intents of incoming records", `
		table_name = $2 AND (state IN ('open', 'unknown') OR settled_at >= $6)
		AND (record_id = ANY($3::int[]) OR sfid = ANY($4::text[]) OR external_id = ANY($5::text[])
		     OR (op = 'insert' AND state <> 'settled'))
		ORDER BY id`, table, recordIDs, sfids, externalIDs, asked)
}

// MarkUnknown notes that the outcome of these intents can't be told yet.
func (o *Outbox) MarkUnknown(ctx context.Context, q Querier, ids []int64) error {
	_, err := q.Exec(ctx, `UPDATE _syncline.intent SET state = 'unknown'
		WHERE connection_id = $1 AND id = ANY($2::bigint[]) AND state = 'open'`, o.connection, ids)
	if err != nil {
		return fmt.Errorf("mark intents as unknown: %w", err)
	}
	return nil
}

// Accept keeps intents as settled, with the sfid that Salesforce gave.
func (o *Outbox) Accept(ctx context.Context, q Querier, ids []int64, sfids []string) error {
	_, err := q.Exec(ctx, `
		UPDATE _syncline.intent i SET state = 'settled', settled_at = clock_timestamp(),
			sfid = coalesce(i.sfid, nullif(s.sfid, ''))
		FROM unnest($2::bigint[], $3::text[]) AS s(id, sfid)
		WHERE i.connection_id = $1 AND i.id = s.id`, o.connection, ids, sfids)
	if err != nil {
		return fmt.Errorf("settle intents: %w", err)
	}
	return nil
}

// Drop deletes intents that failed or were never sent.
func (o *Outbox) Drop(ctx context.Context, q Querier, ids []int64) error {
	_, err := q.Exec(ctx, `DELETE FROM _syncline.intent WHERE connection_id = $1 AND id = ANY($2::bigint[])`,
		o.connection, ids)
	if err != nil {
		return fmt.Errorf("drop intents: %w", err)
	}
	return nil
}

// Forget deletes settled intents older than keep. No page that was asked for
// before they were accepted can still be on its way then.
func (o *Outbox) Forget(ctx context.Context, q Querier, keep time.Duration) (int, error) {
	tag, err := q.Exec(ctx, `DELETE FROM _syncline.intent
		WHERE connection_id = $1 AND state = 'settled' AND settled_at < clock_timestamp() - $2::interval`,
		o.connection, keep)
	if err != nil {
		return 0, fmt.Errorf("forget settled intents: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
