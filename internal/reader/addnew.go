package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// errOver says that the turn is over before the indexes are built.
var errOver = errors.New("the turn is over")

// matchFromHere gives the table its indexes, by which records are matched.
func (l *load) matchFromHere(ctx context.Context, more func() bool) error {
	dressed, err := l.dress(ctx, more)
	if err == nil && !dressed {
		return errOver
	}
	return err
}

// takeNew adds a page to a stripped table.
func (l *load) takeNew(ctx context.Context, b *record.Batch, next Mark, more func() bool) error {
	given := false
	once := func() *record.Batch {
		if given {
			return nil
		}
		given = true
		return b
	}
	err := l.addNew(ctx, once, func() (int64, Mark) { return int64(b.Len()), next })
	if err == nil {
		l.report(b.Len(), b.Size(), apply.Result{Inserted: b.Len()})
		return nil
	}
	if apply.Refused(err) {
		err = l.addCarefully(ctx, b, next)
	}
	if !errors.Is(err, errFilled) {
		return err
	}
	if err := l.matchFromHere(ctx, more); err != nil {
		return err
	}
	next.detail.Stripped = nil
	return l.commit(ctx, b, next)
}

// addNew adds records to a stripped table by one COPY and moves the mark, in
// one transaction (I8). rows gives batches until it gives nil; then done is asked
// for the number of their records and the mark. Nothing is done on any error; [errFilled] and those
// for which [apply.Refused] is true have another way.
func (l *load) addNew(ctx context.Context, rows func() *record.Batch, done func() (int64, Mark)) error {
	var next Mark
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		before, err := l.unshared(ctx, tx)
		if err != nil {
			return err
		}
		n, err := l.applier.CopyNew(ctx, tx, rows)
		if err != nil {
			return err
		}
		after, err := l.ids(ctx, tx)
		if err != nil {
			return err
		}
		var sent int64
		sent, next = done()
		switch {
		case n != sent:
			return fmt.Errorf("%d rows were sent and %d came into the table", sent, n)
		case after-before != n:
			return errFilled
		}
		next.detail.Stripped = &strippedMark{IDs: after}
		if err := l.r.store(ctx, tx, l.table, next); err != nil {
			return err
		}
		crash.Point(crash.ReaderLoadAfterPageBeforeCommit)
		return nil
	})
	if err != nil {
		return err
	}
	crash.Point(crash.ReaderLoadAfterCommit)
	l.mark = next
	return nil
}

// addCarefully adds a batch to a stripped table, sets aside what the database
// refuses, and moves the mark.
func (l *load) addCarefully(ctx context.Context, b *record.Batch, next Mark) error {
	var res apply.Result
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		if err = l.lockOut(ctx, tx); err != nil {
			return err
		}
		if res, err = l.applier.AddNew(ctx, tx, b); err != nil {
			return fmt.Errorf("add a page: %w", err)
		}
		ids, err := l.ids(ctx, tx)
		if err != nil {
			return err
		}
		next.detail.Stripped = &strippedMark{IDs: ids}
		return l.r.store(ctx, tx, l.table, next)
	})
	if err != nil {
		return err
	}
	l.mark = next
	l.report(b.Len(), b.Size(), res)
	return nil
}
