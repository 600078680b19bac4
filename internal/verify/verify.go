package verify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Org is what a verification needs of the org; [salesforce.Client] is one.
type Org interface {
	Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error)
	More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error)
	// QueryMaps reads a small result: identifiers that occur more than once.
	QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error)
}

// Config is what a verification reads.
type Config struct {
	Connection mapping.Connection
	DB         *target.DB
	Org        Org
	Logger     *slog.Logger // nil is silent
	// Progress, if set, is called now and then with the records compared of a
	// mapping so far.
	Progress func(object string, compared int64)
}

// Options say what to verify and how patiently. The zero value of each means
// its default.
type Options struct {
	// Mappings are object names, in any case; none means all tables.
	Mappings []string
	// Confirm is the wait before differences are looked at again; 2 s.
	Confirm time.Duration
	// Rounds is how often they are, as long as any is left; 3.
	Rounds int
	// Recheck bounds the differences of a mapping that are looked at again;
	// 10,000. The others count as they are.
	Recheck int
	// SampleLimit bounds the samples of a mapping; 20.
	SampleLimit int
}

func (o Options) withDefaults() Options {
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

// Run compares the tables with the org, one after the other. Differences are
// in the report and no error.
func Run(ctx context.Context, c Config, tables []*mapping.Table, o Options) (*Report, error) {
	began := time.Now()
	tables, err := chosen(tables, o.Mappings)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	counted := &countedOrg{Org: c.Org}
	report := &Report{Mappings: []MappingReport{}}
	for _, t := range tables {
		j := newJob(c, counted, t, o.withDefaults())
		if err := j.run(salesforce.WithUse(ctx, t.Object, "verify")); err != nil {
			return nil, fmt.Errorf("verify %s: %w", t.Object, err)
		}
		report.Mappings = append(report.Mappings, j.report)
	}
	report.Calls, report.Took = counted.calls.Load(), time.Since(began)
	return report, nil
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

// countedOrg counts the calls that are made through it. Repeated attempts
// inside the client are the ledger's to count.
type countedOrg struct {
	Org
	calls atomic.Int64
}

func (o *countedOrg) Query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error) {
	o.calls.Add(1)
	return o.Org.Query(ctx, soql, all, b)
}

func (o *countedOrg) More(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error) {
	o.calls.Add(1)
	return o.Org.More(ctx, next, b)
}

func (o *countedOrg) QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error) {
	o.calls.Add(1)
	return o.Org.QueryMaps(ctx, soql, all)
}

// job is the verification of one table.
type job struct {
	Config
	org     Org
	table   *mapping.Table
	options Options
	sql     statements
	log     *triggerlog.Log
	box     *outbox.Outbox
	report  MappingReport
	// doubts are rows that differed when they were read.
	doubts []doubt
}

// doubt names a row or record that differed: by its Id, or for a row without
// one by its own.
type doubt struct {
	sfid string
	id   int32
}

func newJob(c Config, org Org, t *mapping.Table, o Options) *job {
	return &job{
		Config: c, org: org, table: t, options: o, sql: newStatements(c.Connection.Schema, t),
		log: triggerlog.In(c.Connection.Schema), box: outbox.Of(c.Connection.ID),
		report: MappingReport{Mapping: t.Mapping.ID, Object: t.Object, Table: t.Name, Samples: []Sample{}},
	}
}

func (j *job) run(ctx context.Context) error {
	if err := j.compareAll(ctx); err != nil {
		return err
	}
	if err := j.confirm(ctx); err != nil {
		return err
	}
	return j.duplicates(ctx)
}

// found notes a difference to be looked at again; one too many counts as it is.
func (j *job) found(k Kind, d doubt) {
	if len(j.doubts) < j.options.Recheck {
		j.doubts = append(j.doubts, d)
		return
	}
	j.report.Unconfirmed++
	j.count(k)
}

func (j *job) count(k Kind) {
	switch k {
	case MissingInPostgres:
		j.report.Differences.MissingInPostgres++
	case MissingInSalesforce, NeverSent:
		j.report.Differences.MissingInSalesforce++
	case Different:
		j.report.Differences.Different++
	case Duplicate:
		j.report.Duplicates++
	}
}

// show counts a difference and keeps it as a sample while there is room.
func (j *job) show(s Sample) {
	j.count(s.Kind)
	if len(j.report.Samples) < j.options.SampleLimit {
		j.report.Samples = append(j.report.Samples, s)
	}
}
