package reader

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// Phase is what is read of a mapping.
type Phase string

// The phases. A mapping goes from Load to Poll and comes back by
// [Reader.Restart].
const (
	Load Phase = "load"
	Poll Phase = "poll"
)

// Mark is how far a mapping has been read. A mapping that was never read has
// the zero mark with Phase Load.
type Mark struct {
	Phase Phase
	// Stamp is the moment, by the org's clock, from which on changes are not
	// read yet; Sweep that of the newest sweep.
	Stamp, Sweep time.Time
	// LastID is the Id up to which a load has come, "" before its first page.
	LastID string
	// Rows and Bytes have been loaded, of Total rows.
	Rows, Bytes, Total int64
	// LoadStarted is by the org's clock; LoadedAt and PolledAt by the target's.
	// Zero means never.
	LoadStarted, LoadedAt, PolledAt time.Time

	detail detail
}

// detail is what of a mark only the reader needs.
type detail struct {
	// Window is the place in a poll that is not through yet.
	Window *window `json:"window,omitempty"`
	// View is what of the object is mapped; see view.
	View string `json:"view,omitempty"`
	// LeftFrom is from where on changed records are still to be looked at that
	// may have left the filter; zero when that is done. Left is the place in it.
	LeftFrom time.Time `json:"left_from,omitzero"`
	Left     *window   `json:"left,omitempty"`
	// Deletes counts deletions since a moment, for the brake.
	Deletes deletes `json:"deletes,omitzero"`
	// SweptAt is when a sweep was last through, by the target's clock.
	SweptAt time.Time `json:"swept_at,omitzero"`
	// FullAt is when the last one went back by the whole overlap, Covered up to
	// when all was visible at the last one, by the org's clock, SweepRows what
	// has been read since, BusyAt when that was last more than a page.
	FullAt    time.Time `json:"full_at,omitzero"`
	Covered   time.Time `json:"covered,omitzero"`
	SweepRows int       `json:"sweep_rows,omitempty"`
	BusyAt    time.Time `json:"busy_at,omitzero"`
	// DeferredAt is when deferred records were last read again, by the target's
	// clock.
	DeferredAt time.Time `json:"deferred_at,omitzero"`
	// Short counts loads in a row that ended with rows missing.
	Short int `json:"short,omitempty"`
	// Bulk is the place in a load through a Bulk job.
	Bulk *bulkMark `json:"bulk,omitempty"`
	// Merged says that the load came into a table that had records: rows that it
	// does not bring are looked for at its end.
	Merged bool `json:"merged,omitempty"`
	// Stripped is set while the table is stripped for its first load.
	Stripped *strippedMark `json:"stripped,omitempty"`
	// Stretches is the place in a load by queries that was cut into several.
	Stretches *stretchesMark `json:"stretches,omitempty"`
	// Lost counts the load's Bulk jobs that were gone before they were read.
	Lost int `json:"lost,omitempty"`
	// REST says that Bulk API doesn't serve this load.
	REST bool `json:"rest,omitempty"`
}

// deletes are the rows that polls have removed within the last hour.
type deletes struct {
	Since time.Time `json:"since,omitzero"`
	Rows  int       `json:"rows,omitempty"`
}

// unfinished says whether the poll of a turn before has more to do.
func (d detail) unfinished() bool { return d.Window != nil || d.Left != nil }

// Marks reads the marks of all mappings of the connection that were ever read.
func (r *Reader) Marks(ctx context.Context) (map[uuid.UUID]Mark, error) {
	rows, err := r.db.Pool().Query(ctx, `
		SELECT mapping, phase, stamp, sweep, coalesce(last_id, ''), rows, bytes, coalesce(total, 0),
			load_started, loaded_at, polled_at, coalesce(detail::text, '{}')
		FROM _syncline.mark WHERE connection_id = $1`, r.connection)
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	marks := map[uuid.UUID]Mark{}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		id, m, err := scanMark(row)
		marks[id] = m
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	return marks, nil
}

func scanMark(row pgx.CollectableRow) (id uuid.UUID, m Mark, err error) {
	var text string
	times := []*time.Time{&m.Stamp, &m.Sweep, &m.LoadStarted, &m.LoadedAt, &m.PolledAt}
	moments := make([]*time.Time, len(times))
	err = row.Scan(&id, &m.Phase, &moments[0], &moments[1], &m.LastID, &m.Rows, &m.Bytes, &m.Total,
		&moments[2], &moments[3], &moments[4], &text)
	if err != nil {
		return id, m, err
	}
	for i, at := range times {
		if moments[i] != nil {
			*at = moments[i].UTC()
		}
	}
	if err := json.Unmarshal([]byte(text), &m.detail); err != nil {
		return id, m, fmt.Errorf("mark of %s: %w", id, err)
	}
	return id, m, nil
}

// mark reads one mark.
func (r *Reader) mark(ctx context.Context, t *mapping.Table) (Mark, error) {
	marks, err := r.Marks(ctx)
	if err != nil {
		return Mark{}, err
	}
	if m, ok := marks[t.Mapping.ID]; ok {
		return m, nil
	}
	return Mark{Phase: Load}, nil
}

// store writes a mark in the transaction that applied what it stands for (I8).
func (r *Reader) store(ctx context.Context, tx *target.Tx, t *mapping.Table, m Mark) error {
	text, err := json.Marshal(m.detail)
	if err != nil {
		return fmt.Errorf("render mark: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO _syncline.mark AS m (connection_id, mapping, phase, stamp, sweep, last_id, rows, bytes, total,
			load_started, loaded_at, polled_at, detail, updated_at)
		VALUES ($1, $2, $3, $4, $5, nullif($6::text, ''), $7, $8, $9, $10, $11, $12, $13::text::jsonb, clock_timestamp())
		ON CONFLICT (connection_id, mapping) DO UPDATE SET phase = excluded.phase, stamp = excluded.stamp,
			sweep = excluded.sweep, last_id = excluded.last_id, rows = excluded.rows, bytes = excluded.bytes,
			total = excluded.total, load_started = excluded.load_started, loaded_at = excluded.loaded_at,
			polled_at = excluded.polled_at, detail = excluded.detail, updated_at = excluded.updated_at`,
		r.connection, t.Mapping.ID, m.Phase, orNull(m.Stamp), orNull(m.Sweep), m.LastID, m.Rows, m.Bytes, m.Total,
		orNull(m.LoadStarted), orNull(m.LoadedAt), orNull(m.PolledAt), string(text))
	if err != nil {
		return fmt.Errorf("store mark: %w", err)
	}
	return nil
}

// Restart forgets how far a mapping was read: its next load reads everything
// again and merges it into the table. Rows that are gone in Salesforce and
// left no trace there stay.
func (r *Reader) Restart(ctx context.Context, fence target.Fence, t *mapping.Table) error {
	_, err := r.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM _syncline.mark WHERE connection_id = $1 AND mapping = $2`, r.connection, t.Mapping.ID)
		return err
	})
	if err != nil {
		return wrap(t, "restart the load", err)
	}
	return nil
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
