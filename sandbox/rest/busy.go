package rest

import (
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// The limit of calls that have been running for long, if the org's switches
// say no other.
const (
	longCall     = 20 * time.Second
	maxLongCalls = 25
)

// busy knows the calls in flight.
type busy struct {
	mu    sync.Mutex
	next  int
	since map[int]time.Time
}

func newBusy() *busy { return &busy{since: map[int]time.Time{}} }

// begin counts a call in and gives what counts it out. ok is false when so
// many calls have been running for so long that the org takes no further one.
func (b *busy) begin(sw org.Switches) (end func(), ok bool) {
	long, most := longCall, maxLongCalls
	if sw.LongCallMS > 0 {
		long = time.Duration(sw.LongCallMS) * time.Millisecond
	}
	if sw.MaxLongCalls > 0 {
		most = sw.MaxLongCalls
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, at := range b.since {
		if time.Since(at) >= long {
			n++
		}
	}
	b.next++
	id := b.next
	b.since[id] = time.Now()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.since, id)
	}, n < most
}
