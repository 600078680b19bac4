package writer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

const (
	// MaxPreview is how many entries a preview looks at, oldest first.
	MaxPreview = 20_000
	// maxShown bounds the single entries that a preview lists.
	maxShown = 100
)

// Preview is what would be sent now, if Salesforce accepted all of it.
type Preview struct {
	// Looked is the number of entries looked at; More says that others wait.
	Looked int
	More   bool
	// Sets are what would be sent, in order.
	Sets []PreviewSet
	// Calls of Collections and Jobs of Bulk are what it takes.
	Calls, Jobs int
	// Ends are entries that end without a call, by table and state; Failed ones
	// are listed in Fails, the first hundred.
	Ends  []PreviewEnd
	Fails []PreviewFail
	// Held are entries that wait, by table and reason.
	Held []PreviewHeld
}

// PreviewSet is change sets of one table and operation that go one after the
// other or at once.
type PreviewSet struct {
	// Round counts from 1: what goes before the answers to it are there.
	Round         int
	Table, Object string
	Op            outbox.Op
	Bulk          bool
	// Sets is their number, Records that of the records in them.
	Sets, Records int
}

// PreviewEnd counts entries that end without a call.
type PreviewEnd struct {
	Table   string
	State   triggerlog.State
	Records int
}

// PreviewFail is an entry that would be FAILED before it is sent.
type PreviewFail struct {
	LogID         int32
	Table         string
	RecordID      int32
	Code, Message string
}

// PreviewHeld counts entries that wait. LogID is the first of them.
type PreviewHeld struct {
	Table   string
	Reason  string
	Records int
	LogID   int32
}

// Preview says what a run would send now, and in how many calls. It changes
// nothing and asks nobody but the target database.
func (w *Writer) Preview(ctx context.Context) (Preview, error) {
	var out Preview
	err := w.db.Read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		entries, err := w.waitingEntries(ctx, tx)
		if err != nil || len(entries) == 0 {
			return err
		}
		out.More = len(entries) > MaxPreview
		entries = entries[:min(len(entries), MaxPreview)]
		out.Looked = len(entries)
		in, err := w.gather(ctx, tx, entries)
		if err != nil {
			return err
		}
		if err := w.lookAtGuards(ctx, tx, &in); err != nil {
			return err
		}
		held, err := w.holds(ctx, tx)
		if err != nil {
			return err
		}
		if from := w.bulkFrom(); from > 0 {
			in.BulkFrom, in.BulkLimit = from, maxJobRecords
		}
		out.fill(in, plan.Rehearse(w.algorithm(), in, func() *plan.Held {
			h := plan.Hold(nil)
			h.Include(held)
			return h
		}), held)
		return nil
	})
	if err != nil {
		return Preview{}, fmt.Errorf("preview changes: %w", err)
	}
	return out, nil
}

