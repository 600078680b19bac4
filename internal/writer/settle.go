package writer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// verdict is what an answer means for its entry.
type verdict uint8

const (
	accepted verdict = iota + 1
	failed
	again
)

// settling is one intent with its answer on the way into the database.
type settling struct {
	intent  outbox.Intent
	answer  JournalResult
	verdict verdict
}

// settle stores what became of a call: the last transaction of its path.
// Intents of rows that the application holds locked stay open and are settled
// from the journal when the row is free.
func (w *Writer) settle(ctx context.Context, fence target.Fence, c *call, answers []JournalResult) (Observation, error) {
	byPosition := make(map[int]JournalResult, len(answers))
	for _, a := range answers {
		byPosition[a.Position] = a
	}
	var list []settling
	for _, i := range c.intents {
		if a, ok := byPosition[i.Position]; ok {
			list = append(list, settling{intent: i, answer: a, verdict: w.judge(i, a)})
		}
	}
	var done []settling
	_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		var err error
		done, err = w.settleIn(ctx, tx, c, list)
		if err == nil {
			crash.Point(crash.WriterBeforeSettleCommit, c.batch.String())
		}
		return err
	})
	if err != nil {
		return Observation{}, fmt.Errorf("settle a call: %w", err)
	}
	crash.Point(crash.WriterAfterSettle, c.batch.String())
	if len(done) < len(list) {
		w.later(w.set.Backoff)
	}
	o := w.observe(c, done)
	w.report(o)
	return o, nil
}

// judge says what an answer means. A delete of what is gone has what it wanted.
func (w *Writer) judge(i outbox.Intent, a JournalResult) verdict {
	if a.Success || i.Op == outbox.Delete && a.Code == "ENTITY_IS_DELETED" {
		return accepted
	}
	switch salesforce.RowClass(a.Code, a.Message) {
	case salesforce.RetrySoon, salesforce.RetryLater:
		if w.attempted(i.LogID)+1 < w.set.Attempts {
			return again
		}
	default:
	}
	return failed
}

func (w *Writer) settleIn(ctx context.Context, tx *target.Tx, c *call, list []settling) ([]settling, error) {
	list, locked, err := w.lockRows(ctx, tx, c, list)
	if err != nil {
		return nil, err
	}
	if err := w.forOrder(ctx, tx, list); err != nil {
		return nil, err
	}
	var ends []ending
	for _, s := range list {
		if locked[s.intent.RecordID] && s.verdict != again && s.intent.Op != outbox.Delete {
			ends = append(ends, w.endingFor(s))
		}
	}
	refused, err := w.writeEndings(ctx, tx, c.table, ends)
	if err != nil {
		return nil, err
	}
	if err := w.settleLog(ctx, tx, list, refused); err != nil {
		return nil, err
	}
	return list, w.reviveDeletes(ctx, tx, list, locked)
}

// reviveDeletes keeps I3: where a row went while its insert was on the way, the
// record goes too.
func (w *Writer) reviveDeletes(ctx context.Context, tx *target.Tx, list []settling, locked map[int32]bool) error {
	gone := map[string][]triggerlog.Revival{}
	for _, s := range list {
		i := &s.intent
		if s.verdict == accepted && !locked[i.RecordID] && i.Op != outbox.Delete && i.RecordID != 0 {
			gone[i.Table] = append(gone[i.Table], triggerlog.Revival{RecordID: i.RecordID, After: i.LogID, Sfid: sfidOf(s)})
		}
	}
	for table, rows := range gone {
		if _, err := w.log.ReviveDeletes(ctx, tx, table, rows); err != nil {
			return err
		}
	}
	return nil
}

func sfidOf(s settling) string {
	if s.answer.Sfid != "" {
		return s.answer.Sfid
	}
	return s.intent.Sfid
}

// lockRows locks the rows that are to be written, and takes out of the list
// those that the application holds.
func (w *Writer) lockRows(ctx context.Context, tx *target.Tx, c *call, list []settling) ([]settling, map[int32]bool, error) {
	var ids []int32
	for _, s := range list {
		if c.table != nil && s.verdict != again && s.intent.Op != outbox.Delete && s.intent.RecordID != 0 {
			ids = append(ids, s.intent.RecordID)
		}
	}
	if len(ids) == 0 {
		return list, nil, nil
	}
	locked, busy, err := w.lock(ctx, tx, c.table, ids)
	if err != nil || len(busy) == 0 {
		return list, locked, err
	}
	var free []settling
	for _, s := range list {
		if !busy[s.intent.RecordID] {
			free = append(free, s)
		}
	}
	return free, locked, nil
}

