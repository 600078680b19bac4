package verify

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

const (
	// pageRows is the number of records that a page is asked to have, narrowRows
	// that of a page of Ids and stamps alone.
	pageRows, narrowRows = 50_000, 250_000
	// chunkRows and chunkBytes bound what is looked up at once, and so the
	// memory: each of the pages that are read holds one chunk.
	chunkRows, chunkBytes = 2_000, 512 << 10
	// grace is how long pages may go on after their slice is over; cut off, they
	// would be sent again from their start.
	grace = 20 * time.Second
)

// startBulk creates the job; false says that Bulk API does not take the query.
func (j *job) startBulk(ctx context.Context) (bool, error) {
	job, err := j.create(ctx, j.soql(j.view), j.all())
	if bulk.Refused(err) {
		j.Logger.InfoContext(ctx, "Bulk API does not take the query, verifying by queries", "object", j.table.Object, "error", err)
		j.place.REST = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	j.place.Bulk = &bulkPlace{Job: job.ID}
	return true, nil
}

// bulkRecords goes on with the job from wherever it stands.
func (j *job) bulkRecords(ctx context.Context, more func() bool) (through bool, err error) {
	b := j.place.Bulk
	if !b.Listed {
		complete, err := j.await(ctx, more)
		if err != nil || !complete {
			return false, err
		}
		rows := pageRows
		if j.place.Narrow {
			rows = narrowRows
		}
		list, err := j.pages(ctx, b.Job, rows)
		if err != nil {
			return false, err
		}
		b.list(list)
	}
	if err := (&pump{job: j, ends: make(chan pageEnd)}).run(ctx, more); err != nil {
		return false, err
	}
	if len(b.Pages) > 0 || b.Next != "" {
		return false, nil
	}
	if b.Read != b.Records {
		return false, &ShortError{Announced: b.Records, Read: b.Read}
	}
	if err := j.drop(ctx, b.Job); err != nil && ctx.Err() == nil {
		j.Logger.InfoContext(ctx, "a Bulk job was read and not deleted; the org drops it after seven days", "job", b.Job, "error", err)
	}
	j.place.Bulk = nil
	return true, nil
}

// await asks for the job until it is complete, or until the slice is over.
func (j *job) await(ctx context.Context, more func() bool) (complete bool, err error) {
	for n := 0; more(); n++ {
		job, err := j.counted.job(ctx, j.place.Bulk.Job)
		if err == nil {
			err = job.Err()
		}
		if err != nil {
			return false, err
		}
		if job.State == bulk.JobComplete {
			j.place.Bulk.Records, j.place.Total = job.Records, int64(job.Records)
			return true, nil
		}
		if err := clock.Sleep(ctx, bulk.Backoff(job.Age, n)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// pump reads up to five pages of a job at once; each compares what it brings
// chunk by chunk, and as long as it waits for the database, the org waits.
type pump struct {
	*job
	open  []*pagePlace
	ends  chan pageEnd
	group sync.WaitGroup
}

type pageEnd struct {
	page *pagePlace
	err  error
}

// run reads pages until none is left or the time is over; it opens one at
// least.
func (p *pump) run(ctx context.Context, more func() bool) error {
	reading, stop := context.WithCancel(ctx)
	defer p.drain(stop)
	over := false
	for first := true; ; first = false {
		if !over && !more() {
			over = true
			defer time.AfterFunc(grace, stop).Stop()
		}
		if !over || first {
			if err := p.fill(reading, first && over); err != nil {
				return err
			}
		}
		if len(p.open) == 0 {
			return nil
		}
		end := <-p.ends
		p.open = slices.DeleteFunc(p.open, func(o *pagePlace) bool { return o == end.page })
		switch {
		case end.err == nil:
			b := p.place.Bulk
			b.Pages = slices.DeleteFunc(b.Pages, func(o *pagePlace) bool { return o == end.page })
		case reading.Err() != nil && ctx.Err() == nil: // the grace is over: the next slice goes on
		default:
			return end.err
		}
	}
}

// drain waits for the pages that are being read.
func (p *pump) drain(stop func()) {
	stop()
	for range p.open {
		<-p.ends
	}
	p.group.Wait()
}

// fill opens as many pages as may be read at once, or just one.
func (p *pump) fill(ctx context.Context, one bool) error {
	b := p.place.Bulk
	for len(p.open) < bulk.MaxPages && !(one && len(p.open) > 0) {
		i := slices.IndexFunc(b.Pages, func(o *pagePlace) bool { return !slices.Contains(p.open, o) })
		if i < 0 && b.Next == "" {
			return nil
		}
		if i < 0 {
			list, err := p.morePages(ctx, b.Next)
			if err != nil {
				return err
			}
			b.list(list)
			continue
		}
		page := b.Pages[i]
		p.open = append(p.open, page)
		p.group.Go(func() { p.ends <- pageEnd{page, p.read(ctx, page)} })
	}
	return nil
}

func (p *pump) read(ctx context.Context, page *pagePlace) error {
	batch := record.NewBatch(p.view.Layout)
	return p.readPage(ctx, page.Link, p.view.Layout, page.Rows, func(r *bulk.PageReader) error {
		for {
			batch.Reset()
			_, err := r.Next(batch, bulkcsv.Limit{Rows: chunkRows, Bytes: chunkBytes})
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if failed := p.compare(ctx, batch); failed != nil {
				return failed
			}
			p.mu.Lock()
			page.Rows += batch.Len()
			p.place.Bulk.Read += batch.Len()
			p.mu.Unlock()
			if err != nil {
				return err
			}
		}
	})
}
