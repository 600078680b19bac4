package reader

import (
	"context"
	"errors"
	"time"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// groupWait is how long a COPY waits for another chunk before it ends.
const groupWait = 50 * time.Millisecond

// group is a run of chunks that go into a stripped table by one COPY and one
// commit, so that the cost of a commit is spread; its chunks are still at hand
// if the database refuses one.
type group struct {
	chunks []chunk
	rows   int64
	bytes  int
	// held came instead of another chunk and comes after the group.
	held *chunk
}

func (g *group) add(c chunk) {
	g.chunks = append(g.chunks, c)
	g.rows += int64(c.batch.Len())
	g.bytes += c.batch.Size()
}

// takeOrGroup takes a chunk, and into a stripped table others with it.
func (p *pump) takeOrGroup(ctx context.Context, c chunk, more func() bool) error {
	for held := &c; held != nil; {
		now := *held
		held = nil
		switch {
		case now.err == nil && p.mark.detail.Stripped == nil:
			var err error
			if held, err = p.takeTogether(ctx, now); err != nil {
				return err
			}
			continue
		case isShort(now.err) && p.mark.detail.Stripped != nil:
			// Nobody knows which rows of the page are there already.
			if err := p.matchFromHere(ctx, more); err != nil {
				return err
			}
		case now.err == nil && now.batch.Len() > 0:
			g, err := p.takeGroup(ctx, now, more)
			if err != nil {
				return err
			}
			held = g.held
			continue
		}
		if err := p.take(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// takeTogether applies a chunk and those that come right behind it as one batch,
// to rows that have to be matched: what each batch costs beside its rows is
// spread. held is what came instead of another chunk.
func (p *pump) takeTogether(ctx context.Context, first chunk) (held *chunk, err error) {
	all, next := p.together, p.mark
	all.Reset()
	var through []chunk
	for c := &first; ; {
		next = behind(next, *c)
		all.AppendBatch(c.batch)
		p.recycle(c.batch)
		through = append(through, *c)
		if len(through) >= p.r.settings.BulkGroup/2 || all.Len() >= chunkRows {
			break
		}
		if c = p.another(ctx); c == nil || c.err != nil {
			held = c
			break
		}
	}
	all.Asked = next.detail.Bulk.Asked
	if err := p.commit(ctx, all, next); err != nil {
		return nil, err
	}
	for _, c := range through {
		p.closed(c)
	}
	return held, nil
}

// another waits a little for the next chunk; nil if there is none yet.
func (p *pump) another(ctx context.Context) *chunk {
	wait := time.NewTimer(groupWait)
	defer wait.Stop()
	select {
	case c := <-p.chunks:
		return &c
	case <-wait.C:
	case <-ctx.Done():
	}
	return nil
}

// takeGroup applies a chunk and those that come right behind it.
func (p *pump) takeGroup(ctx context.Context, first chunk, more func() bool) (*group, error) {
	g := &group{}
	err := p.addNew(ctx, p.stream(ctx, g, first), func() (int64, Mark) {
		next := p.mark
		for _, c := range g.chunks {
			next = behind(next, c)
		}
		return g.rows, next
	})
	switch {
	case err == nil:
		for _, c := range g.chunks {
			p.closed(c)
			p.recycle(c.batch)
		}
		p.report(int(g.rows), g.bytes, apply.Result{Inserted: int(g.rows)})
		return g, nil
	case errors.Is(err, errFilled):
		if len(g.chunks) == 0 {
			g.chunks = []chunk{first}
		}
		return g, p.eachMatched(ctx, g.chunks, more)
	case apply.Refused(err):
		return g, p.eachNew(ctx, g.chunks, more)
	}
	return g, err
}

// eachMatched takes chunks one by one into a table with its indexes.
func (p *pump) eachMatched(ctx context.Context, chunks []chunk, more func() bool) error {
	if err := p.matchFromHere(ctx, more); err != nil {
		return err
	}
	for _, c := range chunks {
		if err := p.take(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// eachNew adds chunks one by one to a stripped table and passes over what the
// database refuses.
func (p *pump) eachNew(ctx context.Context, chunks []chunk, more func() bool) error {
	for i, c := range chunks {
		err := p.addCarefully(ctx, c.batch, behind(p.mark, c))
		if errors.Is(err, errFilled) {
			return p.eachMatched(ctx, chunks[i:], more)
		}
		if err != nil {
			return err
		}
		p.closed(c)
		p.recycle(c.batch)
	}
	return nil
}

func isShort(err error) bool {
	_, short := errors.AsType[*bulk.ShortError](err)
	return short
}

// stream gives a group's chunks as they come, up to its size.
func (p *pump) stream(ctx context.Context, g *group, first chunk) func() *record.Batch {
	return func() *record.Batch {
		if len(g.chunks) == 0 {
			g.add(first)
			return first.batch
		}
		if len(g.chunks) >= p.r.settings.BulkGroup {
			return nil
		}
		c := p.another(ctx)
		if c == nil {
			return nil
		}
		if c.err != nil || c.batch.Len() == 0 {
			g.held = c
			return nil
		}
		g.add(*c)
		return c.batch
	}
}

// closed forgets a page that is through.
func (p *pump) closed(c chunk) {
	if c.end {
		delete(p.open, c.link)
	}
}
