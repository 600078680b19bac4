package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/mapping"
)

func (a *app) connections() *cobra.Command {
	return group("connection", "Create, look at, change and delete connections",
		a.connectionCreate(), a.connectionInfo(), a.connectionList(), a.connectionSet(), a.connectionDelete())
}

func (a *app) connectionCreate() *cobra.Command {
	var n client.NewConnection
	cmd := a.command("create", "Connect an org and a database",
		`  syncline connection create --app shop --database-url postgres://app:secret@db/shop \
      --login-url https://example.my.salesforce.com --client-id 3MVG9… --client-secret …
  # secrets by the environment, so that they are in no process list
  SYNCLINE_NEW_DATABASE_URL=… SYNCLINE_NEW_CLIENT_SECRET=… syncline connection create --app shop …`,
		cobra.NoArgs, func(cmd *cobra.Command, c *client.Client, _ []string) error {
			for key, value := range map[string]*string{
				"SYNCLINE_NEW_DATABASE_URL": &n.DatabaseURL, "SYNCLINE_NEW_DIRECT_URL": &n.DirectURL,
				"SYNCLINE_NEW_CLIENT_SECRET": &n.ClientSecret, "SYNCLINE_NEW_REFRESH_TOKEN": &n.RefreshToken,
			} {
				if *value == "" && (n.DBKey == "" || value != &n.DatabaseURL) {
					*value = a.env.Getenv(key)
				}
			}
			made, err := c.CreateConnection(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.show(made, func(w io.Writer) { printConnection(w, made) })
		})
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "name for people (default the app's)")
	f.StringVar(&n.AppName, "app", "", "name of the app that the connection belongs to")
	f.StringVar(&n.ResourceName, "resource", "", "resource name, unique within the app (default made up)")
	f.StringVar(&n.DatabaseURL, "database-url", "", "database with the mapped tables (SYNCLINE_NEW_DATABASE_URL)")
	f.StringVar(&n.DirectURL, "direct-url", "", "the same database without a pooler (SYNCLINE_NEW_DIRECT_URL)")
	f.StringVar(&n.DBKey, "db-key", "", "variable of the server that holds the database URL, instead of --database-url")
	f.StringVar(&n.Schema, "schema", "", "schema of the mapped tables (default salesforce)")
	f.StringVar(&n.LoginURL, "login-url", "", "the org's My Domain, as https://example.my.salesforce.com")
	f.StringVar(&n.Flow, "flow", "", "client_credentials (default) or refresh_token")
	f.StringVar(&n.ClientID, "client-id", "", "client ID of the connected app")
	f.StringVar(&n.ClientSecret, "client-secret", "", "client secret (SYNCLINE_NEW_CLIENT_SECRET)")
	f.StringVar(&n.RefreshToken, "refresh-token", "", "refresh token, for that flow (SYNCLINE_NEW_REFRESH_TOKEN)")
	f.StringVar(&n.APIVersion, "api-version", "", "Salesforce API version, as 64.0")
	return cmd
}

func printConnection(w io.Writer, c client.Connection) {
	pairs(w,
		[2]string{"Name", c.Name}, [2]string{"App", c.AppName}, [2]string{"Resource", c.ResourceName}, [2]string{"ID", c.ID},
		[2]string{"Schema", c.Schema}, [2]string{"Org", c.OrganizationID + " at " + c.InstanceURL}, [2]string{"User", c.Username},
		[2]string{"API version", c.APIVersion}, [2]string{"Write algorithm", c.Algorithm},
		[2]string{"Paused", mapping.PausedWords(c.Paused, c.ReadsPaused, c.WritesPaused)}, [2]string{"Trouble", c.Cause},
	)
	pairs(w, optionPairs(c.Options)...)
}

func (a *app) connectionInfo() *cobra.Command {
	cmd := a.status()
	cmd.Use, cmd.Short = "info [connection]", "Show a connection, its state and its mappings"
	cmd.Example = "  syncline connection info\n  syncline connection info shop --json"
	return cmd
}

func (a *app) connectionList() *cobra.Command {
	return a.command("list", "List the connections", "  syncline connection list --json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Connections(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				if len(all) == 0 {
					_, _ = fmt.Fprintln(w, "There is no connection yet. Create one: syncline connection create --help")
					return
				}
				var rows [][]string
				for _, c := range all {
					rows = append(rows, []string{c.AppName, c.ResourceName, c.Schema, c.OrganizationID, c.Username, condition(c)})
				}
				table(w, []string{"APP", "RESOURCE", "SCHEMA", "ORG", "USER", "STATE"}, rows)
			})
		})
}

