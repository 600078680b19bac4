package budget

import (
	"context"
	"time"
)

// reserveWithin bounds the wait for a reservation.
const reserveWithin = 5 * time.Second

// Begin reserves a call that is about to be made, so that it counts even if
// this process dies before it is stored (I9). The caller calls end when the
// call is over. As long as the block in hand lasts this costs nothing; a new
// one costs a statement of the sink.
//
// A sink that can't be reached holds no call up: only if the process dies then
// too, before the sink is back, are its last calls not counted.
func (l *Ledger) Begin(ctx context.Context) (end func()) {
	if !l.begin(false) {
		ctx, cancel := context.WithTimeout(ctx, reserveWithin)
		defer cancel()
		l.extend(ctx)
		l.begin(true)
	}
	return l.end
}

// begin takes a call from the block in hand, or, if it must, beyond it.
func (l *Ledger) begin(must bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !must && !l.fits() {
		return false
	}
	l.under++
	l.begun = true
	return true
}

func (l *Ledger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under = max(0, l.under-1)
}

// fits says whether the block in hand has room for one more call. The caller
// holds mu.
func (l *Ledger) fits() bool {
	return l.unsaved+callRoom*(l.under+1) <= l.block
}

// extend stores what was counted and reserves a new block.
func (l *Ledger) extend(ctx context.Context) {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	done := l.fits() // another call has done it meanwhile
	l.mu.Unlock()
	if !done {
		l.reserve(ctx)
	}
}

// renew stores what was counted and reserves a whole block from here on,
// whatever the one in hand has left.
func (l *Ledger) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reserveWithin)
	defer cancel()
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.reserve(ctx)
}

// reserve is for extend and renew; flushing is held.
func (l *Ledger) reserve(ctx context.Context) {
	l.mu.Lock()
	l.begun, l.held = true, true
	l.mu.Unlock()
	if err := l.flushCounts(ctx); err != nil && ctx.Err() == nil {
		l.log.DebugContext(ctx, "no API calls reserved", "connection", l.connection, "error", err)
	}
}

// nextBlock is what the next save reserves, and whether a save is due for its
// sake. The caller holds mu.
//
// A block in use never shrinks: calls may begin under the old one while the new
// one is being stored.
func (l *Ledger) nextBlock() (block int64, due bool) {
	if !l.held || l.idle() {
		return 0, l.held
	}
	return max(l.block, Block+callRoom*l.under), true
}

func (l *Ledger) idle() bool { return l.block == 0 && !l.begun && l.under == 0 }

// restIfIdle gives the block back when no call was made since the last look:
// the next save stores that. Nobody may begin under it any more.
func (l *Ledger) restIfIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.begun && l.under == 0 {
		l.block = 0
	}
	l.begun = false
}
