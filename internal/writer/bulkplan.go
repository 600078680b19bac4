package writer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

const (
	// defaultBulkFrom is the number of waiting changes of one table and
	// operation from which a Bulk job pays: it takes about seven calls, and a
	// call of Collections carries a thousand records.
	defaultBulkFrom = 5000
	// maxJobRecords bounds a job, so that what a failure costs is bounded.
	maxJobRecords = 20_000
	// maxJobs is how many may be open at once.
	maxJobs = 10
	// bulkWindow bounds the entries of a plan that has Bulk jobs in it (see
	// Writer.took), bulkMemory their size.
	bulkWindow = 60_000
	bulkMemory = 96 << 20
	// bulkEvery is how often the database is asked whether so many wait, as long
	// as they don't and no job ends.
	bulkEvery = 2 * time.Second
)

// bulkFrom is the number of waiting changes from which they go as a Bulk job; 0
// means never. Ordered never does: nothing could go beside the job.
func (w *Writer) bulkFrom() int {
	n := w.cfg.Connection.Options.BulkWritesFrom
	switch {
	case n < 0, w.cfg.Bulk == nil, w.algorithm() == mapping.Ordered:
		return 0
	case n == 0:
		return defaultBulkFrom
	default:
		return n
	}
}

// page reads the next entries. Where so many wait that a Bulk job is worth its
// calls, the page is as long as a plan may be.
func (w *Writer) page(ctx context.Context, tx *target.Tx, after int32) ([]triggerlog.Entry, error) {
	w.bulkPage = false
	window, from := w.window(), w.bulkFrom()
	entries, err := w.log.Next(ctx, tx, after, window)
	if err != nil || from == 0 || len(entries) < min(window, from) {
		return entries, err
	}
	many, err := w.manyWait(ctx, tx, after)
	if err != nil || !many {
		return entries, err
	}
	size := 0
	for _, e := range entries {
		size += 200 + lengthOf(e.Old) + lengthOf(e.Values)
	}
	w.bulkPage, w.bulkSince = true, time.Now()
	limit := min(w.bulkSize, bulkMemory/(size/len(entries))) - len(entries)
	if limit <= 0 {
		return entries, nil
	}
	more, err := w.log.Next(ctx, tx, entries[len(entries)-1].ID, limit)
	return append(entries, more...), err
}

func lengthOf(s *string) int {
	if s == nil {
		return 0
	}
	return len(*s)
}

// manyWait says whether a Bulk job is worth looking for: enough entries of one
// table and action are NEW.
func (w *Writer) manyWait(ctx context.Context, tx *target.Tx, after int32) (bool, error) {
	if len(w.jobs) >= maxJobs || w.recordLimit() < plan.MaxRecords || time.Now().Before(w.bulkAt) {
		return false, nil
	}
	var n int
	err := tx.QueryRow(ctx, fmt.Sprintf(`
		SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM (
			SELECT table_name, action FROM %s WHERE (state, id) > ('NEW', $1) AND state <= 'NEW'
			ORDER BY state, id LIMIT $2) AS waiting
		GROUP BY table_name, action) AS kinds`, pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()), after, bulkWindow).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count waiting changes: %w", err)
	}
	if n < w.bulkFrom() {
		w.bulkAt = time.Now().Add(bulkEvery)
		return false, nil
	}
	return true, nil
}

// bulkInput tells the planner what may go as a Bulk job, and how many calls may
// be under way.
func (w *Writer) bulkInput(in *plan.Input) {
	in.Lanes = w.lanes()
	if !w.bulkPage {
		return
	}
	in.BulkFrom, in.BulkLimit, in.NoBulk = w.bulkFrom(), maxJobRecords, map[string]bool{}
	for name, t := range w.cfg.Tables {
		in.NoBulk[name] = !w.mayBulk(t)
	}
}

// mayBulk says whether a job can do to records of a table what Collections do:
// it knows no header that lets duplicates pass, and no "the rule that is active".
func (w *Writer) mayBulk(t *mapping.Table) bool {
	w.mu.Lock()
	until := w.noBulk[t.Name]
	w.mu.Unlock()
	rule := w.rule(t)
	assigned := t.Object == "Lead" || t.Object == "Case"
	return time.Now().After(until) && !t.Mapping.Options.AllowDuplicates && !(assigned && rule != ruleOff && !isRuleID(rule))
}

