package work

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
)

// Echoes: what Salesforce made of written records on save (its rules, flows and
// formulas) comes back with the next poll; where that is far, it is made sooner.
// It is no extra reading: the poll that would have brought them finds nothing
// left to bring. What a node forgets comes with the poll that is due.

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
func (m *memory) wrote(of *mapping.Mapping) {
	if time.Duration(of.PollSeconds)*time.Second <= 2*echoAfter(of) {
		return // the poll is soon enough
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.of(of.ID); x.written.IsZero() {
		x.written = time.Now()
	}
}

// wakeForEchoes wakes the read turn when written records are to be read back.
func (w *Work) wakeForEchoes(ctx context.Context, t *engine.Turn) {
	if !w.of(t.Connection).echoDue(t.Mappings, time.Now()) {
		return
	}
	if err := t.WakeTurn(ctx, engine.KindRead, ""); err != nil {
		t.Log.WarnContext(ctx, "written records are read back by the next poll only", "error", err)
	}
}

// echoDue says whether the read turn is to be woken, and counts the wake.
func (m *memory) echoDue(mappings []mapping.Mapping, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.echoes > 0 {
		return false // the read turn has not heard of the last one yet
	}
	for i := range mappings {
		written := m.of(mappings[i].ID).written
		if !written.IsZero() && now.Sub(written) >= echoAfter(&mappings[i]) {
			m.echoes++
			return true
		}
	}
	return false
}

// takeEchoes gives the mappings to be read back, and how many of the wakes since
// were made for that alone.
func (m *memory) takeEchoes() (written map[uuid.UUID]bool, wakes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.echoes == 0 {
		return nil, 0
	}
	written = map[uuid.UUID]bool{}
	for id, x := range m.mappings {
		if !x.written.IsZero() {
			written[id] = true
			x.written = time.Time{}
		}
	}
	wakes, m.echoes = m.echoes, 0
	return written, wakes
}

// only are the tables of some mappings.
func only(list []*mapping.Table, some ...map[uuid.UUID]bool) []*mapping.Table {
	var out []*mapping.Table
	for _, t := range list {
		for _, ids := range some {
			if ids[t.Mapping.ID] {
				out = append(out, t)
				break
			}
		}
	}
	return out
}