func condition(c client.Connection) string {
	switch {
	case c.Condition != "":
		return c.Condition
	}
	return cmp.Or(mapping.PausedWords(c.Paused, c.ReadsPaused, c.WritesPaused), c.Stage)
}

func (a *app) connectionDelete() *cobra.Command {
	var confirm string
	var drop bool
	cmd := a.command("delete [connection]", "Remove a connection; its tables stay unless told otherwise",
		`  syncline connection delete shop --confirm shop-sync-1
  syncline connection delete shop --confirm shop-sync-1 --drop-tables`,
		cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			ref := a.connection
			if len(args) == 1 {
				ref = args[0]
			}
			if confirm == "" {
				found, err := c.Connection(cmd.Context(), ref)
				if err != nil {
					return err
				}
				return usagef("this removes connection %s; to do it, add: --confirm %s", found.Name, found.ResourceName)
			}
			if err := c.DeleteConnection(cmd.Context(), ref, confirm, drop); err != nil {
				return err
			}
			return a.done("The connection is deleted.")
		})
	cmd.Flags().StringVar(&confirm, "confirm", "", "the connection's resource name")
	cmd.Flags().BoolVar(&drop, "drop-tables", false, "drop all that was made for it in the database too: mapped tables with all that is in them, trigger log, functions, and schemas that nobody else uses")
	return cmd
}

// done says that something was done.
func (a *app) done(text string) error {
	return a.show(map[string]bool{"done": true}, func(w io.Writer) { _, _ = fmt.Fprintln(w, text) })
}

func (a *app) status() *cobra.Command {
	return a.command("status [connection]", "Show how a connection and its mappings stand", "  syncline status\n  syncline status shop --json",
		cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			ref := a.connection
			if len(args) == 1 {
				ref = args[0]
			}
			st, err := c.Status(cmd.Context(), ref)
			if err != nil {
				return err
			}
			return a.show(st, func(w io.Writer) { printStatus(w, st) })
		})
}

func printStatus(w io.Writer, st client.Status) {
	c := st.Connection
	_, _ = fmt.Fprintf(w, "%s (%s): %s, %s\n", safe(c.Name), safe(c.ResourceName), st.State.Value, safe(st.State.Meaning))
	paused := ""
	if words := mapping.PausedWords(false, c.ReadsPaused && !c.Paused, c.WritesPaused && !c.Paused); words != "" {
		paused = strings.ToUpper(words[:1]) + words[1:] + "."
	}
	for _, text := range []string{paused, c.Cause, st.State.Remedy, st.Unseen} {
		if text != "" {
			_, _ = fmt.Fprintln(w, safe(text))
		}
	}
	pairs(w,
		[2]string{"To Salesforce", fmt.Sprintf("%d waiting, oldest %s; %d failed", st.Queue.Unsent+st.Queue.Pending, ago(st.Queue.OldestSeconds), st.Queue.Failed)},
		[2]string{"To Postgres", "all changes older than " + ago(st.LagToPostgres)},
		[2]string{"API calls, 24 h", fmt.Sprintf("%d (the org counts %d of %d)", st.Calls.Total, st.Calls.OrgUsed, st.Calls.OrgLimit)},
	)
	if len(st.Mappings) == 0 {
		_, _ = fmt.Fprintln(w, "No mappings yet. Make some: syncline config import mappings.json")
		return
	}
	var rows [][]string
	for _, m := range st.Mappings {
		state := m.State.Value
		if words := mapping.PausedWords(m.Mapping.Paused, m.Mapping.ReadsPaused, m.Mapping.WritesPaused); words != "" {
			state += " (" + words + ")"
		}
		postgres := count(m.RowsPostgres)
		if m.Load != nil {
			postgres = fmt.Sprintf("%d of %d", m.Load.Rows, m.Load.Total)
		}
		rows = append(rows, []string{
			m.Mapping.ObjectName, state, m.Mapping.Access, count(m.RowsSalesforce), postgres,
			strconv.Itoa(m.Queue.Unsent + m.Queue.Pending), strconv.Itoa(m.Queue.Failed), ago(m.Staleness), proofWords(m.Proof),
		})
	}
	table(w, []string{"OBJECT", "STATE", "ACCESS", "SALESFORCE", "POSTGRES", "PENDING", "FAILED", "POLLED", "PROVED"}, rows)
	for _, m := range st.Mappings {
		if m.Load != nil {
			_, _ = fmt.Fprintf(w, "%s loads: %s\n", safe(m.Mapping.ObjectName), loadWords(m.Load))
		}
		if m.Mapping.Cause != "" {
			_, _ = fmt.Fprintf(w, "%s: %s\n", safe(m.Mapping.ObjectName), safe(strings.TrimSpace(m.Mapping.Cause)))
		}
	}
}
