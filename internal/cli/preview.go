package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) writePreview() *cobra.Command {
	return a.command("write-preview", "Say what would be sent to Salesforce now, without sending it",
		"  syncline write-preview\n  syncline write-preview --json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			p, err := c.WritePreview(cmd.Context(), a.connection)
			if err != nil {
				return err
			}
			return a.show(p, func(w io.Writer) { printPreview(w, p) })
		})
}

func printPreview(w io.Writer, p client.WritePreview) {
	if p.Looked == 0 {
		_, _ = fmt.Fprintln(w, "Nothing waits.")
		return
	}
	n := strconv.Itoa
	if len(p.Sets) > 0 {
		var rows [][]string
		for _, s := range p.Sets {
			by := "Collections"
			if s.Bulk {
				by = "Bulk"
			}
			rows = append(rows, []string{n(s.Round), s.Object, s.Operation, n(s.Records), n(s.Sets), by})
		}
		table(w, []string{"ROUND", "OBJECT", "OPERATION", "RECORDS", "SETS", "BY"}, rows)
	}
	_, _ = fmt.Fprintf(w, "%d changes wait: %d calls and %d Bulk jobs.\n", p.Looked, p.Calls, p.Jobs)
	if p.More {
		_, _ = fmt.Fprintln(w, "More wait behind them.")
	}
	for _, e := range p.Ends {
		_, _ = fmt.Fprintf(w, "%s: %d end as %s without a call.\n", safe(e.Table), e.Records, safe(e.State))
	}
	for _, f := range p.Fails {
		_, _ = fmt.Fprintf(w, "%s %d (log id %d) would fail: %s: %s\n", safe(f.Table), f.RecordID, f.LogID, safe(f.Code), safe(f.Message))
	}
	for _, h := range p.Held {
		_, _ = fmt.Fprintf(w, "%s: %d wait, log id %d first: %s.\n", safe(h.Table), h.Records, h.LogID, safe(h.Reason))
	}
}
