package writer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// finishWithin bounds what is still done after a reply when the turn is told
// to stop: an answer in memory is worth storing.
const finishWithin = 15 * time.Second

func finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
}

// deliver journals, makes and settles one call.
func (w *Writer) deliver(ctx context.Context, fence target.Fence, c *call) (Observation, error) {
	if err := w.journal(ctx, fence, c); err != nil {
		return Observation{}, err
	}
	crash.Point(crash.WriterAfterJournalSending)
	results, err := w.send(ctx, c)
	if err != nil {
		return w.refused(ctx, fence, c, err)
	}
	w.widen()
	return w.answered(ctx, fence, c, answersOf(c.intents, results))
}

// journal notes that a call is about to be made. If it can't, the claim is
// taken back.
func (w *Writer) journal(ctx context.Context, fence target.Fence, c *call) error {
	err := w.cfg.Journal.Sending(ctx, fence, c.batch, entriesOf(c.intents))
	if err == nil {
		return nil
	}
	err = fmt.Errorf("journal a call: %w", err)
	if errors.Is(err, target.ErrFenced) {
		return err
	}
	return errors.Join(err, w.undo(ctx, fence, c.intents))
}

func (w *Writer) send(ctx context.Context, c *call) ([]salesforce.Result, error) {
	results, err := w.cfg.Org.Write(ctx, w.request(c))
	if err != nil {
		return nil, fmt.Errorf("send changes: %w", err)
	}
	crash.Point(crash.WriterAfterReplyBeforeJournal, c.batch.String())
	return results, nil
}

// request is a call as the client takes it.
func (w *Writer) request(c *call) salesforce.WriteRequest {
	req := salesforce.WriteRequest{
		Object: c.intents[0].Object, SendBefore: c.claimed.Add(outbox.SendWithin),
		BeforeReply: func() { crash.Point(crash.WriterAfterSendBeforeReply, c.batch.String()) },
	}
	req.Op, req.AssignmentRule, req.AllowDuplicates = opOf(c.op), w.rule(c.table), c.table.Mapping.Options.AllowDuplicates
	if c.op == outbox.Upsert {
		req.ExternalIDField = c.table.Columns[c.table.Upsert].Path()
	}
	for _, i := range c.intents {
		if c.op == outbox.Delete {
			req.IDs = append(req.IDs, i.Sfid)
		} else {
			req.Records = append(req.Records, json.RawMessage(i.Body))
		}
	}
	return req
}

// answered stores the answers of a call, in the journal and in the target. If
// the journal can't be reached the target still is: the answer is here.
func (w *Writer) answered(ctx context.Context, fence target.Fence, c *call, answers []JournalResult) (Observation, error) {
	ctx, cancel := finish(ctx)
	defer cancel()
	journal := w.cfg.Journal.Accepted(ctx, c.batch, answers)
	if journal != nil {
		journal = fmt.Errorf("journal the answers of a call: %w", journal)
	} else {
		crash.Point(crash.WriterAfterJournalAccepted, c.batch.String())
	}
	o, err := w.settle(ctx, fence, c, answers)
	if err != nil {
		w.adopt(c.batch)
	}
	return o, errors.Join(journal, err)
}

// refused handles a call that brought no results.
func (w *Writer) refused(ctx context.Context, fence target.Fence, c *call, err error) (Observation, error) {
	switch {
	case salesforce.OutcomeUnknown(err):
		w.adopt(c.batch)
		w.out.WarnContext(ctx, "reply to a write was lost", "object", c.intents[0].Object, "operation", c.op,
			"records", len(c.intents), "error", err)
		return Observation{}, err
	case refusedBody(err) && len(c.intents) == 1:
		return w.answered(ctx, fence, c, []JournalResult{callAnswer(c.intents[0].Position, err)})
	case refusedBody(err):
		w.narrow(len(c.intents) / 2)
		w.out.WarnContext(ctx, "a write was refused as a whole; its records are sent in smaller calls",
			"object", c.intents[0].Object, "records", len(c.intents), "error", err)
		return Observation{}, w.notSent(ctx, fence, c)
	default:
		return Observation{}, errors.Join(err, w.notSent(ctx, fence, c))
	}
}

// callAnswer is the error of a whole call as the answer for its one record.
func callAnswer(position int, err error) JournalResult {
	r := JournalResult{Position: position, Code: salesforce.CodeHTTP, Message: err.Error()}
	if e, ok := errors.AsType[*salesforce.Error](err); ok {
		r.Code, r.Message, r.Fields = e.Code, e.Message, e.Fields
	}
	return r
}

// notSent closes the journal of a call that the org surely did not handle, and
// makes its entries NEW again.
func (w *Writer) notSent(ctx context.Context, fence target.Fence, c *call) error {
	ctx, cancel := finish(ctx)
	defer cancel()
	answers := make([]JournalResult, len(c.intents))
	for i, in := range c.intents {
		answers[i] = JournalResult{Position: in.Position, Code: CodeNotSent}
	}
	if err := w.cfg.Journal.Accepted(ctx, c.batch, answers); err != nil {
		w.adopt(c.batch)
		return fmt.Errorf("journal that a call was not made: %w", err)
	}
	return w.undo(ctx, fence, c.intents)
}

// undo takes a claim back: nothing was sent.
func (w *Writer) undo(ctx context.Context, fence target.Fence, intents []outbox.Intent) error {
	ctx, cancel := finish(ctx)
	defer cancel()
	_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		if _, err := w.log.SetState(ctx, tx, logIDs(intents), triggerlog.Pending, triggerlog.New); err != nil {
			return err
		}
		return w.box.Drop(ctx, tx, intentIDs(intents))
	})
	if err != nil {
		w.later(w.set.Backoff)
		return fmt.Errorf("take back a claim: %w", err)
	}
	return nil
}

func entriesOf(intents []outbox.Intent) []JournalEntry {
	out := make([]JournalEntry, len(intents))
	for n, i := range intents {
		out[n] = JournalEntry{
			Position: i.Position, LogID: i.LogID, TxID: i.LogTxID, CreatedAt: i.LogCreatedAt,
			Hash: i.Hash, Mapping: i.Mapping, Op: string(i.Op),
		}
	}
	return out
}

func answersOf(intents []outbox.Intent, results []salesforce.Result) []JournalResult {
	out := make([]JournalResult, len(intents))
	for n, r := range results {
		a := JournalResult{Position: intents[n].Position, Sfid: r.ID, Success: r.Success, Created: r.Created}
		if len(r.Errors) > 0 {
			a.Code, a.Message, a.Fields = r.Errors[0].StatusCode, r.Errors[0].Message, r.Errors[0].Fields
			for _, more := range r.Errors[1:] {
				a.Message += "; " + more.Error()
				a.Fields = append(a.Fields, more.Fields...)
			}
		}
		out[n] = a
	}
	return out
}

func logIDs(intents []outbox.Intent) []int32 {
	out := make([]int32, len(intents))
	for n, i := range intents {
		out[n] = i.LogID
	}
	return out
}

func intentIDs(intents []outbox.Intent) []int64 {
	out := make([]int64, len(intents))
	for n, i := range intents {
		out[n] = i.ID
	}
	return out
}

// message is how a failure stands in the log: "CODE: message [fields]".
func message(code, text string, fields []string) string {
	if code != "" {
		text = code + ": " + text
	}
	if len(fields) > 0 {
		text += " [" + strings.Join(fields, ", ") + "]"
	}
	return text
}
