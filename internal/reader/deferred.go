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

// again reads deferred records by Id and applies them. Those that have waited
// for long are not asked for in every poll: each time is a call.
func (p *poll) again(ctx context.Context) error {
	ids, newest, err := p.r.deferred(ctx, p.table)
	if err != nil {
		return err
	}
	wait := min(p.began.Sub(newest)/4, maxDeferredWait)
	if len(ids) == 0 || p.began.Sub(p.mark.detail.DeferredAt) < wait {
		return nil
	}
	p.mark.detail.DeferredAt = p.began
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		if err := p.readByID(ctx, chunk); err != nil {
			return fmt.Errorf("read deferred records again: %w", err)
		}
	}
	return nil
}

func (p *poll) readByID(ctx context.Context, ids []string) error {
	p.begin()
	for done := false; !done; {
		var err error
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
		err = p.commit(ctx, func(ctx context.Context, tx *target.Tx, _ apply.Result) error {
			return p.forget(ctx, tx, gone)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops deferred records that are not in Salesforce any more.
func (p *poll) forget(ctx context.Context, tx *target.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM _syncline.deferred WHERE connection_id = $1 AND mapping = $2 AND sfid = ANY($3::text[])`,
		p.r.connection, p.table.Mapping.ID, ids)
	if err != nil {
		return fmt.Errorf("forget deferred records: %w", err)
	}
	return nil
}
