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

// maxTrouble is how many calls in a row may be lost or refused for a passing
// cause before a run ends with the error.
const maxTrouble = 3

// Drain sends what is in the log, call by call, until the log holds nothing
// that can be sent, or until has passed. A call under way is waited for.
//
// The error is the org's if it refuses calls as a whole (a limit, a session, no
// connection: salesforce.ClassOf tells), or the database's. What was claimed is
// then NEW again, or its outcome is found out by the next run.
func (w *Writer) Drain(ctx context.Context, fence target.Fence, until time.Time) (Progress, error) {
	return w.DrainWhile(ctx, fence, func() bool { return time.Now().Before(until) })
}

// DrainWhile is Drain until more says no. It asks before each call.
func (w *Writer) DrainWhile(ctx context.Context, fence target.Fence, more func() bool) (Progress, error) {
	var p Progress
	trouble := 0
	for {
		if err := ctx.Err(); err != nil {
			return p, fmt.Errorf("send changes: %w", context.Cause(ctx))
		}
		if !w.visit.IsZero() && !time.Now().Before(w.visit) {
			if err := w.revisit(ctx, fence, &p); err != nil {
				return w.rest(p), err
			}
		}
		if !more() {
			p.More = true
			return w.rest(p), nil
		}
		went, err := w.step(ctx, fence, &p)
		switch {
		case err == nil && !went:
			return w.rest(p), nil
		case err == nil:
			trouble = 0
		case !passing(err):
			return w.rest(p), err
		default:
			if trouble++; trouble == maxTrouble {
				return w.rest(p), err
			}
		}
	}
}

// step makes the next call, if there is one to make.
func (w *Writer) step(ctx context.Context, fence target.Fence, p *Progress) (went bool, err error) {
	c, err := w.claim(ctx, fence)
	if err != nil {
		return false, err
	}
	p.Failed += c.failed
	if len(c.calls) == 0 {
		return c.settled > 0, nil
	}
	return true, w.deliverAll(ctx, fence, c.calls, p)
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

// rest adds when the next thing is due.
func (w *Writer) rest(p Progress) Progress {
	p.NextAt = w.visit
	for _, at := range w.notBefore {
		if p.NextAt.IsZero() || at.Before(p.NextAt) {
			p.NextAt = at
		}
	}
	return p
}

// later puts the next look at open intents at d from now, if it is not sooner.
func (w *Writer) later(d time.Duration) {
	at := time.Now().Add(d)
	if w.visit.IsZero() || at.Before(w.visit) {
		w.visit = at
	}
}
