package verify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Org is what a verification needs of the org; [salesforce.Client] is one.
type Org interface {
	Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error)
	More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error)
	// QueryMaps reads a small result: identifiers that occur more than once,
	// counts by day.
	QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error)
}

// Bulk is what a verification needs of Bulk API 2.0; [bulk.Client] is one.
type Bulk interface {
	Create(ctx context.Context, soql string, all bool) (bulk.Job, error)
	Job(ctx context.Context, id string) (bulk.Job, error)
	Pages(ctx context.Context, id string, rows int) (bulk.Pages, error)
	MorePages(ctx context.Context, next string) (bulk.Pages, error)
	ReadPage(ctx context.Context, link string, l *record.Layout, skip int, use func(*bulk.PageReader) error) error
	Delete(ctx context.Context, id string) error
}

// Config is what a verification reads.
type Config struct {
	Connection mapping.Connection
	DB         *target.DB
	Org        Org
	Bulk       Bulk         // nil: everything goes by queries
	Logger     *slog.Logger // nil is silent
	// Progress, if set, is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// Progress is how far the proof of a mapping has come.
type Progress struct {
	Object string `json:"object"`
	// Compared records of about Total; Total is 0 if it is not known.
	Compared int64 `json:"compared"`
	Total    int64 `json:"total"`
}

// Options say what to verify and how patiently. The zero value of each means
// its default.
type Options struct {
	// Mappings are object names, in any case; none means all tables.
	Mappings []string
	// Proof is [Full] or [Quick]; full.
	Proof Proof
	// BulkFrom is the number of records from which on they are read through a
	// Bulk job; 20,000. Negative means never.
	BulkFrom int
	// Confirm is the wait before differences are looked at again; 2 s.
	Confirm time.Duration
	// Rounds is how often they are, as long as any is left; 3.
	Rounds int
	// Patient doubts a difference for longer, up to an hour, as long as the
	// record has changed after the moment up to which the mapping was read.
	Patient bool
	// Recheck bounds the differences of a mapping that are looked at again;
	// 10,000. The others count as they are.
	Recheck int
	// SampleLimit bounds the samples of a mapping; 20.
	SampleLimit int
}

func (o Options) withDefaults() Options {
	if o.Proof == "" {
		o.Proof = Full
	}
	if o.BulkFrom == 0 {
		o.BulkFrom = 20_000
	}
	if o.Confirm <= 0 {
		o.Confirm = 2 * time.Second
	}
	if o.Rounds <= 0 {
		o.Rounds = 3
	}
	if o.Recheck <= 0 {
		o.Recheck = 10_000
	}
	if o.SampleLimit <= 0 {
		o.SampleLimit = 20
	}
	return o
}

// UnknownMappingError names an object of [Options].Mappings that is not mapped.
type UnknownMappingError struct {
	Object string
	Mapped []string
}

// Error lists what is mapped.
func (e *UnknownMappingError) Error() string {
	return fmt.Sprintf("%s is not mapped; mapped are: %s", e.Object, strings.Join(e.Mapped, ", "))
}

// Run compares the tables with the org, one after the other. A difference is
// no error: the report says whether both sides are equal. An object that is
// not mapped is an [*UnknownMappingError]; what ends the comparison is an
// error and no report.
func Run(ctx context.Context, c Config, tables []*mapping.Table, o Options) (*Report, error) {
	began := time.Now()
	tables, err := chosen(tables, o.Mappings)
	if err != nil {
		return nil, err
	}
	report := &Report{Mappings: []MappingReport{}}
	for _, t := range tables {
		place, err := prove(ctx, c, t, o)
		if err != nil {
			return nil, fmt.Errorf("verify %s: %w", t.Object, err)
		}
		report.Mappings = append(report.Mappings, place.Report)
		report.Places = append(report.Places, place)
		report.Calls += place.Calls
	}
	report.Took = time.Since(began)
	return report, nil
}

// prove goes through one whole proof.
func prove(ctx context.Context, c Config, t *mapping.Table, o Options) (*Place, error) {
	place, err := Begin(ctx, c, t, o)
	if err != nil {
		return nil, err
	}
	for failed := 0; ; {
		var wait time.Duration
		switch err := Go(ctx, c, t, o, place, always); {
		case err == nil && place.Over():
			return place, nil
		case err == nil:
			failed, wait = 0, time.Until(place.Due)
		case passes(err) && failed < maxFailures && ctx.Err() == nil:
			failed++
			wait = time.Duration(failed) * o.withDefaults().Confirm
		default:
			return nil, err
		}
		if err := clock.Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("wait to go on: %w", err)
		}
	}
}

// maxFailures is how often in a row a proof goes on after an error that passes
// by itself.
const maxFailures = 5

// passes says whether an error is likely to be gone in a moment.
func passes(err error) bool {
	return salesforce.ClassOf(err) == salesforce.RetrySoon || target.Classify(err) == target.Retry
}

func always() bool { return true }

