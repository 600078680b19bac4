package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/engine/queue"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

const (
	// unwellWait is how long a node that may not work leaves a job alone.
	unwellWait = time.Second
	// farewell bounds what is still stored when a turn has been cut short.
	farewell = 3 * time.Second
)

// result is how a turn ended.
type result struct {
	after time.Duration
	hot   bool
	done  bool   // the turn is no longer wanted
	err   string // in words, "" if all went well
}

// run is the queue's Func: one job in hand.
func (e *Engine) run(ctx context.Context, jobID int64, job queue.Job) (queue.Outcome, error) {
	key := keyOf(job)
	handler := e.cfg.Handlers[key.Kind]
	if handler == nil || !e.node.well() {
		return queue.Outcome{Snooze: unwellWait}, nil
	}
	if wait := e.failures.remaining(key); wait > 0 {
		return queue.Outcome{Snooze: wait}, nil
	}
	ctx, cancel := e.node.bind(ctx)
	defer cancel()
	r := e.hub.begin(key, jobID)
	seq, ok, err := e.store.StartTurn(ctx, key, job.Generation, e.node.id)
	if err != nil || !ok {
		e.hub.finish(r)
		if err != nil {
			e.log.WarnContext(ctx, "turn not started", "kind", key.Kind, "connection", key.Connection, "error", err)
		}
		return queue.Outcome{Snooze: unwellWait, Done: err == nil}, nil
	}
	e.count(key.Kind, 1)
	res := e.work(ctx, r, handler)
	e.count(key.Kind, -1)
	e.hub.finish(r) // work never panics: a turn that stayed here would swallow its wakes
	return e.endTurn(ctx, r, job, seq, res), nil
}

// endTurn stores the end of a turn and decides when the job runs again. A wake
// that came since the turn last looked makes it run at once; after trouble the
// wait stands, or an application that goes on writing would undo it.
func (e *Engine) endTurn(ctx context.Context, r *running, job queue.Job, seq int64, res result) queue.Outcome {
	cut := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if res.err == "" && r.woken() {
		res.after = 0
	}
	now, ok, err := e.store.EndTurn(ctx, r.key, job.Generation, e.node.id, max(0, res.after), res.err)
	switch {
	case err != nil:
		e.log.WarnContext(ctx, "end of turn not stored", "kind", r.key.Kind, "connection", r.key.Connection, "error", err)
		return queue.Outcome{Snooze: max(res.after, unwellWait)}
	case !ok:
		return queue.Outcome{Done: true} // overtaken
	case res.done:
		return queue.Outcome{Done: true}
	}
	if res.err == "" && r.troubled {
		e.recovered(ctx, r.key.Connection)
	}
	if now != seq && res.err == "" {
		res.after = 0
	}
	if !cut {
		e.hub.settle(r.job, now)
	}
	return queue.Outcome{Snooze: res.after}
}

// work prepares the turn and runs slices of it while it may stay in hand.
func (e *Engine) work(ctx context.Context, r *running, handler Handler) (res result) {
	defer func() {
		if p := recover(); p != nil {
			e.log.ErrorContext(ctx, "panic around a turn", "kind", r.key.Kind, "connection", r.key.Connection,
				"panic", p, "stack", string(debug.Stack()))
			res = result{after: e.failures.add(r.key, 0), err: fmt.Sprintf("%v: %v", errPanic, p)}
		}
	}()
	t, release, res := e.prepare(ctx, r)
	if t == nil {
		return res
	}
	defer release()
	for {
		res = e.slice(ctx, t, handler)
		if res.err != "" || !e.stay(ctx, r, &res) {
			return res
		}
		if again := e.refresh(ctx, t); again != nil {
			return *again
		}
	}
}

// prepare makes the turn ready: settings, session, owner, fences, history. It
// returns no turn when there is nothing to do or when something is in the way.
func (e *Engine) prepare(ctx context.Context, r *running) (*Turn, func(), result) {
	sc, err := e.scope(ctx, r.key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil, result{done: true}
	case err != nil:
		return nil, nil, result{after: unwellWait, err: err.Error()}
	case !sc.wants(r.key):
		return nil, nil, result{done: true}
	}
	session, release, err := e.sessions.acquire(ctx, sc.connection)
	if err != nil {
		return nil, nil, e.failed(ctx, r.key, sc, err)
	}
	fence, err := e.enter(ctx, r.key, sc.connection, session)
	if err != nil {
		release()
		return nil, nil, e.failed(ctx, r.key, sc, err)
	}
	t := &Turn{
		Key: r.key, Fence: fence, Session: session,
		Config: sc.connection, Mappings: sc.mappings,
		Wake: r.wake, Clock: e.cfg.Clock, run: r, engine: e,
		Log: e.log.With("connection", r.key.Connection, "kind", r.key.Kind),
	}
	if r.key.Mapping != "" {
		t.Log = t.Log.With("mapping", r.key.Mapping)
	}
	return t, release, result{}
}

