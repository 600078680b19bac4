package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

// errorFlags choose failures.
type errorFlags struct {
	group, code, operation string
	within                 time.Duration
	archived               bool
}

func (f *errorFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.code, "code", "", "only this code, such as DUPLICATE_VALUE")
	flags.StringVar(&f.operation, "operation", "", "only INSERT, UPDATE or DELETE")
	flags.DurationVar(&f.within, "within", 0, "only those that failed within this time")
	flags.BoolVar(&f.archived, "archived", false, "also those that failed more than a month ago")
}

func (f *errorFlags) filter(object string) (client.ErrorFilter, error) {
	op := strings.ToUpper(f.operation)
	if op != "" && !slices.Contains([]string{"INSERT", "UPDATE", "DELETE"}, op) {
		return client.ErrorFilter{}, usagef("--operation %q: use INSERT, UPDATE or DELETE", f.operation)
	}
	if f.within < 0 {
		return client.ErrorFilter{}, usagef("--within must not be negative")
	}
	return client.ErrorFilter{
		Group: f.group, Mapping: object, Operation: op, Code: f.code,
		Within: int64(f.within / time.Second), Archived: f.archived,
	}, nil
}

func (a *app) errors() *cobra.Command {
	var f errorFlags
	cmd := a.command("errors [object]", "What failed, by cause, with what to do",
		"  syncline errors\n  syncline errors Account --within 24h\n  syncline errors show 4711\n"+
			"  syncline errors retry --group 3f2a9c41d07b\n  syncline errors edit 4711 --set phone='030 1234'", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			filter, err := f.filter(strings.Join(args, ""))
			if err != nil {
				return err
			}
			all, err := c.Errors(cmd.Context(), a.connection, filter)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) { printGroups(w, all) })
		})
	f.add(cmd)
	cmd.AddCommand(a.listErrors(), a.unreadRecords(), a.showError(), a.retryErrors(), a.ignoreErrors(), a.editErrors(), a.resolveError())
	return cmd
}

func printGroups(w io.Writer, all []client.ErrorGroup) {
	if len(all) == 0 {
		_, _ = fmt.Fprintln(w, "Nothing has failed.")
		return
	}
	for i, g := range all {
		if i > 0 {
			_, _ = fmt.Fprintln(w)
		}
		what := g.Operation
		if g.Kind == "unread" {
			what = "records not stored"
		}
		name := g.Mapping
		if name == "" {
			name = g.Table
		}
		_, _ = fmt.Fprintf(w, "%d × %s %s: %s\n", g.Count, safe(name), safe(what), safe(g.Code))
		pairs(w,
			[2]string{"  group", g.Key}, [2]string{"  message", g.Pattern},
			[2]string{"  means", g.Meaning}, [2]string{"  do", g.Remedy},
			[2]string{"  from", when(&g.First)}, [2]string{"  to", when(&g.Last)},
			[2]string{"  archived", some(g.Archived)}, [2]string{"  newest", newest(g.Sample)})
	}
}

func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func newest(s client.ErrorSample) string {
	var parts []string
	if s.LogID != 0 {
		parts = append(parts, fmt.Sprintf("log id %d, row %d", s.LogID, s.RecordID))
	}
	if s.SFID != "" {
		parts = append(parts, s.SFID)
	}
	return strings.Join(parts, ", ")
}

func (a *app) listErrors() *cobra.Command {
	var f errorFlags
	var limit int
	var before int32
	cmd := a.command("list [object]", "List failed changes one by one, newest first",
		"  syncline errors list --group 3f2a9c41d07b", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			filter, err := f.filter(strings.Join(args, ""))
			if err != nil {
				return err
			}
			all, err := c.ErrorEntries(cmd.Context(), a.connection, filter, before, limit)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				if len(all) == 0 {
					_, _ = fmt.Fprintln(w, "No such failures.")
					return
				}
				printEntries(w, all)
			})
		})
	f.add(cmd)
	cmd.Flags().StringVar(&f.group, "group", "", "only of this group")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	cmd.Flags().Int32Var(&before, "before", 0, "only log ids below this one")
	return cmd
}

func (a *app) unreadRecords() *cobra.Command {
	var group string
	var limit int
	cmd := a.command("unread [object]", "List records that could not be stored in their row", "  syncline errors unread Account", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			all, err := c.UnreadRecords(cmd.Context(), a.connection, group, strings.Join(args, ""), limit)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				if len(all) == 0 {
					_, _ = fmt.Fprintln(w, "Every record is in its row.")
					return
				}
				rows := make([][]string, len(all))
				for i, r := range all {
					rows[i] = []string{when(&r.FirstAt), r.Mapping, r.SFID, r.Code, strconv.Itoa(r.Attempts), when(r.NextAt), r.Message}
				}
				table(w, []string{"SINCE", "OBJECT", "SFID", "CODE", "ATTEMPTS", "NEXT", "MESSAGE"}, rows)
			})
		})
	cmd.Flags().StringVar(&group, "group", "", "only of this group")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return cmd
}

func printEntries(w io.Writer, all []client.LogEntry) {
	rows := make([][]string, len(all))
	for i, e := range all {
		rows[i] = []string{
			when(&e.SettledAt), strconv.Itoa(int(e.ID)), e.Table, strconv.Itoa(int(e.RecordID)), e.SFID, e.Action, e.State,
			strings.TrimPrefix(e.Code+": ", ": ") + e.Message,
		}
		if e.Message == "" {
			rows[i][7] = ""
		}
	}
	table(w, []string{"TIME", "LOG ID", "TABLE", "ROW", "SFID", "ACTION", "STATE", "MESSAGE"}, rows)
}

