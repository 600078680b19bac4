package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
)

// Drift is one difference of the drift log.
type Drift struct {
	ID      int64     `json:"id,omitempty"`
	Mapping uuid.UUID `json:"mapping"`
	Kind    Kind      `json:"kind"`
	// Sfid and Row name the record and the row, "" and 0 where there is none.
	Sfid string `json:"sfid,omitempty"`
	Row  int32  `json:"row,omitempty"`
	// Columns differ, by their names in Postgres. Values are not kept.
	Columns []string `json:"columns,omitempty"`
	Cause   Cause    `json:"cause,omitempty"`
	// Found is when a proof first saw it, Seen when one last did.
	Found time.Time `json:"found,omitzero"`
	Seen  time.Time `json:"seen,omitzero"`
	// Repair is the side that a repair was asked to take it from, "" if none
	// was.
	Repair Side `json:"repair,omitempty"`
	// Settled is when it was found to be gone, zero as long as it is open; How
	// says by what.
	Settled time.Time `json:"settled,omitzero"`
	How     string    `json:"how,omitempty"`
}

func driftOf(s Sample, t *mapping.Table) Drift {
	d := Drift{Mapping: t.Mapping.ID, Kind: s.Kind, Sfid: s.Sfid, Row: s.ID, Cause: s.Cause}
	for _, f := range s.Fields {
		if i := t.Layout.ByField(f.Field); i >= 0 {
			d.Columns = append(d.Columns, t.Columns[i].Name)
		}
	}
	return d
}

