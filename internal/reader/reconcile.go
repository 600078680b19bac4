package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// ReconcileOptions say what to compare beside what is due.
type ReconcileOptions struct {
	// Force compares all Ids now, due or not.
	Force bool
	// Until is when no new range of Ids is begun any more; zero means never.
	Until time.Time
}

func (o ReconcileOptions) more() bool { return o.Until.IsZero() || time.Now().Before(o.Until) }

// Reconciled is what a reconciliation did for one mapping.
type Reconciled struct {
	Mapping uuid.UUID
	Object  string
	// Compared is the number of Ids that came from Salesforce in this turn.
	Compared int
	// Done says that a comparison of all Ids ended in this turn.
	Done bool
	// Waiting says that one is under way.
	Waiting bool
	// Missing rows have no record so far, Extra records had no row and are read.
	Missing, Extra int
	Result         apply.Result
	Err            error
}

// maxByID is up to how many missing records are looked for by Id; beyond, all
// Ids are compared a second time, which takes fewer calls.
const maxByID = 2000

// Reconcile finds deletions that nothing else tells of, and records that were
// never seen: it compares all Ids of the mappings that are due, in slices, and
// goes on where the turn before ended. Rows whose record is gone at a second
// look too, some time later, are removed, or marked, as the mapping's delete
// policy says; see [Settings].ReconcileEvery and package brake.
//
// What goes wrong with a mapping is in its result. The error concerns them all.
func (r *Reader) Reconcile(ctx context.Context, fence target.Fence, tables []*mapping.Table, o ReconcileOptions) ([]Reconciled, error) {
	marks, err := r.Marks(ctx)
	if err != nil {
		return nil, err
	}
	now, err := r.db.Now(ctx)
	if err != nil {
		return nil, err
	}
	states, err := r.states(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Reconciled, len(tables))
	for i, t := range tables {
		out := &list[i]
		*out = Reconciled{Mapping: t.Mapping.ID, Object: t.Object}
		m, known := marks[t.Mapping.ID]
		if !known || m.Phase != Poll {
			continue
		}
		c := &comparison{poll: r.poll(fence, t, m, now, &MappingResult{}), state: states[t.Mapping.ID], told: out, options: o}
		if err := c.run(salesforceUse(ctx, t)); err != nil {
			out.Err = wrap(t, "compare Ids", err)
			if concernsAll(err) {
				return list, out.Err
			}
		}
		out.Result = c.out.Result
	}
	return list, nil
}

// comparison is the reconciliation of one mapping in one turn.
type comparison struct {
	*poll
	state   reconcileState
	told    *Reconciled
	options ReconcileOptions
}

func (c *comparison) run(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.askDeleted(ctx); err != nil {
		return err
	}
	if c.due() {
		if err := c.start(ctx); err != nil {
			return err
		}
	}
	if s := &c.state; s.known && !s.open && !s.running() && s.Strict == "" {
		return nil
	}
	if err := c.proceed(ctx); err != nil {
		return err
	}
	return c.conclude(ctx)
}

// due says whether a comparison is to begin.
func (c *comparison) due() bool {
	s := &c.state
	if s.running() {
		return false
	}
	if c.options.Force || s.Detail.Early {
		return true
	}
	every := c.every()
	last := s.DoneAt
	if c.mark.LoadedAt.After(last) {
		last = c.mark.LoadedAt
	}
	return every > 0 && c.began.Sub(last) >= every
}

// every is the longest time between two comparisons; 0 is never.
func (c *comparison) every() time.Duration {
	switch s := c.table.Mapping.Options.ReconcileSeconds; {
	case s < 0:
		return 0
	case s > 0:
		return time.Duration(s) * time.Second
	}
	return c.r.settings.ReconcileEvery
}

// start cuts the Ids into ranges.
func (c *comparison) start(ctx context.Context) error {
	s := &c.state
	who, err := c.r.org.Identity(ctx)
	if err != nil {
		return fmt.Errorf("ask whose session it is: %w", err)
	}
	if s.Detail.User != "" && s.Detail.User != who.UserID {
		s.Strict = "Salesforce is read as another user than before"
	}
	s.Detail.User = who.UserID
	var rows int64
	err = c.r.db.Pool().QueryRow(ctx, "SELECT count(*) FROM "+c.tableName()).Scan(&rows)
	if err != nil {
		return fmt.Errorf("count rows of %s: %w", c.table.Name, err)
	}
	s.Detail.Bulk = c.r.bulk != nil && !s.Detail.NoBulk && rows >= int64(c.r.settings.BulkIDsFrom)
	if s.Detail.Ranges, err = c.ranges(ctx, rows); err != nil {
		return err
	}
	s.Detail.Early, s.Detail.At, s.Detail.Job, s.Detail.Extra = false, 0, idsJob{}, 0
	s.StartedAt = c.began
	return c.save(ctx)
}

