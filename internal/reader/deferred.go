package reader

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// idsPerQuery keeps the URL of a query by Id short.
const idsPerQuery = 200

// deferred lists records that were left out, oldest first, and says since when
// the newest of all has been.
func (r *Reader) deferred(ctx context.Context, t *mapping.Table) (ids []string, newest time.Time, err error) {
	rows, err := r.db.Pool().Query(ctx, `SELECT sfid, max(since) OVER () FROM _syncline.deferred
		WHERE connection_id = $1 AND mapping = $2 ORDER BY since, sfid LIMIT $3`,
		r.connection, t.Mapping.ID, r.settings.DeferredPerPoll)
	if err != nil {
		return nil, newest, fmt.Errorf("list deferred records: %w", err)
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id, &newest}, func() error {
		ids = append(ids, id)
		return nil
	})
	if err != nil {
		return nil, newest, fmt.Errorf("list deferred records: %w", err)
	}
	return ids, newest, nil
}

// maxDeferredWait bounds the pause between two readings of deferred records.
const maxDeferredWait = 30 * time.Second

// refused lists records that the database did not take and that are due to be
// tried again.
func (r *Reader) refused(ctx context.Context, t *mapping.Table) ([]string, error) {
	rows, err := r.db.Pool().Query(ctx, `SELECT sfid FROM _syncline.read_error
		WHERE connection_id = $1 AND mapping = $2 AND sfid IS NOT NULL AND next_at <= clock_timestamp()
		ORDER BY next_at, sfid LIMIT $3`, r.connection, t.Mapping.ID, r.settings.DeferredPerPoll)
	if err != nil {
		return nil, fmt.Errorf("list refused records: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list refused records: %w", err)
	}
	return ids, nil
}

// again reads records by Id that could not be applied. Deferred ones that have
// waited for long are not asked for in every poll: each time is a call.
func (p *poll) again(ctx context.Context) error {
	ids, newest, err := p.r.deferred(ctx, p.table)
	if err != nil {
		return err
	}
	wait := min(p.began.Sub(newest)/4, maxDeferredWait)
	if p.began.Sub(p.mark.detail.DeferredAt) < wait {
		ids = nil
	}
	refused, err := p.r.refused(ctx, p.table)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		p.mark.detail.DeferredAt = p.began
	}
	ids = slices.Compact(slices.Sorted(slices.Values(append(ids, refused...))))
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		if err := p.readByID(ctx, chunk, 0); err != nil {
			return fmt.Errorf("read records again that could not be applied: %w", err)
		}
	}
	return nil
}

// readByID reads records and applies them. Those that are not found, and have a
// row, are noted as missing, as if they had been looked for so often before.
func (p *poll) readByID(ctx context.Context, ids []string, tries int) error {
	before, err := p.versions(ctx, ids)
	if err != nil {
		return err
	}
	p.begin()
	for done := false; !done; {
		if done, err = p.fetch(ctx, p.batch, byIDQuery(p.table, ids), all(p.table)); err != nil {
			return err
		}
		for i := range p.batch.Len() {
			came := p.batch.Value(i, p.table.Layout.ID).String()
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == came })
		}
		gone := ids
		if !done {
			gone = nil
		}
		err = p.commit(ctx, nil, func(ctx context.Context, tx *target.Tx, _ apply.Result) error {
			return p.forget(ctx, tx, gone, before, tries)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// versions are those of the rows before their records are looked for.
func (p *poll) versions(ctx context.Context, ids []string) (out map[string]string, err error) {
	err = p.r.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out, err = p.applier.Versions(ctx, tx, ids)
		return err
	})
	return out, err
}

// forget drops records that are not in Salesforce any more: nothing of them can
// be applied. Their rows are missing their record.
func (p *poll) forget(ctx context.Context, tx *target.Tx, ids []string, before map[string]string, tries int) error {
	gone := present(ids, before)
	if err := p.r.noteMissing(ctx, tx, p, gone, tries); err != nil {
		return err
	}
	for _, g := range gone {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == g.Sfid })
	}
	if err := apply.Settled(ctx, tx, p.r.connection, p.table.Mapping.ID, ids); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM _syncline.deferred d USING _syncline.missing m
		WHERE d.connection_id = $1 AND d.mapping = $2 AND (m.connection_id, m.mapping, m.sfid) = ($1, $2, d.sfid)`,
		p.r.connection, p.table.Mapping.ID)
	if err != nil {
		return fmt.Errorf("forget deferred records: %w", err)
	}
	return nil
}
