package reader

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
)

// Org is what a reader needs of the org; [salesforce.Client] is one.
type Org interface {
	// Query appends the first page of a query to b; all brings deleted and
	// archived records too.
	Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error)
	// More appends the page that next, of the page before, points to.
	More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error)
	// Queries does several queries in one call.
	Queries(ctx context.Context, list []salesforce.Select) ([]salesforce.Answer, error)
	// Updated lists the records changed in a window, and says up to when that is
	// the whole truth.
	Updated(ctx context.Context, object string, start, end time.Time) (salesforce.Updated, error)
	// Deleted lists the records deleted in a window.
	Deleted(ctx context.Context, object string, start, end time.Time) (salesforce.Deleted, error)
	// Identity says who the session belongs to; it is no API call.
	Identity(ctx context.Context) (salesforce.Identity, error)
}

// Bulk is what a reader needs of Bulk API 2.0; [bulk.Client] is one.
type Bulk interface {
	// RecordCount is about how many records an object has.
	RecordCount(ctx context.Context, object string) (int, error)
	Create(ctx context.Context, soql string, all bool) (bulk.Job, error)
	Job(ctx context.Context, id string) (bulk.Job, error)
	Pages(ctx context.Context, id string, rows int) (bulk.Pages, error)
	MorePages(ctx context.Context, next string) (bulk.Pages, error)
	ReadPage(ctx context.Context, link string, l *record.Layout, skip int, use func(*bulk.PageReader) error) error
	Delete(ctx context.Context, id string) error
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
	// CoverFrom is how many records are read between two sweeps before the org is
	// asked how far back the next one must go; 2,000, a page.
	CoverFrom int
	// ConfirmAfter is how long a record must have been missing before it is
	// looked for once more; 60 s.
	ConfirmAfter time.Duration
	// ReconcileEvery is how often all Ids of a mapping are compared that does
	// not say it; 24 h. DeletedEvery is how often getDeleted is asked; 1 h,
	// negative means never.
	ReconcileEvery, DeletedEvery time.Duration
	// BulkIDsFrom is the number of rows from which on Ids are listed through a
	// Bulk job; 20,000. ReconcileRange is how many Ids are compared at once, each
	// taking eight bytes; 1,000,000.
	BulkIDsFrom, ReconcileRange int
	// StripFrom is the number of records from which on an empty table is loaded
	// without its indexes, which are built afterwards; 1,000.
	StripFrom int
	// BulkFrom is the number of records from which on an object is loaded
	// through a Bulk job; 50,000. Negative means never.
	BulkFrom int
	// QueryStreams is how many queries at once read an object that is loaded by
	// queries; 5. Each holds a page in memory.
	QueryStreams int
	// BulkPages are read at once; 5, which is the most that the org gives.
	BulkPages int
	// BulkPageRows is the number of records that a page is asked to have;
	// 50,000. Pages are streamed, so it costs no memory, but each is a call.
	BulkPageRows int
	// BulkChunk is about how many bytes of records are applied at once, and what
	// each of BulkPages+BulkGroup+2 buffers takes; 1 MiB.
	BulkChunk int
	// BulkGroup is how many chunks go into a new table by one COPY and one
	// commit; 8.
	BulkGroup int
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&s.Overlap, 10 * time.Second}, {&s.SweepEvery, time.Minute}, {&s.SweepOverlap, 10 * time.Minute},
		{&s.ConfirmAfter, time.Minute}, {&s.ReconcileEvery, 24 * time.Hour},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	for _, n := range []struct {
		v   *int
		def int
	}{
		{&s.CoverFrom, 2000}, {&s.BulkIDsFrom, 20_000}, {&s.ReconcileRange, 1_000_000},
		{&s.Parallel, 3}, {&s.DeferredPerPoll, 1000}, {&s.BulkPages, bulk.MaxPages}, {&s.BulkPageRows, 50_000}, {&s.BulkChunk, 1 << 20}, {&s.BulkGroup, 8}, {&s.StripFrom, 1000},
		{&s.QueryStreams, 5},
	} {
		if *n.v <= 0 {
			*n.v = n.def
		}
	}
	if s.DeletedEvery == 0 {
		s.DeletedEvery = time.Hour
	}
	if s.BulkFrom == 0 {
		s.BulkFrom = 50_000
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
	Bulk       Bulk         // nil: every load goes by queries
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
	bulk       Bulk
	log        *slog.Logger
	settings   Settings
	observe    func(Observation)
	brake      *brake.Brake
	limits     brake.Limits
}

// New returns a reader. There is nothing to close.
func New(c Config) *Reader {
	r := &Reader{
		connection: c.Connection.ID, schema: c.Connection.Schema,
		db: c.DB, org: c.Org, bulk: c.Bulk, log: c.Logger, settings: c.Settings.withDefaults(), observe: c.Observe,
		brake: brake.Of(c.Connection.ID), limits: brake.LimitsOf(c.Connection.Options),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.observe == nil {
		r.observe = func(Observation) {}
	}
	return r
}
