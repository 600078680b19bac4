package reader

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// Org is what a reader needs of the org; [salesforce.Client] is one.
type Org interface {
	// Query appends the first page of a query to b; all brings deleted and
	// archived records too.
	Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error)
	// More appends the page that next, of the page before, points to.
	More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error)
}

// Settings are the reader's times and bounds. The zero value of each means its
// default.
type Settings struct {
	// Overlap is how far a poll goes back behind its mark; 10 s.
	Overlap time.Duration
	// SweepEvery is how often a poll goes back further; 60 s.
	SweepEvery time.Duration
	// SweepOverlap is how far; 10 min, as long as a transaction may last.
	SweepOverlap time.Duration
	// Parallel is the number of mappings that are polled at once; 3. Each holds
	// a connection of the pool and one page in memory.
	Parallel int
	// DeferredPerPoll bounds the deferred records of a mapping that one poll
	// reads again; 1,000.
	DeferredPerPoll int
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&s.Overlap, 10 * time.Second}, {&s.SweepEvery, time.Minute}, {&s.SweepOverlap, 10 * time.Minute},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if s.Parallel <= 0 {
		s.Parallel = 3
	}
	if s.DeferredPerPoll <= 0 {
		s.DeferredPerPoll = 1000
	}
	return s
}

// Observation tells of one page that was committed.
type Observation struct {
	Mapping uuid.UUID
	Object  string
	// Load is true for pages of a load, false for those of a poll.
	Load bool
	// Rows were read, of which Result says what became; Bytes is the size of
	// their values.
	Rows   int
	Bytes  int
	Result apply.Result
	// Latencies of a poll's records that were changed since the poll before:
	// from the SystemModstamp, which has whole seconds, to the commit, by the
	// org's clock.
	Latencies []time.Duration
}

// Config is what a reader needs.
type Config struct {
	Connection mapping.Connection
	DB         *target.DB
	Org        Org
	Logger     *slog.Logger // nil is silent
	Settings   Settings
	// Observe, if set, is called after each commit, by the goroutine that made
	// it; several may call at once.
	Observe func(Observation)
}

// Reader reads one connection's mappings.
type Reader struct {
	connection uuid.UUID
	schema     string
	db         *target.DB
	org        Org
	log        *slog.Logger
	settings   Settings
	observe    func(Observation)
}

// New returns a reader. There is nothing to close.
func New(c Config) *Reader {
	r := &Reader{
		connection: c.Connection.ID, schema: c.Connection.Schema,
		db: c.DB, org: c.Org, log: c.Logger, settings: c.Settings.withDefaults(), observe: c.Observe,
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.observe == nil {
		r.observe = func(Observation) {}
	}
	return r
}
