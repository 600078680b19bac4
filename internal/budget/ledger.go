package budget

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// FlushEvery is the pause between two flushes in the background, and so the
// most that a kill can take from the count.
const FlushEvery = time.Second

// Use says what one call was for. It is an alias of a plain struct: clients
// have the same, and need not import this package.
type Use = struct {
	// Kind is the kind of request: query, describe, collections …
	Kind string
	// Mapping names the mapping that the call served; "" for the connection.
	Mapping string
	// Purpose is why: load, poll, write, probe, verify …
	Purpose string
}

// Count is a number of calls of one use.
type Count struct {
	Mapping, Kind, Purpose string
	// Calls is greater than 0.
	Calls int64
}

// Usage is the org's own count of calls in the last 24 hours, for all its
// applications together, and its limit.
type Usage struct {
	Used, Max int
	// At is when the org said so, by our clock; zero if it never did.
	At time.Time
}

// Sink keeps counts for good.
type Sink interface {
	// AddCalls adds the counts to what is stored, all or none. The list holds
	// each use once, in a fixed order.
	AddCalls(ctx context.Context, connection uuid.UUID, counts []Count) error
}

// Block is how many calls a ledger reserves beyond those that are stored.
const Block = 100

// callRoom is what one call under way may be charged: a request is sent again
// when the connection that it went out on turns out to be dead.
const callRoom = 2

// BlockSink is a Sink that keeps what a ledger has reserved: the calls that it
// may have made beyond those stored. A reservation whose ledger is silent for
// longer than [Orphaned] counts as spent.
type BlockSink interface {
	// SaveCalls is AddCalls, and in the same transaction makes block the
	// ledger's reservation; 0 gives it back.
	SaveCalls(ctx context.Context, connection, ledger uuid.UUID, counts []Count, block int64) error
}

// Orphaned is the age from which on a reservation's owner counts as dead. An
// owner that uses it renews it every [FlushEvery].
const Orphaned = 15 * time.Second

// UsageSink is a Sink that keeps the org's newest usage too; it is told after
// the counts, when the usage has changed.
type UsageSink interface {
	SetUsage(ctx context.Context, connection uuid.UUID, usage Usage) error
}

// Ledger counts the calls of one connection on this node. Its methods may be
// called from many goroutines.
type Ledger struct {
	id         uuid.UUID
	connection uuid.UUID
	sink       Sink
	log        *slog.Logger

	mu      sync.Mutex
	pending map[Use]int64 // not yet handed to the sink
	unsaved int64         // calls that the sink has not taken yet
	under   int64         // calls under way
	block   int64         // calls that the sink knows we may have made unsaved
	held    bool          // the sink may hold a reservation of ours
	begun   bool          // a call began since the last look
	totals  map[Use]int64 // since the ledger was made
	usage   Usage

	flushing sync.Mutex // one flush at a time
	stored   Usage      // what the sink knows; guarded by flushing

	life sync.Mutex
	stop context.CancelFunc // nil unless running
	done chan struct{}
}

// NewLedger makes a ledger that hands its counts to sink. A nil logger is
// silent.
func NewLedger(connection uuid.UUID, sink Sink, log *slog.Logger) *Ledger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Ledger{
		id: uuid.New(), connection: connection, sink: sink, log: log,
		pending: map[Use]int64{}, totals: map[Use]int64{},
	}
}

// Charge counts one call.
func (l *Ledger) Charge(use Use) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[use]++
	l.totals[use]++
	l.unsaved++
}

// Usage notes the org's own count, as the newest reply told it.
func (l *Ledger) Usage(used, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.usage = Usage{Used: used, Max: limit, At: time.Now()}
}

// Org is the newest usage that the org told of.
func (l *Ledger) Org() Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usage
}

// Total is the number of calls since the ledger was made, flushed or not.
func (l *Ledger) Total() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int64
	for _, c := range l.totals {
		n += c
	}
	return n
}