func (w *Writer) waitingEntries(ctx context.Context, tx querier) ([]triggerlog.Entry, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM `+w.liveLog()+` WHERE state = 'NEW' ORDER BY id LIMIT $1`, MaxPreview+1)
	if err != nil {
		return nil, fmt.Errorf("read waiting changes: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("read waiting changes: %w", err)
	}
	return w.log.ByID(ctx, tx, ids)
}

// lookAtGuards is guard without a trace.
func (w *Writer) lookAtGuards(ctx context.Context, tx querier, in *plan.Input) error {
	holds, err := w.brakes().List(ctx, tx, true)
	if err != nil {
		return err
	}
	in.Braked = map[string]bool{}
	for name, t := range w.cfg.Tables {
		run, err := w.deleteRun(ctx, tx, t, &braking{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(holds, func(h brake.Hold) bool { return h.Mapping == t.Mapping.ID && h.Direction == brake.Write })
		switch { // the newest hold comes first
		case i >= 0 && holds[i].Decision == brake.Undecided:
			in.Braked[name] = true
		case run.Limits.Exceeded(run.Deletes, run.Of):
			in.Braked[name] = i < 0 || holds[i].Decision != brake.Release || holds[i].Spent
		}
	}
	rows, err := tx.Query(ctx, `SELECT mapping::text, read_only_since FROM _syncline.access WHERE connection_id = $1 AND read_only_since IS NOT NULL`,
		w.cfg.Connection.ID)
	if err != nil {
		return fmt.Errorf("read the access of mappings: %w", err)
	}
	in.ReadOnlySince = map[string]time.Time{}
	var id string
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &since}, func() error {
		for name, t := range w.cfg.Tables {
			if t.Mapping.ID.String() == id {
				in.ReadOnlySince[name] = since
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the access of mappings: %w", err)
	}
	return nil
}

func (out *Preview) fill(in plan.Input, r plan.Rehearsal, open *plan.Held) {
	for i, sets := range r.Rounds {
		out.round(i+1, sets)
	}
	ends := map[PreviewEnd]int{}
	for _, d := range r.Done {
		ends[PreviewEnd{Table: d.Entry.Table, State: d.State}]++
		if d.State == triggerlog.Failed && len(out.Fails) < maxShown {
			out.Fails = append(out.Fails, PreviewFail{d.Entry.ID, d.Entry.Table, d.Entry.RecordID, d.Code, d.Message})
		}
	}
	for e, n := range ends {
		e.Records = n
		out.Ends = append(out.Ends, e)
	}
	slices.SortFunc(out.Ends, func(a, b PreviewEnd) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.State, b.State)) })
	reasons := map[int32]string{}
	for _, x := range r.Waits {
		reasons[x.Entry.ID] = x.Reason
	}
	for _, e := range r.Left {
		out.hold(e, cmp.Or(reasons[e.ID], whyHeld(in, e, open)))
	}
}

// round counts change sets by kind, and the calls that they take: up to five
// travel together, those of different lanes apart.
func (out *Preview) round(n int, sets []*plan.ChangeSet) {
	lanes := map[int]int{}
	first := len(out.Sets)
	for _, s := range sets {
		if s.Bulk {
			out.Jobs++
		} else {
			lanes[s.Lane]++
		}
		i := slices.IndexFunc(out.Sets[first:], func(p PreviewSet) bool { return p.Table == s.Table.Name && p.Op == s.Op && p.Bulk == s.Bulk })
		if i < 0 {
			i = len(out.Sets) - first
			out.Sets = append(out.Sets, PreviewSet{Round: n, Table: s.Table.Name, Object: s.Table.Object, Op: s.Op, Bulk: s.Bulk})
		}
		out.Sets[first+i].Sets++
		out.Sets[first+i].Records += len(s.Items)
	}
	for _, c := range lanes {
		out.Calls += (c + salesforce.MaxWrites - 1) / salesforce.MaxWrites
	}
}

func (out *Preview) hold(e triggerlog.Entry, reason string) {
	i := slices.IndexFunc(out.Held, func(h PreviewHeld) bool { return h.Table == e.Table && h.Reason == reason })
	switch {
	case i >= 0:
		out.Held[i].Records++
	case len(out.Held) < maxShown:
		out.Held = append(out.Held, PreviewHeld{Table: e.Table, Reason: reason, Records: 1, LogID: e.ID})
	}
}

func whyHeld(in plan.Input, e triggerlog.Entry, open *plan.Held) string {
	t := in.Tables[e.Table]
	switch {
	case in.Paused[e.Table]:
		return "the mapping is paused, or can't be resolved at the moment"
	case t != nil && t.Access == mapping.ReadOnly:
		return "the mapping is read-only now, and keeps what was captured before"
	case e.Action == triggerlog.Delete && in.Braked[e.Table]:
		return "the brake holds these deletes until a person releases them"
	case open.Holds(e.ID):
		return "it waits for its next attempt, or for an answer"
	default:
		return "it goes after a change that waits, or is on its way"
	}
}
