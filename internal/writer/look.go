package writer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// look is one way through the log. What has to wait is read once and passed
// over by the claims that follow, so that free entries are found behind any
// number of others. What is remembered of those that wait is bounded.
type look struct {
	// front is what was passed over, held what these entries touch.
	front front
	held  *plan.Held
	// began is when it was begun, cost the time that the front took.
	began time.Time
	cost  time.Duration
	// ended says that it has found something, or the end of the log.
	ended bool
	// stale says that something in the front may be free by now, due that this
	// is likely for much of it. lanes: some of it waits for a call that its parent
	// is locked by.
	stale, due, lanes bool
}

// front is the NEW entries up to a place in the log, all of which wait: how
// many, and a sum by which they are told from others.
type front struct {
	to  int32
	n   int64
	sum int64
}

// sumPrime keeps the sum from overflowing.
const sumPrime = 1<<31 - 1

func (f front) with(entries []triggerlog.Entry) front {
	for _, e := range entries {
		id := int64(e.ID)
		f.to, f.n, f.sum = e.ID, f.n+1, f.sum+id*id%sumPrime
	}
	return f
}

const (
	// maxPages and longPass bound what one claim looks through: the next one goes
	// on.
	maxPages = 40
	longPass = time.Second
	// settledAge is the age at which entries may be passed over. Transactions
	// that are younger may still put others between them.
	settledAge = 10 * time.Second
	// lookShare is the part of the time that goes into looking again at what
	// waits.
	lookShare = 5
	// longLook is how long a look may take that has not come to its end.
	longLook = time.Minute
)

// over says whether the log is to be looked through from its beginning.
func (l *look) over() bool {
	age := time.Since(l.began)
	switch {
	case !l.ended:
		return age > longLook+lookShare*l.cost
	case l.due, l.stale && l.cost < veryLongClaim:
		return true
	default:
		return age > lookShare*l.cost
	}
}

// lookAgain says that much of what waits may be free now.
func (w *Writer) lookAgain() {
	if w.look != nil {
		w.look.due = true
	}
}

// freed says that a call is over: what waited for it need not any more.
func (w *Writer) freed(c *call) {
	l := w.look
	if l == nil || l.stale {
		return
	}
	h, known := w.holding[c.batch]
	l.stale = l.lanes || !known || l.held.Meets(h.held)
}

// pass is what one claim has seen of the log.
type pass struct {
	plan  *plan.Plan // nil: nothing can go
	front front      // what stands before it, all of which waits
	waits []plan.Wait
	more  bool // there is more to look at
}

// next plans, past pages of entries that all have to wait. No plan: there is
// nothing to do, or more says that the next claim goes on.
//
// Entries come in out of their order: a transaction that commits late, or a
// person, makes one NEW that stands before those that were passed over. Whatever
// touches it came later still, so it is enough to count afterwards: if others
// stand in front than those that were seen, the plan is not used.
func (w *Writer) next(ctx context.Context, tx *target.Tx) (pass, error) {
	open, err := w.holds(ctx, tx)
	if err != nil {
		return pass{}, err
	}
	for range maxLooks {
		if w.look == nil || w.look.over() {
			w.look = &look{front: front{to: math.MinInt32}, held: plan.Hold(nil), began: time.Now()}
		}
		p, err := w.pass(ctx, tx, open)
		if err != nil {
			return pass{}, err
		}
		stands, err := w.stands(ctx, tx, p.front)
		if err != nil {
			return pass{}, err
		}
		if stands {
			w.look.ended = !p.more
			return p, w.explain(ctx, tx, p.waits)
		}
		w.look = nil
	}
	return pass{}, nil
}

// maxLooks bounds how often a claim begins again.
const maxLooks = 3

// pass looks through the log from where the look has come to.
func (w *Writer) pass(ctx context.Context, tx *target.Tx, open *plan.Held) (pass, error) {
	l, start, began := w.look, w.look.front, time.Now()
	p := pass{front: start}
	w.looked = int(p.front.n)
	behind := l.held // all that waits before the page
	for n := 0; n < maxPages && (n == 0 || time.Since(began) < longPass); n++ {
		started := time.Now()
		entries, err := w.page(ctx, tx, p.front.to)
		if err != nil {
			return p, err
		}
		if len(entries) == 0 {
			return p, w.guard(ctx, tx, &plan.Input{})
		}
		w.looked += len(entries)
		held := behind.Next()
		held.Include(open)
		got, err := w.planPage(ctx, tx, entries, held)
		if err != nil || len(got.Sets) > 0 || len(got.Done) > 0 {
			p.plan = got
			return p, err
		}
		p.front = p.front.with(entries)
		p.waits = appendWaits(p.waits, got.Waits)
		if behind == l.held && !settled(entries) {
			behind = l.held.Next()
		}
		behind.Absorb(held)
		l.lanes = l.lanes || got.Locked
		if behind == l.held {
			l.front, l.cost = p.front, l.cost+time.Since(started)
		}
	}
	p.more = l.front != start
	return p, nil
}

// planPage plans a page of entries.
func (w *Writer) planPage(ctx context.Context, tx *target.Tx, entries []triggerlog.Entry, held *plan.Held) (*plan.Plan, error) {
	in, err := w.gather(ctx, tx, entries)
	if err != nil {
		return nil, err
	}
	if err := w.guard(ctx, tx, &in); err != nil {
		return nil, err
	}
	w.bulkInput(&in)
	in.Locked = w.lockedParents()
	p := plan.Next(w.algorithm(), in, held)
	p.Sets = w.jobSets(p.Sets)
	return p, nil
}

// lockedParents are those of the records of calls under way. A Bulk job locks
// its own too, a few at a time and for much longer: nothing waits for that.
func (w *Writer) lockedParents() map[string]bool {
	out := map[string]bool{}
	for f := range w.flights {
		for _, c := range f.calls {
			for _, parent := range c.parents {
				out[parent] = true
			}
		}
	}
	return out
}

// settled says whether hardly any entry can still come between these.
func settled(entries []triggerlog.Entry) bool {
	from := time.Now().Add(-settledAge)
	return !slices.ContainsFunc(entries, func(e triggerlog.Entry) bool { return e.CreatedAt.After(from) })
}

// stands says whether the entries in front are those that were seen there.
func (w *Writer) stands(ctx context.Context, tx *target.Tx, f front) (bool, error) {
	if f.n == 0 {
		return true, nil
	}
	got := front{to: f.to}
	err := tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(id::bigint * id % $2::bigint), 0)::bigint FROM `+w.liveLog()+`
		WHERE (state, id) > ('NEW', $3) AND (state, id) <= ('NEW', $1)`, f.to, sumPrime, math.MinInt32).Scan(&got.n, &got.sum)
	if err != nil {
		return false, fmt.Errorf("count the changes that wait: %w", err)
	}
	return got == f, nil
}

// appendWaits keeps the reasons that the log does not hold yet, as many as one
// claim writes.
func appendWaits(list, more []plan.Wait) []plan.Wait {
	for _, x := range more {
		if len(list) < maxReasons && x.Entry.Message != waitMessage(x) {
			list = append(list, x)
		}
	}
	return list
}
