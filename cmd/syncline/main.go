// Command syncline keeps Salesforce orgs and Postgres databases equal.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/synclinehq/syncline/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: version(),
		Serve:   func(ctx context.Context, o cli.ServerOptions) error { return runServer(ctx, o, true, os.Stderr) },
		Worker:  func(ctx context.Context, o cli.ServerOptions) error { return runServer(ctx, o, false, os.Stderr) },
		Sandbox: runSandbox,
		Extra:   extraCommands(),
	})
	stop()
	os.Exit(code)
}

// version is the module's version, or the commit that this was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
