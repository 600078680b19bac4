package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/synclinehq/syncline/internal/cli"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestMain(m *testing.M) {
	testscript.Main(pgtest.Wrap(m), map[string]func(){"syncline": main})
}

// patience is how long a script waits for what must come.
const patience = 60 * time.Second

// TestScripts runs the command line against a server with an org of 20
// accounts. A script finds DATABASE_URL, ORG_URL, ORG_SECRET, SYNCLINE_URL and
// SYNCLINE_TOKEN, and the commands
//
//	eventually <pattern> <command...>  repeat the command until its output matches
//	sql <statement>                    run a statement, print its rows
//	org <method> <path> [body]         a REST call as another user of the org
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error { return setUp(t, env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually": eventually,
			"sql":        sql,
			"org":        callOrg,
		},
	})
}

func setUp(t *testing.T, env *testscript.Env) error {
	ctx := context.Background()
	org, err := startOrg(ctx)
	if err != nil {
		return err
	}
	env.Defer(func() { _ = org.Close() })
	// Scripts run in parallel to the end of the test that t is.
	database, control := pgtest.New(t), pgtest.New(t)
	s, err := startServer(ctx, cli.ServerOptions{
		DatabaseURL: secret.NewText(control), KeyFile: filepath.Join(env.WorkDir, "keys"),
		Listen: "127.0.0.1:0", NodeName: "test", AllowInsecureOrgs: true,
	}, true, slog.New(slog.DiscardHandler), io.Discard)
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := s.stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	token, err := s.adminToken(ctx, "test")
	if err != nil {
		return err
	}
	env.Setenv("SYNCLINE_URL", s.URL)
	env.Setenv("SYNCLINE_TOKEN", token)
	env.Setenv("DATABASE_URL", database)
	env.Setenv("ORG_URL", org.URL())
	env.Setenv("ORG_SECRET", org.Clients[0].Secret)
	return nil
}

func startOrg(ctx context.Context) (*sandbox.Server, error) {
	s, err := sandbox.Start(ctx, sandbox.Options{})
	if err != nil {
		return nil, err
	}
	_, err = s.Org.Seed(org.SeedPlan{Object: "Account", Rows: 20, Seed: 1, Past: true})
	return s, err
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually pattern command [argument...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s never printed %q", strings.Join(args[1:], " "), args[0])
		}
	}
}

func sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql statement")
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE_URL"))
	ts.Check(err)
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, args[0]).ReadAll()
	ts.Check(err)
	for _, result := range results {
		for _, row := range result.Rows {
			_, err := fmt.Fprintf(ts.Stdout(), "%s\n", bytes.Join(row, []byte(" ")))
			ts.Check(err)
		}
	}
}

// callOrg makes a call below /services/data/v64.0 as the demo's user.
func callOrg(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: org method path [body]")
	}
	client := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	defer client.CloseIdleConnections()
	ctx := context.Background()
	grant, err := auth.ClientCredentials(ctx, client, ts.Getenv("ORG_URL"), sandbox.DemoClientID, sandbox.DemoClientID+"-secret")
	ts.Check(err)
	req, err := http.NewRequestWithContext(ctx, args[0], ts.Getenv("ORG_URL")+"/services/data/v64.0"+args[1],
		strings.NewReader(strings.Join(args[2:], "")))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+grant.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	ts.Check(err)
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(ts.Stdout(), res.Body)
	ts.Check(err)
	if res.StatusCode/100 != 2 {
		ts.Fatalf("%s %s: %s", args[0], args[1], res.Status)
	}
}
