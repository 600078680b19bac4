package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) writeErrors() *cobra.Command {
	var within time.Duration
	var limit int
	cmd := a.command("write-errors [object]", "List the changes that Salesforce refused, newest first",
		"  syncline write-errors\n  syncline write-errors Account --within 168h\n  syncline write-errors resolve 4711 --send-again", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := listed("--limit", limit); err != nil {
				return err
			}
			if within <= 0 {
				return usagef("--within %s: give a span such as 24h", within)
			}
			all, err := c.WriteErrors(cmd.Context(), a.connection, strings.Join(args, ""), within, limit)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				if len(all) == 0 {
					_, _ = fmt.Fprintf(w, "No write errors in the last %s.\n", within)
					return
				}
				var rows [][]string
				for _, e := range all {
					rows = append(rows, []string{
						when(&e.CreatedAt), strconv.FormatInt(e.ID, 10), e.Table, strconv.FormatInt(e.RecordID, 10), e.SFID, e.Action, e.Message,
					})
				}
				table(w, []string{"CREATED", "LOG ID", "TABLE", "ROW", "SFID", "ACTION", "MESSAGE"}, rows)
			})
		})
	cmd.AddCommand(a.resolveError())
	cmd.Flags().DurationVar(&within, "within", 24*time.Hour, "how far back")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return cmd
}

// maxListed is the most that a list gives at once.
const maxListed = 1000

// listed checks how many lines are asked for.
func listed(flag string, n int) error {
	if n < 1 || n > maxListed {
		return usagef("%s %d: give 1 to %d", flag, n, maxListed)
	}
	return nil
}

// followEvery is the pause between two looks of logs -f.
const followEvery = time.Second

func (a *app) logs() *cobra.Command {
	o := client.LogOptions{After: -1}
	var follow bool
	cmd := a.command("logs [object]", "Print what happened; -f goes on", "  syncline logs\n  syncline logs -f Account --level error", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			o.Mapping = strings.Join(args, "")
			if err := listed("--lines", o.Limit); err != nil {
				return err
			}
			if o.Level != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, o.Level) {
				return usagef("--level %q: use debug, info, warn or error", o.Level)
			}
			return a.follow(cmd.Context(), c, o, follow)
		})
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	f.StringVar(&o.Level, "level", "", "only debug, info, warn or error")
	f.StringVar(&o.Search, "search", "", "only events with this text")
	f.IntVarP(&o.Limit, "lines", "n", 100, "how many at most")
	return cmd
}

// follow prints events, one a line, each as JSON if asked to.
func (a *app) follow(ctx context.Context, c *client.Client, o client.LogOptions, more bool) error {
	w := &errWriter{w: a.env.Stdout}
	for {
		events, err := c.Events(ctx, a.connection, o)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it was interrupted
			}
			return err
		}
		for _, e := range events {
			a.printEvent(w, e)
			o.After = e.ID
		}
		if !more || w.err != nil {
			return w.err
		}
		o.After = max(o.After, 0)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (a *app) printEvent(w io.Writer, e client.Event) {
	if a.json {
		text, err := json.Marshal(e)
		if err == nil {
			_, _ = fmt.Fprintln(w, string(text))
		}
		return
	}
	line := fmt.Sprintf("%s level=%s event=%q", e.At.Local().Format(time.DateTime), e.Level, e.Event)
	if e.State != "" {
		line += " state=" + e.State
	}
	keys := make([]string, 0, len(e.Fields))
	for k := range e.Fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		line += fmt.Sprintf(" %s=%v", k, e.Fields[k])
	}
	_, _ = fmt.Fprintln(w, safe(line))
}

func (a *app) audit() *cobra.Command {
	var limit int
	cmd := a.command("audit", "List administrative changes, newest first", "  syncline audit --json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if err := listed("--limit", limit); err != nil {
				return err
			}
			all, err := c.Audit(cmd.Context(), a.connection, 0, limit)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				var rows [][]string
				for _, e := range all {
					rows = append(rows, []string{when(&e.At), e.Who, e.From, e.Action, e.Subject})
				}
				table(w, []string{"AT", "WHO", "FROM", "ACTION", "SUBJECT"}, rows)
			})
		})
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return cmd
}

func (a *app) nodes() *cobra.Command {
	return a.command("nodes", "List the processes that take a share of the work", "  syncline nodes", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Nodes(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				var rows [][]string
				for _, n := range all {
					rows = append(rows, []string{n.Name, strconv.Itoa(n.PID), n.Version, when(&n.StartedAt)})
				}
				table(w, []string{"NODE", "PID", "VERSION", "STARTED"}, rows)
			})
		})
}

func (a *app) tokens() *cobra.Command {
	return group("token", "Make and end API tokens", a.tokenCreate(), a.tokenList(), a.tokenRevoke())
}

func (a *app) tokenCreate() *cobra.Command {
	var n client.NewToken
	var ttl time.Duration
	cmd := a.command("create <name>", "Make an API token; it is shown once",
		"  syncline token create ci --role viewer\n  syncline token create deploy --role admin --expires-in 720h", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if ttl < 0 || ttl > 0 && ttl < time.Second {
				return usagef("--expires-in %s: give a second or more", ttl)
			}
			n.Name, n.Connection, n.ExpiresIn = args[0], a.connection, int64(ttl/time.Second)
			t, err := c.CreateToken(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.show(t, func(w io.Writer) { _, _ = fmt.Fprintln(w, t.Text) })
		})
	cmd.Flags().StringVar(&n.Role, "role", "viewer", "viewer, operator or admin")
	cmd.Flags().StringSliceVar(&n.Scopes, "scope", nil, "rights that narrow the role: view, operate, administer")
	cmd.Flags().DurationVar(&ttl, "expires-in", 0, "how long it is valid; for good if left out")
	return cmd
}

func (a *app) tokenList() *cobra.Command {
	return a.command("list", "List the API tokens", "  syncline token list", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				var rows [][]string
				for _, t := range all {
					rows = append(rows, []string{t.ID, t.Name, t.Role, when(&t.CreatedAt), when(t.ExpiresAt), when(t.LastUsedAt)})
				}
				table(w, []string{"ID", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"}, rows)
			})
		})
}

func (a *app) tokenRevoke() *cobra.Command {
	return a.command("revoke <id>", "End an API token at once", "  syncline token revoke 0f8e…", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.RevokeToken(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.done("The token is revoked.")
		})
}

func (a *app) signIn() *cobra.Command {
	return a.command("sign-in", "Print a link to the dashboard that works once", "  syncline sign-in", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			link, err := c.SignIn(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(link, func(w io.Writer) { _, _ = fmt.Fprintln(w, link.URL) })
		})
}
