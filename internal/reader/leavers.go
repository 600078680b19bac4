package reader

import (
	"context"
	"fmt"
	"slices"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// stampLayout is that of changedQuery, idLayout that of idsQuery.
func stampLayout(stamp string) *record.Layout {
	return record.NewLayout([]record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}},
		{Field: stamp, Name: "stamp", Type: record.Type{Kind: record.Timestamp}},
	})
}

func idLayout() *record.Layout {
	return record.NewLayout([]record.Column{{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}}})
}

// leavers finds the rows whose record has changed and meets the filter no
// longer. It lists all that was changed in the poll's window; what of it has a
// row and did not come is asked for by Id, with the filter, and if it does not
// come then either, the row goes.
func (p *poll) leavers(ctx context.Context, o PollOptions, anew bool) error {
	if p.seen == nil || stamp(p.table) == "" {
		return nil // without a stamp, comparing all Ids finds them
	}
	w := window{From: p.mark.detail.LeftFrom}
	if p.mark.detail.Left != nil {
		w = *p.mark.detail.Left
	}
	list, batch := p.r.pages(p.table), record.NewBatch(stampLayout(stamp(p.table)))
	for done := false; !done; {
		if list.started && !o.more() {
			return nil
		}
		var err error
		done, err = list.fetch(ctx, batch, changedQuery(p.table, w), all(p.table))
		if list.started && salesforce.CursorExpired(err) {
			list.begin()
			done = false
			continue
		}
		if err != nil {
			return fmt.Errorf("list what has changed: %w", err)
		}
		if err := p.left(ctx, batch); err != nil {
			return err
		}
		if batch.Len() > 0 {
			w.ID, w.From = last(batch)
		}
		if err := p.storeLeft(ctx, w, done); err != nil {
			return err
		}
	}
	if anew {
		return nil
	}
	m, err := p.r.missing(ctx, p)
	if err != nil {
		return err
	}
	return p.settle(ctx, m, "")
}

// left asks by Id for those of the listed records that did not come.
func (p *poll) left(ctx context.Context, list *record.Batch) error {
	var ids []string
	for i := range list.Len() {
		if id := list.Value(i, list.Layout.ID).String(); !p.seen[id] {
			ids = append(ids, id)
		}
	}
	rows, err := p.versions(ctx, ids)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { _, ok := rows[id]; return !ok })
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		if err := p.readByID(ctx, chunk, 1); err != nil {
			return fmt.Errorf("look for records that may have left the filter: %w", err)
		}
	}
	return nil
}

// storeLeft moves the place of the look for rows that left the filter.
func (p *poll) storeLeft(ctx context.Context, w window, done bool) error {
	next := p.mark
	next.detail.Left = &w
	if done {
		next.detail.Left, next.detail.LeftFrom = nil, next.Stamp
	}
	_, err := p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return p.r.store(ctx, tx, p.table, next)
	})
	if err == nil {
		p.mark = next
	}
	return err
}
