package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// maxLost is how many Bulk jobs of one load may be gone before they were read;
// then it goes by queries.
const maxLost = 2

// bulkMark is the place in a load through a Bulk job.
type bulkMark struct {
	Job string `json:"job"`
	// Asked is when, by the target's clock, the job was created.
	Asked time.Time `json:"asked"`
	// Records are those of the whole result, known once the job is complete.
	Records int `json:"records,omitempty"`
	// Listed says that the first list of pages was read, Next is where the
	// following one is, "" behind the last.
	Listed bool   `json:"listed,omitempty"`
	Next   string `json:"next,omitempty"`
	// Pages are those that were listed and are not through.
	Pages []pageMark `json:"pages,omitempty"`
}

// pageMark is the place in a page: so many of its rows are applied.
type pageMark struct {
	Link string `json:"link"`
	Rows int    `json:"rows,omitempty"`
}

// clone copies the mark, so that a transaction that fails leaves it as it was.
func (b *bulkMark) clone() *bulkMark {
	out := *b
	out.Pages = slices.Clone(b.Pages)
	return &out
}

// choose loads by the API that fits, and by the other if that one refuses.
func (l *load) choose(ctx context.Context, more func() bool) error {
	for l.mark.Phase == Load {
		yes, err := l.wantsBulk(ctx)
		if err != nil {
			return err
		}
		if l.mark.detail.Stripped != nil && l.mark.detail.Bulk == nil && l.mark.LastID == "" {
			// Rows of a job that is gone are there, and will come again.
			if dressed, err := l.dress(ctx, more); err != nil || !dressed {
				return err
			}
		}
		if !yes {
			return l.run(ctx, more)
		}
		b := newBulkLoad(l)
		if again, err := b.run(ctx, more); err != nil || !again {
			return err
		}
	}
	return nil
}

// wantsBulk says whether the load goes through a Bulk job. It is decided where
// a load begins and holds to its end.
func (l *load) wantsBulk(ctx context.Context) (bool, error) {
	m := &l.mark
	if l.r.bulk == nil && m.detail.Bulk != nil {
		l.abandon(m)
	}
	switch {
	case m.detail.Bulk != nil:
		return true, nil
	case l.r.bulk == nil, l.r.settings.BulkFrom < 0, m.detail.REST, m.LastID != "":
		return false, nil
	}
	n, err := l.r.bulk.RecordCount(ctx, l.table.Object)
	if err != nil {
		if c := salesforce.ClassOf(err); c == salesforce.AskPerson || c == salesforce.Redescribe {
			l.r.log.WarnContext(ctx, "records not counted, loading by queries", "object", l.table.Object, "error", err)
			return false, nil
		}
		return false, fmt.Errorf("count records: %w", err)
	}
	return n >= l.r.settings.BulkFrom, nil
}

// abandon forgets the job. What was applied stays and is merged with what the
// next way brings; the load keeps the moment at which it started.
func (l *load) abandon(m *Mark) {
	m.detail.Bulk, m.Rows, m.Bytes, m.Total = nil, 0, 0, 0
	l.from = *m
}

// bulkLoad is one turn of a load through a Bulk job.
type bulkLoad struct {
	*load
	bulk Bulk
	// shorts counts pages of this turn that were not whole.
	shorts int
}

func newBulkLoad(l *load) *bulkLoad { return &bulkLoad{load: l, bulk: l.r.bulk} }

