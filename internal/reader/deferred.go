package reader

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// idsPerQuery keeps the URL of a query by Id short.
const idsPerQuery = 200

// deferred lists records that were left out, oldest first.
func (r *Reader) deferred(ctx context.Context, t *mapping.Table) ([]string, error) {
	rows, err := r.db.Pool().Query(ctx, `SELECT sfid FROM _syncline.deferred
		WHERE connection_id = $1 AND mapping = $2 ORDER BY since, sfid LIMIT $3`,
		r.connection, t.Mapping.ID, r.settings.DeferredPerPoll)
	if err != nil {
		return nil, fmt.Errorf("list deferred records: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list deferred records: %w", err)
	}
	return ids, nil
}

// again reads deferred records by Id and applies them.
func (p *poll) again(ctx context.Context) error {
	ids, err := p.r.deferred(ctx, p.table)
	if err != nil {
		return err
	}
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
