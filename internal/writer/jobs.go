package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// BulkOrg is the org's Bulk API; *bulk.Client is one.
type BulkOrg interface {
	CreateIngest(ctx context.Context, in bulk.Ingest) (bulk.Job, error)
	Upload(ctx context.Context, id string, rows []byte) error
	Complete(ctx context.Context, id string, before time.Time, beforeReply func()) error
	IngestJob(ctx context.Context, id string) (bulk.Job, error)
	AbortIngest(ctx context.Context, id string) error
	Results(ctx context.Context, id string, kind bulk.Kind, start func() func(bulk.RowResult) error) error
}

// job is a change set that travels as a Bulk job. Its id is the proof of what
// became of it: it is in the journal before the job gets any data, and the one
// call that sets it going is made by whoever wrote it there last.
type job struct {
	call *call
	// id is that of the org's job.
	id string
	// ours says that this writer has uploaded the data, so that it may start the
	// job again when that call was lost.
	ours bool
	// since is when the job was started, or found; asked counts the questions
	// since, lookAt is the time of the next one.
	since  time.Time
	asked  int
	lookAt time.Time
	// stopped says that it was ended before it could begin.
	stopped bool
	// taken are records that settled intents of the same job have.
	taken map[string]bool
	// busy: a flight has it in hand. over: it needs nothing more.
	busy, over bool
}

const (
	// startWithin is how long after the journal's word the call that starts a
	// job may go out, startedBy when whoever takes over may be sure that it does
	// not any more.
	startWithin = 15 * time.Second
	startedBy   = startWithin + 5*time.Second
	// settleChunk is how many records of a job are settled in one transaction.
	settleChunk = 1000
	// journalChunk is how many are journalled in one.
	journalChunk = 5000
)

// start makes the org's job and sets it going.
func (w *Writer) start(ctx context.Context, fence target.Fence, j *job, p *Progress) error {
	if err := w.journalJob(ctx, fence, j.call); err != nil {
		j.over = true
		return err
	}
	crash.Point(crash.WriterAfterJournalSending)
	if err := w.fill(ctx, fence, j); err != nil {
		j.over = true
		if errors.Is(err, target.ErrFenced) {
			return err
		}
		return w.giveUp(ctx, fence, j, err)
	}
	return w.setGoing(ctx, fence, j, p)
}

