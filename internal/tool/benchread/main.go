// Command benchread measures a whole load of an object beside what else fills
// the table, in one run, on one server and with the same rows:
//
//   - ceiling: COPY from a CSV file into the same table without triggers, its
//     indexes present;
//   - strict: COPY into the bare table, then its indexes;
//   - export: Bulk export by go-salesforce to a file, then the ceiling's COPY;
//   - again, changed, beside: the load into a table that has the same rows, the
//     same but for a tenth, or rows of the application;
//   - slow, slow1: the load from an org 80 ms away that gives each connection
//     10 MB/s, with five pages at once and with one;
//   - queries, queries1: the load from there by queries, five at once and one;
//   - catchup: the polls after a tenth of the records has changed.
//
// The load's clock stops when rows, indexes and triggers are there. Org, load
// and export each run in a process of their own. Pairs alternate and medians
// count.
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
	"github.com/synclinehq/syncline/internal/tool/benchorg"
)

func main() {
	b := &bench{}
	var child string
	flag.IntVar(&b.rows, "rows", 200_000, "rows of the object")
	flag.IntVar(&b.columns, "columns", 26, "mapped fields; 0 takes all")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds; medians count")
	flag.IntVar(&b.pages, "pages", 5, "pages that are read at once")
	flag.IntVar(&b.group, "group", 0, "chunks of one commit; 0 is the default")
	flag.StringVar(&b.only, "only", "load,ceiling,strict,export,again,changed,beside", "what is measured; also: slow, slow1 (80 ms, 10 MB/s a connection; five pages, one)")
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
	server, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop(context.WithoutCancel(ctx)) }()
	if err := server.CreateDatabase(ctx, "bench", "hstore"); err != nil {
		return err
	}
	org, err := benchorg.Start(ctx, b.program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, org.Stop()) }()
	seed := map[string]any{"object": object, "rows": b.rows, "seed": 7, "past": true}
	if err := org.Control(ctx, "POST", "seed", seed, nil); err != nil {
		return fmt.Errorf("fill the org: %w", err)
	}
	if err := b.prepare(ctx, server.DSN("bench"), org); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer b.close()
	b.server = os.Getpid()
	for round := range b.rounds {
		for _, m := range b.measures() {
			if !slices.Contains(strings.Split(b.only, ","), m.name) {
				continue
			}
			before := b.cpu()
			r, err := m.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			r.CPU = b.cpu().minus(before)
			b.results[m.name] = append(b.results[m.name], r)
			fmt.Printf("round %d: %-8s %8v %9.0f rows/s  rows in %v, calls %d, peak %d MiB, CPU %v\n", round+1, m.name,
				r.Took.Round(time.Millisecond), float64(b.rows)/r.Took.Seconds(), r.Rows.Round(time.Millisecond), r.Calls, r.PeakMiB, r.CPU)
		}
	}
	b.print()
	return nil
}

// measure is one thing that is timed in each round.
type measure struct {
	name string
	do   func(context.Context) (result, error)
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

// measures stand in the order of a round: those that need the rows of the load
// come behind it.
func (b *bench) measures() []measure {
	return []measure{
		{"load", func(ctx context.Context) (result, error) { return b.load(ctx, childArgs{Pages: b.pages, Empty: true}) }},
		{"ceiling", b.ceiling},
		{"again", func(ctx context.Context) (result, error) { return b.load(ctx, childArgs{Pages: b.pages}) }},
		{"changed", b.changed},
		{"beside", b.beside},
		{"strict", b.strict},
		{"export", b.export},
		{"catchup", b.catchup},
		{"queries", func(ctx context.Context) (result, error) {
			return b.load(ctx, childArgs{Streams: 5, Empty: true, Slow: true})
		}},
		{"queries1", func(ctx context.Context) (result, error) {
			return b.load(ctx, childArgs{Streams: 1, Empty: true, Slow: true})
		}},
		{"slow", func(ctx context.Context) (result, error) {
			return b.load(ctx, childArgs{Pages: b.pages, Empty: true, Slow: true})
		}},
		{"slow1", func(ctx context.Context) (result, error) {
			return b.load(ctx, childArgs{Pages: 1, Empty: true, Slow: true})
		}},
	}
}

// print gives the medians, and each as a multiple of the ceiling.
func (b *bench) print() {
	fmt.Printf("\n%d rows of %d columns, median of %d\n", b.rows, b.columns, b.rounds)
	median := func(name string) (result, bool) {
		rs := slices.Clone(b.results[name])
		if len(rs) == 0 {
			return result{}, false
		}
		slices.SortFunc(rs, func(a, b result) int { return int(a.Took - b.Took) })
		return rs[len(rs)/2], true
	}
	ceiling, _ := median("ceiling")
	for _, m := range b.measures() {
		r, ok := median(m.name)
		if !ok {
			continue
		}
		fmt.Printf("%-8s %8v %9.0f rows/s", m.name, r.Took.Round(time.Millisecond), float64(b.rows)/r.Took.Seconds())
		if ceiling.Took > 0 {
			fmt.Printf("  %5.2f × ceiling", r.Took.Seconds()/ceiling.Took.Seconds())
		}
		if r.Calls > 0 {
			fmt.Printf("  %d calls, peak %d MiB", r.Calls, r.PeakMiB)
		}
		fmt.Printf("  CPU %v", r.CPU)
		fmt.Println()
	}
}