// Begin makes the place of a new proof. Differences that the drift log still
// has open are looked at again by it.
func Begin(ctx context.Context, c Config, t *mapping.Table, o Options) (*Place, error) {
	o = o.withDefaults()
	p := &Place{
		Proof: o.Proof, Began: time.Now().UTC(), Phase: inRecords, Revision: t.Mapping.Revision,
		Report: MappingReport{Mapping: t.Mapping.ID, Object: t.Object, Table: t.Name, Proof: o.Proof, Samples: []Sample{}},
	}
	if o.Proof == Quick {
		p.Phase = inDays
	}
	if err := p.recallOpen(ctx, c, o.Recheck/2); err != nil {
		return nil, err
	}
	return p, nil
}

// Go goes on with a proof as long as more says so, until it is over, or until
// place.Due is in the future: then there is nothing to do before. It only reads
// on both sides. After an error the place is as good as before.
func Go(ctx context.Context, c Config, t *mapping.Table, o Options, place *Place, more func() bool) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	j := newJob(c, t, o.withDefaults(), place)
	err := j.run(salesforce.WithUse(ctx, t.Object, "verify"), more)
	place.Calls += j.calls.Load()
	return err
}

func chosen(tables []*mapping.Table, objects []string) ([]*mapping.Table, error) {
	if len(objects) == 0 {
		return tables, nil
	}
	var out []*mapping.Table
	for _, name := range objects {
		i := slices.IndexFunc(tables, func(t *mapping.Table) bool { return strings.EqualFold(t.Object, name) })
		if i < 0 {
			e := &UnknownMappingError{Object: name}
			for _, t := range tables {
				e.Mapped = append(e.Mapped, t.Object)
			}
			return nil, e
		}
		if !slices.Contains(out, tables[i]) {
			out = append(out, tables[i])
		}
	}
	return out, nil
}

// job is the verification of one table, for one slice of its work.
type job struct {
	Config
	*counted
	table   *mapping.Table
	options Options
	sql     statements
	log     *triggerlog.Log
	box     *outbox.Outbox
	place   *Place

	// view and viewSQL are what records and rows are compared by: all columns
	// or, in a narrow proof, Id and stamp.
	view    *mapping.Table
	viewSQL statements
	// lookups bounds the queries on the database at a time.
	lookups chan struct{}
	// mu guards place while several pages are read.
	mu sync.Mutex
}

// patience bounds the wait for a record to be read.
const patience = time.Hour

// maxLookups is how many chunks are looked up in the database at once.
const maxLookups = 2

func newJob(c Config, t *mapping.Table, o Options, place *Place) *job {
	j := &job{
		Config: c, counted: &counted{org: c.Org, bulk: c.Bulk}, table: t, options: o, place: place,
		sql: newStatements(c.Connection.Schema, t), log: triggerlog.In(c.Connection.Schema), box: outbox.Of(c.Connection.ID),
		lookups: make(chan struct{}, maxLookups),
	}
	j.chooseView()
	return j
}

// chooseView follows place.Narrow.
func (j *job) chooseView() {
	j.view, j.viewSQL = j.table, j.sql
	if j.place.Narrow {
		j.view = narrow(j.table)
		j.viewSQL = newStatements(j.Connection.Schema, j.view)
	}
}

// run goes through the phases.
func (j *job) run(ctx context.Context, more func() bool) error {
	for !j.place.Over() && more() {
		goOn, err := j.phase(ctx, more)
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

// phase does one phase, or as much of it as there is time for; false says that
// there is nothing more to do now.
func (j *job) phase(ctx context.Context, more func() bool) (goOn bool, err error) {
	switch j.place.Phase {
	case inDays:
		return true, j.days(ctx)
	case inRecords:
		goOn, err = j.records(ctx, more)
	case inRows:
		goOn, err = j.unseen(ctx, more)
	case inLooks:
		return j.looks(ctx)
	case inDuplicates:
		if goOn, err = true, j.duplicates(ctx); err == nil {
			j.place.Phase = isOver
		}
	case isOver:
	}
	return goOn, err
}

// found notes a difference to be looked at again; one too many counts as it is,
// unless somebody changed the row while the proof was under way.
func (j *job) found(k Kind, d doubt, changed bool) {
	r := &j.place.Report
	if len(j.place.Doubts) < j.options.Recheck {
		d.Read = true
		j.place.Doubts = append(j.place.Doubts, d)
		return
	}
	if changed {
		r.Pending++
		return
	}
	r.Unconfirmed++
	j.count(k)
}

func (j *job) count(k Kind) {
	r := &j.place.Report
	switch k {
	case MissingInPostgres:
		r.Differences.MissingInPostgres++
	case MissingInSalesforce, NeverSent:
		r.Differences.MissingInSalesforce++
	case Different:
		r.Differences.Different++
	case Duplicate:
		r.Duplicates++
	}
}

// show counts a difference, keeps it as a sample while there is room, and notes
// it for the drift log.
func (j *job) show(s Sample) {
	j.count(s.Kind)
	if s.Kind != Duplicate {
		j.place.Drift = append(j.place.Drift, driftOf(s, j.table))
	}
	if r := &j.place.Report; len(r.Samples) < j.options.SampleLimit {
		r.Samples = append(r.Samples, s)
	}
}
