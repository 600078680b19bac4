package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/synclinehq/syncline/client"
)

func (a *app) verify() *cobra.Command {
	var o client.VerifyOptions
	cmd := a.command("verify [object...]", "Compare both sides row by row; exit code 3 if they differ",
		"  syncline verify\n  syncline verify Account Contact --json\n  syncline verify --quick\n  syncline verify repair Account --from salesforce",
		cobra.ArbitraryArgs,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if o.Samples < 0 || o.Samples > 1000 {
				return usagef("--samples %d: give 0 to 1000", o.Samples)
			}
			o.Mappings = args
			line := newProgressLine(a.env.Stderr)
			r, err := c.Verify(cmd.Context(), a.connection, o, line.show)
			line.clear()
			if err != nil {
				return err
			}
			if err := a.show(r, func(w io.Writer) { printReport(w, r) }); err != nil {
				return err
			}
			if r.Differences > 0 || r.Duplicates > 0 {
				return errDifferences
			}
			return nil
		})
	cmd.Flags().IntVar(&o.Samples, "samples", 20, "differences listed per mapping")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "compare counts by day, values of the days that differ and of the newest, stamps of the others")
	cmd.AddCommand(a.repair())
	return cmd
}

// progressLine is one line of a terminal that is written over.
type progressLine struct {
	w     io.Writer // nil where nobody looks
	wrote bool
}

func newProgressLine(w io.Writer) *progressLine {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) { //nolint:gosec // a descriptor is small
		return &progressLine{w: w}
	}
	return &progressLine{}
}

func (l *progressLine) show(p client.VerifyProgress) {
	if l.w == nil {
		return
	}
	l.wrote = true
	_, _ = fmt.Fprintf(l.w, "\r\x1b[K%s", progressText(p)) // progress is not worth an error
}

func (l *progressLine) clear() {
	if l.wrote {
		_, _ = fmt.Fprint(l.w, "\r\x1b[K") // progress is not worth an error
	}
}

// progressText tells how far a verification has come.
func progressText(p client.VerifyProgress) string {
	if p.ObjectName == "" {
		return "Verifying …"
	}
	parts := []string{fmt.Sprintf("%s (%d of %d): %d", safe(p.ObjectName), p.Done+1, p.Mappings, p.Compared)}
	if p.Total > 0 {
		parts[0] += fmt.Sprintf(" of %d", p.Total)
	}
	parts[0] += " rows"
	if p.RowsPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%.0f rows/s", p.RowsPerSecond))
	}
	if p.SecondsLeft >= 0 {
		parts = append(parts, (time.Duration(p.SecondsLeft)*time.Second).String()+" left")
	}
	return strings.Join(parts, ", ")
}

func printReport(w io.Writer, r client.Report) {
	var rows [][]string
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, m := range r.Mappings {
		rows = append(rows, []string{
			m.ObjectName, n(m.RowsSalesforce), n(m.RowsPostgres), n(m.Equal), n(m.Pending), n(m.FailedWrites),
			n(m.MissingInPostgres), n(m.MissingInSalesforce), n(m.Different), n(m.Duplicates),
		})
	}
	table(w, []string{
		"OBJECT", "SALESFORCE", "POSTGRES", "EQUAL", "PENDING", "FAILED", "NOT IN POSTGRES", "NOT IN SALESFORCE", "DIFFERENT", "DUPLICATE",
	}, rows)
	for _, m := range r.Mappings {
		if len(m.Days) > 0 {
			_, _ = fmt.Fprintf(w, "%s: these days differ: %s\n", safe(m.ObjectName), safe(strings.Join(m.Days, ", ")))
		}
		for _, d := range m.Samples {
			printDifference(w, m.ObjectName, d)
		}
	}
	if r.Differences == 0 && r.Duplicates == 0 {
		_, _ = fmt.Fprintln(w, "Both sides are equal.")
		return
	}
	_, _ = fmt.Fprintf(w, "%d differences, %d duplicates.\n", r.Differences, r.Duplicates)
}

