package writer

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// Parallel calls: what is done by default, and the most that anybody may ask
// for. An org lets 25 calls of over 20 seconds be under way, for all of its
// applications together.
const (
	defaultParallel = 4
	maxParallel     = 20
)

// parallel is how many calls may be under way at once. Ordered sends the next
// one after the answer to this one.
func (w *Writer) parallel() int {
	n := w.cfg.Connection.Options.ParallelWrites
	switch {
	case w.algorithm() == mapping.Ordered, w.recordLimit() < plan.MaxRecords:
		return 1
	case n <= 0:
		return defaultParallel
	default:
		return min(n, maxParallel)
	}
}

// lanes is how many more calls may go now.
func (w *Writer) lanes() int { return max(1, w.parallel()-len(w.flights)) }

// sets is how many change sets may go at once. After a call that was refused as
// a whole one goes alone, so that the record that the org refuses is found.
func (w *Writer) sets() int {
	if w.recordLimit() < plan.MaxRecords {
		return 1
	}
	return salesforce.MaxWrites * w.lanes()
}

// window is how many entries are looked at in one transaction: where the order
// is free, enough to fill the calls that may go.
func (w *Writer) window() int {
	if w.algorithm() == mapping.Ordered {
		return w.set.Window
	}
	return w.set.Window * max(4, 2*w.lanes())
}

// Bounds of what a claim may take.
const (
	manyWaiting   = 2000
	longClaim     = 50 * time.Millisecond
	veryLongClaim = time.Second
	longestIdle   = 5 * time.Second
	// shortBulk and longBulk are when pages that may hold Bulk jobs grow and
	// shrink: a claim is one transaction of the user's database.
	shortBulk = 2 * time.Second
	longBulk  = 6 * time.Second
	leastBulk = 5000
)

// took learns from a claim. Where many entries wait for something, to look them
// through in vain takes a fifth of the time at most; it is done again when a
// call ends, unless it takes very long: then when a job does.
func (w *Writer) took(d time.Duration, found bool, err error) {
	w.idleUntil, w.idleCost = time.Time{}, d
	if !found && err == nil && w.looked >= manyWaiting && d > longClaim {
		w.idleUntil = time.Now().Add(min(4*d, longestIdle))
	}
	switch {
	case !w.bulkPage:
	case err != nil || d > longBulk:
		w.bulkSize = max(leastBulk, w.bulkSize/2)
	case d < shortBulk:
		w.bulkSize = min(bulkWindow, 2*w.bulkSize)
	}
}

// recordLimit bounds change sets.
func (w *Writer) recordLimit() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limit
}

// widen lets change sets grow again after a call that the org took.
func (w *Writer) widen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = min(plan.MaxRecords, 2*w.limit)
}

// narrow bounds change sets after a call that the org did not take.
func (w *Writer) narrow(limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = max(1, limit)
}

// adopt marks a call as this writer's own whose outcome it has to find out, and
// soon: nobody else can still make it.
func (w *Writer) adopt(batch uuid.UUID) {
	w.mu.Lock()
	w.own[batch] = true
	w.mu.Unlock()
	w.later(w.set.Backoff)
}

func (w *Writer) isOwn(batch uuid.UUID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own[batch]
}

// later puts the next look at open intents at d from now, if it is not sooner.
func (w *Writer) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now().Add(d)
	if w.visit.IsZero() || at.Before(w.visit) {
		w.visit = at
	}
}

// attempted is how often an entry was sent and has to be sent again.
func (w *Writer) attempted(logID int32) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempts[logID]
}

// settled forgets the attempts of an entry.
func (w *Writer) settled(logID int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.attempts, logID)
}

// tryLater puts off an entry: twice as long each time, and up to a quarter more
// or less, so that records that stood in each other's way don't meet again.
func (w *Writer) tryLater(logID int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := min(w.set.Backoff<<min(w.attempts[logID], 10), maxBackoff)
	w.notBefore[logID] = time.Now().Add(wait*3/4 + rand.N(wait/2+1))
	w.attempts[logID]++
}

// putOff are the entries that wait for their next attempt. Those whose time has
// come are forgotten.
func (w *Writer) putOff() []int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	var ids []int32
	for id, at := range w.notBefore {
		if now.Before(at) {
			ids = append(ids, id)
			continue
		}
		delete(w.notBefore, id)
		if w.look != nil {
			w.look.stale = true
		}
	}
	return ids
}

// seldom is later, if no look is planned at all.
func (w *Writer) seldom(d time.Duration) {
	w.mu.Lock()
	planned := !w.visit.IsZero()
	w.mu.Unlock()
	if !planned {
		w.later(d)
	}
}

// visited says that open intents are looked at now.
func (w *Writer) visited() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visit = time.Time{}
}

// disown forgets own calls that are not among those still open.
func (w *Writer) disown(open map[uuid.UUID]*call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for batch := range w.own {
		if open[batch] == nil {
			delete(w.own, batch)
			delete(w.left, batch)
		}
	}
}

// report tells of a settled call, one at a time.
func (w *Writer) report(o Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.Observe(o)
}

// visitDue says whether open intents have to be looked at.
func (w *Writer) visitDue() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.visit.IsZero() && !time.Now().Before(w.visit)
}

// rest adds when the next thing is due.
func (w *Writer) rest(p Progress) Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.NextAt = w.visit
	sooner := func(at time.Time) {
		if p.NextAt.IsZero() || at.Before(p.NextAt) {
			p.NextAt = at
		}
	}
	for _, at := range w.notBefore {
		sooner(at)
	}
	for _, j := range w.jobs {
		sooner(j.lookAt)
	}
	if time.Now().Before(w.idleUntil) {
		sooner(w.idleUntil)
	}
	if l := w.look; l != nil && l.stale {
		sooner(l.began.Add(lookShare * l.cost))
	}
	return p
}
