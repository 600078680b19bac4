package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) budget() *cobra.Command {
	return a.command("budget", "Show the API calls of 24 hours, what they were for, and how many are allowed",
		"  syncline budget\n  syncline budget --json\n  syncline connection set daily_calls=20000", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			b, err := c.Budget(cmd.Context(), a.connection)
			if err != nil {
				return err
			}
			return a.show(b, func(w io.Writer) { printBudget(w, b) })
		})
}

func printBudget(w io.Writer, b client.Budget) {
	allowed := "nothing bounds them: set daily_calls, or wait until the org tells its limit"
	if b.Allowed != nil {
		allowed = fmt.Sprintf("%d of %d allowed", b.Calls, *b.Allowed)
	}
	org := "the org has not told its count yet"
	if b.OrgLimit > 0 {
		org = fmt.Sprintf("%d of %d, %d of them by other applications; %d %% are left to these", b.OrgUsed, b.OrgLimit, b.OtherCalls, b.ReservePercent)
	}
	pace := "as set"
	if b.Stretch > 1 {
		pace = fmt.Sprintf("%.1f times as far apart as set", b.Stretch)
	}
	ceiling := "none"
	if b.DailyCalls > 0 {
		ceiling = strconv.FormatInt(b.DailyCalls, 10)
	}
	pairs(w,
		[2]string{"Calls in 24 h", strconv.FormatInt(b.Calls, 10)}, [2]string{"Budget", allowed}, [2]string{"Ceiling (daily_calls)", ceiling},
		[2]string{"The org counts", org},
		[2]string{"Forecast", fmt.Sprintf("%d in 24 h, at the last hour's pace of %.0f an hour", b.Forecast, b.CallsPerHour)},
		[2]string{"Polls are", pace},
	)
	uses := slices.Clone(b.ByUse)
	slices.SortStableFunc(uses, func(x, y client.Call) int { return cmp.Compare(y.Calls, x.Calls) })
	var rows [][]string
	for _, u := range uses {
		rows = append(rows, []string{cmp.Or(u.Mapping, "(several)"), u.Purpose, u.Kind, strconv.FormatInt(u.Calls, 10)})
	}
	if len(rows) > 0 {
		table(w, []string{"MAPPING", "PURPOSE", "KIND", "CALLS"}, rows)
	}
}