// jobSets takes records that CSV can't tell out of Bulk change sets and, where
// it was asked for, makes jobs of inserts whose outcome nothing else proves.
func (w *Writer) jobSets(sets []*plan.ChangeSet) []*plan.ChangeSet {
	if w.bulkPage && !slices.ContainsFunc(sets, func(s *plan.ChangeSet) bool { return s.Bulk }) {
		// Those that wait are not free to go: planning them in vain takes a tenth
		// of the time at most.
		w.bulkAt = time.Now().Add(min(10*time.Since(w.bulkSince), bulkEvery))
	}
	var out []*plan.ChangeSet
	byTable := map[string]*plan.ChangeSet{}
	for _, s := range sets {
		byJob := s.Op == outbox.Insert && w.cfg.Connection.Options.Creates == mapping.CreatesByJob && w.cfg.Bulk != nil && w.mayBulk(s.Table)
		if !s.Bulk && !byJob {
			out = append(out, s)
			continue
		}
		fit, rest := fitting(s)
		for chunk := range slices.Chunk(rest, plan.MaxRecords) {
			out = append(out, &plan.ChangeSet{Table: s.Table, Op: s.Op, Items: chunk, Lane: s.Lane, Parents: s.Parents})
		}
		if old := byTable[s.Table.Name]; byJob && !s.Bulk && old != nil {
			old.Items = append(old.Items, fit...)
			continue
		}
		if len(fit) == 0 {
			continue
		}
		job := &plan.ChangeSet{Table: s.Table, Op: s.Op, Items: fit, Bulk: true}
		if byJob && !s.Bulk {
			byTable[s.Table.Name] = job
		}
		out = append(out, job)
	}
	return out
}

func fitting(s *plan.ChangeSet) (fit, rest []plan.Item) {
	for _, item := range s.Items {
		if s.Op == outbox.Delete || bulk.Fits(item.Body) {
			fit = append(fit, item)
		} else {
			rest = append(rest, item)
		}
	}
	return fit, rest
}

// strange says whether calls are open that this run has to find out about.
func (w *Writer) strange(open map[uuid.UUID]int) bool {
	known := 0
	for batch := range w.jobs {
		if open[batch] > 0 {
			known++
		}
	}
	for f := range w.flights {
		for _, c := range f.calls {
			if open[c.batch] > 0 {
				known++
			}
		}
	}
	return len(open) > known
}

// unsettled reads the intents of all calls that no job of this writer answers.
func (w *Writer) unsettled(ctx context.Context, tx pgx.Tx) ([]outbox.Intent, error) {
	known := make([]uuid.UUID, 0, len(w.jobs))
	for batch := range w.jobs {
		known = append(known, batch)
	}
	return w.box.WaitingBut(ctx, tx, known)
}

// byJob goes on with a call that went as a Bulk job; any other comes back. One
// whose job has no id got no data, and nobody can give it any now.
func (w *Writer) byJob(ctx context.Context, fence target.Fence, c *call, rows []JournalRow) (*call, error) {
	w.mu.Lock()
	left := w.left[c.batch]
	w.mu.Unlock()
	if left || w.cfg.Bulk == nil || c.table == nil {
		return c, nil
	}
	note, err := w.cfg.Journal.JobOf(ctx, w.cfg.Connection.ID, c.batch)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the journal of a Bulk job: %w", err)
	case !note.Found:
		return c, nil
	case note.ID == "":
		return nil, w.notSent(ctx, fence, c)
	}
	j := &job{call: c, id: note.ID, since: time.Now().Add(-note.Age), lookAt: time.Now(), taken: map[string]bool{}}
	for _, r := range rows {
		if r.Answered && r.Result.Sfid != "" {
			j.taken[r.Result.Sfid] = true
		}
	}
	c.job = j
	w.jobs[c.batch] = j
	return nil, nil
}
