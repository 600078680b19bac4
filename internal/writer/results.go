package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// tally is what a job's results say of its records, by their place.
type tally struct {
	answers []JournalResult
	known   []bool
	missing int
}

// collect settles a job that is over, record by record.
func (w *Writer) collect(ctx context.Context, fence target.Fence, j *job, got bulk.Job, p *Progress) error {
	t, err := w.results(ctx, j, got)
	if err != nil {
		w.askLater(j, 0)
		return err
	}
	crash.Point(crash.WriterAfterReplyBeforeJournal, j.call.batch.String())
	var known, unsent, lost []outbox.Intent
	var answers []JournalResult
	for n, i := range j.call.intents {
		switch {
		case t.known[n] && t.answers[n].Code == CodeNotSent:
			unsent = append(unsent, i)
		case t.known[n]:
			known, answers = append(known, i), append(answers, t.answers[n])
		default:
			lost = append(lost, i)
		}
	}
	if err := w.settleJob(ctx, fence, j, known, answers, p); err != nil {
		w.askLater(j, 0)
		return err
	}
	if err := w.unsentOfJob(ctx, fence, j, unsent, got); err != nil {
		w.askLater(j, 0)
		return err
	}
	if len(lost) > 0 {
		w.out.WarnContext(ctx, "a Bulk job has no result for some records", "job", j.id, "records", len(lost))
		return w.leave(ctx, fence, j, lost, p)
	}
	j.over = true
	return nil
}

// settleJob stores answers, so many records at a time.
func (w *Writer) settleJob(ctx context.Context, fence target.Fence, j *job, intents []outbox.Intent, answers []JournalResult, p *Progress) error {
	for at := 0; at < len(intents); at += settleChunk {
		end := min(at+settleChunk, len(intents))
		part := j.call.part()
		part.intents = intents[at:end]
		o, err := w.answered(ctx, fence, part, answers[at:end])
		p.add(o)
		if err != nil {
			return err
		}
		if end < len(intents) {
			crash.Point(crash.WriterInJobSettle, j.id)
		}
	}
	return nil
}

// unsentOfJob makes entries NEW again that a job did not reach.
func (w *Writer) unsentOfJob(ctx context.Context, fence target.Fence, j *job, intents []outbox.Intent, got bulk.Job) error {
	if len(intents) == 0 {
		return nil
	}
	part := j.call.part()
	part.intents = intents
	if got.State == bulk.Failed {
		w.avoidBulk(ctx, j, got.Err())
	}
	return w.notSent(ctx, fence, part)
}

