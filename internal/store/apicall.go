package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/budget"
)

var (
	_ budget.Sink      = (*Store)(nil)
	_ budget.UsageSink = (*Store)(nil)
)

// SaveCalls adds to the ledger of API calls, in the current hour, and keeps how
// many more the ledger may have made. The ledger's row is taken first: whoever
// repeats a save waits there for the one whose answer was lost.
func (s *Store) SaveCalls(ctx context.Context, save budget.Save) error {
	return s.InTx(ctx, func(tx *Tx) error {
		tag, err := tx.db.Exec(ctx, `
			INSERT INTO syncline.api_block AS b (connection, ledger, calls, seq, at) VALUES ($1, $2, $3, $4, clock_timestamp())
			ON CONFLICT (connection, ledger) DO UPDATE SET calls = excluded.calls, seq = excluded.seq, at = excluded.at
			WHERE b.seq < excluded.seq`, save.Connection, save.Ledger, save.Block, save.Seq)
		if err != nil || tag.RowsAffected() == 0 {
			return explain("reserve API calls", err)
		}
		return tx.addCalls(ctx, save.Connection, save.Counts)
	})
}

func (q *Queries) addCalls(ctx context.Context, connection uuid.UUID, counts []budget.Count) error {
	if len(counts) == 0 {
		return nil
	}
	var mappings, kinds, purposes []string
	var calls []int64
	for _, c := range counts {
		mappings, kinds, purposes = append(mappings, c.Mapping), append(kinds, c.Kind), append(purposes, c.Purpose)
		calls = append(calls, c.Calls)
	}
	// In one order, so that two nodes never wait for each other in a circle.
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.api_call AS a (connection, hour, mapping, kind, purpose, calls)
		SELECT $1, date_trunc('hour', clock_timestamp(), 'UTC'), c.mapping, c.kind, c.purpose, sum(c.calls)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS c (mapping, kind, purpose, calls)
		GROUP BY 3, 4, 5 ORDER BY 3, 4, 5
		ON CONFLICT (connection, hour, mapping, kind, purpose) DO UPDATE SET calls = a.calls + excluded.calls`,
		connection, mappings, kinds, purposes, calls)
	return explain("count API calls", err)
}

// KindReserved is the kind of calls that a process had reserved when it died:
// it may have made them.
const KindReserved = "reserved"

// Calls returns the calls of a connection by use, of the hour that since is in
// and all later ones; the zero time stands for all that is kept.
func (q *Queries) Calls(ctx context.Context, connection uuid.UUID, since time.Time) ([]budget.Count, error) {
	rows, _ := q.db.Query(ctx, `
		SELECT mapping, kind, purpose, sum(calls)::bigint AS calls FROM (
			SELECT mapping, kind, purpose, calls FROM syncline.api_call
			WHERE connection = $1 AND hour >= date_trunc('hour', $2::timestamptz, 'UTC')
			UNION ALL
			SELECT '', $3, '', calls FROM syncline.api_block
			WHERE connection = $1 AND calls > 0 AND at >= date_trunc('hour', $2::timestamptz, 'UTC') AND at < clock_timestamp() - $4::interval) c
		GROUP BY mapping, kind, purpose ORDER BY mapping, kind, purpose`, connection, since, KindReserved, budget.Orphaned)
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[budget.Count])
	return counts, explain("read API calls", err)
}

// SetUsage keeps what the org said of its own count. At is set by the store.
func (q *Queries) SetUsage(ctx context.Context, connection uuid.UUID, u budget.Usage) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.org_usage (connection, used, allowed) VALUES ($1, $2, $3)
		ON CONFLICT (connection) DO UPDATE SET used = excluded.used, allowed = excluded.allowed, at = clock_timestamp()`,
		connection, u.Used, u.Max)
	return explain("store the org's usage", err)
}

// Usage returns the newest usage that was kept.
func (q *Queries) Usage(ctx context.Context, connection uuid.UUID) (budget.Usage, error) {
	var u budget.Usage
	err := q.db.QueryRow(ctx, `SELECT used, allowed, at FROM syncline.org_usage WHERE connection = $1`,
		connection).Scan(&u.Used, &u.Max, &u.At)
	return u, explain("read the org's usage", err)
}