// enter checks whose database it is, raises the fence in both databases and
// checks that the target has all that was committed before.
func (e *Engine) enter(ctx context.Context, key Key, c mapping.Connection, s *Session) (target.Fence, error) {
	owner, err := e.owner(ctx, c)
	if err != nil {
		return target.Fence{}, err
	}
	if err := s.DB.Claim(ctx, owner); err != nil {
		return target.Fence{}, err
	}
	fence, err := e.store.RaiseFence(ctx, key)
	if err != nil {
		return target.Fence{}, &controlError{err}
	}
	crash.Point(crash.EngineAfterFenceControl, key.Kind)
	if err := s.DB.Raise(ctx, fence); err != nil {
		return target.Fence{}, err
	}
	crash.Point(crash.EngineAfterFenceTarget, key.Kind)
	return fence, e.checkHistory(ctx, key, fence, s)
}

// checkHistory looks for the newest commit that the control store knows of.
func (e *Engine) checkHistory(ctx context.Context, key Key, fence target.Fence, s *Session) error {
	pair, err := e.store.Pair(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return &controlError{err}
	}
	has, err := s.DB.HasPair(ctx, fence, pair)
	if err == nil && !has {
		err = errRolledBack
	}
	return err
}

// slice runs the handler once and remembers what it committed.
func (e *Engine) slice(ctx context.Context, t *Turn, handler Handler) result {
	start := time.Now()
	t.Until = start.Add(e.settings.Slice)
	next, err := guarded(ctx, t, handler)
	e.observe(t.Kind, time.Since(start))
	if savingErr := e.savePair(ctx, t); err == nil {
		err = savingErr
	}
	if err != nil {
		return e.failed(ctx, t.Key, &scope{t.Config, t.Mappings}, err)
	}
	e.succeeded(ctx, t)
	return result{after: next.After, hot: next.Hot}
}

// guarded turns a panic of one turn into an error, so that the others go on.
func guarded(ctx context.Context, t *Turn, handler Handler) (next Next, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.Log.ErrorContext(ctx, "panic in a turn", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return handler(ctx, t)
}

// savePair keeps the newest commit in the control store, for checkHistory.
func (e *Engine) savePair(ctx context.Context, t *Turn) error {
	pair, ok, err := t.Session.DB.Newest(ctx, t.Fence)
	if err != nil || !ok || pair == t.run.saved {
		return err
	}
	if err := e.store.SavePair(ctx, t.Key, pair); err != nil {
		return &controlError{err}
	}
	t.run.saved = pair
	return nil
}

// stay waits in hand for the next slice: for what is due soon, for busy turns,
// and only while this node has hands free; not while the connection is in
// trouble, whose end is found when turns end. It is false when the turn goes back
// to the queue.
func (e *Engine) stay(ctx context.Context, r *running, res *result) bool {
	if r.changed.Load() {
		res.after = 0
	}
	left := e.settings.Hold - time.Since(r.started)
	free := e.hub.count() <= e.queue.MaxWorkers()/2
	if r.stopping() || r.troubled || ctx.Err() != nil || left <= 0 || !free || (res.after > e.settings.HoldUpTo && !res.hot) {
		return false
	}
	timer := time.NewTimer(min(res.after, left))
	defer timer.Stop()
	select {
	case <-r.wake:
		return true
	case <-timer.C:
	case <-r.stop:
		return false
	case <-ctx.Done():
		return false
	}
	if res.after > left {
		res.after = 0 // another node, or this one, takes it up at once
		return false
	}
	return true
}

// refresh reads the settings again for the next slice. It returns a result when
// the turn has to end instead: it is no longer wanted, or the connection was
// changed so that its session has to be opened anew.
func (e *Engine) refresh(ctx context.Context, t *Turn) *result {
	t.run.changed.Store(false) // before the look: a later change is seen by the next
	sc, err := e.scope(ctx, t.Key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &result{done: true}
	case err != nil:
		return &result{after: unwellWait, err: err.Error()}
	case !sc.wants(t.Key):
		return &result{done: true}
	case !sc.connection.UpdatedAt.Equal(t.Config.UpdatedAt):
		return &result{}
	}
	t.Config, t.Mappings = sc.connection, sc.mappings
	return nil
}
