package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) brake() *cobra.Command {
	var all bool
	run := func(cmd *cobra.Command, c *client.Client, _ []string) error {
		list, err := c.Holds(cmd.Context(), a.connection, all)
		if err != nil {
			return err
		}
		return a.show(list, func(w io.Writer) { printHolds(w, list) })
	}
	const example = "  syncline brake\n  syncline brake release 3\n  syncline brake discard 3"
	cmd := a.command("brake", "Mass deletions that wait for you", example, cobra.NoArgs, run)
	list := a.command("list", "List the deletions that are held", "  syncline brake list --all", cobra.NoArgs, run)
	for _, x := range []*cobra.Command{cmd, list} {
		x.Flags().BoolVar(&all, "all", false, "also those that were decided")
	}
	cmd.AddCommand(list, a.decide("release", "Let a held deletion happen", "Released: the next run carries it out.", true),
		a.decide("discard", "Give a held deletion up; what it would delete stays", "Given up: nothing is deleted.", false))
	return cmd
}

func (a *app) decide(name, short, said string, release bool) *cobra.Command {
	return a.command(name+" ID", short, "  syncline brake "+name+" 3", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id <= 0 {
				return usagef("%q is no number of a held deletion: syncline brake lists them", args[0])
			}
			do := c.DiscardHold
			if release {
				do = c.ReleaseHold
			}
			if err := do(cmd.Context(), a.connection, id); err != nil {
				return err
			}
			return a.show(map[string]any{"id": id, "released": release}, func(w io.Writer) { _, _ = fmt.Fprintln(w, said) })
		})
}

func printHolds(w io.Writer, list []client.Hold) {
	if len(list) == 0 {
		_, _ = fmt.Fprintln(w, "Nothing is held.")
		return
	}
	for i, h := range list {
		if i > 0 {
			_, _ = fmt.Fprintln(w)
		}
		what, side := "rows", "Postgres"
		if h.Direction == "write" {
			what, side = "records", "Salesforce"
		}
		_, _ = fmt.Fprintf(w, "%d: %s: delete %d of %d %s in %s\n", h.ID, safe(h.Mapping), h.Rows, h.Of, what, side)
		decided := ""
		if h.Decision != "" {
			decided = strings.TrimSpace(h.Decision + " by " + h.DecidedBy + ", " + when(h.DecidedAt))
		}
		sample := strings.Join(h.Sample[:min(len(h.Sample), 5)], " ")
		pairs(w, [2]string{"  because", h.Reason}, [2]string{"  since", when(&h.HeldAt)}, [2]string{"  such as", sample}, [2]string{"  decided", decided})
	}
}
