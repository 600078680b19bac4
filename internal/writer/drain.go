package writer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// Progress is what a run has done.
type Progress struct {
	// Sent records were accepted, Failed ones are FAILED (with or without a
	// call), Retry ones will be sent again.
	Sent, Failed, Retry int
	// More says that the run ended before the log was empty.
	More bool
	// NextAt is when something that waits can be done, by the machine's clock;
	// zero if nothing does.
	NextAt time.Time
}

func (p *Progress) add(o Observation) {
	p.Sent += o.Accepted
	p.Failed += o.Failed
	p.Retry += o.Retried
}

func (p *Progress) join(o Progress) {
	p.Sent += o.Sent
	p.Failed += o.Failed
	p.Retry += o.Retry
}

const (
	// maxTrouble is how many calls in a row may be lost or refused for a passing
	// cause before a run ends with the error.
	maxTrouble = 3
	// lookEvery is how often the log is looked at while calls are under way and
	// more could be: what comes then does not wait for their replies.
	lookEvery = 25 * time.Millisecond
)

// Drain sends what is in the log, call by call, until the log holds nothing
// that can be sent, or until has passed. Calls under way are waited for, Bulk
// jobs are not: they are asked for by later runs, or by this one as long as
// there is something else to do.
//
// The error is the org's if it refuses calls as a whole (a limit, a session, no
// connection: salesforce.ClassOf tells), or the database's. What was claimed is
// then NEW again, or its outcome is found out by the next run.
func (w *Writer) Drain(ctx context.Context, fence target.Fence, until time.Time) (Progress, error) {
	return w.DrainWhile(ctx, fence, func() bool { return time.Now().Before(until) })
}

// DrainWhile is Drain until more says no. It asks before each call.
func (w *Writer) DrainWhile(ctx context.Context, fence target.Fence, more func() bool) (Progress, error) {
	d := &drain{w: w, fence: fence, landed: make(chan landing)}
	err := d.run(ctx, more)
	for len(w.flights) > 0 {
		d.land(<-d.landed)
	}
	return w.rest(d.p), errors.Join(err, d.err)
}

// flight is work that goes on beside the planning of more: a call and its
// settlement, or a look at a Bulk job.
type flight struct {
	calls []*call
	job   *job
}

// landing is the end of a flight.
type landing struct {
	flight *flight
	p      Progress
	err    error
}

// drain is one run. Claims are made one after the other by its goroutine, which
// alone knows what is under way; flights only share the writer's pace.
type drain struct {
	w       *Writer
	fence   target.Fence
	p       Progress
	landed  chan landing
	trouble int
	err     error // ends the run
}

func (d *drain) run(ctx context.Context, more func() bool) error {
	for d.err == nil {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("send changes: %w", context.Cause(ctx))
		}
		if d.w.visitDue() {
			if err := d.revisit(ctx); err != nil {
				return err
			}
		}
		if !more() {
			d.p.More = true
			return nil
		}
		d.lookAtJobs(ctx)
		if len(d.w.flights) >= d.w.parallel() {
			d.wait(ctx, 0)
			continue
		}
		went, err := d.step(ctx)
		switch {
		case err != nil:
			return err
		case went:
		case len(d.w.flights) == 0:
			return nil
		default:
			d.wait(ctx, lookEvery)
		}
	}
	return nil
}

// wait waits for a flight to end; longest, if not 0, is how long.
func (d *drain) wait(ctx context.Context, longest time.Duration) {
	var over <-chan time.Time
	if longest > 0 {
		timer := time.NewTimer(longest)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case l := <-d.landed:
		d.land(l)
	case <-over:
	case <-ctx.Done():
	}
}

// land takes in what a flight has done.
func (d *drain) land(l landing) {
	delete(d.w.flights, l.flight)
	d.p.join(l.p)
	if d.w.idleCost < veryLongClaim {
		d.w.idleUntil = time.Time{}
	}
	for _, c := range l.flight.calls {
		d.w.freed(c)
	}
	if j := l.flight.job; j != nil {
		j.busy = false
		if j.over {
			delete(d.w.jobs, j.call.batch)
			d.w.bulkAt, d.w.idleUntil = time.Time{}, time.Time{}
			d.w.lookAgain()
		}
	}
	switch {
	case l.err == nil:
		d.trouble = 0
	case !passing(l.err):
		d.err = errors.Join(d.err, l.err)
	default:
		if d.trouble++; d.trouble >= maxTrouble {
			d.err = errors.Join(d.err, l.err)
		}
	}
}

// launch makes a flight.
func (d *drain) launch(calls []*call, j *job, fly func(*Progress) error) {
	f := &flight{calls: calls, job: j}
	d.w.flights[f] = true
	go func() {
		l := landing{flight: f}
		l.err = fly(&l.p)
		d.landed <- l
	}()
}

// revisit looks at open intents when nothing is under way that they may belong
// to.
func (d *drain) revisit(ctx context.Context) error {
	for len(d.w.flights) > 0 {
		d.land(<-d.landed)
	}
	d.w.lookAgain()
	return d.w.revisit(ctx, d.fence, &d.p)
}

// lookAtJobs asks for the Bulk jobs whose time has come.
func (d *drain) lookAtJobs(ctx context.Context) {
	now := time.Now()
	for _, j := range d.w.jobs {
		if j.busy || now.Before(j.lookAt) {
			continue
		}
		j.busy = true
		d.launch(nil, j, func(p *Progress) error { return d.w.lookAt(ctx, d.fence, j, p) })
	}
}

// step makes the next calls, if there are any to make.
func (d *drain) step(ctx context.Context) (went bool, err error) {
	if time.Now().Before(d.w.idleUntil) {
		return false, nil
	}
	start := time.Now()
	c, err := d.w.claim(ctx, d.fence)
	found := len(c.calls)+c.settled > 0 || c.more
	d.w.took(time.Since(start), found, err)
	if err != nil {
		return false, err
	}
	d.p.Failed += c.failed
	for _, calls := range lanes(c.calls) {
		if j := calls[0].job; j != nil {
			d.w.jobs[j.call.batch] = j
			d.launch(nil, j, func(p *Progress) error { return d.w.start(ctx, d.fence, j, p) })
			continue
		}
		d.launch(calls, nil, func(p *Progress) error { return d.w.deliverAll(ctx, d.fence, calls, p) })
	}
	return found, nil
}

// lanes groups calls by the request that they travel in, or, if they are too
// many for one, by those that go one after the other. A Bulk job goes alone.
func lanes(calls []*call) [][]*call {
	var out [][]*call
	at := map[int]int{}
	for _, c := range calls {
		i, ok := at[c.lane]
		if c.job != nil || !ok {
			out = append(out, nil)
			i = len(out) - 1
			if c.job == nil {
				at[c.lane] = i
			}
		}
		out[i] = append(out[i], c)
	}
	return out
}

// passing says whether the next call may do better at once: the reply to this
// one was lost, or it came too late to be sent, or it was too large.
func passing(err error) bool {
	return salesforce.OutcomeUnknown(err) || errors.Is(err, salesforce.ErrTooLate) || refusedBody(err)
}

// refusedBody says that the org refused a whole call for what stands in it:
// the records are sent in smaller calls until the one that it refuses is alone.
func refusedBody(err error) bool {
	e, ok := errors.AsType[*salesforce.Error](err)
	if !ok || e.Class == salesforce.RetryLater || e.Class == salesforce.Reauthorize {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return true
	default:
		return false
	}
}
