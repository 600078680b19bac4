package reader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// PollOptions say what to poll beside what is due.
type PollOptions struct {
	// All polls every mapping now, due or not.
	All bool
	// Sweep makes each poll go back by the long overlap.
	Sweep bool
	// Until is when no new page is asked for any more, compared with time.Now;
	// zero means never. A mapping's first page is always asked for.
	Until time.Time
}

func (o PollOptions) more() bool { return o.Until.IsZero() || time.Now().Before(o.Until) }

// PollResult is the outcome of a poll, mapping by mapping in the order given.
type PollResult struct {
	Mappings []MappingResult
}

// MappingResult is what a poll did for one mapping.
type MappingResult struct {
	Mapping uuid.UUID
	Object  string
	// Polled is false for a mapping that was not due, or is being loaded.
	Polled bool
	// Rows were read, with those of before that the window overlaps.
	Rows int
	// Result says what became of them.
	Result apply.Result
	// Reload is set for a mapping that waits to be loaded, since what of its
	// object is mapped has changed: it is not polled until then.
	Reload bool
	// Next is when the mapping is due again, from now; 0 if its window is not
	// through yet.
	Next time.Duration
	// Err is a [*MappingError], or nil.
	Err error
}

// Next is when the first of the mappings is due, from now; ok is false if none
// is being polled.
func (p PollResult) Next() (d time.Duration, ok bool) {
	for _, m := range p.Mappings {
		if m.Next >= 0 && (!ok || m.Next < d) {
			d, ok = m.Next, true
		}
	}
	return d, ok
}

// Changes is the number of rows that were written.
func (p PollResult) Changes() int {
	n := 0
	for _, m := range p.Mappings {
		n += m.Result.Changes()
	}
	return n
}

// Poll reads the changes of those mappings that are due, several at once. What
// goes wrong with one is in its result and doesn't stop the others. The error
// is of a kind that meets them all: the fence, the database or the org.
func (r *Reader) Poll(ctx context.Context, fence target.Fence, tables []*mapping.Table, o PollOptions) (PollResult, error) {
	marks, err := r.Marks(ctx)
	if err != nil {
		return PollResult{}, err
	}
	now, err := r.db.Now(ctx)
	if err != nil {
		return PollResult{}, err
	}
	res := PollResult{Mappings: make([]MappingResult, len(tables))}
	var due []*poll
	for i, t := range tables {
		m, known := marks[t.Mapping.ID]
		out := &res.Mappings[i]
		*out = MappingResult{Mapping: t.Mapping.ID, Object: t.Object, Next: -1}
		if !known || m.Phase != Poll {
			out.Reload = known
			continue
		}
		if m.detail.View != view(t) {
			if out.Reload, out.Err = r.reload(ctx, fence, t, m); out.Reload || out.Err != nil {
				continue
			}
		}
		if out.Next = dueIn(t, m, now); out.Next > 0 && !o.All {
			continue
		}
		out.Polled = true
		due = append(due, r.poll(fence, t, m, now, out))
	}
	r.each(due, func(p *poll) error { return p.again(p.use(ctx, "poll")) })
	r.each(due, func(p *poll) error {
		p.cover(p.use(ctx, "poll"), o)
		return nil
	})
	r.compose(ctx, due, o)
	r.each(due, func(p *poll) error { return p.run(p.use(ctx, "poll"), o) })
	for _, p := range due {
		p.out.Next = interval(p.table)
		if p.out.Err == nil && p.mark.detail.unfinished() {
			p.out.Next = 0
		}
	}
	return res, res.trouble()
}

// each does a part of several polls, some at once. One that has failed is
// passed over.
func (r *Reader) each(polls []*poll, do func(p *poll) error) {
	var group sync.WaitGroup
	slots := make(chan struct{}, r.settings.Parallel)
	for _, p := range polls {
		if p.out.Err != nil {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := do(p); err != nil {
				p.out.Err = wrap(p.table, "poll", err)
			}
		})
	}
	group.Wait()
}

// trouble is the first error that concerns all mappings.
func (p PollResult) trouble() error {
	for _, m := range p.Mappings {
		if m.Err != nil && concernsAll(m.Err) {
			return m.Err
		}
	}
	return nil
}

// dueIn is how long until a mapping is to be polled. A window that is not
// through is always due.
func dueIn(t *mapping.Table, m Mark, now time.Time) time.Duration {
	if m.PolledAt.IsZero() || m.detail.unfinished() || m.detail.View != view(t) {
		return 0
	}
	return max(0, m.PolledAt.Add(interval(t)).Sub(now))
}

// interval is the mapping's; without one, Heroku Connect's default.
func interval(t *mapping.Table) time.Duration {
	if t.Mapping.PollSeconds <= 0 {
		return 10 * time.Minute
	}
	return time.Duration(t.Mapping.PollSeconds) * time.Second
}

// poll is the poll of one mapping in one turn, and what else reads single
// records of it.
type poll struct {
	*pages
	batch   *record.Batch
	fence   target.Fence
	applier *apply.Applier
	mark    Mark
	began   time.Time // by the target's clock
	out     *MappingResult
	page    apply.Result // what became of the newest page
	// loadedView is the view that the mark was made with.
	loadedView string
	// covered is up to when the org said, before the window was read, that all
	// is visible; zero if it was not asked.
	covered time.Time
	// first is the window's first page, if it came along with those of others.
	first *firstPage
	// seen are the Ids that the poll has brought; nil without a filter.
	seen map[string]bool
}

