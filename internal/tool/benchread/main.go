// Command benchread measures a whole load of an object against its ceiling:
// a COPY of the same rows from a CSV file into the same table without
// triggers, with the indexes there, on the same server and in the same run.
// The org is a sandbox in a process of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver"
)

func main() {
	b := &bench{}
	flag.IntVar(&b.rows, "rows", 200_000, "rows of the object")
	flag.IntVar(&b.columns, "columns", 26, "mapped fields")
	flag.IntVar(&b.rounds, "rounds", 3, "pairs of load and ceiling; the median counts")
	flag.IntVar(&b.settings.BulkPages, "pages", 5, "pages that are read at once")
	flag.IntVar(&b.settings.BulkChunk, "chunk", 0, "bytes that are applied in one transaction; 0 is the default")
	flag.StringVar(&b.program, "syncline", "bin/syncline", "the program whose sandbox is the org")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
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
	child, err := startOrg(ctx, b.program, b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, child.stop()) }()
	if err := b.prepare(ctx, server.DSN("bench"), child); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer b.db.Close()
	var ratios []float64
	for i := range b.rounds {
		load, err := b.load(ctx)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		ceiling, err := b.ceiling(ctx)
		if err != nil {
			return fmt.Errorf("ceiling: %w", err)
		}
		ratios = append(ratios, load.Seconds()/ceiling.Seconds())
		fmt.Printf("round %d: load %v (%.0f rows/s), COPY %v (%.0f rows/s), ratio %.2f, calls %d, peak memory %d MiB\n", i+1,
			load.Round(time.Millisecond), float64(b.rows)/load.Seconds(),
			ceiling.Round(time.Millisecond), float64(b.rows)/ceiling.Seconds(), ratios[i], b.calls.Swap(0), peakMiB())
	}
	slices.Sort(ratios)
	fmt.Printf("%d rows of %d columns, %d pages at once: median ratio %.2f\n", b.rows, b.columns, b.settings.BulkPages, ratios[len(ratios)/2])
	return nil
}
