package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

// actionPage is how many entries the server is asked to change at a time, so
// that progress can be told.
const actionPage = 1000

// acting are the flags of what is done about failures.
type acting struct {
	errorFlags
	object string
	all    bool
	do     func(context.Context, string, client.ErrorAction) (client.ErrorOutcome, error)
}

func (x *acting) add(cmd *cobra.Command) {
	x.errorFlags.add(cmd)
	f := cmd.Flags()
	f.StringVar(&x.group, "group", "", "all of this group, as syncline errors prints it")
	f.StringVar(&x.object, "object", "", "all of this object")
	f.BoolVar(&x.all, "all", false, "all there are")
}

// action is the request that the command line makes.
func (x *acting) action(cmd *cobra.Command, args []string) (client.ErrorAction, error) {
	f, err := x.filter(x.object)
	if err != nil {
		return client.ErrorAction{}, err
	}
	if f.IDs, err = logIDs(args); err != nil {
		return client.ErrorAction{}, err
	}
	chosen := x.group != "" || x.object != "" || x.code != "" || x.operation != "" || x.within > 0
	switch {
	case len(args) > 0 && (chosen || x.all):
		return client.ErrorAction{}, usagef("give log ids, or flags that choose, not both")
	case len(args) == 0 && !chosen && !x.all:
		return client.ErrorAction{}, usagef("%s: say which: log ids, --group, --object, --code, --operation, --within or --all", cmd.Name())
	}
	return client.ErrorAction{ErrorFilter: f, All: x.all, Limit: actionPage}, nil
}

// run acts page by page and tells what became of it.
func (a *app) runAction(ctx context.Context, x *acting, action client.ErrorAction, done string) error {
	sum := client.ErrorOutcome{Skipped: []client.SkippedError{}}
	for {
		o, err := x.do(ctx, a.connection, action)
		if err != nil {
			if sum.Done > 0 {
				return fmt.Errorf("%d done so far; then: %w", sum.Done, err)
			}
			return err
		}
		sum.Chosen, sum.Done, sum.Also = sum.Chosen+o.Chosen, sum.Done+o.Done, sum.Also+o.Also
		sum.Skipped = append(sum.Skipped, o.Skipped...)
		sum.After, sum.Through = o.After, o.Through
		if !o.More {
			break
		}
		_, _ = fmt.Fprintf(a.env.Stderr, "%d …\n", sum.Done)
		action.After, action.Through = o.After, o.Through
	}
	if err := a.show(sum, func(w io.Writer) { printOutcome(w, sum, done) }); err != nil {
		return err
	}
	if sum.Done == 0 && len(sum.Skipped) > 0 {
		return errNothingDone
	}
	return nil
}

var errNothingDone = fmt.Errorf("none of the chosen entries could be acted on")

func printOutcome(w io.Writer, o client.ErrorOutcome, done string) {
	if o.Chosen == 0 {
		_, _ = fmt.Fprintln(w, "Nothing that failed was chosen.")
		return
	}
	_, _ = fmt.Fprintf(w, "%d %s.\n", o.Done, done)
	if o.Also > 0 {
		_, _ = fmt.Fprintf(w, "%d further changes of the same rows went along.\n", o.Also)
	}
	if len(o.Skipped) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "%d were left as they are:\n", len(o.Skipped))
	for _, s := range o.Skipped {
		_, _ = fmt.Fprintf(w, "  %d: %s\n", s.ID, safe(s.Why))
	}
}

func (a *app) retryErrors() *cobra.Command {
	x := &acting{}
	var fromRow bool
	cmd := a.command("retry [LOGID...]", "Send failed changes again",
		"  syncline errors retry 4711 4712\n  syncline errors retry --group 3f2a9c41d07b\n  syncline errors retry --all", cobra.ArbitraryArgs,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			action, err := x.action(cmd, args)
			if err != nil {
				return err
			}
			action.FromRow, x.do = fromRow, c.RetryErrors
			return a.runAction(cmd.Context(), x, action, "to be sent again")
		})
	x.add(cmd)
	cmd.Flags().BoolVar(&fromRow, "from-row", false, "send the rows as they are now, not what the entries hold")
	return cmd
}

func (a *app) ignoreErrors() *cobra.Command {
	x := &acting{}
	var takeTheirs bool
	cmd := a.command("ignore [LOGID...]", "Put failed changes away; neither side is changed",
		"  syncline errors ignore 4711\n  syncline errors ignore --code ENTITY_IS_DELETED", cobra.ArbitraryArgs,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			action, err := x.action(cmd, args)
			if err != nil {
				return err
			}
			action.TakeTheirs, x.do = takeTheirs, c.IgnoreErrors
			return a.runAction(cmd.Context(), x, action, "put away")
		})
	x.add(cmd)
	cmd.Flags().BoolVar(&takeTheirs, "take-theirs", false, "the rows take Salesforce's values")
	return cmd
}

func (a *app) editErrors() *cobra.Command {
	x := &acting{}
	var sets, nulls []string
	cmd := a.command("edit [LOGID...]", "Write new values into the rows of failed changes and send them",
		"  syncline errors edit 4711 --set phone='030 1234' --null fax\n  syncline errors edit --group 3f2a9c41d07b --set rating=Warm", cobra.ArbitraryArgs,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			action, err := x.action(cmd, args)
			if err != nil {
				return err
			}
			if action.Values, err = newValues(sets, nulls); err != nil {
				return err
			}
			x.do = c.EditErrors
			return a.runAction(cmd.Context(), x, action, "written and to be sent")
		})
	x.add(cmd)
	// Not a slice flag: commas are part of values.
	cmd.Flags().StringArrayVar(&sets, "set", nil, "column=value; may be given more than once")
	cmd.Flags().StringArrayVar(&nulls, "null", nil, "column that becomes NULL; may be given more than once")
	return cmd
}

func newValues(sets, nulls []string) (map[string]*string, error) {
	out := map[string]*string{}
	for _, s := range sets {
		name, v, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usagef("--set %q: write column=value", s)
		}
		out[name] = &v
	}
	for _, name := range nulls {
		out[name] = nil
	}
	if len(out) == 0 {
		return nil, usagef("there is nothing to write: give --set column=value or --null column")
	}
	return out, nil
}