func logIDs(args []string) ([]int32, error) {
	out := make([]int32, len(args))
	for i, s := range args {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n <= 0 {
			return nil, usagef("%q is no log id: they are whole numbers, as syncline errors list prints them", s)
		}
		out[i] = int32(n)
	}
	return out, nil
}

func (a *app) showError() *cobra.Command {
	return a.command("show LOGID", "All that is known of one change: the row, what was sent, the answer, the history",
		"  syncline errors show 4711", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			ids, err := logIDs(args)
			if err != nil {
				return err
			}
			d, err := c.ErrorDetail(cmd.Context(), a.connection, ids[0])
			if err != nil {
				return err
			}
			return a.show(d, func(w io.Writer) { printDetail(w, d) })
		})
}

func printDetail(w io.Writer, d client.ChangeDetail) {
	e := d.Entry
	archived := ""
	if e.Archived {
		archived = "in the archive"
	}
	pairs(w,
		[2]string{"log id", strconv.Itoa(int(e.ID))}, [2]string{"state", e.State}, [2]string{"archived", archived},
		[2]string{"change", e.Action + " of " + e.Table + " row " + strconv.Itoa(int(e.RecordID))}, [2]string{"sfid", e.SFID},
		[2]string{"captured", when(&e.CreatedAt)}, [2]string{"group", d.Group})
	if x := d.Answer; x != nil {
		pairs(w, [2]string{"answer", x.Code + ": " + x.Message}, [2]string{"fields", strings.Join(x.Fields, ", ")},
			[2]string{"answered", when(&x.Time)}, [2]string{"attempt", some(x.Attempt)})
	}
	pairs(w, [2]string{"means", d.Meaning}, [2]string{"do", d.Remedy})
	if u := d.Unknown; u != nil {
		pairs(w, [2]string{"sent", u.Body}, [2]string{"claimed", when(&u.ClaimedAt)}, [2]string{"can arrive until", when(&u.FinalAt)})
	}
	_, _ = fmt.Fprintln(w, "\nColumns of the change, and as the row has them now:")
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		now := "(the row is gone)"
		if d.Row != nil {
			now = value(d.Row[name])
		}
		rows = append(rows, []string{"  " + name, value(e.Values[name]), now})
	}
	table(w, []string{"  COLUMN", "SENT", "NOW"}, rows)
	_, _ = fmt.Fprintln(w, "\nHistory of the record, newest first:")
	printHistory(w, d.History)
}

func printHistory(w io.Writer, all []client.Happening) {
	rows := make([][]string, len(all))
	for i, h := range all {
		switch {
		case h.Entry != nil:
			e := h.Entry
			rows[i] = []string{when(&h.At), strconv.Itoa(int(e.ID)), e.Action, e.State, strings.Join(slices.Sorted(maps.Keys(e.Values)), ", "), e.Message}
		case h.Conflict != nil:
			x := h.Conflict
			rows[i] = []string{when(&h.At), some(int(x.LogID)), "conflict", x.Winner + " won", x.Column,
				fmt.Sprintf("Postgres %s, Salesforce %s", value(x.Postgres), value(x.Salesforce))}
		}
	}
	table(w, []string{"TIME", "LOG ID", "WHAT", "STATE", "COLUMNS", "MESSAGE"}, rows)
}

func (a *app) history() *cobra.Command {
	var limit int
	cmd := a.command("history OBJECT ID", "What became of a record: its changes and conflicts, newest first",
		"  syncline history Account 7\n  syncline history Account 001000000000001AAA", cobra.ExactArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			all, err := c.History(cmd.Context(), a.connection, args[0], args[1], limit)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				if len(all) == 0 {
					_, _ = fmt.Fprintln(w, "Nothing of it was written in the last month.")
					return
				}
				printHistory(w, all)
			})
		})
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return cmd
}

// resolveError answers for an insert of unknown outcome.
func (a *app) resolveError() *cobra.Command {
	var r client.ErrorResolution
	cmd := a.command("resolve LOGID", "Say whether an insert of unknown outcome arrived",
		"  syncline write-errors resolve 4711 --arrived 003000000000001AAA\n  syncline write-errors resolve 4711 --send-again", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			ids, err := logIDs(args)
			if err != nil {
				return err
			}
			if (r.Arrived != "") == r.SendAgain {
				return usagef("say what became of it: --arrived SFID if Salesforce has the record, --send-again if it has not")
			}
			out, err := c.ResolveError(cmd.Context(), a.connection, ids[0], r)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				switch {
				case r.SendAgain:
					_, _ = fmt.Fprintln(w, "It is sent again.")
				case out.Seen:
					_, _ = fmt.Fprintf(w, "It arrived as %s.\n", safe(out.SFID))
				default:
					_, _ = fmt.Fprintf(w, "It arrived as %s (the org did not answer, so it was not checked).\n", safe(out.SFID))
				}
			})
		})
	cmd.Flags().StringVar(&r.Arrived, "arrived", "", "it arrived, as the record of this Id")
	cmd.Flags().BoolVar(&r.SendAgain, "send-again", false, "it did not arrive: send it")
	return cmd
}
