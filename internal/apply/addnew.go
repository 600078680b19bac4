package apply

import (
	"context"
	"fmt"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// CopyNew adds records to a table that is known to have none of them, in one
// COPY, batch after batch until next gives nil; it returns how many. They are in
// sync, and say so themselves: the table is stripped of the trigger that would,
// and its default would be worked out for each row. What it adds is not matched, so the caller answers
// for it: a first load into a table that nobody else fills. Of an error for
// which [Refused] is true nothing but the transaction is lost, and
// [Applier.AddNew] finds the record.
func (a *Applier) CopyNew(ctx context.Context, tx *target.Tx, next func() *record.Batch) (int64, error) {
	rows := record.NewStream(next, record.TextValue("SYNCED"))
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, inCopy{rows}, a.sql.copyNew)
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", a.table.Name, err)
	}
	return tag.RowsAffected(), nil
}

// Refused says of an error of [Applier.CopyNew] that it is a row that the
// database does not take.
func Refused(err error) bool {
	class := target.Classify(err)
	return class == target.Value || class == target.Schema || isClash(err) || isRefusal(err)
}

// AddNew is [Applier.CopyNew] of one batch that passes over what the database
// refuses, and notes it.
func (a *Applier) AddNew(ctx context.Context, tx *target.Tx, b *record.Batch) (Result, error) {
	ok, err := a.copyDirect(ctx, tx, b)
	if err != nil || ok {
		return Result{Inserted: b.Len()}, err
	}
	p := &plan{}
	for i := range b.Len() {
		p.insert = append(p.insert, staged{values: b.Row(i, nil)})
	}
	return a.carryOut(ctx, tx, b, p)
}
