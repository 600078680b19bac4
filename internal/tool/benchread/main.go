// Command benchread measures a whole load of an object beside what else fills
// the table, in one run, on one server and with the same rows:
//
//   - ceiling: COPY from a CSV file into the same table without triggers, its
//     indexes present;
//   - strict: COPY into the bare table, then its indexes;
//   - export: Bulk export by go-salesforce to a file, then the ceiling's COPY;
//   - unmarked: the load with one commit where it makes many;
//   - again, changed, beside: the load into a table that has the same rows, the
//     same but for a tenth, or a row of the application;
//   - slow, slow1: the load from an org 80 ms away that gives each connection
//     10 MB/s, with five pages at once and with one;
//   - queries, queries1: the load from there by queries, five at once and one;
//   - catchup: the polls after a tenth of the records has changed;
//   - serve, serve200: the load by a process of "syncline serve", for its memory;
//     serve200 is of 200,000 rows.
//
// The load's clock stops when rows, indexes and triggers are there. Org, load
// and export each run in a process of their own. Pairs alternate, and the median
// of their ratios is held against the targets. Processor time is told too: on a
// machine that does other work the clock says little.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver"
)

func main() {
	b := &bench{}
	var child string
	flag.IntVar(&b.rows, "rows", 1_000_000, "rows of the object")
	flag.IntVar(&b.columns, "columns", 26, "mapped fields; 0 takes all that there are, more than that adds some")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds; medians count")
	flag.IntVar(&b.pages, "pages", 5, "pages that are read at once")
	flag.IntVar(&b.group, "group", 0, "chunks of one commit; 0 is the default")
	flag.StringVar(&b.only, "only", "", "what is measured in each round, by names with commas between; empty takes all but changed, catchup and queries, what is slow once")
	flag.StringVar(&b.program, "syncline", "bin/syncline", "the program whose sandbox is the org")
	flag.StringVar(&b.exporter, "export", "", "the built sandbox/clients/gosalesforce/export; empty builds it")
	flag.StringVar(&b.profile, "profile", "", "file for a CPU profile of the last load")
	flag.StringVar(&child, "child", "", "for benchread's own use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if child != "" {
		err = runChild(ctx, child)
	} else {
		err = b.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchread:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) (err error) {
	b.databases, err = pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = b.databases.Stop(context.WithoutCancel(ctx)) }()
	if err := b.databases.CreateDatabase(ctx, "bench", "hstore"); err != nil {
		return err
	}
	if b.org, err = b.newOrg(ctx, b.rows); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.org.Stop()) }()
	if err := b.prepare(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer b.close()
	for round := range b.rounds {
		for _, m := range b.measures() {
			if !b.wants(m, round) {
				continue
			}
			before := b.cpu()
			r, err := m.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			r.CPU = b.cpu().minus(before)
			b.results[m.name] = append(b.results[m.name], r)
			fmt.Printf("round %d: %-8s %s\n", round+1, m.name, b.describe(m.name, r))
		}
	}
	b.print()
	return nil
}

// wants says whether a measure is taken in a round: what was not asked for by
// name only in the first, if it takes long.
func (b *bench) wants(m measure, round int) bool {
	if b.only == "" {
		return !m.asked && (round == 0 || !m.once)
	}
	return slices.Contains(strings.Split(b.only, ","), m.name)
}

// measure is one thing that is timed in each round, or in the first if once is
// set, or only when asked for.
type measure struct {
	name        string
	once, asked bool
	do          func(context.Context) (result, error)
}

// result is what one run took.
type result struct {
	Took    time.Duration
	Calls   int64
	PeakMiB int
	// Rows is when all rows were in and the indexes began.
	Rows time.Duration
	// CPU is what database, org and the loading process have used.
	CPU cpu
}

func (b *bench) describe(name string, r result) string {
	rows := b.rows
	if name == "serve200" {
		rows = min(rows, fewRows)
	}
	s := fmt.Sprintf("%8v %9.0f rows/s", r.Took.Round(time.Millisecond), float64(rows)/r.Took.Seconds())
	if r.Rows > 0 {
		s += fmt.Sprintf("  rows in %v", r.Rows.Round(time.Millisecond))
	}
	if r.Calls > 0 {
		s += fmt.Sprintf("  %d calls", r.Calls)
	}
	if r.PeakMiB > 0 {
		s += fmt.Sprintf("  peak %d MiB", r.PeakMiB)
	}
	return s + "  CPU: " + r.CPU.String()
}

// measures stand in the order of a round: those that need the rows of the load
// come behind it.
func (b *bench) measures() []measure {
	load := func(in childArgs) func(context.Context) (result, error) {
		return func(ctx context.Context) (result, error) { return b.load(ctx, in) }
	}
	return []measure{
		{name: "serve200", once: true, do: b.servedFew},
		{name: "serve", once: true, do: b.served},
		{name: "load", do: load(childArgs{Pages: b.pages, Empty: true})},
		{name: "ceiling", do: b.ceiling},
		{name: "unmarked", once: true, do: load(childArgs{Pages: b.pages, Group: unmarked, Empty: true})},
		{name: "again", once: true, do: load(childArgs{Pages: b.pages})},
		{name: "changed", asked: true, do: b.changed},
		{name: "beside", once: true, do: b.beside},
		{name: "strict", do: b.strict},
		{name: "export", do: b.export},
		{name: "catchup", asked: true, do: b.catchup},
		{name: "queries", asked: true, do: load(childArgs{Streams: 5, Empty: true, Slow: true})},
		{name: "queries1", asked: true, do: load(childArgs{Streams: 1, Empty: true, Slow: true})},
		{name: "slow", once: true, do: load(childArgs{Pages: b.pages, Empty: true, Slow: true})},
		{name: "slow1", once: true, do: load(childArgs{Pages: 1, Empty: true, Slow: true})},
	}
}