// run goes on with the job, from wherever it stands. again says that the load
// has to go another way: by a new job, or by queries.
func (l *bulkLoad) run(ctx context.Context, more func() bool) (again bool, err error) {
	if l.mark.detail.Bulk == nil {
		if err := l.create(ctx); bulk.Refused(err) {
			l.r.log.InfoContext(ctx, "Bulk API does not take the query, loading by queries", "object", l.table.Object, "error", err)
			l.mark.detail.REST = true // stored with the first page
			l.from = l.mark
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	err = l.proceed(ctx, more)
	_, failed := errors.AsType[*bulk.JobError](err)
	_, short := errors.AsType[*ShortError](err)
	switch {
	case failed || bulk.Gone(err):
		return true, l.leave(ctx, err)
	case short:
		return true, l.readAgain(ctx, err)
	}
	return false, err
}

// create starts the job and notes it, so that whoever comes next goes on with
// it.
func (l *bulkLoad) create(ctx context.Context) error {
	asked, err := l.r.db.Now(ctx)
	if err != nil {
		return err
	}
	sent := time.Now()
	job, err := l.bulk.Create(ctx, bulkQuery(l.table, ""), loadAll(l.table))
	if err != nil {
		return err
	}
	if job.Date.IsZero() {
		return errNoDate
	}
	next := l.mark
	if next.LoadStarted.IsZero() {
		// The Date has whole seconds and was set after the request was sent.
		next.LoadStarted, next.detail.View = job.Date.Add(-time.Since(sent)-time.Second), view(l.table)
	}
	next.detail.Bulk = &bulkMark{Job: job.ID, Asked: asked}
	return l.beginJob(ctx, next)
}

// leave gives up a job that brought no results: one that is gone is replaced
// by another, and after that, or where the job failed, queries follow.
func (l *bulkLoad) leave(ctx context.Context, cause error) error {
	next := l.mark
	l.r.log.WarnContext(ctx, "a Bulk job could not be read, the load starts anew", "object", l.table.Object, "error", cause)
	next.detail.Lost++
	e, failed := errors.AsType[*bulk.JobError](cause)
	next.detail.REST = next.detail.Lost >= maxLost || failed && e.Job.State == bulk.Failed
	l.abandon(&next)
	return l.commit(ctx, nil, next)
}

// readAgain takes another job in place of one whose pages did not hold all of
// its records; after some, the trouble is told.
func (l *bulkLoad) readAgain(ctx context.Context, cause error) error {
	next := l.mark
	short := next.detail.Short + 1
	next.detail.Short = short % maxShort
	l.abandon(&next)
	if err := l.commit(ctx, nil, next); err != nil || short >= maxShort {
		return errors.Join(cause, err)
	}
	return nil
}

// proceed waits for the job, reads its pages and ends the load.
func (l *bulkLoad) proceed(ctx context.Context, more func() bool) error {
	if !l.mark.detail.Bulk.Listed {
		if complete, err := l.await(ctx, more); err != nil || !complete {
			return err
		}
		list, err := l.bulk.Pages(ctx, l.mark.detail.Bulk.Job, l.pageRows())
		if err != nil {
			return err
		}
		l.list(list)
	}
	if err := newPump(l).run(ctx, more); err != nil {
		return err
	}
	b := l.mark.detail.Bulk
	if len(b.Pages) > 0 || b.Next != "" {
		return nil
	}
	return l.finish(ctx, more)
}

// pageRows is how many records a page is asked to have: no more than the
// settings say, and so many that no line is idle while the last pages are read.
func (l *bulkLoad) pageRows() int {
	records, most, lines := l.mark.detail.Bulk.Records, l.r.settings.BulkPageRows, l.r.settings.BulkPages
	if records <= most {
		return most
	}
	rounds := (records + most*lines - 1) / (most * lines)
	return (records + rounds*lines - 1) / (rounds * lines)
}

// list notes pages in the mark; the next commit stores them.
func (l *bulkLoad) list(p bulk.Pages) {
	b := l.mark.detail.Bulk.clone()
	b.Listed, b.Next = true, p.Next
	for _, link := range p.Links {
		b.Pages = append(b.Pages, pageMark{Link: link})
	}
	l.mark.detail.Bulk = b
}

// await asks for the job until it is complete, or until the turn is over.
func (l *bulkLoad) await(ctx context.Context, more func() bool) (complete bool, err error) {
	for n := 0; ; n++ {
		job, err := l.bulk.Job(ctx, l.mark.detail.Bulk.Job)
		if err == nil {
			err = job.Err()
		}
		if err != nil {
			return false, err
		}
		if job.State == bulk.JobComplete {
			b := l.mark.detail.Bulk.clone()
			b.Records = job.Records
			l.mark.detail.Bulk, l.mark.Total = b, int64(job.Records)
			return true, nil
		}
		if !pause(ctx, more, bulk.Backoff(job.Age, n)) {
			return false, ctx.Err()
		}
	}
}

// pauseStep is how often a pause looks whether it is still wanted.
const pauseStep = 200 * time.Millisecond

// pause waits; it says false if the turn is over meanwhile.
func pause(ctx context.Context, more func() bool, d time.Duration) bool {
	for ; d > 0; d -= pauseStep {
		if !more() {
			return false
		}
		t := time.NewTimer(min(d, pauseStep))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false
		}
	}
	return more()
}

// finish checks the number of records, moves the mark on to polling and drops
// the job.
func (l *bulkLoad) finish(ctx context.Context, more func() bool) error {
	b := l.mark.detail.Bulk
	if int(l.mark.Rows) != b.Records {
		return &ShortError{Announced: b.Records, Read: int(l.mark.Rows)}
	}
	if dressed, err := l.dress(ctx, more); err != nil || !dressed {
		return err
	}
	if err := l.commit(ctx, nil, l.mark.loaded()); err != nil {
		return err
	}
	if err := l.bulk.Delete(ctx, b.Job); err != nil && ctx.Err() == nil {
		l.r.log.InfoContext(ctx, "a Bulk job was read and not deleted; the org drops it after seven days", "job", b.Job, "error", err)
	}
	return nil
}

// storeMark stores a mark without rows.
func (l *load) storeMark(ctx context.Context, next Mark) error {
	_, err := l.r.db.Write(ctx, l.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return l.r.store(ctx, tx, l.table, next)
	})
	if err == nil {
		l.mark = next
	}
	return err
}
