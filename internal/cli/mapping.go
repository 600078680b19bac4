package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) mappings() *cobra.Command {
	list := a.command("list", "List the mappings of a connection", "  syncline mapping list --json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Mappings(cmd.Context(), a.connection)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) {
				var rows [][]string
				for _, m := range all {
					rows = append(rows, []string{
						m.ObjectName, m.Table, m.Access, strconv.Itoa(len(m.Fields)), m.UpsertField, strconv.Itoa(m.PollSeconds) + "s", m.Stage,
					})
				}
				table(w, []string{"OBJECT", "TABLE", "ACCESS", "FIELDS", "UNIQUE IDENTIFIER", "POLLED", "STAGE"}, rows)
			})
		})
	info := a.command("info <object>", "Show one mapping", "  syncline mapping info Account", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			m, err := c.Mapping(cmd.Context(), a.connection, args[0])
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) {
				pairs(w, [2]string{"Object", m.ObjectName}, [2]string{"Table", m.Table}, [2]string{"ID", m.ID},
					[2]string{"Access", m.Access}, [2]string{"Unique identifier", m.UpsertField},
					[2]string{"Polled every", strconv.Itoa(m.PollSeconds) + " s"}, [2]string{"Conflicts", m.Policy},
					[2]string{"Stage", m.Stage}, [2]string{"Trouble", m.Cause}, [2]string{"Revision", strconv.Itoa(m.Revision)},
					[2]string{"Fields", strings.Join(m.Fields, " ")})
			})
		})
	return group("mapping", "Look at mappings", list, info)
}

func (a *app) config() *cobra.Command {
	cmd := group("config", "Import and export the configuration file", a.configImport(), a.configExport())
	cmd.Long = "Import and export the configuration file, in the form that Heroku Connect exports.\n\n" + environmentHelp
	return cmd
}

func (a *app) configImport() *cobra.Command {
	var dryRun bool
	cmd := a.command("import <file>", "Make the mappings of a configuration file; - reads standard input",
		"  syncline config import shop.json\n  syncline config import --dry-run shop.json", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			text, err := a.readFile(args[0])
			if err != nil {
				return err
			}
			out, err := c.ImportConfig(cmd.Context(), a.connection, bytes.NewReader(text), dryRun)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { printImport(w, out) })
		})
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and change nothing")
	return cmd
}

func (a *app) readFile(name string) ([]byte, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(a.env.Stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	return text, nil
}

func printImport(w io.Writer, r client.Import) {
	if r.DryRun {
		_, _ = fmt.Fprintln(w, "Nothing was changed. This would be done:")
	}
	var rows [][]string
	for _, m := range r.Mappings {
		rows = append(rows, []string{m.ObjectName, m.Change})
	}
	table(w, []string{"OBJECT", "CHANGE"}, rows)
	for _, s := range r.Statements {
		if r.DryRun {
			_, _ = fmt.Fprintf(w, "\n-- %s\n%s;\n", safe(s.Reason), strings.TrimRight(strings.TrimSpace(s.SQL), ";"))
		}
	}
	if len(r.NotApplied) > 0 {
		_, _ = fmt.Fprintln(w, "Not applied, since the connection has mappings: "+safe(strings.Join(r.NotApplied, ", ")))
	}
	if len(r.Ignored) > 0 {
		_, _ = fmt.Fprintln(w, "Ignored: "+safe(strings.Join(r.Ignored, ", ")))
	}
}

func (a *app) configExport() *cobra.Command {
	var file string
	cmd := a.command("export", "Print the configuration file", "  syncline config export > shop.json\n  syncline config export -o shop.json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			text, err := c.ExportConfig(cmd.Context(), a.connection)
			if err != nil {
				return err
			}
			if file != "" {
				if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // holds no secrets
					return fmt.Errorf("write the configuration file: %w", err)
				}
				return a.done("Written to " + file)
			}
			if _, err := a.env.Stdout.Write(text); err != nil {
				return fmt.Errorf("print: %w", err)
			}
			return nil
		})
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to a file")
	return cmd
}

func (a *app) pause() *cobra.Command {
	return a.command("pause [object]", "Stop a connection, or one mapping, after what is in flight",
		"  syncline pause\n  syncline pause Account", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Pause(cmd.Context(), a.connection, strings.Join(args, "")); err != nil {
				return err
			}
			return a.done("Paused. Changes go on to be captured.")
		})
}

func (a *app) resume() *cobra.Command {
	return a.command("resume [object]", "Go on after a pause", "  syncline resume\n  syncline resume Account", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Resume(cmd.Context(), a.connection, strings.Join(args, "")); err != nil {
				return err
			}
			return a.done("Resumed.")
		})
}

func (a *app) poll() *cobra.Command {
	return a.command("poll [object]", "Poll Salesforce now", "  syncline poll\n  syncline poll Account", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Poll(cmd.Context(), a.connection, strings.Join(args, "")); err != nil {
				return err
			}
			return a.done("Due now.")
		})
}