// recallOpen has the differences that the log has open looked at again.
func (p *Place) recallOpen(ctx context.Context, c Config, limit int) error {
	rows, err := c.DB.Pool().Query(ctx, `SELECT id, coalesce(sfid, ''), coalesce(record_id, 0) FROM _syncline.drift
		WHERE connection_id = $1 AND mapping = $2 AND settled_at IS NULL ORDER BY id LIMIT $3`,
		c.Connection.ID, p.Report.Mapping, limit)
	if err != nil {
		return fmt.Errorf("read open differences: %w", err)
	}
	var d doubt
	_, err = pgx.ForEachRow(rows, []any{&p.Recalled, &d.Sfid, &d.ID}, func() error {
		d.Known = true
		p.Doubts = append(p.Doubts, d)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read open differences: %w", err)
	}
	return nil
}

// Note writes what a proof that is over has found into the drift log, settles
// what it found to be gone, and keeps its outcome. tx is the caller's, so that
// a turn does it under its fence.
func Note(ctx context.Context, tx pgx.Tx, connection uuid.UUID, p *Place) error {
	if err := noteDrift(ctx, tx, connection, p); err != nil {
		return fmt.Errorf("write the drift log: %w", err)
	}
	if err := noteOutcome(ctx, tx, connection, p); err != nil {
		return fmt.Errorf("keep the outcome of a proof: %w", err)
	}
	return nil
}

// driftKept is how long differences that are settled stay in the log.
const driftKept = 92 * 24 * time.Hour

func noteDrift(ctx context.Context, tx pgx.Tx, connection uuid.UUID, p *Place) error {
	batch := &pgx.Batch{}
	seen := time.Now().Truncate(time.Microsecond)
	for _, d := range p.Drift {
		columns := d.Columns
		if columns == nil {
			columns = []string{}
		}
		batch.Queue(`INSERT INTO _syncline.drift AS d (connection_id, mapping, sfid, record_id, kind, columns, cause, found_at, seen_at)
			VALUES ($1, $2, nullif($3, ''), nullif($4, 0), $5, $6, $7, $8, $8)
			ON CONFLICT (connection_id, mapping, (coalesce(sfid, record_id::text))) WHERE settled_at IS NULL
			DO UPDATE SET kind = excluded.kind, record_id = excluded.record_id, columns = excluded.columns, cause = excluded.cause, seen_at = excluded.seen_at`,
			connection, d.Mapping, d.Sfid, d.Row, string(d.Kind), columns, string(d.Cause), seen)
	}
	for _, d := range p.Waiting {
		batch.Queue(`UPDATE _syncline.drift SET seen_at = $3 WHERE connection_id = $1 AND mapping = $2 AND settled_at IS NULL
			AND coalesce(sfid, record_id::text) = coalesce(nullif($4, ''), $5::int::text)`, connection, p.Report.Mapping, seen, d.Sfid, d.ID)
	}
	// What was looked at again and is in neither list is gone.
	batch.Queue(`UPDATE _syncline.drift SET settled_at = $3,
			how = CASE WHEN repair = '' THEN 'equal again' ELSE 'repaired from ' || repair END
		WHERE connection_id = $1 AND mapping = $2 AND settled_at IS NULL AND seen_at <> $3 AND id <= $4`,
		connection, p.Report.Mapping, seen, p.Recalled)
	batch.Queue(`DELETE FROM _syncline.drift WHERE connection_id = $1 AND mapping = $2 AND settled_at < $3`,
		connection, p.Report.Mapping, seen.Add(-driftKept))
	return tx.SendBatch(ctx, batch).Close()
}

func noteOutcome(ctx context.Context, tx pgx.Tx, connection uuid.UUID, p *Place) error {
	r := &p.Report
	_, err := tx.Exec(ctx, `
		INSERT INTO _syncline.proof (connection_id, mapping, proof, began_at, ended_at, equal, rows, pending, failed_writes, differences, calls)
		VALUES ($1, $2, $3, $4, clock_timestamp(), $5, $6, $7, $8, $9, $10)
		ON CONFLICT (connection_id, mapping, proof) DO UPDATE SET began_at = excluded.began_at, ended_at = excluded.ended_at,
			equal = excluded.equal, rows = excluded.rows, pending = excluded.pending, failed_writes = excluded.failed_writes,
			differences = excluded.differences, calls = excluded.calls, place = NULL, seen = NULL`,
		connection, r.Mapping, string(p.Proof), p.Began, r.Differences.Sum() == 0 && r.Duplicates == 0,
		r.RowsSalesforce, r.Pending, r.FailedWrites, r.Differences.Sum()+r.Duplicates, p.Calls)
	return err
}

// Outcome is how the last proof of a kind ended.
type Outcome struct {
	Mapping uuid.UUID `json:"mapping"`
	Proof   Proof     `json:"proof"`
	// Began is the moment of which it speaks: what was equal then.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	Equal bool      `json:"equal"`
	// Rows of the org were proved; Pending and FailedWrites are no differences.
	Rows         int64 `json:"rows"`
	Pending      int64 `json:"pending"`
	FailedWrites int64 `json:"failed_writes"`
	Differences  int64 `json:"differences"`
	Calls        int64 `json:"calls"`
}

// Querier runs a query: a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Outcomes are the last proofs of a connection's mappings.
func Outcomes(ctx context.Context, q Querier, connection uuid.UUID) ([]Outcome, error) {
	rows, err := q.Query(ctx, `SELECT mapping, proof, began_at, ended_at, equal, rows, pending, failed_writes, differences, calls
		FROM _syncline.proof WHERE connection_id = $1 AND ended_at IS NOT NULL ORDER BY mapping, proof`, connection)
	if err != nil {
		return nil, fmt.Errorf("read the outcomes of proofs: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Outcome])
	if err != nil {
		return nil, fmt.Errorf("read the outcomes of proofs: %w", err)
	}
	return out, nil
}

// DriftFilter chooses differences of the log.
type DriftFilter struct {
	// Mapping is uuid.Nil for all.
	Mapping uuid.UUID
	// Settled ones too, not only those that are open.
	Settled bool
	// Before is the id below which they are wanted, 0 for the newest.
	Before int64
	Limit  int
}

// Log lists differences, the newest first.
func Log(ctx context.Context, q Querier, connection uuid.UUID, f DriftFilter) ([]Drift, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	rows, err := q.Query(ctx, `SELECT id, mapping, kind, coalesce(sfid, ''), coalesce(record_id, 0), coalesce(columns, '{}'), cause,
			found_at, seen_at, repair, coalesce(settled_at, '0001-01-01 00:00:00+00'), coalesce(how, '')
		FROM _syncline.drift WHERE connection_id = $1 AND ($2 = '00000000-0000-0000-0000-000000000000'::uuid OR mapping = $2)
		AND ($3 OR settled_at IS NULL) AND ($4 = 0 OR id < $4) ORDER BY id DESC LIMIT $5`,
		connection, f.Mapping, f.Settled, f.Before, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("read the drift log: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Drift])
	if err != nil {
		return nil, fmt.Errorf("read the drift log: %w", err)
	}
	return out, nil
}