func printDifference(w io.Writer, object string, d client.Difference) {
	cause := ""
	if d.Cause != "" && d.Cause != "unknown" {
		cause = " (" + safe(d.Cause) + ")"
	}
	_, _ = fmt.Fprintf(w, "%s %s (id %d): %s%s\n", safe(object), safe(d.SFID), d.ID, safe(d.Kind), cause)
	for _, f := range d.Fields {
		_, _ = fmt.Fprintf(w, "  %s: Salesforce %s, Postgres %s\n", safe(f.Field), value(f.Salesforce), value(f.Postgres))
	}
}

func value(v *string) string {
	if v == nil {
		return "NULL"
	}
	return strconv.Quote(*v)
}

func (a *app) repair() *cobra.Command {
	var o client.RepairOptions
	cmd := a.command("repair OBJECT", "Take one side's word for differences that were found",
		"  syncline verify repair Account --from salesforce\n  syncline verify repair Account --from postgres --ids 001xx000003DGb2AAG",
		cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if o.From != "" && o.From != "salesforce" && o.From != "postgres" {
				return usagef("--from %q: use salesforce or postgres", o.From)
			}
			r, err := c.Repair(cmd.Context(), a.connection, args[0], o)
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%d differences are being repaired; the next proof tells whether they are gone: syncline verify %s\n", r.Asked, safe(args[0]))
				for _, s := range r.Skipped {
					_, _ = fmt.Fprintf(w, "left as it is: %s (id %d): %s\n", safe(s.SFID), s.RowID, safe(s.Why))
				}
			})
		})
	cmd.Flags().StringVar(&o.From, "from", "", "the side that is right: salesforce or postgres")
	cmd.Flags().StringSliceVar(&o.IDs, "ids", nil, "sfids, or ids of rows; all differences if left out")
	return cmd
}

func (a *app) drift() *cobra.Command {
	var o client.DriftOptions
	cmd := a.command("drift [object]", "When both sides were last proved equal, and the differences that were found",
		"  syncline drift\n  syncline drift Account --settled --json", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			o.Mapping = strings.Join(args, "")
			d, err := c.Drift(cmd.Context(), a.connection, o)
			if err != nil {
				return err
			}
			return a.show(d, func(w io.Writer) { printDrift(w, d) })
		})
	cmd.Flags().BoolVar(&o.Settled, "settled", false, "also differences that are gone")
	cmd.Flags().IntVar(&o.Limit, "limit", 100, "how many at most")
	return cmd
}

// proofWords is a proof in a few words.
func proofWords(p *client.Proof) string {
	switch {
	case p == nil:
		return "-"
	case p.Equal:
		return "equal as of " + when(&p.AsOf)
	default:
		return fmt.Sprintf("%d differences as of %s", p.Differences, when(&p.AsOf))
	}
}

func printDrift(w io.Writer, d client.Drift) {
	var proofs [][]string
	for _, p := range d.Proofs {
		outcome := "equal"
		if !p.Equal {
			outcome = fmt.Sprintf("%d differences", p.Differences)
		}
		proofs = append(proofs, []string{p.ObjectName, p.Proof, when(&p.AsOf), outcome, strconv.FormatInt(p.Rows, 10), strconv.FormatInt(p.APICalls, 10)})
	}
	if len(proofs) > 0 {
		table(w, []string{"OBJECT", "PROOF", "AS OF", "OUTCOME", "ROWS", "CALLS"}, proofs)
		_, _ = fmt.Fprintln(w)
	}
	if len(d.Differences) == 0 {
		_, _ = fmt.Fprintln(w, "No difference is known.")
		return
	}
	var rows [][]string
	for _, x := range d.Differences {
		state := "open"
		if x.SettledAt != nil {
			state = x.How + " " + when(x.SettledAt)
		} else if x.Repair != "" {
			state = "being repaired from " + x.Repair
		}
		rows = append(rows, []string{
			when(&x.FoundAt), x.ObjectName, x.SFID, strconv.FormatInt(x.RowID, 10), x.Kind, strings.Join(x.Columns, " "), x.Cause, state,
		})
	}
	table(w, []string{"FOUND", "OBJECT", "SFID", "ROW", "KIND", "COLUMNS", "CAUSE", "STATE"}, rows)
}
