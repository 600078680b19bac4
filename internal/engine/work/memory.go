package work

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
)

// memory is what this node remembers of one connection between two slices of
// its turns, which share it. It begins with the connection's first turn here
// and ends when the connection is gone ([Work.forget]); losing it costs a look
// too many. Only its methods touch its fields.
type memory struct {
	mu sync.Mutex
	// writing is the writer, while no slice has it in hand.
	writing *writing
	// wakes is the newest wake of the read turn that was served; heard says
	// that there was one.
	wakes int64
	heard bool
	// echoes is how many wakes of the read turn were made to read back what was
	// written.
	echoes   int64
	slow     bool // people were told that the budget slows polls
	calls    []budget.Count
	calledAt time.Time // when calls was read
	next     [chores]time.Time
	mappings map[uuid.UUID]*mapped
}

// mapped is what is remembered of one mapping.
type mapped struct {
	// asked is how many polls of the mapping alone were served; seen says that
	// the number was looked at.
	asked int64
	seen  bool
	// written is the first write that was not read back yet.
	written time.Time
	counted counting
}

// chore is something that is done for a connection now and then.
type chore int

const (
	gaugeQueue chore = iota
	warnIDs
	compareIDs
	retryIndexes
	proveNext
	lookForRequeued
	chores // their number
)

// writerIdle is how long a writer is kept that no turn on this node has used:
// its session is closed by then, or another node writes.
const writerIdle = pruneEvery

// of is what is remembered of a connection.
func (w *Work) of(connection uuid.UUID) *memory {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.memories[connection]
	if m == nil {
		m = &memory{mappings: map[uuid.UUID]*mapped{}}
		w.memories[connection] = m
	}
	return m
}

// forget drops what is remembered of connections and mappings that are gone. A
// connection without mappings has no turns.
func (w *Work) forget(ctx context.Context) error {
	mappings, err := w.store.MappingStates(ctx)
	if err != nil {
		return err
	}
	there := map[uuid.UUID]map[uuid.UUID]bool{}
	for _, m := range mappings {
		if there[m.Connection] == nil {
			there[m.Connection] = map[uuid.UUID]bool{}
		}
		there[m.Connection][m.ID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, m := range w.memories {
		if there[id] == nil {
			delete(w.memories, id)
			continue
		}
		m.keepOnly(there[id], time.Now())
	}
	return nil
}

// keepOnly drops mappings that are gone, and a writer that nobody uses.
func (m *memory) keepOnly(there map[uuid.UUID]bool, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.mappings {
		if !there[id] {
			delete(m.mappings, id)
		}
	}
	if m.writing != nil && now.Sub(m.writing.used) > writerIdle {
		m.writing = nil
	}
}

// of is called with mu held.
func (m *memory) of(id uuid.UUID) *mapped {
	x := m.mappings[id]
	if x == nil {
		x = &mapped{}
		m.mappings[id] = x
	}
	return x
}

// due says whether a chore's time has come. It is due at once on a node that
// has not done it.
func (m *memory) due(c chore, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !now.Before(m.next[c])
}

// putOff makes a chore due again at some time.
func (m *memory) putOff(c chore, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next[c] = until
}

// takeWriting takes the writer out.
func (m *memory) takeWriting() *writing {
	m.mu.Lock()
	defer m.mu.Unlock()
	wr := m.writing
	m.writing = nil
	return wr
}

func (m *memory) giveBack(wr *writing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wr.used = time.Now()
	m.writing = wr
}

// woken says how often the read turn was woken since its last slice here, given
// the number of its newest wake.
func (m *memory) woken(newest int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	since := newest - m.wakes
	if !m.heard {
		since = 0
	}
	m.wakes, m.heard = newest, true
	return since
}

// takeAsked gives the mappings of which a poll was asked for by themselves, and
// how many wakes that made. A wish that this node sees for the first time may
// be an old one.
func (m *memory) takeAsked(mappings []mapping.Mapping) (asked map[uuid.UUID]bool, wakes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked = map[uuid.UUID]bool{}
	for i := range mappings {
		x, n := m.of(mappings[i].ID), mappings[i].PollsAsked
		if x.seen && n > x.asked {
			asked[mappings[i].ID] = true
			wakes += n - x.asked
		}
		x.asked, x.seen = n, true
	}
	return asked, wakes
}

func (m *memory) countedAt(id uuid.UUID) counting {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(id).counted
}

func (m *memory) setCounted(id uuid.UUID, c counting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(id).counted = c
}
