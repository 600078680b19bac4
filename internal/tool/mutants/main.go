// Command mutants takes guards out of the product one by one and runs the tests
// that must then turn red. A guard that no test misses is not tested, and the
// next change may lose it in silence.
//
//	go run ./internal/tool/mutants            all of them
//	go run ./internal/tool/mutants -list      what there is
//	go run ./internal/tool/mutants fence      those whose name contains "fence"
//
// The tree is not touched: the changed file is laid over it for the compiler
// alone (go test -overlay). Before anything is taken out the same tests must
// pass, so that a red test means what it should. The exit code is 1 if a
// mutation survives, does not fit the code any more, or does not compile.
//
// The list is in list.go. An entry that its tests can't kill yet has Todo with
// the reason; it is run and reported and fails nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "list the mutations and end")
	verbose := flags.Bool("v", false, "show which tests turned red")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	chosen := slices.DeleteFunc(slices.Clone(mutations), func(m mutation) bool { return !m.named(flags.Args()) })
	if len(chosen) == 0 {
		fmt.Fprintf(stderr, "no mutation is named %s; -list shows them\n", strings.Join(flags.Args(), " or "))
		return 2
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintf(stdout, "%-4s %-40s %s\n", m.Invariant, m.Name, m.File)
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := runner{out: stdout, verbose: *verbose}
	if err := r.all(ctx, chosen); err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 1
	}
	return 0
}
