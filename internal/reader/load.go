package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// Progress is how far a load has come.
type Progress struct {
	Mapping uuid.UUID
	Object  string
	// Rows have been read and committed, of Total; Bytes is the size of their
	// values.
	Rows, Total, Bytes int64
	// Index is the index that is being built once all rows are in; "" before.
	Index string
}

// maxShort is how often in a row the last stretch of a load is read again
// before the trouble is told: records may be deleted while they are read.
const maxShort = 3

// Load reads all records of a mapped object, from where the mark stands, and
// returns done when there are no more: the mapping is in phase Poll then. A
// large object is read through a Bulk job, a small one by queries in the order
// of Ids.
//
// It asks for no new page after until, which is compared with time.Now; the next
// call goes on behind what is committed. Progress, if not nil, is called
// after each commit. An error is a [*MappingError].
//
// The table must be there. Marks are read after the fence was raised.
func (r *Reader) Load(ctx context.Context, fence target.Fence, t *mapping.Table, until time.Time, progress func(Progress)) (done bool, err error) {
	return r.LoadWhile(ctx, fence, t, func() bool { return time.Now().Before(until) }, progress)
}

// LoadWhile is Load until more says no. It asks before each page.
func (r *Reader) LoadWhile(ctx context.Context, fence target.Fence, t *mapping.Table, more func() bool, progress func(Progress)) (done bool, err error) {
	ctx = salesforce.WithUse(ctx, t.Object, "load")
	l, err := r.resume(ctx, fence, t, progress)
	if err != nil {
		return false, wrap(t, "load", err)
	}
	if l.mark.Phase == Poll {
		return true, nil
	}
	if err := l.choose(ctx, more); err != nil {
		return false, wrap(t, "load", err)
	}
	return l.mark.Phase == Poll, nil
}

// Dress gives the table of a load that will not go on for now, since it is
// paused, its indexes and its status trigger back. The rest of the load is
// matched row by row.
func (r *Reader) Dress(ctx context.Context, fence target.Fence, t *mapping.Table, progress func(Progress)) error {
	l, err := r.resume(ctx, fence, t, progress)
	if err == nil && l.mark.Phase == Load {
		_, err = l.dress(ctx, func() bool { return true })
	}
	if err != nil {
		return wrap(t, "build the indexes of a load that is paused", err)
	}
	return nil
}

// resume takes a load up where its mark stands.
func (r *Reader) resume(ctx context.Context, fence target.Fence, t *mapping.Table, progress func(Progress)) (*load, error) {
	m, err := r.mark(ctx, t)
	if err != nil {
		return nil, err
	}
	l := &load{
		pages: r.pages(t), fence: fence, mark: m, from: m,
		applier: apply.New(r.connection, r.schema, t), progress: progress,
	}
	if m.Phase == Poll {
		return l, nil
	}
	return l, l.lookAtTable(ctx)
}

// load is one turn of a load.
type load struct {
	*pages
	fence    target.Fence
	applier  *apply.Applier
	mark     Mark
	from     Mark // the mark with which the query began
	progress func(Progress)
	sequence string // of id; see ids
}

// page is one page of a load, or what came instead.
type page struct {
	batch *record.Batch
	done  bool
	err   error
}

// run applies page after page; while one is being applied the next is on its
// way, into another batch.
func (l *load) run(ctx context.Context, more func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch, spare := record.NewBatch(l.table.Layout), record.NewBatch(l.table.Layout)
	var ahead chan page
	for l.mark.Phase == Load {
		if l.mark.detail.Stretches != nil {
			return l.runStretches(ctx, more)
		}
		var p page
		switch {
		case ahead != nil:
			p, ahead = <-ahead, nil
		case l.started && !more():
			return nil
		default:
			p = l.page(ctx, batch)
		}
		if p.err != nil {
			if again, err := l.startOver(ctx, p.err, more); err != nil || !again {
				return err
			}
			continue
		}
		batch, spare = spare, p.batch
		wide := !p.done && l.r.settings.QueryStreams > 1 && l.total-l.read >= 2*pagesPerStretch*p.batch.Len()
		if !p.done && !wide && more() {
			ahead = make(chan page, 1)
			go func(b *record.Batch) { ahead <- l.page(ctx, b) }(batch)
		}
		goOn, err := l.take(ctx, p, more)
		if err == nil && goOn && wide {
			err = l.cut(ctx, p.batch.Len())
		}
		if err != nil || !goOn {
			cancel()
			if ahead != nil {
				<-ahead
			}
			return err
		}
	}
	return nil
}

