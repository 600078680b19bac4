package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/mapping"
)

func (a *app) mappings() *cobra.Command {
	list := a.command("list", "List the mappings of a connection", "  syncline mapping list --json", cobra.NoArgs,
		func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Mappings(cmd.Context(), a.connection)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(all)
			}
			loads, err := a.loads(cmd.Context(), c, all)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) { printMappings(w, all, loads) })
		})
	info := a.command("info <object>", "Show one mapping", "  syncline mapping info Account", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			m, err := c.Mapping(cmd.Context(), a.connection, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(m)
			}
			loads, err := a.loads(cmd.Context(), c, []client.Mapping{m})
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) { printMapping(w, m, loads[m.ID]) })
		})
	return group("mapping", "Look at mappings, change their settings, and delete them", list, info, a.mappingSet(), a.mappingDelete())
}

// loads are the loads under way, by mapping; it asks only if there are any.
func (a *app) loads(ctx context.Context, c *client.Client, mappings []client.Mapping) (map[string]*client.Load, error) {
	out := map[string]*client.Load{}
	if !slices.ContainsFunc(mappings, func(m client.Mapping) bool { return m.Stage == stageLoading }) {
		return out, nil
	}
	st, err := c.Status(ctx, a.connection)
	if err != nil {
		return nil, err
	}
	for _, m := range st.Mappings {
		out[m.Mapping.ID] = m.Load
	}
	return out, nil
}

// stageLoading is the stage of a mapping that loads.
const stageLoading = "loading"

func printMappings(w io.Writer, all []client.Mapping, loads map[string]*client.Load) {
	var rows [][]string
	for _, m := range all {
		stage := m.Stage
		if l := loads[m.ID]; l != nil {
			stage += " " + loadWords(l)
		}
		rows = append(rows, []string{
			m.ObjectName, m.Table, m.Access, strconv.Itoa(len(m.Fields)), orDash(m.UpsertField), strconv.Itoa(m.PollSeconds) + "s",
			orDash(mapping.PausedWords(m.Paused, m.ReadsPaused, m.WritesPaused)), stage,
		})
	}
	table(w, []string{"OBJECT", "TABLE", "ACCESS", "FIELDS", "UNIQUE IDENTIFIER", "POLLED", "PAUSED", "STAGE"}, rows)
}

func printMapping(w io.Writer, m client.Mapping, l *client.Load) {
	list := [][2]string{{"Object", m.ObjectName}, {"Table", m.Table}, {"ID", m.ID}, {"Unique identifier", m.UpsertField}}
	list = append(list, mappingSettings(m)...)
	list = append(list, [][2]string{
		{"Stage", m.Stage}, {"Paused", mapping.PausedWords(m.Paused, m.ReadsPaused, m.WritesPaused)}, {"Trouble", m.Cause},
		{"Revision", strconv.Itoa(m.Revision)}, {"Fields", strings.Join(m.Fields, " ")},
	}...)
	if l != nil {
		list = append(list, [2]string{"Load", loadWords(l)})
	}
	pairs(w, list...)
}

// loadWords tell how far a load has come, how fast it goes and how long it
// still takes.
func loadWords(l *client.Load) string {
	words := strconv.FormatInt(l.Rows, 10) + " rows"
	if l.Total > 0 {
		words = fmt.Sprintf("%d of %d rows", l.Rows, l.Total)
	}
	if l.RowsPerSecond >= 0.5 {
		words += fmt.Sprintf(", %.0f/s", l.RowsPerSecond)
	}
	if l.BytesPerSecond >= 1 {
		words += fmt.Sprintf(", %.1f MB/s", l.BytesPerSecond/1e6)
	}
	if l.SecondsLeft >= 0 && l.Rows < l.Total {
		words += ", " + ago(l.SecondsLeft) + " left"
	}
	return words
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
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

func (a *app) poll() *cobra.Command {
	return a.command("poll [object]", "Poll Salesforce now", "  syncline poll\n  syncline poll Account", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Poll(cmd.Context(), a.connection, strings.Join(args, "")); err != nil {
				return err
			}
			return a.done("Due now.")
		})
}
