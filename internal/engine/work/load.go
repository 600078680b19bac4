package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
)

// progressEvery is the pause between two notes of a load's progress.
const progressEvery = time.Second

// load makes sure of a mapping's table and fills it.
func (w *Work) load(ctx context.Context, t *engine.Turn) (engine.Next, error) {
	m, ok := own(t)
	if !ok {
		return engine.Next{After: restless}, nil
	}
	table, err := t.Session.Table(ctx, m)
	if err != nil {
		return engine.Next{}, fmt.Errorf("mapping of %s: %w", m.ObjectName, err)
	}
	var sum tally
	r := w.reader(t, &sum)
	if m.Status.Stage == mapping.StageCreated {
		if err := w.beginLoad(ctx, t, r, table); err != nil {
			return engine.Next{}, err
		}
	}
	done, err := r.LoadWhile(ctx, t.Fence, table, t.More, w.progress(ctx, t))
	switch {
	case err != nil:
		return engine.Next{}, err
	case done:
		return engine.Next{After: restless}, w.endLoad(ctx, t, r, m)
	}
	paused, err := w.paused(ctx, t.Connection, m.ID)
	if err != nil || !paused {
		return engine.Next{}, err
	}
	return engine.Next{}, r.Dress(ctx, t.Fence, table, w.progress(ctx, t))
}

// paused says whether a mapping's reads have been paused since the slice began.
func (w *Work) paused(ctx context.Context, connection, id uuid.UUID) (bool, error) {
	c, err := w.store.Connection(ctx, connection)
	if err != nil {
		return false, fmt.Errorf("look whether the load is paused: %w", err)
	}
	m, err := w.store.Mapping(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look whether the load is paused: %w", err)
	}
	return m.ReadsPaused(&c), nil
}

// own is the mapping of a load turn, if it is still to be loaded.
func own(t *engine.Turn) (mapping.Mapping, bool) {
	for _, m := range t.Active(mapping.StageCreated, mapping.StageLoading) {
		if m.ID.String() == t.Mapping {
			return m, true
		}
	}
	return mapping.Mapping{}, false
}

// beginLoad makes the table and forgets how far it was read. The read turn's
// fence is raised meanwhile: a poll in flight would bring the old mark back.
func (w *Work) beginLoad(ctx context.Context, t *engine.Turn, r *reader.Reader, table *mapping.Table) error {
	if _, err := schema.Apply(ctx, t.Session.DB, t.Config, []*mapping.Table{table}); err != nil {
		return fmt.Errorf("make table %s: %w", table.Name, err)
	}
	marks, err := r.Marks(ctx)
	if err != nil {
		return err
	}
	if _, read := marks[table.Mapping.ID]; read {
		fence, err := w.store.RaiseFence(ctx, engine.Key{Connection: t.Connection, Kind: engine.KindRead})
		if err != nil {
			return fmt.Errorf("stop polls: %w", err)
		}
		if err := t.Session.DB.Raise(ctx, fence); err != nil {
			return fmt.Errorf("stop polls: %w", err)
		}
		if err := w.truncate(ctx, t, r, table); err != nil {
			return err
		}
		if err := r.Restart(ctx, t.Fence, table); err != nil {
			return err
		}
	}
	return w.showLoad(ctx, t, table.Mapping.ID, "RELOAD TABLE "+table.Name)
}

// showLoad says that a mapping loads.
func (w *Work) showLoad(ctx context.Context, t *engine.Turn, m uuid.UUID, event string) error {
	if err := w.store.StartProgress(ctx, t.Connection, m, 0); err != nil {
		return fmt.Errorf("begin progress: %w", err)
	}
	if err := w.store.SetStage(ctx, m, mapping.StageLoading); err != nil {
		return fmt.Errorf("store stage: %w", err)
	}
	w.event(ctx, store.Event{Connection: t.Connection, Mapping: m, Level: "info", Event: event, State: "RELOAD_TABLE"})
	return nil
}

// truncate empties the table before a reload, if the mapping asks for that.
func (w *Work) truncate(ctx context.Context, t *engine.Turn, r *reader.Reader, table *mapping.Table) error {
	if !table.Mapping.Options.TruncateFirst {
		return nil
	}
	done, err := r.Truncate(ctx, t.Fence, table)
	if err != nil {
		return err
	}
	e := store.Event{Connection: t.Connection, Mapping: table.Mapping.ID, Level: "info", Event: "TRUNCATE TABLE " + table.Name}
	if !done {
		e.Level, e.Event = "warn", "TRUNCATE PUT ASIDE "+table.Name
		e.Fields = map[string]any{"reason": "changes of the application are on their way, or a foreign key points to the table; the reload is merged into the rows"}
	}
	w.event(ctx, e)
	return nil
}

// progress notes how far the load has come, now and then.
func (w *Work) progress(ctx context.Context, t *engine.Turn) func(reader.Progress) {
	var last time.Time
	var index string
	return func(p reader.Progress) {
		if p.Index != index && p.Index != "" {
			w.event(ctx, store.Event{
				Connection: t.Connection, Mapping: p.Mapping, Level: "info", Event: "BUILD INDEX " + p.Index,
				Fields: map[string]any{"rows": p.Rows},
			})
		}
		index = p.Index
		if p.Rows < p.Total && time.Since(last) < progressEvery {
			return
		}
		last = time.Now()
		err := w.store.SaveProgress(ctx, t.Connection, store.Progress{Mapping: p.Mapping, Rows: p.Rows, Bytes: p.Bytes, Total: p.Total})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Log.WarnContext(ctx, "progress not stored", "error", err)
		}
	}
}

func (w *Work) endLoad(ctx context.Context, t *engine.Turn, r *reader.Reader, m mapping.Mapping) error {
	marks, err := r.Marks(ctx)
	if err != nil {
		return err
	}
	rows := marks[m.ID].Rows
	if err := w.store.SetCounts(ctx, m.ID, store.Counts{RowsSF: &rows, RowsDB: &rows}); err != nil {
		return fmt.Errorf("store counts: %w", err)
	}
	if err := w.store.SetStage(ctx, m.ID, mapping.StageSynced); err != nil {
		return fmt.Errorf("store stage: %w", err)
	}
	w.event(ctx, store.Event{
		Connection: t.Connection, Mapping: m.ID, Level: "info", Event: "DATA SYNCED " + m.ObjectName, State: "DATA_SYNCED",
		Fields: map[string]any{"rows": rows},
	})
	if err := w.tellLeftOut(ctx, t, m); err != nil {
		return err
	}
	w.of(t.Connection).setCounted(m.ID, counting{})
	return t.Changed(ctx)
}
