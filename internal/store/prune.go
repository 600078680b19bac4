package store

import (
	"context"
	"time"
)

// Keep says how long things are kept. Zero keeps them for good.
type Keep struct {
	// Journal bounds how far back a rollback of a target is caught up without
	// sending anything twice. Entries without an answer stay.
	Journal  time.Duration
	Events   time.Duration
	Activity time.Duration
	Calls    time.Duration
	// Nodes are those that died; expired sessions and sign-ins go with them.
	Nodes time.Duration
}

// DefaultKeep is what a server keeps unless it is told otherwise.
func DefaultKeep() Keep {
	const day = 24 * time.Hour
	return Keep{Journal: 31 * day, Events: 31 * day, Activity: 31 * day, Calls: 92 * day, Nodes: day}
}

// pruneChunk bounds the rows of one transaction.
const pruneChunk = 10_000

// lastRepeat is when no statement is under way any more that repeats a save of a
// ledger which has given its reservation back.
const lastRepeat = time.Hour

// Prune deletes what is older than keep says, in short transactions, and
// returns how many rows that were. It may be called on several nodes at once.
func (s *Store) Prune(ctx context.Context, keep Keep) (int64, error) {
	var total int64
	for _, p := range []struct {
		table, old string
		age        time.Duration
	}{
		{"journal", "state = 'accepted' AND sent_at < clock_timestamp() - $1::interval", keep.Journal},
		{"journal_job", "at < clock_timestamp() - $1::interval AND NOT EXISTS (SELECT FROM syncline.journal j WHERE j.batch = journal_job.batch)", keep.Journal},
		{"event", "at < clock_timestamp() - $1::interval", keep.Events},
		{"activity", "minute < clock_timestamp() - $1::interval", keep.Activity},
		{"api_call", "hour < clock_timestamp() - $1::interval", keep.Calls},
		{"api_block", "at < clock_timestamp() - $1::interval", keep.Calls},
		{"api_block", "calls = 0 AND at < clock_timestamp() - $1::interval", lastRepeat},
		{"node", "heartbeat_at < clock_timestamp() - $1::interval", keep.Nodes},
		{"session", "expires_at < clock_timestamp() - $1::interval", keep.Nodes},
		{"signin", "expires_at < clock_timestamp() - $1::interval", keep.Nodes},
	} {
		if p.age == 0 {
			continue
		}
		n, err := s.pruneTable(ctx, p.table, p.old, p.age)
		total += n
		if err != nil {
			return total, explain("prune "+p.table, err)
		}
	}
	return total, nil
}

func (s *Store) pruneTable(ctx context.Context, table, old string, age time.Duration) (int64, error) {
	var total int64
	for {
		tag, err := s.pool.Exec(ctx, `DELETE FROM syncline.`+table+` WHERE ctid = ANY(ARRAY(
			SELECT ctid FROM syncline.`+table+` WHERE `+old+` LIMIT $2 FOR UPDATE SKIP LOCKED))`, age, pruneChunk)
		if err != nil {
			return total, err
		}
		total += tag.RowsAffected()
		if tag.RowsAffected() < pruneChunk {
			return total, nil
		}
	}
}
