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

// Save is what a ledger hands to its sink at once.
type Save struct {
	Connection, Ledger uuid.UUID
	// Seq numbers the saves of a ledger, from 1. One whose outcome is not known
	// is handed over again, unchanged, before the next.
	Seq int64
	// Counts are to be added to what is stored: each use once, in a fixed order.
	Counts []Count
	// Block is how many calls the ledger may make beyond those that it has
	// handed over; 0 gives the reservation back.
	Block int64
}

// Sink keeps counts for good, and what ledgers have reserved. A reservation
// whose ledger is silent for longer than [Orphaned] counts as spent.
type Sink interface {
	// SaveCalls stores a save in one transaction; one that it has already, by
	// ledger and number, is left as it is.
	SaveCalls(ctx context.Context, s Save) error
}

// Block is how many calls a ledger reserves beyond those that are stored.
const Block = 100

// callRoom is what one call under way may be charged: a request is sent again
// when the connection that it went out on turns out to be dead.
const callRoom = 2

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
	total   int64         // their sum
	usage   Usage

	flushing sync.Mutex // one flush at a time; guards what follows
	stored   Usage      // what the sink knows
	seq      int64      // the number of the newest save
	doubt    *Save      // what the sink was given and has not said that it has

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
	l.total++
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
	return l.total
}

// standing is the number of calls since the ledger was made with those under
// way, and how many of them the sink has not taken (I9).
func (l *Ledger) standing() (total, unsaved int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total + l.under, l.unsaved + l.under
}

// Totals are the calls since the ledger was made by use, flushed or not.
func (l *Ledger) Totals() []Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	return list(l.totals)
}

// Flush hands the pending counts to the sink, then the org's usage if the sink
// keeps that. What the sink does not say that it has taken is handed over again
// by the next flush.
func (l *Ledger) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.flushCounts(ctx); err != nil {
		return err
	}
	return l.flushUsage(ctx)
}

func (l *Ledger) flushCounts(ctx context.Context) error {
	if err := l.settle(ctx); err != nil {
		return err
	}
	l.doubt = l.nextSave()
	return l.settle(ctx)
}

// nextSave takes the pending counts; it is nil if nothing is to be stored.
func (l *Ledger) nextSave() *Save {
	l.mu.Lock()
	defer l.mu.Unlock()
	block, due := l.nextBlock()
	if len(l.pending) == 0 && !due {
		return nil
	}
	l.seq++
	s := &Save{Connection: l.connection, Ledger: l.id, Seq: l.seq, Counts: list(l.pending), Block: block}
	l.pending = map[Use]int64{}
	return s
}

// settle hands over the save that the sink may not have.
func (l *Ledger) settle(ctx context.Context) error {
	if l.doubt == nil {
		return nil
	}
	if err := l.sink.SaveCalls(ctx, *l.doubt); err != nil {
		return fmt.Errorf("store API call counts: %w", err)
	}
	l.saved(*l.doubt)
	l.doubt = nil
	return nil
}

func (l *Ledger) saved(s Save) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range s.Counts {
		l.unsaved -= c.Calls
	}
	l.block, l.held = s.Block, s.Block > 0
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

func (l *Ledger) flushSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
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
		err := l.flushSoon(ctx)
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
