package reader

import (
	"context"
	"time"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// brakeSpan is the time within which deletions count as one run: an org that
// is being emptied is so in many polls.
const brakeSpan = time.Hour

// keepBack takes the deleted records out of the batch if, with those of the
// last hour, they are too many: their rows are noted as missing and wait for a
// person. The mark moves on, since nothing of them is lost.
func (p *poll) keepBack(ctx context.Context, tx *target.Tx, next *Mark) (*record.Batch, error) {
	ids := p.deleted()
	if len(ids) == 0 {
		return p.batch, nil
	}
	rows, err := p.applier.Versions(ctx, tx, ids)
	if err != nil || len(rows) == 0 {
		return p.batch, err
	}
	count := p.mark.detail.Deletes
	if p.began.Sub(count.Since) > brakeSpan {
		count = deletes{Since: p.began}
	}
	count.Rows += len(rows)
	answer, err := p.mayDelete(ctx, tx, present(ids, rows), count.Rows)
	if err != nil {
		return nil, err
	}
	switch answer {
	case brake.Held, brake.Discarded:
		return p.withoutDeleted(rows), nil
	case brake.Pass, brake.Released:
	}
	if next == nil {
		p.mark.detail.Deletes = count
	} else {
		next.detail.Deletes = count
	}
	return p.batch, nil
}

// deleted lists the Ids of the batch's deleted records.
func (p *poll) deleted() (ids []string) {
	if !all(p.table) {
		return nil
	}
	for i := range p.batch.Len() {
		if p.batch.Value(i, p.table.Layout.Deleted).Bool() {
			ids = append(ids, p.batch.Value(i, p.table.Layout.ID).String())
		}
	}
	return ids
}

// mayDelete asks the brake when the number within the hour is too great, or a
// hold is open. What may not go is noted.
func (p *poll) mayDelete(ctx context.Context, tx *target.Tx, gone []apply.Gone, inAnHour int) (brake.Answer, error) {
	_, open, err := p.r.brake.Open(ctx, tx, p.table.Mapping.ID, brake.Read)
	if err != nil {
		return brake.Held, err
	}
	if !open {
		if inAnHour <= p.r.limits.Rows {
			return brake.Pass, nil
		}
		var of int64
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+p.tableName()).Scan(&of); err != nil {
			return brake.Held, err
		}
		if !p.r.limits.Exceeded(int64(inAnHour), of+int64(inAnHour-len(gone))) {
			return brake.Pass, nil
		}
	}
	if err := p.r.noteMissing(ctx, tx, p, gone, 1); err != nil {
		return brake.Held, err
	}
	var sure int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM _syncline.missing WHERE connection_id = $1 AND mapping = $2 AND tries > 0`,
		p.r.connection, p.table.Mapping.ID).Scan(&sure)
	if err != nil {
		return brake.Held, err
	}
	answer, _, err := p.brakeIn(ctx, tx, sure, "more records than usual were deleted in Salesforce within an hour")
	return answer, err
}

// withoutDeleted is the batch without the records of these rows.
func (p *poll) withoutDeleted(rows map[string]string) *record.Batch {
	out := record.NewBatch(p.batch.Layout)
	out.Asked = p.batch.Asked
	for i := range p.batch.Len() {
		_, ok := rows[p.batch.Value(i, p.table.Layout.ID).String()]
		if !ok || !p.batch.Value(i, p.table.Layout.Deleted).Bool() {
			out.Append(p.batch.Row(i, nil))
		}
	}
	return out
}
