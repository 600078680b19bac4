package writer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// call is one request with its intents, by position.
type call struct {
	batch   uuid.UUID
	table   *mapping.Table
	op      outbox.Op
	intents []outbox.Intent
	// claimed is right before the claim, by this machine's monotonic clock.
	claimed time.Time
	// lane numbers the request that the call travels in; job is set if it goes
	// as a Bulk job instead.
	lane int
	job  *job
	// parents are locked by the call.
	parents []string
}

// claimed is what one claim did.
type claimed struct {
	// calls touch different records; they travel together.
	calls []*call
	// settled is the number of entries that needed no call, failed those of
	// them that are FAILED.
	settled, failed int
	// more says that the log was not looked through to its end.
	more      bool
	done      []plan.Done
	conflicts []outbox.Conflict
}

// claim takes the next change sets out of the log, and settles what needs no
// call. The first transaction of the path of a call.
func (w *Writer) claim(ctx context.Context, fence target.Fence) (claimed, error) {
	var done claimed
	started := time.Now()
	_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		done = claimed{}
		found, err := w.next(ctx, tx)
		done.more = found.more
		if err != nil || found.plan == nil {
			return err
		}
		p := found.plan
		if done.conflicts, err = w.file(ctx, tx, p); err != nil {
			return err
		}
		done.count(p.Done)
		if err := w.recapture(ctx, tx, p); err != nil {
			return err
		}
		for _, set := range p.Sets {
			c, err := w.putIntents(ctx, tx, set)
			if err != nil {
				return err
			}
			c.lane, c.parents = set.Lane, set.Parents
			w.holdNew(c, set)
			if set.Bulk {
				c.job = &job{call: c, since: started, lookAt: started.Add(time.Hour), busy: true}
			}
			done.calls = append(done.calls, c)
		}
		w.noteDeletes(p.Sets)
		crash.Point(crash.WriterAfterClaimBeforeCommit)
		return nil
	})
	if err != nil {
		w.look = nil
		return claimed{}, fmt.Errorf("claim changes: %w", err)
	}
	w.tell(ctx, done)
	for _, c := range done.calls {
		c.claimed = started
	}
	if len(done.calls) > 0 {
		crash.Point(crash.WriterAfterClaim)
	}
	return done, nil
}

func (c *claimed) count(done []plan.Done) {
	c.done, c.settled = done, len(done)
	for _, d := range done {
		if d.State == triggerlog.Failed {
			c.failed++
		}
	}
}

// tell reports entries that failed without a call, and conflicts.
func (w *Writer) tell(ctx context.Context, c claimed) {
	failed := map[*mapping.Table]int{}
	for _, d := range c.done {
		if d.State == triggerlog.Failed {
			failed[w.cfg.Tables[d.Entry.Table]]++
			w.out.WarnContext(ctx, "write failed", "table", d.Entry.Table, "log_id", d.Entry.ID, "code", d.Code)
		}
	}
	for t, n := range failed {
		w.cfg.Observe(Observation{Table: t, Failed: n})
	}
	conflicts := map[string][]outbox.Conflict{}
	for _, x := range c.conflicts {
		conflicts[x.Table] = append(conflicts[x.Table], x)
	}
	for name, list := range conflicts {
		w.cfg.Observe(Observation{Table: w.cfg.Tables[name], Conflicts: list})
	}
}

func (w *Writer) algorithm() mapping.Algorithm {
	if w.cfg.Connection.Algorithm == "" {
		return mapping.Ordered
	}
	return w.cfg.Connection.Algorithm
}