// journalJob notes that a job is about to be made, and its records. What has a
// note and no id got no data.
func (w *Writer) journalJob(ctx context.Context, fence target.Fence, c *call) error {
	err := w.cfg.Journal.NoteJob(ctx, fence, c.batch, "")
	done := 0
	for chunk := range slices.Chunk(c.intents, journalChunk) {
		if err == nil {
			if err = w.cfg.Journal.Sending(ctx, fence, c.batch, entriesOf(chunk)); err == nil {
				done += len(chunk)
			}
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("journal a Bulk job: %w", err)
	if errors.Is(err, target.ErrFenced) {
		return err
	}
	sent, rest := c.part(), c.part()
	sent.intents, rest.intents = c.intents[:done], c.intents[done:]
	if done > 0 {
		err = errors.Join(err, w.notSent(ctx, fence, sent))
	}
	return errors.Join(err, w.undo(ctx, fence, rest.intents))
}

// fill makes the org's job and gives it its data.
func (w *Writer) fill(ctx context.Context, fence target.Fence, j *job) error {
	in := w.ingest(j.call)
	sheet, err := sheetOf(in, j.call.intents)
	if err != nil {
		return err
	}
	made, err := w.cfg.Bulk.CreateIngest(ctx, in)
	if err != nil {
		return err
	}
	crash.Point(crash.WriterAfterJobCreated, made.ID)
	j.id = made.ID
	if err := w.cfg.Journal.NoteJob(ctx, fence, j.call.batch, j.id); err != nil {
		return fmt.Errorf("journal a Bulk job: %w", err)
	}
	crash.Point(crash.WriterAfterJobNoted, j.id)
	if err := w.cfg.Bulk.Upload(ctx, j.id, sheet.CSV()); err != nil {
		return err
	}
	j.ours = true
	crash.Point(crash.WriterAfterJobUploaded, j.id)
	return nil
}

// ingest says what the org's job does.
func (w *Writer) ingest(c *call) bulk.Ingest {
	in := bulk.Ingest{Op: opOf(c.op), Object: c.intents[0].Object}
	if c.op == outbox.Upsert {
		in.ExternalIDField = c.table.Columns[c.table.Upsert].Path()
	}
	if rule := w.rule(c.table); isRuleID(rule) {
		in.AssignmentRule = rule
	}
	return in
}

func sheetOf(in bulk.Ingest, intents []outbox.Intent) (*bulk.Sheet, error) {
	s := bulk.NewSheet(in)
	for _, i := range intents {
		if in.Op == salesforce.Delete {
			s.AddID(i.Sfid)
			continue
		}
		if err := s.Add([]byte(i.Body)); err != nil {
			return nil, fmt.Errorf("write entry %d as CSV: %w", i.LogID, err)
		}
	}
	return s, nil
}

// setGoing makes the call that starts a job: the only one that changes records.
// Right before it the journal is asked for leave: it refuses a turn that was
// overtaken.
func (w *Writer) setGoing(ctx context.Context, fence target.Fence, j *job, _ *Progress) error {
	err := w.cfg.Journal.NoteJob(ctx, fence, j.call.batch, j.id)
	if err == nil {
		err = w.cfg.Bulk.Complete(ctx, j.id, time.Now().Add(startWithin), func() {
			crash.Point(crash.WriterAfterSendBeforeReply, j.call.batch.String())
		})
	} else if err = fmt.Errorf("journal a Bulk job: %w", err); errors.Is(err, target.ErrFenced) {
		j.over = true
		return err
	}
	switch {
	case err == nil, salesforce.OutcomeUnknown(err):
		crash.Point(crash.WriterAfterJobStarted, j.id)
		j.since, j.asked = time.Now(), 0
		w.askLater(j, 0)
		return err
	default:
		j.over = true
		return w.giveUp(ctx, fence, j, err)
	}
}

// giveUp ends a job that was not set going. Its entries are NEW again; where
// the Bulk API does not take them they go by Collections.
func (w *Writer) giveUp(ctx context.Context, fence target.Fence, j *job, cause error) error {
	if j.id != "" {
		ctx, cancel := finish(ctx)
		defer cancel()
		if err := w.cfg.Bulk.AbortIngest(ctx, j.id); err != nil {
			w.out.WarnContext(ctx, "a Bulk job without data was left open; the org ends it by itself", "job", j.id, "error", err)
		}
	}
	if err := w.notSent(ctx, fence, j.call); err != nil {
		return errors.Join(cause, err)
	}
	if salesforce.OutcomeUnknown(cause) || errors.Is(cause, salesforce.ErrTooLate) || !bulk.Refused(cause) && !refusedBody(cause) {
		return cause
	}
	w.avoidBulk(ctx, j, cause)
	return nil
}

// avoidBulk sends a table's changes by Collections for a while.
func (w *Writer) avoidBulk(ctx context.Context, j *job, cause error) {
	name := j.call.intents[0].Table
	w.mu.Lock()
	w.noBulk[name] = time.Now().Add(avoidFor)
	w.mu.Unlock()
	w.out.WarnContext(ctx, "the Bulk API does not take these changes; they go by Collections", "table", name, "operation", j.call.op, "error", cause)
}

const avoidFor = 10 * time.Minute

// lookAt asks how a job stands, and settles it when it is over.
func (w *Writer) lookAt(ctx context.Context, fence target.Fence, j *job, p *Progress) error {
	got, err := w.cfg.Bulk.IngestJob(ctx, j.id)
	switch {
	case bulk.Gone(err):
		w.out.WarnContext(ctx, "a Bulk job is gone; its outcome is looked for record by record", "job", j.id, "error", err)
		return w.leave(ctx, fence, j, j.call.intents, p)
	case err != nil:
		w.askLater(j, 0)
		return err
	case got.State == bulk.UploadComplete, got.State == bulk.InProgress:
		w.askLater(j, got.Records)
		return nil
	case got.State == bulk.Open && j.ours:
		return w.setGoing(ctx, fence, j, p)
	case got.State == bulk.Open:
		return w.stop(ctx, fence, j, p)
	}
	w.jobIsOver(j)
	return w.collect(ctx, fence, j, got, p)
}

// stop ends a job of a turn that is no more, once it is certain that nobody
// sets it going.
func (w *Writer) stop(ctx context.Context, fence target.Fence, j *job, p *Progress) error {
	note, err := w.cfg.Journal.JobOf(ctx, w.cfg.Connection.ID, j.call.batch)
	if err != nil {
		return fmt.Errorf("read the journal of a Bulk job: %w", err)
	}
	if wait := startedBy - note.Age; wait > 0 {
		j.lookAt = time.Now().Add(wait)
		return nil
	}
	w.askLater(j, 0)
	j.stopped = true
	if err := w.cfg.Bulk.AbortIngest(ctx, j.id); err != nil {
		return err
	}
	got, err := w.cfg.Bulk.IngestJob(ctx, j.id)
	if err != nil || got.State == bulk.Open {
		return err
	}
	return w.collect(ctx, fence, j, got, p)
}