// proceed compares ranges until all are through or the time is over.
func (c *comparison) proceed(ctx context.Context) error {
	for first := true; c.state.running() && (first || c.options.more()); first = false {
		ready, err := c.compare(ctx)
		if err != nil {
			return err
		}
		if !ready {
			break
		}
		s := &c.state
		s.Detail.At++
		s.Detail.Job = idsJob{}
		if s.Detail.At == len(s.Detail.Ranges) {
			s.StartedAt, s.DoneAt, s.Detail.Ranges, s.Detail.At = time.Time{}, c.began, nil, 0
			c.told.Done = true
		}
		if err := c.save(ctx); err != nil {
			return err
		}
	}
	c.told.Waiting = c.state.running()
	return nil
}

// conclude looks a second time for what was missing, and removes what then
// surely is, if the brake lets it go.
func (c *comparison) conclude(ctx context.Context) error {
	m, err := c.r.missing(ctx, c.poll)
	if err != nil {
		return err
	}
	switch {
	case m.Due > maxByID && !c.state.running():
		c.state.Detail.Early = true
		if err := c.save(ctx); err != nil {
			return err
		}
	case m.Due > 0 && m.Due <= maxByID:
		if err := c.confirm(ctx); err != nil {
			return err
		}
		if m, err = c.r.missing(ctx, c.poll); err != nil {
			return err
		}
	}
	if err := c.settle(ctx, m, c.state.Strict); err != nil {
		return err
	}
	if m, err = c.r.missing(ctx, c.poll); err != nil {
		return err
	}
	c.told.Missing = m.All
	if m.All == 0 && c.state.Strict != "" && !c.state.running() && !c.state.Detail.Early {
		c.state.Strict = ""
		return c.save(ctx)
	}
	return nil
}

// askDeleted has the org list what was deleted since it was last asked: hard
// deletes too, long before the next comparison finds them.
func (c *comparison) askDeleted(ctx context.Context) error {
	s, every := &c.state.Detail, c.r.settings.DeletedEvery
	if every < 0 || c.table.Describe == nil || !c.table.Describe.Replicateable || c.began.Sub(s.DeletedAt) < every {
		return nil
	}
	if s.DeletedTo.IsZero() {
		s.DeletedTo = c.mark.LoadStarted.Add(-time.Minute)
	}
	start, end := s.DeletedTo, c.mark.Stamp
	if end.Sub(start) < 2*time.Minute {
		return nil
	}
	start = latest(start, end.Add(-deletedWindow))
	list, err := c.r.org.Deleted(ctx, c.table.Object, start, end)
	if err != nil {
		if concernsAll(err) {
			return err
		}
		c.r.log.WarnContext(ctx, "the org does not list deleted records; they are found by comparing Ids", "object", c.table.Object, "error", err)
		s.DeletedAt, s.Early = c.began, s.Early || start.Equal(s.DeletedTo)
		return c.save(ctx)
	}
	if list.EarliestDateAvailable.After(s.DeletedTo) || start.After(s.DeletedTo) {
		s.Early = true // some may have been forgotten
	}
	ids := make([]string, len(list.Records))
	for i, d := range list.Records {
		ids[i] = d.ID
	}
	if err := c.lookFor(ctx, ids); err != nil {
		return err
	}
	s.DeletedAt, s.DeletedTo = c.began, end
	if list.LatestDateCovered.Before(end) && list.LatestDateCovered.After(start) {
		s.DeletedTo = list.LatestDateCovered
	}
	return c.save(ctx)
}

// deletedWindow is as far back as getDeleted goes, less a day.
const deletedWindow = 14 * 24 * time.Hour

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lookFor looks for records of which rows are there. The org says that they are
// deleted, so those that do not come are surely gone.
func (c *comparison) lookFor(ctx context.Context, ids []string) error {
	rows, err := c.versions(ctx, ids)
	if err != nil {
		return err
	}
	var known []string
	for _, g := range present(ids, rows) {
		known = append(known, g.Sfid)
	}
	c.state.open = c.state.open || len(known) > 0
	for len(known) > 0 {
		n := min(idsPerQuery, len(known))
		if err := c.look(ctx, known[:n], 1); err != nil {
			return fmt.Errorf("look for deleted records: %w", err)
		}
		known = known[n:]
	}
	return nil
}

var errNoRanges = errors.New("the comparison has no range of Ids left, and is not through")
