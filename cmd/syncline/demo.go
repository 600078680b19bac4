package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/cmd/syncline/demo"
	"github.com/synclinehq/syncline/internal/cli"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// extraCommands are those that need parts which internal/cli may not import.
func extraCommands() []*cobra.Command { return []*cobra.Command{demoCommand()} }

func demoCommand() *cobra.Command {
	var (
		o    demo.Options
		once bool
		log  string
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a Salesforce org and a Postgres database kept equal",
		Long: `Start a private PostgreSQL, a sandbox org and a Syncline server, connect them
and go on until Ctrl-C. Nothing is left behind.

With --once it plays a round by itself: 200 edits on each side at the same
time, many of them on the same rows, then waits until all is quiet, has two
judges compare both sides, and reports. Exit code 0 means: no difference and no
duplicate.`,
		Example: `  syncline demo
  syncline demo --once --json --seed 3
  syncline demo --database-url postgres://me@localhost/scratch --clean`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.JSON, _ = cmd.Flags().GetBool("json") // a flag of the root: it is there
			o.Out, o.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return runDemo(cmd.Context(), o, once, log)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&once, "once", false, "play one round, compare, report, end")
	f.IntVar(&o.Rows, "rows", 10_000, "number of accounts; contacts, opportunities and projects follow")
	f.Uint64Var(&o.Seed, "seed", 1, "decides the data and the edits")
	f.StringVar(&o.DatabaseURL, "database-url", "", "a database of your own for the tables; its schemas stay behind unless --clean")
	f.StringVar(&o.ControlURL, "control-url", "", "database of the control store, if it shall not be with the tables")
	f.BoolVar(&o.Clean, "clean", false, "drop the schemas in the database of your own at the end")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address of the server, port 0 for a free one")
	f.StringVar(&o.OrgListen, "org-listen", "127.0.0.1:0", "address of the sandbox org, port 0 for a free one")
	f.StringVar(&o.PubSubListen, "pubsub-listen", "127.0.0.1:0", "address of the org's Pub/Sub API, port 0 for a free one")
	f.StringVar(&log, "log-file", "", "write the server's log here")
	return cmd
}

// runDemo gives the demo its server: a node as `serve` runs it, with a key of
// its own that goes when it ends.
func runDemo(ctx context.Context, o demo.Options, once bool, logFile string) error {
	dir, err := os.MkdirTemp("", "syncline-demo-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var sink io.Writer = io.Discard
	if logFile != "" {
		f, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log file: %w", err)
		}
		defer func() { _ = f.Close() }()
		sink = f
	}
	o.Start = func(ctx context.Context, so demo.ServerOptions) (*demo.Server, error) {
		log := telemetry.NewLogger(sink, telemetry.LogOptions{Format: telemetry.FormatText})
		s, err := startServer(ctx, cli.ServerOptions{
			DatabaseURL: secret.NewText(so.ControlURL), KeyFile: filepath.Join(dir, "keys"),
			Listen: so.Listen, NodeName: "demo", AllowInsecureOrgs: true,
		}, true, log, io.Discard)
		if err != nil {
			return nil, err
		}
		token, err := s.adminToken(ctx, "demo")
		if err != nil {
			return nil, errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
		return &demo.Server{URL: s.URL, Token: token, Stop: s.stop}, nil
	}
	if once {
		return demo.Once(ctx, o)
	}
	return demo.Run(ctx, o)
}
