package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/target"
)

// JournalKey names a trigger log entry also after its database went back in
// time and its ids are given out again.
type JournalKey struct {
	LogID int64
	TxID  int64
	// CreatedAt is the entry's own; zero when it has none.
	CreatedAt time.Time
	// ChangeHash is a hash of the change.
	ChangeHash []byte
}

// JournalEntry is one record of one call to Salesforce.
type JournalEntry struct {
	JournalKey
	// Position is the record's place in the call, from 0.
	Position int
	Mapping  uuid.UUID
	// Op is insert, update, upsert or delete.
	Op string
}

// JournalResult is Salesforce's answer for one record.
type JournalResult struct {
	Position      int
	SFID          string
	Success       bool
	Created       bool
	Code, Message string
}

// JournalRow is one entry as the journal holds it.
type JournalRow struct {
	JournalEntry
	// Answer is Salesforce's; only its Position is set while State is
	// JournalSending.
	Answer     JournalResult
	ID         int64
	Connection uuid.UUID
	Batch      uuid.UUID
	State      JournalState
	SentAt     time.Time
	// AcceptedAt is zero while the state is JournalSending.
	AcceptedAt time.Time
}

// JournalState is how much is known of an entry's call.
type JournalState string

// The states of a journal entry.
const (
	// JournalSending: the call is about to be made, under way, or its answer
	// was lost.
	JournalSending JournalState = "sending"
	// JournalAccepted: Salesforce has answered; Success says how.
	JournalAccepted JournalState = "accepted"
)

// Sending writes down the entries of a call and commits, before the call is
// made. It is ErrFenced, and nothing is written, unless the fence stands at
// its number at the moment of the commit (I13 in docs/INVARIANTS.md).
func (s *Store) Sending(ctx context.Context, fence target.Fence, batch uuid.UUID, entries []JournalEntry) error {
	if len(entries) == 0 {
		return fmt.Errorf("journal a call: %w: it has no entries", ErrInvalid)
	}
	c := columnsOf(entries)
	var held int
	// The share lock on the fence lasts until this statement has committed, so
	// a newer turn begins after it; if one has begun, no row passes.
	err := s.pool.QueryRow(ctx, `
		WITH fence AS MATERIALIZED (
			SELECT number FROM syncline.fence
			WHERE connection = $1 AND kind = $2 AND mapping = $3 AND number = $4 FOR SHARE),
		written AS (
			INSERT INTO syncline.journal (connection, batch, position, log_id, txid, created_at, change_hash, mapping, op)
			SELECT $1, $5, e.* FROM fence, unnest($6::int[], $7::bigint[], $8::bigint[], $9::timestamptz[], $10::bytea[],
				$11::uuid[], $12::text[]) AS e)
		SELECT count(*) FROM fence`,
		fence.Connection, fence.Kind, fence.Mapping, fence.Number, batch,
		c.positions, c.logIDs, c.txids, c.createdAt, c.hashes, c.mappings, c.ops).Scan(&held)
	if err != nil {
		return explain("journal a call", err)
	}
	if held == 0 {
		return fmt.Errorf("journal a call under fence %d: %w", fence.Number, ErrFenced)
	}
	return nil
}

// Accepted writes down the answers of a call and commits. It is not fenced: an
// answer is true whoever got it. A second answer for an entry is ignored.
// ErrNotFound when the journal has no such batch or position.
func (s *Store) Accepted(ctx context.Context, batch uuid.UUID, results []JournalResult) error {
	var positions []int32
	var sfids, codes, messages []string
	var successes, creates []bool
	for _, r := range results {
		positions = append(positions, int32(r.Position))
		sfids, codes, messages = append(sfids, clean(r.SFID)), append(codes, clean(r.Code)), append(messages, clean(r.Message))
		successes, creates = append(successes, r.Success), append(creates, r.Created)
	}
	var known int
	// Each entry is looked up by itself: a plan that was made before the journal
	// knew large batches would compare every answer with every entry.
	err := s.pool.QueryRow(ctx, `
		WITH result AS MATERIALIZED (
			SELECT r.*, (SELECT j.id FROM syncline.journal j WHERE j.batch = $1 AND j.position = r.position) AS id
			FROM unnest($2::int[], $3::text[], $4::bool[], $5::bool[], $6::text[], $7::text[])
				AS r (position, sfid, success, created, code, message)),
		written AS (
			UPDATE syncline.journal j SET state = 'accepted', accepted_at = clock_timestamp(), sfid = r.sfid,
				success = r.success, created = r.created, code = r.code, message = r.message
			FROM result r WHERE j.id = r.id AND j.state = 'sending')
		SELECT count(id) FROM result`,
		batch, positions, sfids, successes, creates, codes, messages).Scan(&known)
	if err != nil {
		return explain("journal the answers of a call", err)
	}
	if known != len(results) {
		return fmt.Errorf("journal the answers of call %s: %d of %d entries %w", batch, len(results)-known, len(results), ErrNotFound)
	}
	return nil
}

