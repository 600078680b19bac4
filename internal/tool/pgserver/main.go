// Command pgserver starts a private PostgreSQL for the time of a command, so
// that the test binaries of several packages share one server:
//
//	go run ./internal/tool/pgserver exec -- go test ./...
//
// The command finds the server's URL in SYNCLINE_TEST_DATABASE_URL. When that is
// set already, the command runs with it and no server is started.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

const usage = "usage: pgserver exec -- command [argument ...]"

// Exit codes of our own, as shells use them.
const (
	exitUsage     = 2
	exitNoServer  = 125
	exitNoCommand = 127
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	command, err := parse(args)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	// A terminal's Ctrl-C reaches the command too: it ends, then we do.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(pgtest.ServerEnv) != "" {
		return runCommand(ctx, command, stderr)
	}
	options := pgtest.TestOptions()
	options.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	server, err := pgserver.Start(ctx, options)
	if err != nil {
		fmt.Fprintln(stderr, "pgserver:", err)
		return exitNoServer
	}
	code := runCommand(ctx, command, stderr, pgtest.ServerEnv+"="+server.DSN("postgres"))
	if err := server.Stop(context.Background()); err != nil {
		fmt.Fprintln(stderr, "pgserver:", err)
	}
	return code
}

func parse(args []string) ([]string, error) {
	if len(args) < 2 || args[0] != "exec" {
		return nil, errors.New(usage)
	}
	if args = args[1:]; args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, errors.New(usage)
	}
	return args, nil
}

// runCommand returns the command's exit code.
func runCommand(ctx context.Context, command []string, stderr io.Writer, env ...string) int {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, stderr
	cmd.Env = append(os.Environ(), env...)
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(stderr, "pgserver:", err)
		return exitNoCommand
	}
	return 0
}
