package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// deliverAll delivers calls that touch different records: those that can travel
// together, as many as one API call takes, the others one by one. An error of one does not
// keep the others from being delivered, unless it is the fence's: what was
// claimed is either sent, taken back or open.
func (w *Writer) deliverAll(ctx context.Context, fence target.Fence, calls []*call, p *Progress) error {
	var together, alone []*call
	for _, c := range calls {
		if w.request(c).Composable() {
			together = append(together, c)
		} else {
			alone = append(alone, c)
		}
	}
	var failed error
	for chunk := range slices.Chunk(together, salesforce.MaxWrites) {
		switch {
		case errors.Is(failed, target.ErrFenced):
			return failed
		case len(chunk) == 1:
			alone = append(alone, chunk[0])
		default:
			failed = errors.Join(failed, w.deliverTogether(ctx, fence, chunk, p))
		}
	}
	for _, c := range alone {
		if errors.Is(failed, target.ErrFenced) {
			return failed
		}
		o, err := w.deliver(ctx, fence, c)
		p.add(o)
		failed = errors.Join(failed, err)
	}
	return failed
}

// deliverTogether journals each call under its own number, so that each is
// found out about by itself, sends all as one and settles them one by one.
func (w *Writer) deliverTogether(ctx context.Context, fence target.Fence, calls []*call, p *Progress) error {
	for i, c := range calls {
		if err := w.journal(ctx, fence, c); err != nil {
			return errors.Join(err, w.unsent(ctx, fence, calls, i))
		}
	}
	crash.Point(crash.WriterAfterJournalSending)
	reqs := make([]salesforce.WriteRequest, len(calls))
	for i, c := range calls {
		reqs[i] = w.request(c)
	}
	written, err := w.cfg.Org.WriteAll(ctx, reqs)
	if err != nil {
		return w.refusedAll(ctx, fence, calls, fmt.Errorf("send changes: %w", err))
	}
	for _, c := range calls {
		crash.Point(crash.WriterAfterReplyBeforeJournal, c.batch.String())
	}
	w.widen()
	var failed error
	for i, c := range calls {
		var o Observation
		if err = written[i].Err; err != nil {
			o, err = w.refused(ctx, fence, c, fmt.Errorf("send changes: %w", err))
		} else {
			o, err = w.answered(ctx, fence, c, answersOf(c.intents, written[i].Results))
		}
		p.add(o)
		failed = errors.Join(failed, err)
	}
	return failed
}

// unsent takes back calls when number failed could not be journalled: those
// before it are closed in the journal, those after it never got there.
func (w *Writer) unsent(ctx context.Context, fence target.Fence, calls []*call, failed int) error {
	var errs []error
	for i, c := range calls {
		switch {
		case i < failed:
			errs = append(errs, w.notSent(ctx, fence, c))
		case i > failed:
			errs = append(errs, w.undo(ctx, fence, c.intents))
		}
	}
	return errors.Join(errs...)
}

// refusedAll handles a composed call that brought no replies. One that the org
// refused for what stands in it is divided: the next ones go alone.
func (w *Writer) refusedAll(ctx context.Context, fence target.Fence, calls []*call, err error) error {
	var failed error
	if refusedBody(err) {
		w.out.WarnContext(ctx, "composed writes were refused as a whole; they are sent one by one", "writes", len(calls), "error", err)
		for _, c := range calls {
			failed = errors.Join(failed, w.notSent(ctx, fence, c))
		}
		w.narrow(plan.MaxRecords / 2)
		return failed
	}
	for _, c := range calls {
		_, e := w.refused(ctx, fence, c, err)
		failed = errors.Join(failed, e)
	}
	return failed
}
