package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// Recover settles what earlier turns left open, as far as that can be told now.
// A turn calls it before it drains; what stays open holds back only its own
// records and is looked at again by [Writer.Drain].
//
// It is an error if the connection does not know its Salesforce user: inserts
// whose answer is lost are looked for by it, and not to find them would count as
// a proof that they never arrived (I6).
func (w *Writer) Recover(ctx context.Context, fence target.Fence) error {
	if w.cfg.Connection.Org.UserID == "" {
		return &mapping.ConfigError{
			Object: "connection", Problem: "it does not know as which Salesforce user it writes, so nothing is sent",
			Fix: "delete the connection without its tables and create it again: that asks Salesforce",
		}
	}
	var p Progress
	w.jobs = map[uuid.UUID]*job{} // another turn may have gone on with them
	w.look = nil
	return w.revisit(ctx, fence, &p)
}

// open is a look at the intents that are not settled.
type open struct {
	calls []*call
	now   time.Time // of the target database
	// taken are records that answers in the journal give to open intents: those
	// of rows that the application holds.
	taken map[string]bool
}

func (w *Writer) waiting(ctx context.Context) (open, error) {
	o := open{taken: map[string]bool{}}
	var intents []outbox.Intent
	err := w.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if intents, err = w.unsettled(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&o.now)
	})
	if err != nil {
		return o, fmt.Errorf("look for open intents: %w", err)
	}
	byBatch := map[uuid.UUID]*call{}
	for _, i := range intents {
		c := byBatch[i.Batch]
		if c == nil {
			c = &call{batch: i.Batch, table: w.cfg.Tables[i.Table], op: i.Op}
			byBatch[i.Batch] = c
			o.calls = append(o.calls, c)
		}
		c.intents = append(c.intents, i)
	}
	w.disown(byBatch)
	return o, nil
}

// revisit looks at all open intents once, oldest call first.
func (w *Writer) revisit(ctx context.Context, fence target.Fence, p *Progress) error {
	w.visited()
	o, err := w.waiting(ctx)
	if err != nil {
		return err
	}
	lost := map[string][]*call{} // inserts that must be looked for, by table
	for _, c := range o.calls {
		missing, err := w.byJournal(ctx, fence, c, o.taken, p)
		if err != nil {
			w.later(w.set.Backoff)
			return err
		}
		if missing == nil {
			continue
		}
		if c.op == outbox.Insert {
			name := c.intents[0].Table
			lost[name] = append(lost[name], missing)
			continue
		}
		if err := w.againAll(ctx, fence, missing, o.now, p); err != nil {
			w.later(w.set.Backoff)
			return err
		}
	}
	for _, calls := range lost {
		if err := w.search(ctx, fence, calls, o, p); err != nil {
			w.later(w.set.ProbeEvery)
			return err
		}
	}
	return nil
}

// byJournal settles what the journal knows of a call and returns the rest,
// whose outcome is not known; nil if there is none.
//
// A call that the journal doesn't know was never made and never will be: the
// journal takes no entry from a turn whose fence has been raised since, and
// without one nobody sends (I6, I13).
func (w *Writer) byJournal(ctx context.Context, fence target.Fence, c *call, taken map[string]bool, p *Progress) (*call, error) {
	rows, err := w.cfg.Journal.Batch(ctx, w.cfg.Connection.ID, c.batch)
	if err != nil {
		return nil, fmt.Errorf("read the journal of a call: %w", err)
	}
	if len(rows) == 0 {
		return nil, w.undo(ctx, fence, c.intents)
	}
	byPosition := make(map[int]JournalRow, len(rows))
	for _, r := range rows {
		byPosition[r.Position] = r
	}
	known, unsent, unknown := c.part(), c.part(), c.part()
	var answers []JournalResult
	for _, i := range c.intents {
		r := byPosition[i.Position]
		switch {
		case r.Answered && r.Result.Code == CodeNotSent:
			unsent.intents = append(unsent.intents, i)
		case r.Answered && r.Result.Code != CodeSentAgain:
			known.intents = append(known.intents, i)
			answers = append(answers, r.Result)
			taken[r.Result.Sfid] = true
		default:
			unknown.intents = append(unknown.intents, i)
		}
	}
	if len(unsent.intents) > 0 {
		if err := w.undo(ctx, fence, unsent.intents); err != nil {
			return nil, err
		}
	}
	if len(known.intents) > 0 {
		o, err := w.settle(ctx, fence, known, answers)
		p.add(o)
		if err != nil {
			return nil, err
		}
	}
	if len(unknown.intents) == 0 {
		return nil, nil
	}
	return w.byJob(ctx, fence, unknown, rows)
}