// putIntents stores what is about to be sent and marks the entries PENDING.
func (w *Writer) putIntents(ctx context.Context, tx *target.Tx, set *plan.ChangeSet) (*call, error) {
	c := &call{batch: uuid.New(), table: set.Table, op: set.Op}
	ids := make([]int32, len(set.Items))
	for i, item := range set.Items {
		e := item.Entry
		ids[i] = e.ID
		c.intents = append(c.intents, outbox.Intent{
			Batch: c.batch, Position: i, Mapping: set.Table.Mapping.ID, Table: e.Table,
			LogID: e.ID, LogTxID: e.TxID, LogCreatedAt: e.CreatedAt, Hash: e.Hash(),
			RecordID: e.RecordID, Sfid: item.Sfid, ExternalID: item.ExternalID,
			Op: set.Op, Object: set.Table.Object, Body: string(item.Body),
		})
	}
	n, err := w.log.SetState(ctx, tx, ids, triggerlog.New, triggerlog.Pending)
	if err != nil {
		return nil, err
	}
	if n != len(ids) {
		return nil, fmt.Errorf("claimed %d of %d entries, though all were locked", n, len(ids))
	}
	return c, w.box.Put(ctx, tx, c.intents)
}

// rewrite stores entries that carry others now.
func (w *Writer) rewrite(ctx context.Context, tx *target.Tx, p *plan.Plan) error {
	for _, e := range p.Rewrites {
		_, err := tx.Exec(ctx, `UPDATE `+pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()+`
			SET action = $2, old = $3, "values" = $4 WHERE id = $1`, e.ID, e.Action, e.Old, e.Values)
		if err != nil {
			return fmt.Errorf("store a merged change: %w", err)
		}
	}
	if len(p.Retaken) == 0 {
		return nil
	}
	_, err := w.log.SetState(ctx, tx, p.Retaken, triggerlog.Failed, triggerlog.Merged)
	return err
}

// file stores what the plan settles without a call, and returns the conflicts
// that are new.
func (w *Writer) file(ctx context.Context, tx *target.Tx, p *plan.Plan) ([]outbox.Conflict, error) {
	conflicts, err := w.box.LogConflicts(ctx, tx, p.Conflicts)
	if err != nil {
		return nil, err
	}
	if err := w.reread(ctx, tx, p.Reread); err != nil {
		return nil, err
	}
	if err := w.rewrite(ctx, tx, p); err != nil {
		return nil, err
	}
	return conflicts, w.settlePlanned(ctx, tx, p)
}

// settlePlanned ends the entries that the plan settles, and their rows' status.
func (w *Writer) settlePlanned(ctx context.Context, tx *target.Tx, p *plan.Plan) error {
	outcomes := make([]triggerlog.Outcome, len(p.Done))
	ends := map[*mapping.Table][]ending{}
	for i, d := range p.Done {
		outcomes[i] = triggerlog.Outcome{ID: d.Entry.ID, State: d.State, Message: message(d.Code, d.Message, nil)}
		if d.State == triggerlog.Failed {
			outcomes[i].Result = 1
		}
		if t := w.cfg.Tables[d.Entry.Table]; t != nil && d.Entry.RecordID != 0 && d.State != triggerlog.ReadOnly {
			ends[t] = append(ends[t], w.endingOf(d))
		}
	}
	if err := w.log.Settle(ctx, tx, outcomes); err != nil {
		return err
	}
	if len(p.Ignored) > 0 {
		if _, err := w.log.SetState(ctx, tx, p.Ignored, triggerlog.Ignore, triggerlog.Ignored); err != nil {
			return err
		}
	}
	for t, list := range ends {
		if err := w.end(ctx, tx, t, list); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) endingOf(d plan.Done) ending {
	e := ending{recordID: d.Entry.RecordID, logID: d.Entry.ID, status: statusSynced}
	if d.State == triggerlog.Failed {
		e.failed, e.status = true, statusFailed
		e.problem = w.problem(d.Entry.ID, JournalResult{Code: d.Code, Message: d.Message})
	}
	return e
}

// reread makes the reader fetch records by Id.
func (w *Writer) reread(ctx context.Context, tx *target.Tx, list []plan.Reread) error {
	for _, r := range list {
		err := apply.Defer(ctx, tx, w.cfg.Connection.ID, r.Table.Mapping.ID, []string{r.Sfid}, []string{r.Reason})
		if err != nil {
			return err
		}
	}
	return nil
}
