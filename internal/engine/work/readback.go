package work

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
)

// echoes are mappings whose records were written since they were last polled,
// by connection. What Salesforce made of them on save (its rules, flows and
// formulas) comes back with the next poll; where that is far, it is made sooner.
// It is no extra reading: the poll that would have brought them finds nothing
// left to bring. They live as long as the node: what is lost comes with the
// poll that is due.
type echoes struct {
	// since is the first write, by mapping.
	since map[uuid.UUID]time.Time
	// wakes is how many wakes of the read turn were ours.
	wakes int64
}

// The waits between a write and the poll that reads it back: a tenth of the time
// between two polls, so that they cost little even if something is written all
// the time.
const (
	shortestEcho = 5 * time.Second
	longestEcho  = time.Minute
)

func echoAfter(m *mapping.Mapping) time.Duration {
	return min(max(shortestEcho, time.Duration(m.PollSeconds)*time.Second/10), longestEcho)
}

// wrote notes that records of a mapping were accepted.
func (w *Work) wrote(connection uuid.UUID, m *mapping.Mapping) {
	if time.Duration(m.PollSeconds)*time.Second <= 2*echoAfter(m) {
		return // the poll is soon enough
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.echoes[connection]
	if e == nil {
		e = &echoes{since: map[uuid.UUID]time.Time{}}
		w.echoes[connection] = e
	}
	if e.since[m.ID].IsZero() {
		e.since[m.ID] = time.Now()
	}
}

// wakeForEchoes wakes the read turn when written records are to be read back.
func (w *Work) wakeForEchoes(ctx context.Context, t *engine.Turn) {
	if !w.echoDue(t.Connection, t.Mappings, time.Now()) {
		return
	}
	if err := t.WakeTurn(ctx, engine.KindRead, ""); err != nil {
		t.Log.WarnContext(ctx, "written records are read back by the next poll only", "error", err)
	}
}

// echoDue says whether the read turn is to be woken, and counts the wake.
func (w *Work) echoDue(connection uuid.UUID, mappings []mapping.Mapping, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.echoes[connection]
	if e == nil || e.wakes > 0 {
		return false // the read turn has not heard of the last one yet
	}
	due := slices.ContainsFunc(mappings, func(m mapping.Mapping) bool {
		since := e.since[m.ID]
		return !since.IsZero() && now.Sub(since) >= echoAfter(&m)
	})
	if due {
		e.wakes++
	}
	return due
}

// takeEchoes gives the mappings to be read back, and how many of the wakes since
// were made for that alone.
func (w *Work) takeEchoes(connection uuid.UUID) (written map[uuid.UUID]time.Time, wakes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.echoes[connection]
	if e == nil || e.wakes == 0 {
		return nil, 0
	}
	delete(w.echoes, connection)
	return e.since, e.wakes
}

// only are the tables of some mappings.
func only(list []*mapping.Table, ids map[uuid.UUID]time.Time) []*mapping.Table {
	var out []*mapping.Table
	for _, t := range list {
		if _, ok := ids[t.Mapping.ID]; ok {
			out = append(out, t)
		}
	}
	return out
}
