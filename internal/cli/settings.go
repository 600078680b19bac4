package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/mapping"
)

func (a *app) mappingSet() *cobra.Command {
	cmd := a.command("set <object> <key>=<value>...", "Change settings of a mapping; it goes on working",
		`  syncline mapping set Account access=read_only
  syncline mapping set Account policy=salesforce policies.Phone=postgres
  syncline mapping set Account poll_seconds=5 "filter=Industry = 'Energy'"
  syncline mapping set Account filter=            # back to the default`,
		cobra.MinimumNArgs(2), func(cmd *cobra.Command, c *client.Client, args []string) error {
			ch, err := mappingChange(args[1:])
			if err != nil {
				return err
			}
			m, err := c.ChangeMapping(cmd.Context(), a.connection, args[0], ch)
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) { pairs(w, mappingSettings(m)...) })
		})
	cmd.Long = "Change settings of a mapping. It goes on working, and the new settings count from its next step.\n" +
		"An empty value takes an option back to its default.\n\nSettings\n" + helpOf([]mapping.OptionInfo{
		{Key: "access", Values: "read_only, read_write", Meaning: "the direction"},
		{Key: "policy", Values: "last_writer, salesforce, postgres", Meaning: "who wins a conflict"},
		{Key: "poll_seconds", Values: "1 to 86400", Meaning: "pause between two polls"},
	}) + "\nOptions\n" + helpOf(mapping.MappingOptionInfos())
	return cmd
}

func (a *app) connectionSet() *cobra.Command {
	cmd := a.command("set <key>=<value>...", "Change settings of a connection; it goes on working",
		`  syncline connection set algorithm=dependency
  syncline connection set -c shop parallel_writes=8 bulk_writes_from=5000
  syncline connection set brake_rows=              # back to the default`,
		cobra.MinimumNArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			ch, err := connectionChange(args)
			if err != nil {
				return err
			}
			changed, err := c.ChangeConnection(cmd.Context(), a.connection, ch)
			if err != nil {
				return err
			}
			return a.show(changed, func(w io.Writer) { pairs(w, connectionSettings(changed)...) })
		})
	cmd.Long = "Change settings of a connection. It goes on working, and the new settings count from its next step.\n" +
		"An empty value takes an option back to its default.\n\nSettings\n" + helpOf([]mapping.OptionInfo{
		{Key: "algorithm", Values: "ordered, merged, dependency", Meaning: "how changes are written to Salesforce"},
	}) + "\nOptions\n" + helpOf(mapping.ConnectionOptionInfos())
	return cmd
}

func (a *app) mappingDelete() *cobra.Command {
	var how client.MappingRemoval
	cmd := a.command("delete <object>", "Remove a mapping; its table stays unless told otherwise",
		`  syncline mapping delete Account --confirm Account
  syncline mapping delete Account --confirm Account --drop-table`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, c *client.Client, args []string) error {
			if how.Confirm == "" {
				m, err := c.Mapping(cmd.Context(), a.connection, args[0])
				if err != nil {
					return err
				}
				return usagef("this removes the mapping of %s; to do it, add: --confirm %s", m.ObjectName, m.ObjectName)
			}
			if err := c.DeleteMapping(cmd.Context(), a.connection, args[0], how); err != nil {
				return err
			}
			return a.done("The mapping is deleted.")
		})
	cmd.Flags().StringVar(&how.Confirm, "confirm", "", "the object's name")
	cmd.Flags().BoolVar(&how.DropTable, "drop-table", false, "drop the table too, with all that is in it; otherwise it stays, and nothing of it is captured any more")
	cmd.Flags().BoolVar(&how.Discard, "discard", false, "give up changes that wait to be sent")
	return cmd
}

// helpOf lists settings, two lines each.
func helpOf(infos []mapping.OptionInfo) string {
	var b strings.Builder
	for _, o := range infos {
		fmt.Fprintf(&b, "  %s=%s", o.Key, "<"+o.Values+">")
		if o.Default != "" {
			fmt.Fprintf(&b, "  (default: %s)", o.Default)
		}
		fmt.Fprintf(&b, "\n      %s\n", o.Meaning)
	}
	return b.String()
}

// assignments parts arguments of the form key=value. Keys of the server are in
// lower case; what stands behind a point is a field's name.
func assignments(args []string) (list [][2]string, err error) {
	seen := map[string]bool{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			return nil, usagef("%q is no setting: give it as key=value", arg)
		}
		if seen[strings.ToLower(key)] {
			return nil, usagef("%s is given twice", key)
		}
		seen[strings.ToLower(key)] = true
		list = append(list, [2]string{key, value})
	}
	return list, nil
}

