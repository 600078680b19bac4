package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/target"
)

// running is one turn that this node has in hand.
type running struct {
	key     Key
	job     int64
	started time.Time
	wake    chan struct{} // capacity 1: wakes that come close together are one
	stop    chan struct{}
	once    sync.Once
	saved   target.CommitPair // the newest pair that the control store has
	// changed: the slice's settings may be outdated.
	changed atomic.Bool
	// troubled: all went well, while the connection is still said to be in
	// trouble.
	troubled bool
}

// end asks the turn to end after what is in flight.
func (r *running) end() { r.once.Do(func() { close(r.stop) }) }

func (r *running) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// poke leaves a wake for the turn.
func (r *running) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// woken takes a wake, if there is one.
func (r *running) woken() bool {
	select {
	case <-r.wake:
		return true
	default:
		return false
	}
}

// hub knows the turns that this node has in hand.
type hub struct {
	mu    sync.Mutex
	turns map[Key]*running
	// settling has the wake count that a turn saw at its end, by job, until the
	// queue has stored that the job waits.
	settling map[int64]int64
	draining bool
}

func newHub() *hub { return &hub{turns: map[Key]*running{}, settling: map[int64]int64{}} }

// begin registers a turn. An older one of the same key, overtaken and still
// here, is asked to end.
func (h *hub) begin(key Key, job int64) *running {
	r := &running{
		key: key, job: job, started: time.Now(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.turns[key]; old != nil {
		old.end()
	}
	h.turns[key] = r
	if h.draining {
		r.end()
	}
	return r
}

// finish forgets a turn. Wakes that came before are left in it.
func (h *hub) finish(r *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.turns[r.key] == r {
		delete(h.turns, r.key)
	}
}

// deliver wakes a turn in hand; false if this node has none of that key.
func (h *hub) deliver(key Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.turns[key]
	if r == nil {
		return false
	}
	r.poke()
	return true
}

// deliverAll wakes the turns in hand of a connection, or of all with uuid.Nil,
// after a change, or a gap in the notifications. Their slices end, so that the
// next ones go by what is set now.
func (h *hub) deliverAll(connection uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, r := range h.turns {
		if connection == uuid.Nil || key.Connection == connection {
			r.changed.Store(true)
			r.poke()
		}
	}
}

// has says whether this node has a job in hand.
func (h *hub) has(key Key, job int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.turns[key]
	return r != nil && r.job == job
}

// drain asks every turn to end, those that begin later too.
func (h *hub) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
	for _, r := range h.turns {
		r.end()
	}
}

// keep ends the turns that are not among the wanted. It returns their number.
func (h *hub) keep(wanted map[Key]bool) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for key, r := range h.turns {
		if !wanted[key] && !r.stopping() {
			r.end()
			n++
		}
	}
	return n
}

// count is the number of turns in hand.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.turns)
}

// settle remembers what a turn saw at its end.
func (h *hub) settle(job, wakeSeq int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settling[job] = wakeSeq
}

// settled takes it back; ok is false if nothing was remembered.
func (h *hub) settled(job int64) (wakeSeq int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wakeSeq, ok = h.settling[job]
	delete(h.settling, job)
	return wakeSeq, ok
}