func (c *call) part() *call {
	return &call{batch: c.batch, table: c.table, op: c.op, claimed: c.claimed}
}

// again makes a call once more whose outcome is not known. An upsert, an
// update and a delete have the same effect twice; entries of the same records
// wait until it is settled, so nothing newer goes before it.
//
// The new call is journalled before the intents move to it, so that they
// always belong to one that the journal knows: they must not count as never
// sent.
func (w *Writer) again(ctx context.Context, fence target.Fence, c *call, now time.Time, p *Progress) error {
	if wait := resendAfter - now.Sub(c.intents[0].ClaimedAt); wait > 0 && !w.isOwn(c.batch) {
		w.later(wait)
		return nil
	}
	if c.table == nil {
		w.later(10 * time.Minute)
		return nil // the mapping is gone; its next owner finds out
	}
	old := c.batch
	closing := make([]JournalResult, len(c.intents))
	c.batch, c.claimed = uuid.New(), time.Now()
	for n := range c.intents {
		closing[n] = JournalResult{Position: c.intents[n].Position, Code: CodeSentAgain}
		c.intents[n].Batch, c.intents[n].Position = c.batch, n
	}
	if err := w.cfg.Journal.Sending(ctx, fence, c.batch, entriesOf(c.intents)); err != nil {
		return fmt.Errorf("journal a call: %w", err)
	}
	_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		return w.box.Rebatch(ctx, tx, intentIDs(c.intents), c.batch)
	})
	if err != nil {
		return fmt.Errorf("make a call again: %w", err)
	}
	w.adopt(c.batch)
	crash.Point(crash.WriterAfterJournalSending)
	results, err := w.send(ctx, c)
	if err != nil {
		return w.refusedAgain(ctx, fence, c, err)
	}
	answers := w.final(c, answersOf(c.intents, results))
	o, err := w.answered(ctx, fence, c, answers)
	p.add(o)
	if err != nil {
		return err
	}
	if err := w.cfg.Journal.Accepted(ctx, old, closing); err != nil {
		return fmt.Errorf("close the journal of a lost call: %w", err)
	}
	return nil
}

// final leaves out answers that settle nothing: that a repeated upsert met a
// lock says nothing of the first one, which may have made the record. Were the
// entry NEW again and its row deleted, nobody would delete that record.
func (w *Writer) final(c *call, answers []JournalResult) []JournalResult {
	if c.op != outbox.Upsert {
		return answers
	}
	out := answers[:0:0]
	for n, a := range answers {
		if w.judge(c.intents[n], a) == again {
			w.later(w.set.Backoff)
			continue
		}
		out = append(out, a)
	}
	return out
}

// refusedAgain handles a repeated call that brought no results. Whatever the
// error says of this one, the first may have arrived: the intents stay open.
// The exception is a body that the org does not take, which it did not take the
// first time either.
func (w *Writer) refusedAgain(ctx context.Context, fence target.Fence, c *call, err error) error {
	if refusedBody(err) {
		_, err = w.refused(ctx, fence, c, err)
		return err
	}
	w.later(w.set.Backoff)
	if salesforce.OutcomeUnknown(err) || errors.Is(err, salesforce.ErrTooLate) {
		return nil
	}
	return err
}
