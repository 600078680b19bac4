package work

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
	"github.com/synclinehq/syncline/internal/writer"
)

const (
	// hotLook and coolLook are the waits between two looks at a log from which
	// no notification came: a state that a person sets by hand sends none.
	hotLook  = 500 * time.Millisecond
	coolLook = 5 * time.Second
	// hotFor is how long a connection counts as busy after its last write.
	hotFor = 30 * time.Second
	// classWrite is the class of errors that are refused writes of one record.
	classWrite = "write"
)

// writing is a connection's writer on this node and what it was made for.
type writing struct {
	writer *writer.Writer
	stamp  string
	// fence is the number under which open intents were settled.
	fence int64
	last  time.Time // when something was last sent
	used  time.Time // when a slice last had it in hand
	sum   *tally
	// unresolved are tables of mappings that the writer does not know.
	unresolved []string
}

// write sends what is in the log, then waits for more within its slice.
func (w *Work) write(ctx context.Context, t *engine.Turn) (engine.Next, error) {
	if len(t.Mappings) == 0 {
		return engine.Next{After: restless}, nil
	}
	wr, err := w.writing(ctx, t)
	if err != nil {
		return engine.Next{}, err
	}
	defer w.of(t.Connection).giveBack(wr)
	defer w.keep(ctx, t.Connection, wr.sum)
	wr.hold(t)
	if wr.fence != t.Fence.Number {
		if err := wr.writer.Recover(ctx, t.Fence); err != nil {
			return engine.Next{}, err
		}
		wr.fence = t.Fence.Number
	}
	for {
		p, err := wr.writer.DrainWhile(ctx, t.Fence, t.More)
		if err != nil {
			return engine.Next{}, err
		}
		if p.Sent+p.Failed > 0 {
			wr.last = time.Now()
		}
		w.wakeForEchoes(ctx, t)
		next := wr.next(p)
		if p.More || !t.More() {
			return next, nil
		}
		w.keep(ctx, t.Connection, wr.sum)
		t.Wait(ctx, next.After)
		if !t.More() || ctx.Err() != nil {
			return wr.next(writer.Progress{NextAt: p.NextAt}), nil
		}
	}
}

// next is when the log is looked at again.
func (wr *writing) next(p writer.Progress) engine.Next {
	if p.More {
		return engine.Next{Hot: true}
	}
	hot := time.Since(wr.last) < hotFor
	after := coolLook
	if hot {
		after = hotLook
	}
	if !p.NextAt.IsZero() {
		after = min(after, max(0, time.Until(p.NextAt)))
	}
	return engine.Next{After: max(after, 10*time.Millisecond), Hot: hot}
}

// writing takes the connection's writer out for one slice. It is made anew when
// the session or a mapping has changed, when a mapping could not be resolved
// for it, or when another turn, soon to be fenced off, still has it in hand.
func (w *Work) writing(ctx context.Context, t *engine.Turn) (*writing, error) {
	stamp := stampOf(t)
	if wr := w.of(t.Connection).takeWriting(); wr != nil && wr.stamp == stamp {
		return wr, nil
	}
	sum := &tally{}
	made, unresolved, err := w.writer(ctx, t, sum)
	if err != nil {
		return nil, err
	}
	if len(unresolved) > 0 {
		stamp = ""
	}
	return &writing{writer: made, stamp: stamp, sum: sum, unresolved: unresolved}, nil
}

// hold makes the entries of paused mappings wait, and of those that can't be
// resolved now; all others go on.
func (wr *writing) hold(t *engine.Turn) {
	held := slices.Clone(wr.unresolved)
	for _, m := range t.Mappings {
		if m.WritesPaused(&t.Config) {
			held = append(held, strings.ToLower(m.ObjectName))
		}
	}
	wr.writer.Hold(held...)
}

// writer makes a writer of all mappings that can be resolved, and names the
// tables of the others. It is an error if none can.
func (w *Work) writer(ctx context.Context, t *engine.Turn, sum *tally) (*writer.Writer, []string, error) {
	list, failed := tables(ctx, t, t.Mappings)
	if len(list) == 0 {
		return nil, nil, failed
	}
	byName := map[string]*mapping.Table{}
	for _, table := range list {
		byName[table.Name] = table
	}
	var unresolved []string
	for _, m := range t.Mappings {
		if name := strings.ToLower(m.ObjectName); byName[name] == nil {
			unresolved = append(unresolved, name)
		}
	}
	made := writer.New(writer.Config{
		Connection: t.Config, Schema: t.Config.Schema, DB: t.Session.DB, Org: t.Session.Org,
		Bulk:    bulk.New(t.Session.Org),
		Journal: Journal(w.store), Tables: byName, Clock: t.Clock, Logger: t.Log,
		Observe: func(o writer.Observation) { w.observe(t, sum, o) },
	})
	return made, unresolved, nil
}

// stampOf changes when a writer has to be made anew.
func stampOf(t *engine.Turn) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%p %s", t.Session, t.Config.UpdatedAt)
	for _, m := range t.Mappings {
		fmt.Fprintf(&b, " %s/%d", m.ID, m.Revision)
	}
	return b.String()
}

func (w *Work) observe(t *engine.Turn, sum *tally, o writer.Observation) {
	if o.Table == nil {
		return
	}
	sum.add(o.Table.Mapping.ID, store.ToSalesforce, o.Accepted, o.Failed, o.Latencies)
	if o.Accepted > 0 && o.Op != outbox.Delete {
		w.of(t.Connection).wrote(&o.Table.Mapping)
	}
	if w.cfg.Metrics == nil {
		return
	}
	if o.Accepted > 0 {
		w.cfg.Metrics.RowsTotal.WithLabelValues(t.Connection.String(), o.Table.Object, telemetry.ToSalesforce, string(o.Op)).
			Add(float64(o.Accepted))
	}
	if o.Failed > 0 {
		w.cfg.Metrics.ErrorsTotal.WithLabelValues(t.Connection.String(), o.Table.Object, classWrite).Add(float64(o.Failed))
	}
	for _, c := range o.Conflicts {
		w.countConflicts(t.Connection, o.Table.Object, mapping.Policy(c.Winner), 1)
	}
}