func (r *Reader) poll(fence target.Fence, t *mapping.Table, m Mark, began time.Time, out *MappingResult) *poll {
	p := &poll{
		pages: r.pages(t), batch: record.NewBatch(t.Layout), fence: fence, mark: m, out: out, began: began,
		applier: apply.New(r.connection, r.schema, t), loadedView: m.detail.View,
	}
	if filter(t) != "" {
		p.seen = map[string]bool{}
	}
	if m.detail.View != view(t) {
		p.mark = m.anew(view(t))
	}
	return p
}

func (p *poll) use(ctx context.Context, purpose string) context.Context {
	return salesforce.WithUse(ctx, p.table.Object, purpose)
}

func (p *poll) run(ctx context.Context, o PollOptions) error {
	w := p.window(o)
	if d := &p.mark.detail; p.seen != nil && !w.Anew && (d.LeftFrom.IsZero() || w.From.Before(d.LeftFrom)) {
		d.LeftFrom = w.From
	}
	for p.begin(); ; {
		if p.started && !o.more() {
			return nil
		}
		done, err := p.fetchFirst(ctx, w)
		if p.started && salesforce.CursorExpired(err) {
			p.begin()
			continue
		}
		if err != nil {
			return p.giveUp(ctx, err)
		}
		w = p.advance(w)
		if err := p.take(ctx, w, done); err != nil {
			return err
		}
		if done {
			return p.leavers(ctx, o, w.Anew)
		}
	}
}

// fetchFirst reads the next page, which for the first one may have come
// already.
func (p *poll) fetchFirst(ctx context.Context, w window) (done bool, err error) {
	if f := p.first; f != nil && !p.started {
		p.first = nil
		return p.accept(p.batch, f.page, f.err, f.sent, f.heard)
	}
	return p.fetch(ctx, p.batch, pollQuery(p.table, w), all(p.table))
}

// window is where to go on: in the middle of the window of a turn before, or
// with a new one.
func (p *poll) window(o PollOptions) window {
	if w := p.mark.detail.Window; w != nil {
		return *w
	}
	return p.sweep(window{From: p.mark.Stamp.Add(-p.r.settings.Overlap)}, o)
}

// advance is the window's place behind the page.
func (p *poll) advance(w window) window {
	if w.Upper.IsZero() {
		w.Upper = p.asOf
	}
	if p.batch.Len() > 0 {
		w.ID, w.From = last(p.batch)
	}
	w.Rows += p.batch.Len()
	if stamp(p.table) == "" {
		w.From = p.mark.Stamp
	}
	return w
}

// giveUp ends a window in which records were missing: the next poll begins it
// anew.
func (p *poll) giveUp(ctx context.Context, cause error) error {
	if _, ok := errors.AsType[*ShortError](cause); !ok || p.mark.detail.Window == nil {
		return cause
	}
	m := p.mark
	if m.detail.Window = nil; p.mark.detail.Window.Anew {
		m = m.anew(m.detail.View)
	}
	_, err := p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return p.r.store(ctx, tx, p.table, m)
	})
	p.mark = m
	return errors.Join(cause, err)
}

// take applies the page and moves the mark (I8).
func (p *poll) take(ctx context.Context, w window, done bool) error {
	if p.batch.Len() > 0 {
		crash.Point(crash.ReaderPollAfterFetch)
	}
	next := p.mark
	next.detail.Window = &w
	if done {
		next.detail.Window = nil
		next.Stamp, next.PolledAt = w.Upper, p.began
		next.swept(w, p.began, p.r.settings.CoverFrom)
	}
	before := p.mark.Stamp
	for i := range p.batch.Len() {
		if p.seen != nil {
			p.seen[p.batch.Value(i, p.table.Layout.ID).String()] = true
		}
	}
	err := p.commit(ctx, &next, func(ctx context.Context, tx *target.Tx, res apply.Result) error {
		if err := p.r.store(ctx, tx, p.table, next); err != nil {
			return err
		}
		if res.Changes() > 0 {
			crash.Point(crash.ReaderPollBeforeCommit)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.mark = next
	if p.page.Changes() > 0 {
		crash.Point(crash.ReaderPollAfterCommit)
	}
	p.report(before)
	return nil
}

// commit applies the batch and does more, in one transaction. Too many deleted
// records are kept back from the batch, and next, if not nil, counts the others.
func (p *poll) commit(ctx context.Context, next *Mark, more func(context.Context, *target.Tx, apply.Result) error) error {
	var res apply.Result
	_, err := p.r.db.Write(ctx, p.fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		batch, err := p.keepBack(ctx, tx, next)
		if err != nil {
			return err
		}
		if res, err = p.applier.Apply(ctx, tx, batch); err != nil {
			return fmt.Errorf("apply a page: %w", err)
		}
		return more(ctx, tx, res)
	})
	if err != nil {
		return err
	}
	p.page = res
	p.out.Rows += p.batch.Len()
	p.out.Result = p.out.Result.Add(res)
	return nil
}

// report tells of the page; its latencies are those of records that are newer
// than the mark of the poll before.
func (p *poll) report(before time.Time) {
	o := Observation{
		Mapping: p.table.Mapping.ID, Object: p.table.Object,
		Rows: p.batch.Len(), Bytes: p.batch.Size(), Result: p.page,
	}
	now := p.now()
	for i := range p.batch.Len() {
		if stamp(p.table) == "" {
			break
		}
		if stamp := p.batch.Value(i, p.table.Layout.Stamp).Time(); p.page.Changes() > 0 && stamp.After(before) {
			o.Latencies = append(o.Latencies, max(0, now.Sub(stamp)))
		}
	}
	p.r.observe(o)
}