// settleLog stores the outcomes in the log and closes the intents.
func (w *Writer) settleLog(ctx context.Context, tx *target.Tx, list []settling, refused map[int32]error) error {
	var outcomes []triggerlog.Outcome
	var retry []int32
	var keep, drop []int64
	var sfids []string
	for _, s := range list {
		switch s.verdict {
		case again:
			retry, drop = append(retry, s.intent.LogID), append(drop, s.intent.ID)
		case failed:
			drop = append(drop, s.intent.ID)
			outcomes = append(outcomes, triggerlog.Outcome{ID: s.intent.LogID, State: triggerlog.Failed, Result: 1,
				Message: message(s.answer.Code, s.answer.Message, s.answer.Fields)})
		case accepted:
			keep, sfids = append(keep, s.intent.ID), append(sfids, sfidOf(s))
			o := triggerlog.Outcome{ID: s.intent.LogID, State: triggerlog.Success, Sfid: sfidOf(s)}
			if err := refused[s.intent.RecordID]; err != nil {
				o.State, o.Result = triggerlog.Failed, 1
				o.Message = fmt.Sprintf("Salesforce accepted the change as %s, but the row could not take the Id: %s", sfidOf(s), target.Words(err))
			}
			outcomes = append(outcomes, o)
		}
	}
	if err := w.log.Settle(ctx, tx, outcomes); err != nil {
		return err
	}
	if len(retry) > 0 {
		if _, err := w.log.SetState(ctx, tx, retry, triggerlog.Pending, triggerlog.New); err != nil {
			return err
		}
	}
	if len(keep) > 0 {
		if err := w.box.Accept(ctx, tx, keep, sfids); err != nil {
			return err
		}
	}
	if len(drop) == 0 {
		return nil
	}
	return w.box.Drop(ctx, tx, drop)
}

func (w *Writer) endingFor(s settling) ending {
	e := ending{recordID: s.intent.RecordID, logID: s.intent.LogID, status: statusUpdated, body: s.intent.Body}
	switch {
	case s.verdict == failed:
		e.failed, e.status, e.problem = true, statusFailed, w.problem(s.intent.LogID, s.answer)
	case s.intent.Op == outbox.Insert, s.intent.Op == outbox.Upsert && s.answer.Created:
		e.status, e.sfid = statusInserted, s.answer.Sfid
	default:
		e.sfid = sfidOf(s)
	}
	return e
}

// problem is what stands in _hc_err.
func (w *Writer) problem(logID int32, a JournalResult) string {
	b, _ := json.Marshal(struct { // strings and numbers always render
		Code    string    `json:"code"`
		Message string    `json:"message"`
		Fields  []string  `json:"fields"`
		LogID   int32     `json:"log_id"`
		Time    time.Time `json:"time"`
		Attempt int       `json:"attempt"`
	}{a.Code, a.Message, append([]string{}, a.Fields...), logID, w.clock.Now().UTC().Truncate(time.Millisecond), w.attempted(logID) + 1})
	return string(b)
}

// observe counts what was settled and plans the next attempts.
func (w *Writer) observe(c *call, done []settling) Observation {
	o := Observation{Table: c.table, Op: c.op}
	since := time.Since(c.claimed)
	for _, s := range done {
		id := s.intent.LogID
		switch s.verdict {
		case accepted:
			o.Accepted++
			w.settled(id)
			if !c.claimed.IsZero() {
				o.Latencies = append(o.Latencies, s.intent.ClaimedAt.Sub(s.intent.LogCreatedAt)+since)
			}
		case failed:
			o.Failed++
			w.settled(id)
			w.out.Warn("write failed", "table", s.intent.Table, "log_id", id, "sfid", s.intent.Sfid, "code", s.answer.Code)
		case again:
			o.Retried++
			w.tryLater(id)
		}
	}
	return o
}

const maxBackoff = 2 * time.Minute
