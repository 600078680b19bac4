package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

// The exit codes.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitDifferences = 3
)

// Env is what a command line runs in.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Version        string

	// Serve and Worker run a node until ctx ends, Sandbox an org.
	Serve   func(ctx context.Context, o ServerOptions) error
	Worker  func(ctx context.Context, o ServerOptions) error
	Sandbox func(ctx context.Context, o SandboxOptions, out io.Writer) error
	// Extra are further commands.
	Extra []*cobra.Command
}

// usageError is a command line that can't be run as it is.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// errDifferences ends a verification that found some; they are printed already.
var errDifferences = errors.New("differences found")

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args []string, env Env) int {
	a := &app{env: env}
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errDifferences):
		return ExitDifferences
	}
	_, _ = fmt.Fprintln(env.Stderr, "syncline: "+err.Error())
	if _, ok := errors.AsType[*usageError](err); ok || strings.HasPrefix(err.Error(), "unknown command") {
		_, _ = fmt.Fprintf(env.Stderr, "Try: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.RequestID != "" && e.Status >= 500 {
		_, _ = fmt.Fprintln(env.Stderr, "request "+e.RequestID)
	}
	return ExitError
}

// app holds the flags that all commands share.
type app struct {
	env        Env
	url        string
	token      string
	connection string
	json       bool
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "syncline",
		Short: "Keep a Salesforce org and a Postgres database equal, both ways",
		Long: `Syncline keeps objects of a Salesforce org equal with tables of a Postgres
database, both ways.

Exit codes: 0 all went well, 1 an error, 2 the command line was wrong,
3 a verification found differences.`,
		Example: `  syncline demo                                # see it work
  syncline serve                               # run a server
  syncline connection create --help            # connect an org and a database
  syncline config import mappings.json         # say what is kept equal
  syncline status                              # see how it stands
  syncline verify                              # prove it`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.url, "url", a.or("SYNCLINE_URL", "http://127.0.0.1:8490"), "address of the server (SYNCLINE_URL)")
	// The default is not the variable's value: help must not show a token.
	flags.StringVar(&a.token, "token", "", "API token (SYNCLINE_TOKEN)")
	flags.StringVarP(&a.connection, "connection", "c", a.env.Getenv("SYNCLINE_CONNECTION"),
		"connection by ID, resource name, name or app name (SYNCLINE_CONNECTION); may be left out if there is only one")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(
		a.serve(), a.worker(), a.sandbox(),
		a.connections(), a.mappings(), a.config(), a.status(), a.budget(), a.pause(), a.resume(), a.poll(), a.reload(),
		a.verify(), a.drift(), a.errors(), a.writeErrors(), a.writePreview(), a.history(), a.brake(), a.logs(), a.audit(), a.nodes(), a.tokens(), a.signIn(),
		a.crashPoints(), a.version(), a.helpConfig(),
	)
	root.AddCommand(a.env.Extra...)
	return root
}

// or is a variable of the environment, or otherwise a default.
func (a *app) or(key, otherwise string) string {
	if v := a.env.Getenv(key); v != "" {
		return v
	}
	return otherwise
}

// client is the API's client by the flags.
func (a *app) client() (*client.Client, error) {
	token := a.token
	if token == "" {
		token = a.env.Getenv("SYNCLINE_TOKEN")
	}
	if token == "" {
		return nil, usagef("there is no API token: give --token or set SYNCLINE_TOKEN (the server prints one at its first start)")
	}
	if !strings.HasPrefix(a.url, "http://") && !strings.HasPrefix(a.url, "https://") {
		return nil, usagef("--url %q is no address: give it as http://host:port", a.url)
	}
	return client.New(a.url, token), nil
}

// command makes a command that asks the server.
func (a *app) command(use, short, example string, args cobra.PositionalArgs, run func(*cobra.Command, *client.Client, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: checked(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return run(cmd, c, args)
		},
	}
}

// checked makes wrong arguments a usage error.
func checked(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// group makes a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
		}
		if err := cmd.Help(); err != nil {
			return fmt.Errorf("print help: %w", err)
		}
		return nil
	}}
	cmd.AddCommand(children...)
	return cmd
}