// results reads what became of each record. Of updates and deletes that were
// all accepted there is nothing to read: their Ids are known.
func (w *Writer) results(ctx context.Context, j *job, got bulk.Job) (tally, error) {
	n := len(j.call.intents)
	t := tally{answers: make([]JournalResult, n), known: make([]bool, n), missing: n}
	byID := j.call.op == outbox.Update || j.call.op == outbox.Delete
	if byID && got.State == bulk.JobComplete && got.Refused == 0 && got.Records >= n {
		for i, in := range j.call.intents {
			t.know(i, JournalResult{Position: in.Position, Sfid: in.Sfid, Success: true})
		}
		return t, nil
	}
	if got.Records == 0 && (got.State == bulk.Failed || got.State == bulk.Aborted && (j.stopped || j.call.op != outbox.Insert)) {
		for i, in := range j.call.intents {
			t.know(i, JournalResult{Position: in.Position, Code: CodeNotSent})
		}
		return t, nil
	}
	sheet, err := sheetOf(w.ingest(j.call), j.call.intents)
	if err != nil {
		return t, err
	}
	for _, kind := range []bulk.Kind{bulk.Refusals, bulk.Successful, bulk.Unprocessed} {
		if t.missing == 0 || kind == bulk.Refusals && got.Refused == 0 && got.State == bulk.JobComplete {
			continue
		}
		if err := w.readResults(ctx, j, kind, sheet, &t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (t *tally) know(i int, r JournalResult) {
	if !t.known[i] {
		t.missing--
	}
	t.answers[i], t.known[i] = r, true
}

// readResults reads one of a job's three lists. A list that breaks off is read
// again from its beginning, so its rows are put to records at the end.
func (w *Writer) readResults(ctx context.Context, j *job, kind bulk.Kind, sheet *bulk.Sheet, t *tally) error {
	type found struct {
		key string
		row bulk.RowResult
	}
	var list []found
	finder := sheet.Finder()
	err := w.cfg.Bulk.Results(ctx, j.id, kind, func() func(bulk.RowResult) error {
		list = list[:0]
		return func(r bulk.RowResult) error {
			list = append(list, found{finder.Key(r), bulk.RowResult{ID: r.ID, Created: r.Created, Error: r.Error}})
			return nil
		}
	})
	if err != nil {
		return err
	}
	if kind == bulk.Successful && j.call.op == outbox.Insert {
		foreign, err := w.ofOthers(ctx, j, func(yield func(string) bool) {
			for _, f := range list {
				if !yield(f.row.ID) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(f found) bool { return foreign[f.row.ID] })
	}
	for i, known := range t.known {
		if known {
			finder.Take(i)
		}
	}
	for _, f := range list {
		if i, ok := finder.Find(f.key); ok {
			t.know(i, answerOf(j.call.intents[i], kind, f.row))
		}
	}
	return nil
}

func answerOf(i outbox.Intent, kind bulk.Kind, r bulk.RowResult) JournalResult {
	switch kind {
	case bulk.Successful:
		return JournalResult{Position: i.Position, Sfid: r.ID, Success: true, Created: r.Created}
	case bulk.Refusals:
		return JournalResult{Position: i.Position, Sfid: r.ID, Code: r.Error.StatusCode, Message: r.Error.Message, Fields: r.Error.Fields}
	default:
		return JournalResult{Position: i.Position, Code: CodeNotSent}
	}
}

// ofOthers are those of the records that belong to inserts which were settled
// before: equal rows must not get the same record.
func (w *Writer) ofOthers(ctx context.Context, j *job, ids func(func(string) bool)) (map[string]bool, error) {
	out := map[string]bool{}
	var list []found
	for id := range ids {
		if j.taken[id] {
			out[id] = true
			continue
		}
		list = append(list, found{sfid: id})
	}
	if j.ours {
		return out, nil
	}
	all := slices.Clone(list)
	free, err := w.unowned(ctx, j.call.table, list)
	if err != nil {
		return nil, err
	}
	left := map[string]bool{}
	for _, f := range free {
		left[f.sfid] = true
	}
	for _, f := range all {
		if !left[f.sfid] {
			out[f.sfid] = true
		}
	}
	return out, nil
}

// leave gives up on a job for records whose outcome it does not tell. What has
// the same effect twice is sent again; inserts are looked for.
func (w *Writer) leave(ctx context.Context, fence target.Fence, j *job, intents []outbox.Intent, p *Progress) error {
	j.over = true
	w.mu.Lock()
	w.left[j.call.batch] = true
	w.mu.Unlock()
	part := j.call.part()
	part.intents = intents
	w.adopt(j.call.batch)
	if j.call.op == outbox.Insert {
		return nil // the next look at open intents searches
	}
	now, err := w.now(ctx)
	if err != nil {
		return err
	}
	return w.againAll(ctx, fence, part, now, p)
}

// now is the target database's clock.
func (w *Writer) now(ctx context.Context) (now time.Time, err error) {
	err = w.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	})
	if err != nil {
		return now, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}

// againAll makes a call again that may be larger than a request.
func (w *Writer) againAll(ctx context.Context, fence target.Fence, c *call, now time.Time, p *Progress) error {
	var failed error
	for chunk := range slices.Chunk(c.intents, salesforce.MaxWrite) {
		part := c.part()
		part.intents = slices.Clone(chunk)
		failed = errors.Join(failed, w.again(ctx, fence, part, now, p))
	}
	if failed != nil {
		return fmt.Errorf("send changes again: %w", failed)
	}
	return nil
}