// options makes a merge patch. The server reads numbers and booleans from
// texts; the empty text means the default.
func setOption(patch map[string]any, key, text string) {
	var value any
	if text != "" {
		value = text
	}
	option, field, nested := strings.Cut(key, ".")
	if !nested {
		patch[option] = value
		return
	}
	inner, ok := patch[option].(map[string]any)
	if !ok {
		inner = map[string]any{}
		patch[option] = inner
	}
	inner[field] = value
}

func mappingChange(args []string) (client.MappingChange, error) {
	var ch client.MappingChange
	list, err := assignments(args)
	if err != nil {
		return ch, err
	}
	for _, kv := range list {
		key, value := kv[0], kv[1]
		switch strings.ToLower(key) {
		case "access":
			ch.Access = &value
		case "policy", "conflict_policy":
			ch.Policy = &value
		case "poll_seconds", "sf_polling_seconds":
			n, err := strconv.Atoi(value)
			if err != nil {
				return ch, usagef("%s: a whole number is wanted, not %q", key, value)
			}
			ch.PollSeconds = &n
		default:
			if ch.Options == nil {
				ch.Options = map[string]any{}
			}
			setOption(ch.Options, key, value)
		}
	}
	return ch, nil
}

func connectionChange(args []string) (client.ConnectionChange, error) {
	var ch client.ConnectionChange
	list, err := assignments(args)
	if err != nil {
		return ch, err
	}
	for _, kv := range list {
		if strings.EqualFold(kv[0], "algorithm") {
			ch.Algorithm = &kv[1]
			continue
		}
		if ch.Options == nil {
			ch.Options = map[string]any{}
		}
		setOption(ch.Options, kv[0], kv[1])
	}
	return ch, nil
}

func mappingSettings(m client.Mapping) [][2]string {
	return append([][2]string{
		{"Access", m.Access}, {"Conflicts", m.Policy}, {"Polled every", strconv.Itoa(m.PollSeconds) + " s"},
	}, optionPairs(m.Options)...)
}

func connectionSettings(c client.Connection) [][2]string {
	return append([][2]string{{"Write algorithm", c.Algorithm}}, optionPairs(c.Options)...)
}

// optionPairs are the options that are not at their default.
func optionPairs(options map[string]any) [][2]string {
	var out [][2]string
	for _, key := range slices.Sorted(maps.Keys(options)) {
		inner, ok := options[key].(map[string]any)
		if !ok {
			out = append(out, [2]string{key, fmt.Sprint(options[key])})
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(inner)) {
			out = append(out, [2]string{key + "." + field, fmt.Sprint(inner[field])})
		}
	}
	return out
}

// directions are the flags of pause and resume.
type directions struct{ reads, writes bool }

func (d *directions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&d.reads, "reads", false, "only what comes from Salesforce: polls and loads")
	cmd.Flags().BoolVar(&d.writes, "writes", false, "only what goes to Salesforce")
}

func (d *directions) direction() (string, error) {
	switch {
	case d.reads && d.writes:
		return "", usagef("--reads and --writes: leave both out for both ways")
	case d.reads:
		return client.Reads, nil
	case d.writes:
		return client.Writes, nil
	}
	return "", nil
}

func (a *app) pause() *cobra.Command {
	var d directions
	cmd := a.command("pause [object]", "Stop a connection, or one mapping, after what is in flight",
		"  syncline pause\n  syncline pause Account\n  syncline pause Account --writes", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			way, err := d.direction()
			if err != nil {
				return err
			}
			if err := c.Pause(cmd.Context(), a.connection, strings.Join(args, ""), way); err != nil {
				return err
			}
			return a.done(map[string]string{
				"": "Paused. Changes go on to be captured.", client.Reads: "Reads are paused.",
				client.Writes: "Writes are paused. Changes go on to be captured.",
			}[way])
		})
	d.flags(cmd)
	return cmd
}

func (a *app) resume() *cobra.Command {
	var d directions
	cmd := a.command("resume [object]", "Go on after a pause", "  syncline resume\n  syncline resume Account --reads", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			way, err := d.direction()
			if err != nil {
				return err
			}
			if err := c.Resume(cmd.Context(), a.connection, strings.Join(args, ""), way); err != nil {
				return err
			}
			return a.done("Resumed.")
		})
	cmd.Long = "Go on after a pause. Without --reads or --writes every pause ends, those of one direction too.\n" +
		"A mapping stays paused while its connection is."
	d.flags(cmd)
	return cmd
}
