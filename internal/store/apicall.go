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
	_ budget.Source    = (*Store)(nil)
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

// Standing is how the calls of a connection's org stand, over all connections
// to it, without what the given ledger has reserved. Calls are kept by the hour:
// those of the oldest, which may be older than 24 hours, count.
func (q *Queries) Standing(ctx context.Context, connection, ledger uuid.UUID) (budget.Standing, error) {
	var s budget.Standing
	var daily *int64
	err := q.db.QueryRow(ctx, `
		WITH org AS (
			SELECT c.id, (c.options->>'daily_calls')::bigint AS daily, coalesce((c.options->>'reserve_percent')::int, 0) AS reserve
			FROM syncline.connection c, syncline.connection own WHERE own.id = $1
			AND (c.id = own.id OR own.organization_id <> '' AND left(c.organization_id, 15) = left(own.organization_id, 15))
		), calls AS (
			SELECT coalesce(sum(a.calls), 0) AS all_day,
			       coalesce(sum(a.calls) FILTER (WHERE a.hour >= date_trunc('hour', clock_timestamp() - interval '1 hour', 'UTC')), 0) AS newest
			FROM syncline.api_call a JOIN org ON org.id = a.connection
			WHERE a.hour >= date_trunc('hour', clock_timestamp() - interval '24 hours', 'UTC')
		), usage AS (
			SELECT u.used, u.allowed, u.at FROM syncline.org_usage u JOIN org ON org.id = u.connection ORDER BY u.at DESC LIMIT 1
		)
		SELECT (SELECT min(nullif(daily, 0)) FROM org),
		       (SELECT max(CASE reserve WHEN 0 THEN $3::int WHEN -1 THEN 0 ELSE reserve END) FROM org),
		       calls.all_day::bigint + coalesce((SELECT sum(b.calls) FROM syncline.api_block b JOIN org ON org.id = b.connection
				WHERE b.ledger <> $2 AND b.at >= clock_timestamp() - interval '24 hours'), 0)::bigint,
		       (calls.newest / extract(epoch FROM clock_timestamp() - date_trunc('hour', clock_timestamp() - interval '1 hour', 'UTC')) * 3600)::float8,
		       coalesce((SELECT used FROM usage), 0), coalesce((SELECT allowed FROM usage), 0),
		       coalesce((SELECT at FROM usage), 'epoch')
		FROM calls WHERE EXISTS (SELECT FROM org)`, connection, ledger, budget.DefaultReserve).
		Scan(&daily, &s.Reserve, &s.Ours, &s.LastHour, &s.Org.Used, &s.Org.Max, &s.Org.At)
	if daily != nil {
		s.Daily = *daily
	}
	return s, explain("read how API calls stand", err)
}