// Batch returns the entries of one call by position; none if it was never
// journalled, and then it was never made.
func (q *Queries) Batch(ctx context.Context, connection, batch uuid.UUID) ([]JournalRow, error) {
	return q.journal(ctx, "read a call's journal", `
		SELECT `+journalColumns+` FROM syncline.journal j WHERE connection = $1 AND batch = $2 ORDER BY position`,
		connection, batch)
}

// Unanswered returns the entries whose call has no answer in the journal,
// oldest first.
func (q *Queries) Unanswered(ctx context.Context, connection uuid.UUID) ([]JournalRow, error) {
	return q.journal(ctx, "read unanswered calls", `
		SELECT `+journalColumns+` FROM syncline.journal j WHERE connection = $1 AND state = 'sending' ORDER BY id`, connection)
}

// Known returns those of the entries that Salesforce has answered, whichever
// way, oldest first: one entry may have been sent several times. After a
// rollback of the target they are not sent again.
func (q *Queries) Known(ctx context.Context, connection uuid.UUID, keys []JournalKey) ([]JournalRow, error) {
	entries := make([]JournalEntry, len(keys))
	for i, key := range keys {
		entries[i].JournalKey = key
	}
	c := columnsOf(entries)
	return q.journal(ctx, "look up journal entries", `
		SELECT DISTINCT `+journalColumns+` FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])
			AS k (log_id, txid, created_at, change_hash)
		JOIN syncline.journal j ON j.connection = $1 AND j.log_id = k.log_id AND j.txid = k.txid
			AND j.created_at IS NOT DISTINCT FROM k.created_at AND j.change_hash = k.change_hash
		WHERE j.state = 'accepted' ORDER BY id`,
		connection, c.logIDs, c.txids, c.createdAt, c.hashes)
}

const journalColumns = `j.id, j.connection, j.batch, j.position, j.log_id, j.txid, j.created_at, j.change_hash, j.mapping, j.op,
	j.state, j.sfid, j.success, j.created, j.code, j.message, j.sent_at, j.accepted_at`

func (q *Queries) journal(ctx context.Context, doing, sql string, args ...any) ([]JournalRow, error) {
	rows, _ := q.db.Query(ctx, sql, args...)
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r JournalRow, err error) {
		var createdAt, acceptedAt *time.Time
		err = row.Scan(&r.ID, &r.Connection, &r.Batch, &r.Position, &r.LogID, &r.TxID, &createdAt, &r.ChangeHash,
			&r.Mapping, &r.Op, &r.State, &r.Answer.SFID, &r.Answer.Success, &r.Answer.Created, &r.Answer.Code, &r.Answer.Message,
			&r.SentAt, &acceptedAt)
		r.Answer.Position = r.Position
		r.CreatedAt, r.AcceptedAt = orZero(createdAt), orZero(acceptedAt)
		return r, err
	})
	return entries, explain(doing, err)
}

type journalArrays struct {
	positions     []int32
	logIDs, txids []int64
	createdAt     []*time.Time
	hashes        [][]byte
	mappings      []uuid.UUID
	ops           []string
}

func columnsOf(entries []JournalEntry) journalArrays {
	var c journalArrays
	for _, e := range entries {
		c.positions = append(c.positions, int32(e.Position))
		c.logIDs, c.txids = append(c.logIDs, e.LogID), append(c.txids, e.TxID)
		c.createdAt = append(c.createdAt, orNull(e.CreatedAt))
		c.hashes = append(c.hashes, nonNil(e.ChangeHash))
		c.mappings, c.ops = append(c.mappings, e.Mapping), append(c.ops, e.Op)
	}
	return c
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
