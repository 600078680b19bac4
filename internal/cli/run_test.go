package cli_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/cli"
)

// Whole commands are tested by the scripts of cmd/syncline, against a server.

// run runs a command line against a server that answers with status and body.
func run(t *testing.T, status int, body string, args ...string) (code int, out, errs string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	var stdout, stderr bytes.Buffer
	env := map[string]string{"SYNCLINE_URL": s.URL, "SYNCLINE_TOKEN": "syn_hidden", "SYNCLINE_DATABASE_URL": "postgres://u:hidden@h/d"}
	code = cli.Run(context.Background(), args, cli.Env{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "test",
		Getenv: func(key string) string { return env[key] },
		Serve: func(_ context.Context, o cli.ServerOptions) error {
			_, err := stdout.WriteString(o.DatabaseURL.Reveal() + " " + o.Listen)
			return err
		},
	})
	return code, stdout.String(), stderr.String()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	const difference = `{"status": "done", "report": {"mappings": [{"object_name": "Account", "different": 1, "samples": []}], "differences": 1}}`
	tests := []struct {
		name   string
		status int
		body   string
		args   []string
		code   int
		want   string // on either output
	}{
		{"done", 204, "", []string{"pause"}, cli.ExitOK, "Paused."},
		{"equal", 200, `{"status": "done", "report": {"mappings": []}}`, []string{"verify"}, cli.ExitOK, "Both sides are equal."},
		{"different", 200, difference, []string{"verify"}, cli.ExitDifferences, "1 differences"},
		{"different, for programs", 200, difference, []string{"verify", "--json"}, cli.ExitDifferences, `"differences": 1`},
		{"failed", 200, `{"status": "failed", "error": "The org is gone.", "fix": "Find it."}`, []string{"verify"}, cli.ExitError, "The org is gone.\nFind it."},
		{"drift", 200, `{"proofs": [{"object_name": "Account", "proof": "full", "equal": true, "rows": 7}], "differences": []}`,
			[]string{"drift"}, cli.ExitOK, "No difference is known."},
		{"repair", 200, `{"asked": 2, "skipped": [{"sfid": "001", "why": "it is gone"}]}`,
			[]string{"verify", "repair", "Account", "--from", "salesforce"}, cli.ExitOK, "2 differences are being repaired"},
		{"repair from nowhere", 200, "", []string{"verify", "repair", "Account", "--from", "mars"}, cli.ExitUsage, "use salesforce or postgres"},
		{"refused", 409, `{"detail": "It is paused.", "fix": "Resume it.", "errors": [{"location": "x", "message": "y"}]}`,
			[]string{"poll"}, cli.ExitError, "It is paused.\n  x: y\nResume it."},
		{"the server's fault", 500, `{"detail": "It failed.", "request_id": "R1"}`, []string{"status"}, cli.ExitError, "request R1"},
		{"no Syncline", 200, `<html>`, []string{"status"}, cli.ExitError, "read the server's reply"},
		{"no Syncline either", 404, `<html>`, []string{"status"}, cli.ExitError, "Is the address right?"},
		{"no such command", 200, "", []string{"nonsense"}, cli.ExitUsage, "unknown command"},
		{"no such command below", 200, "", []string{"config", "nonsense"}, cli.ExitUsage, "unknown command"},
		{"no such flag", 200, "", []string{"pause", "--nonsense"}, cli.ExitUsage, "--nonsense"},
		{"no such value", 200, "", []string{"write-errors", "--within", "soon"}, cli.ExitUsage, "invalid"},
		{"too much", 200, "", []string{"pause", "a", "b"}, cli.ExitUsage, "at most 1"},
		{"too many", 200, "", []string{"write-errors", "--limit", "1001"}, cli.ExitUsage, "--limit 1001: give 1 to 1000"},
		{"none", 200, "", []string{"audit", "--limit", "0"}, cli.ExitUsage, "--limit 0: give 1 to 1000"},
		{"no lines", 200, "", []string{"logs", "-n", "-1"}, cli.ExitUsage, "--lines -1: give 1 to 1000"},
		{"a span in the future", 200, "", []string{"write-errors", "--within", "-1h"}, cli.ExitUsage, "--within -1h0m0s: give a span"},
		{"fewer samples than none", 200, "", []string{"verify", "--samples", "-1"}, cli.ExitUsage, "--samples -1: give 0 to 1000"},
		{"reads and writes", 200, "", []string{"pause", "--reads", "--writes"}, cli.ExitUsage, "leave both out"},
		{"writes", 204, "", []string{"pause", "Account", "--writes"}, cli.ExitOK, "Writes are paused."},
		{"a setting", 200, `{"object_name": "Account", "conflict_policy": "salesforce", "options": {"policies": {"Name": "postgres"}}}`,
			[]string{"mapping", "set", "Account", "policy=salesforce", "policies.Name=postgres"}, cli.ExitOK, "policies.Name"},
		{"no setting", 200, "", []string{"mapping", "set", "Account", "policy"}, cli.ExitUsage, `"policy" is no setting: give it as key=value`},
		{"a setting twice", 200, "", []string{"connection", "set", "creates=job", "Creates=call"}, cli.ExitUsage, "Creates is given twice"},
		{"no number", 200, "", []string{"mapping", "set", "Account", "poll_seconds=soon"}, cli.ExitUsage, `a whole number is wanted, not "soon"`},
		{"a deletion without confirmation", 200, `{"object_name": "Account"}`, []string{"mapping", "delete", "account"}, cli.ExitUsage, "to do it, add: --confirm Account"},
		{"a deletion", 204, "", []string{"mapping", "delete", "account", "--confirm", "Account"}, cli.ExitOK, "The mapping is deleted."},
		{"nothing to set", 200, "", []string{"connection", "set"}, cli.ExitUsage, "at least 1"},
		{"serve", 200, "", []string{"serve"}, cli.ExitOK, "postgres://u:hidden@h/d 127.0.0.1:8490"},
	}
	for _, tt := range tests {
		code, out, errs := run(t, tt.status, tt.body, tt.args...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tt.name, code, tt.code, out, errs)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"worker", "--help"}, {"connection", "create", "--help"}, {"help", "config"}} {
		if code, out, errs := run(t, 200, "", args...); code != 0 || strings.Contains(out+errs, "hidden") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

// What other systems wrote does not act on the terminal.
func TestControlCharacters(t *testing.T) {
	t.Parallel()
	body := `[{"table_name": "account", "message": "\u001b[2Jcleared\nnext line", "created_at": "2026-01-01T00:00:00Z"}]`
	_, out, _ := run(t, 200, body, "write-errors")
	if strings.ContainsRune(out, '\x1b') || strings.Count(out, "\n") != 2 || !strings.Contains(out, "cleared next line") {
		t.Errorf("printed %q", out)
	}
}