// Totals are the calls since the ledger was made by use, flushed or not.
func (l *Ledger) Totals() []Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	return list(l.totals)
}

// Flush hands the pending counts to the sink, then the org's usage if the sink
// keeps that. Counts that the sink does not take stay pending.
func (l *Ledger) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.flushCounts(ctx); err != nil {
		return err
	}
	return l.flushUsage(ctx)
}

func (l *Ledger) flushCounts(ctx context.Context) error {
	l.mu.Lock()
	block, due := l.nextBlock()
	taken := l.pending
	if len(taken) == 0 && !due {
		l.mu.Unlock()
		return nil
	}
	l.pending = map[Use]int64{}
	l.mu.Unlock()
	saved := false
	defer func() { // also when the sink panics
		if !saved {
			l.putBack(taken)
		}
	}()
	if err := l.save(ctx, list(taken), block); err != nil {
		return fmt.Errorf("store API call counts: %w", err)
	}
	saved = true
	l.saved(taken, block)
	return nil
}

func (l *Ledger) save(ctx context.Context, counts []Count, block int64) error {
	if sink, ok := l.sink.(BlockSink); ok {
		return sink.SaveCalls(ctx, l.connection, l.id, counts, block)
	}
	return l.sink.AddCalls(ctx, l.connection, counts)
}

func (l *Ledger) saved(counts map[Use]int64, block int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range counts {
		l.unsaved -= n
	}
	l.block, l.held = block, block > 0
}

func (l *Ledger) flushUsage(ctx context.Context) error {
	sink, ok := l.sink.(UsageSink)
	now := l.Org()
	if !ok || now.At.IsZero() || now.Used == l.stored.Used && now.Max == l.stored.Max {
		return nil
	}
	if err := sink.SetUsage(ctx, l.connection, now); err != nil {
		return fmt.Errorf("store the org's API usage: %w", err)
	}
	l.stored = now
	return nil
}

func (l *Ledger) putBack(counts map[Use]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for use, n := range counts {
		l.pending[use] += n
	}
}

// Start flushes in the background, every [FlushEvery], until Stop or until ctx
// ends. A second Start without a Stop does nothing.
func (l *Ledger) Start(ctx context.Context) {
	l.life.Lock()
	defer l.life.Unlock()
	if l.stop != nil {
		return
	}
	ctx, l.stop = context.WithCancel(ctx)
	done := make(chan struct{})
	l.done = done
	go func() {
		defer close(done)
		l.run(ctx)
	}()
}

// Stop ends the background flush and flushes once more under ctx.
func (l *Ledger) Stop(ctx context.Context) error {
	l.life.Lock()
	defer l.life.Unlock()
	if l.stop != nil {
		l.stop()
		<-l.done
		l.stop = nil
	}
	l.restIfIdle()
	l.restIfIdle() // what began before the first does not count
	return l.Flush(ctx)
}

// flushWithin bounds one flush in the background.
const flushWithin = 30 * time.Second

// flushWhole is Flush to its end, whatever stops the ledger meanwhile: counts
// of which nobody knows whether they were stored would be stored twice.
func (l *Ledger) flushWhole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
	defer cancel()
	return l.Flush(ctx)
}

// run flushes at every tick. It tells of the first failure in a row only: a
// control store that is down says so elsewhere, every second would be noise.
func (l *Ledger) run(ctx context.Context) {
	tick := time.NewTicker(FlushEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.restIfIdle()
		err := l.flushWhole(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			l.log.WarnContext(ctx, "API call counts are kept in memory until the control store takes them",
				"connection", l.connection, "error", err)
		}
		failing = err != nil
	}
}

func list(counts map[Use]int64) []Count {
	out := make([]Count, 0, len(counts))
	for use, n := range counts {
		out = append(out, Count{Mapping: use.Mapping, Kind: use.Kind, Purpose: use.Purpose, Calls: n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Mapping, b.Mapping), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Purpose, b.Purpose))
	})
	return out
}
