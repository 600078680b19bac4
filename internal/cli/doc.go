// Package cli is the command line. It translates arguments into calls of
// package client and prints the answers, as tables for people or with --json
// for programs; it decides nothing.
//
// Commands that start something (serve, worker, sandbox, demo) get their
// function from the caller of [Run], so that this package needs none of what
// they run.
//
// Exit codes: 0 all went well, 1 an error, 2 the command line was wrong, 3 a
// verification found differences.
package cli