func (l *load) page(ctx context.Context, b *record.Batch) page {
	done, err := l.fetch(ctx, b, loadQuery(l.table, l.from.LastID), loadAll(l.table))
	return page{b, done, err}
}

// startOver makes a new query where that helps: behind the last page, if the
// org forgot the cursor; from where the query began, if records were missing.
// again is false if the turn is over before that.
func (l *load) startOver(ctx context.Context, err error, more func() bool) (again bool, _ error) {
	if l.started && salesforce.CursorExpired(err) {
		l.from = l.mark
		l.begin()
		return true, nil
	}
	if _, ok := errors.AsType[*ShortError](err); !ok {
		return false, err
	}
	// Rows that are there already will come again.
	if dressed, err := l.dress(ctx, more); err != nil || !dressed {
		return false, err
	}
	l.from.detail.Stripped = nil
	short := l.mark.detail.Short + 1
	l.mark = l.from
	l.mark.detail.Short = short % maxShort
	_, writeErr := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return l.r.store(ctx, tx, l.table, l.mark)
	})
	if writeErr != nil || short >= maxShort {
		return false, errors.Join(err, writeErr)
	}
	l.from = l.mark
	l.begin()
	return true, nil
}

// take applies the page and moves the mark, in one transaction (I8). An empty
// table that many records come to is stripped before. It returns false if the
// turn is over before all is done.
func (l *load) take(ctx context.Context, p page, more func() bool) (bool, error) {
	if l.mark.Rows == 0 && l.mark.LastID == "" && !p.done && l.total >= l.r.settings.StripFrom {
		if err := l.stripFirst(ctx); err != nil {
			return false, err
		}
	}
	next := l.advance(p)
	if l.mark.detail.Stripped == nil && p.done {
		return true, l.commit(ctx, p.batch, next.loaded())
	}
	if goOn, err := l.put(ctx, p.batch, next, more); err != nil || !goOn || !p.done {
		return goOn, err
	}
	if dressed, err := l.dress(ctx, more); err != nil || !dressed {
		return false, err
	}
	return true, l.commit(ctx, nil, l.mark.loaded())
}

// put applies a page in the way that the table is in. It returns false if the
// turn is over before that is done.
func (l *load) put(ctx context.Context, b *record.Batch, next Mark, more func() bool) (bool, error) {
	switch {
	case l.mark.detail.Stripped == nil:
		return true, l.commit(ctx, b, next)
	case b.Len() == 0:
		return true, l.storeMark(ctx, next)
	}
	err := l.takeNew(ctx, b, next, more)
	if errors.Is(err, errOver) {
		return false, nil
	}
	return err == nil, err
}

// commit applies a batch, which may be nil, and stores the mark that it leads
// to, in one transaction (I8).
func (l *load) commit(ctx context.Context, b *record.Batch, next Mark) error {
	var res apply.Result
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		if b != nil {
			if res, err = l.applier.Apply(ctx, tx, b); err != nil {
				return fmt.Errorf("apply a page: %w", err)
			}
		}
		if next.Phase == Poll {
			if err := l.end(ctx, tx, &next); err != nil {
				return err
			}
		}
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
	if b != nil {
		l.report(b.Len(), b.Size(), res)
	} else {
		l.tell("")
	}
	return nil
}

// report tells of a commit.
func (l *load) report(rows, bytes int, res apply.Result) {
	l.r.observe(Observation{
		Mapping: l.table.Mapping.ID, Object: l.table.Object, Load: true,
		Rows: rows, Bytes: bytes, Result: res,
	})
	l.tell("")
}

// tell shows how far the load has come.
func (l *load) tell(index string) {
	if l.progress != nil {
		l.progress(Progress{
			Mapping: l.table.Mapping.ID, Object: l.table.Object, Rows: l.mark.Rows, Total: l.mark.Total, Bytes: l.mark.Bytes, Index: index,
		})
	}
}

// advance is the mark once the page is applied; the last one ends the load.
func (l *load) advance(p page) Mark {
	m := l.mark
	if m.LoadStarted.IsZero() {
		m.LoadStarted, m.detail.View = l.asOf, view(l.table)
	}
	m.Rows += int64(p.batch.Len())
	m.Bytes += int64(p.batch.Size())
	m.Total = l.from.Rows + int64(l.total)
	if p.batch.Len() > 0 {
		m.LastID, _ = last(p.batch)
	}
	return m
}

// loaded is the mark of a load that is through: polling begins with what was
// changed since it started.
func (m Mark) loaded() Mark {
	m.Phase, m.LastID, m.detail = Poll, "", detail{View: m.detail.View}
	m.Stamp, m.Sweep = m.LoadStarted, m.LoadStarted
	return m
}
