package reader

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// grace is how long pages that are being read may go on after their turn is
// over; cut off, they would have to be sent again from their start.
const grace = 20 * time.Second

// pump reads several pages of a job at once and applies what they bring, chunk
// by chunk, in the order of its coming. Its buffers bound the memory: a page
// whose chunk is not applied yet waits, and so does the org.
type pump struct {
	*bulkLoad
	limit  bulkcsv.Limit
	free   chan *record.Batch
	chunks chan chunk
	// ready are pages that one of the readers takes when it is through with
	// another; open, by link, are they and those that are being read.
	ready   chan pageMark
	open    map[string]bool
	readers sync.WaitGroup
	// together are the chunks that are matched as one batch.
	together *record.Batch
}

// chunk is a piece of a page, or what came instead.
type chunk struct {
	link  string
	batch *record.Batch
	// end: nothing of the page follows.
	end bool
	err error
}

func newPump(l *bulkLoad) *pump {
	s := l.r.settings
	p := &pump{
		bulkLoad: l, limit: bulkcsv.Limit{Rows: chunkRows, Bytes: s.BulkChunk},
		free: make(chan *record.Batch, s.BulkPages+2+s.BulkGroup), chunks: make(chan chunk),
		ready: make(chan pageMark, 2*s.BulkPages), open: map[string]bool{},
		together: record.NewBatch(l.table.Layout),
	}
	for range cap(p.free) {
		p.free <- record.NewBatch(l.table.Layout)
	}
	return p
}

// chunkRows bounds the arrays of one statement.
const chunkRows = 10_000

// run reads pages until none is left or the time is over; it opens one at
// least.
func (p *pump) run(ctx context.Context, more func() bool) error {
	reading, stop := context.WithCancel(ctx)
	for range p.r.settings.BulkPages {
		p.readers.Go(func() {
			for page := range p.ready {
				p.read(reading, page)
			}
		})
	}
	defer p.readers.Wait()
	defer close(p.ready)
	defer stop()
	over := false
	for first := true; ; first = false {
		if !over && !more() {
			over = true
			p.unready()
			defer time.AfterFunc(grace, stop).Stop()
		}
		if err := p.fill(ctx, over, first); err != nil {
			return err
		}
		if len(p.open) == 0 {
			return nil
		}
		select {
		case c := <-p.chunks:
			if err := p.takeOrGroup(ctx, c, more); errors.Is(err, errOver) {
				return nil
			} else if err != nil {
				return err
			}
		case <-reading.Done():
			return ctx.Err() // nil when the grace is over: the next turn goes on
		}
	}
}

// fill has pages ready before they are wanted, so that no line is idle while
// others are applied. When the time is over it opens one at most.
func (p *pump) fill(ctx context.Context, over, first bool) error {
	most := cap(p.ready)
	if over {
		most = 0
	}
	if over && first {
		most = 1
	}
	for len(p.open) < most {
		b := p.mark.detail.Bulk
		i := slices.IndexFunc(b.Pages, func(m pageMark) bool { return !p.open[m.Link] })
		if i >= 0 {
			p.open[b.Pages[i].Link] = true
			p.ready <- b.Pages[i]
			continue
		}
		if b.Next == "" {
			return nil
		}
		list, err := p.bulk.MorePages(ctx, b.Next)
		if err != nil {
			return err
		}
		p.list(list)
	}
	return nil
}

// unready takes back pages that nobody has begun to read.
func (p *pump) unready() {
	for {
		select {
		case page := <-p.ready:
			delete(p.open, page.Link)
		default:
			return
		}
	}
}

// read sends a page's chunks, the last one once the page is known to be whole.
func (p *pump) read(ctx context.Context, page pageMark) {
	var b *record.Batch
	err := p.bulk.ReadPage(ctx, page.Link, p.table.Layout, page.Rows, func(r *bulk.PageReader) error {
		for {
			if b != nil && b.Len() > 0 {
				if err := p.send(ctx, chunk{link: page.Link, batch: b}); err != nil {
					return err
				}
				b = nil
			}
			if b == nil {
				select {
				case b = <-p.free:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if _, err := r.Next(b, p.limit); err != nil {
				return err
			}
		}
	})
	last := chunk{link: page.Link, batch: b, end: true}
	if err != nil && !errors.Is(err, io.EOF) {
		last.err = err
	}
	_ = p.send(ctx, last)
}

// send hands a chunk over, unless nobody takes any more.
func (p *pump) send(ctx context.Context, c chunk) error {
	select {
	case p.chunks <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take applies a chunk and moves the page's mark in the same transaction (I8).
func (p *pump) take(ctx context.Context, c chunk) error {
	if c.end {
		delete(p.open, c.link)
	}
	if isShort(c.err) {
		return p.pageAgain(ctx, c)
	}
	if c.err != nil {
		return c.err
	}
	if err := p.commit(ctx, c.batch, behind(p.mark, c)); err != nil {
		return err
	}
	p.recycle(c.batch)
	return nil
}

// behind is the mark once a chunk is applied.
func behind(m Mark, c chunk) Mark {
	b := m.detail.Bulk.clone()
	m.detail.Bulk = b
	i := slices.IndexFunc(b.Pages, func(m pageMark) bool { return m.Link == c.link })
	if c.batch != nil {
		n := c.batch.Len()
		c.batch.Asked = b.Asked
		b.Pages[i].Rows += n
		m.Rows += int64(n)
		m.Bytes += int64(c.batch.Size())
	}
	if c.end {
		b.Pages = slices.Delete(b.Pages, i, i+1)
	}
	return m
}

// pageAgain has a page that was not whole read from its start: nobody knows
// where in it the records are missing.
func (p *pump) pageAgain(ctx context.Context, c chunk) error {
	next := p.mark
	b := next.detail.Bulk.clone()
	next.detail.Bulk = b
	page := &b.Pages[slices.IndexFunc(b.Pages, func(m pageMark) bool { return m.Link == c.link })]
	next.Rows -= int64(page.Rows)
	page.Rows = 0
	p.recycle(c.batch)
	if err := p.storeMark(ctx, next); err != nil {
		return errors.Join(c.err, err)
	}
	if p.shorts++; p.shorts >= maxShort {
		return c.err
	}
	return nil
}

func (p *pump) recycle(b *record.Batch) {
	if b != nil {
		b.Reset()
		p.free <- b
	}
}
