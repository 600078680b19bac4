package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine/queue"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

// guard compares what should be with what is, at every tick and whenever a
// change is told, until ctx ends. It runs on every node and needs no leader:
// what two guardians do at once is done once, by compare-and-set.
func (e *Engine) guard(ctx context.Context) {
	tick := time.NewTicker(e.settings.Guard)
	defer tick.Stop()
	for {
		if err := e.round(ctx); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "guardian's round not finished", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.nudge:
		}
	}
}

// state is what a round of the guardian looks at. Of a mapping it holds what
// store.MappingState does.
type state struct {
	scopes map[uuid.UUID]*scope
	wanted map[Key]bool
	rows   map[Key]store.Turn
	jobs   map[int64]queue.Holder
	alive  map[uuid.UUID]bool
}

// round is one look at everything. Trouble with one turn does not keep it from
// the others.
func (e *Engine) round(ctx context.Context) error {
	if _, err := e.queue.Promote(ctx); err != nil {
		return err
	}
	st, err := e.look(ctx)
	if err != nil {
		return err
	}
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for key := range st.wanted {
		note(e.provide(ctx, st, key))
	}
	for key, row := range st.rows {
		if !st.wanted[key] {
			note(e.retire(ctx, st, row))
		}
	}
	e.hub.keep(st.wanted)
	e.listenTo(st)
	e.shown.update(st, e.node.id)
	e.sessions.sweep()
	return first
}

// look reads rows, then jobs, then nodes: a node that is missing from the last
// cannot have started a job that is in the second since.
func (e *Engine) look(ctx context.Context) (*state, error) {
	st := &state{scopes: map[uuid.UUID]*scope{}, wanted: map[Key]bool{}, rows: map[Key]store.Turn{}, alive: map[uuid.UUID]bool{}}
	connections, err := e.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range connections {
		st.scopes[c.ID] = &scope{connection: c}
	}
	mappings, err := e.store.MappingStates(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range mappings {
		if sc := st.scopes[m.Connection]; sc != nil {
			sc.mappings = append(sc.mappings, mapping.Mapping{
				ID: m.ID, ConnectionID: m.Connection, ObjectName: m.ObjectName, Access: m.Access, Revision: m.Revision,
				Options: mapping.Options{PauseReads: m.PauseReads, PauseWrites: m.PauseWrites},
				Status:  mapping.Status{Paused: m.Paused, Stage: m.Stage},
			})
		}
	}
	for _, sc := range st.scopes {
		for _, key := range sc.keys() {
			st.wanted[key] = e.cfg.Handlers[key.Kind] != nil
		}
	}
	turns, err := e.store.Turns(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, t := range turns {
		st.rows[t.Key] = t
		ids = append(ids, t.JobID)
	}
	if st.jobs, err = e.queue.Unfinished(ctx, ids); err != nil {
		return nil, err
	}
	nodes, err := e.store.Alive(ctx, e.settings.TTL)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		st.alive[n.ID] = true
	}
	return st, nil
}

// dead says whether a job is held by a node that lives no more.
func (st *state) dead(h queue.Holder) bool { return h.Running && !st.alive[h.Node] }

// orphaned says whether a job is said to run here and does not, for longer than
// any store of an outcome takes: the queue could not write that it ended.
func (e *Engine) orphaned(key Key, job int64, h queue.Holder) bool {
	if !h.Running || h.Node != e.node.id || e.hub.has(key, job) {
		delete(e.orphans, job)
		return false
	}
	if e.orphans[job].IsZero() {
		e.orphans[job] = time.Now()
	}
	return time.Since(e.orphans[job]) > e.settings.TTL
}

// provide makes sure that a wanted turn has a job that somebody can run.
func (e *Engine) provide(ctx context.Context, st *state, key Key) error {
	if !st.wanted[key] {
		return nil
	}
	row, ok := st.rows[key]
	if !ok || row.JobID == 0 {
		return e.found(ctx, key)
	}
	holder, there := st.jobs[row.JobID]
	orphaned := there && e.orphaned(key, row.JobID, holder)
	if there && !orphaned && !st.dead(holder) {
		return nil
	}
	if there {
		e.log.WarnContext(ctx, "a turn's node has died or lost it; it is taken over",
			"holder", holder.Node, "kind", key.Kind, "connection", key.Connection, "mapping", key.Mapping)
	}
	delete(e.orphans, row.JobID)
	return e.replace(ctx, row)
}

// found makes the first job of a line of turns.
func (e *Engine) found(ctx context.Context, key Key) error {
	err := e.store.InTx(ctx, func(tx *store.Tx) error {
		row, _, err := tx.EnsureTurn(ctx, key)
		if err != nil || row.JobID != 0 {
			return err
		}
		return e.insert(ctx, tx, key, row.Generation)
	})
	if err != nil {
		return fmt.Errorf("make %s turn: %w", key.Kind, err)
	}
	return nil
}

// replace raises the generation and makes a job for it, together; the old job
// ends, whoever may still be running it.
func (e *Engine) replace(ctx context.Context, row store.Turn) error {
	err := e.store.InTx(ctx, func(tx *store.Tx) error {
		generation, ok, err := tx.RaiseGeneration(ctx, row.Key, row.Generation)
		if err != nil || !ok {
			return err
		}
		if err := e.queue.Discard(ctx, tx.Pgx(), row.JobID); err != nil {
			return err
		}
		return e.insert(ctx, tx, row.Key, generation)
	})
	if err != nil {
		return fmt.Errorf("replace %s turn: %w", row.Kind, err)
	}
	return nil
}

func (e *Engine) insert(ctx context.Context, tx *store.Tx, key Key, generation int64) error {
	ids, err := e.queue.Insert(ctx, tx.Pgx(), jobOf(key, generation))
	if err != nil {
		return err
	}
	_, err = tx.SetJob(ctx, key, generation, ids[0])
	return err
}

// retire ends the job of a turn that is no longer wanted, unless a living node
// has it in hand: that one ends it by itself. The row of a mapping that is gone
// goes too.
func (e *Engine) retire(ctx context.Context, st *state, row store.Turn) error {
	if e.cfg.Handlers[row.Kind] == nil {
		return nil // another version's: its nodes look after it
	}
	holder, there := st.jobs[row.JobID]
	if there && holder.Running && !st.dead(holder) {
		return nil
	}
	if there {
		return e.queue.Discard(ctx, nil, row.JobID)
	}
	if row.Mapping != "" && !st.has(row.Key) {
		return e.store.DeleteTurn(ctx, row.Key)
	}
	return nil
}

// has says whether the key's mapping exists.
func (st *state) has(key Key) bool {
	sc := st.scopes[key.Connection]
	if sc == nil {
		return false
	}
	for _, m := range sc.mappings {
		if m.ID.String() == key.Mapping {
			return true
		}
	}
	return false
}

// listenTo says which trigger logs should be listened to.
func (e *Engine) listenTo(st *state) {
	names := map[string]mapping.Connection{}
	for _, sc := range st.scopes {
		if st.wanted[sc.key(KindWrite, "")] {
			names[leaseName(sc.connection.ID)] = sc.connection
		}
	}
	e.listeners.want(names)
}
