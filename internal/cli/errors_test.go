package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/cli"
)

func TestErrorCommands(t *testing.T) {
	t.Parallel()
	const outcome = `{"chosen": 2, "done": 1, "also": 3, "skipped": [{"id": 8, "why": "it waits\u001b[2J already"}]}`
	for _, tt := range []struct {
		name string
		body string
		args []string
		code int
		want string
	}{
		{"nothing", `[]`, []string{"errors"}, cli.ExitOK, "Nothing has failed."},
		{"a group", `[{"kind": "unread", "mapping": "Account", "code": "23505", "count": 3, "pattern": "twice\u001b"}]`, []string{"errors"}, cli.ExitOK, "3 × Account records not stored: 23505"},
		{"done", outcome, []string{"errors", "retry", "7", "8"}, cli.ExitOK, "1 to be sent again.\n3 further changes"},
		{"left", outcome, []string{"errors", "ignore", "7", "8"}, cli.ExitOK, "  8: it waits"},
		{"for programs", outcome, []string{"errors", "retry", "7", "--json"}, cli.ExitOK, `"also": 3`},
		{"nothing done", `{"chosen": 1, "done": 0, "skipped": [{"id": 8, "why": "no"}]}`, []string{"errors", "retry", "8"}, cli.ExitError, "none of the chosen"},
		{"which", `{}`, []string{"errors", "ignore"}, cli.ExitUsage, "say which"},
		{"both", `{}`, []string{"errors", "ignore", "1", "--group", "x"}, cli.ExitUsage, "not both"},
		{"no values", `{}`, []string{"errors", "edit", "1"}, cli.ExitUsage, "nothing to write"},
		{"no value", `{}`, []string{"errors", "edit", "1", "--set", "phone"}, cli.ExitUsage, "column=value"},
		{"no operation", `[]`, []string{"errors", "--operation", "UPSERT"}, cli.ExitUsage, "INSERT, UPDATE or DELETE"},
		{"no span", `[]`, []string{"errors", "--within", "-1h"}, cli.ExitUsage, "negative"},
		{"no answer", `{}`, []string{"write-errors", "resolve", "1", "--arrived", "x", "--send-again"}, cli.ExitUsage, "say what became of it"},
		{"no hold", ``, []string{"brake", "release", "x"}, cli.ExitUsage, "no number"},
		{"released", ``, []string{"brake", "release", "3"}, cli.ExitOK, "Released"},
		{"held", `[{"id": 3, "mapping": "Account", "direction": "read", "rows": 5, "of": 9}]`, []string{"brake"}, cli.ExitOK, "3: Account: delete 5 of 9 rows in Postgres"},
		{"no history", `[]`, []string{"history", "Account", "7"}, cli.ExitOK, "Nothing of it"},
	} {
		code, out, errs := run(t, 200, tt.body, tt.args...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) || strings.ContainsRune(out, '\x1b') {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tt.name, code, tt.code, out, errs)
		}
	}
}

// Many are done page by page, and progress is told.
func TestErrorsByPages(t *testing.T) {
	t.Parallel()
	var asked []client.ErrorAction
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a client.ErrorAction
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		asked = append(asked, a)
		o := client.ErrorOutcome{Chosen: 10, Done: 10, More: len(asked) < 3, After: a.After + 10, Through: 99}
		_ = json.NewEncoder(w).Encode(o)
	}))
	defer s.Close()
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), []string{"errors", "retry", "--all", "--url", s.URL, "--token", "x"},
		cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }})
	if code != 0 || out.String() != "30 to be sent again.\n" || errs.String() != "10 …\n20 …\n" {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	if len(asked) != 3 || asked[2].After != 20 || asked[2].Through != 99 || !asked[2].All {
		t.Errorf("asked for %+v", asked)
	}
}
