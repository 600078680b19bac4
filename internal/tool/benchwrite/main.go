// Command benchwrite measures how changes of a database reach an org: queued
// ones through Bulk jobs and through composed Collections, single ones as they
// come, and both against what a program without Syncline would do: one row per
// call, and calls of 200 rows one after the other. The org is a sandbox in a
// process of its own; its count of calls is what is reported.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/tool/benchorg"
)

func main() {
	b := &bench{}
	flag.IntVar(&b.changes, "changes", 100_000, "changes that are queued")
	flag.IntVar(&b.rate, "rate", 200, "changes per second, for latencies")
	flag.DurationVar(&b.live, "live", 15*time.Second, "how long changes come at that rate")
	flag.DurationVar(&b.delay, "delay", 300*time.Millisecond, "what is added to each call, for parallel calls")
	flag.StringVar(&b.program, "syncline", "bin/syncline", "the program whose sandbox is the org")
	flag.StringVar(&b.only, "only", "", "run one part only: bulk, composed, baseline, latency, parallel")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "benchwrite:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	changes, rate int
	live, delay   time.Duration
	program, only string
	slow          bool // each call of the org takes delay longer
	missed        int  // targets

	server *pgserver.Server
	org    *benchorg.Org
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.server, err = pgserver.Start(ctx, pgserver.Options{}); err != nil {
		return err
	}
	defer func() { _ = b.server.Stop(context.WithoutCancel(ctx)) }()
	if b.org, err = benchorg.Start(ctx, b.program); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.org.Stop()) }()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"bulk", b.bulk}, {"composed", b.composed}, {"baseline", b.baseline}, {"latency", b.latency}, {"parallel", b.parallel},
	} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if b.missed > 0 {
		return fmt.Errorf("%d targets are missed", b.missed)
	}
	return nil
}
