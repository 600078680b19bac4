//go:build unix

package e2etest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// awaitWithin bounds the command await.
const awaitWithin = 30 * time.Second

// TestScripts runs every file of testdata/script on a site of its own. Its
// environment has TARGET, CONTROL (databases), ORG, CLIENT_ID, CLIENT_SECRET.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true, RequireExplicitExec: true,
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "stop": stop, "org": orgControl, "record": record, "sql": sql, "json": checkJSON,
			"await": await, "remember": remember, "unchanged": unchanged, "badorg": badOrg, "http": request, "keep": keep,
			"roles": roles, "grant": grant,
		},
	})
}

func setup(env *testscript.Env) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return errors.New("the script's test is no testing.TB")
	}
	s := newSite(t)
	env.Values["site"] = s
	client := s.org.Clients[0]
	for k, v := range map[string]string{
		"PATH": programDir + string(os.PathListSeparator) + os.Getenv("PATH"), "TARGET": s.target, "CONTROL": s.control,
		"ORG": s.org.URL(), "CLIENT_ID": client.ID, "CLIENT_SECRET": client.Secret, "PRODUCT_USER": "integration.user@sandbox.example",
	} {
		env.Setenv(k, v)
	}
	return nil
}

func siteOf(ts *testscript.TestScript) *site {
	s, ok := ts.Value("site").(*site)
	if !ok {
		ts.Fatalf("there is no site")
	}
	return s
}

func none(ts *testscript.TestScript, neg bool) {
	if neg {
		ts.Fatalf("this command takes no !")
	}
}

// serve [NAME=value...] [flags...] starts the server and sets SYNCLINE_URL and
// SYNCLINE_TOKEN.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	s := siteOf(ts).server
	for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "-") {
		s.env = append(s.env, args[0])
		args = args[1:]
	}
	s.start(args...)
	ts.Setenv("SYNCLINE_URL", s.URL)
	ts.Setenv("SYNCLINE_TOKEN", s.Token)
}

// stop ends the server in good order.
func stop(ts *testscript.TestScript, neg bool, _ []string) {
	none(ts, neg)
	siteOf(ts).server.stop()
}

// org METHOD endpoint [body] uses the org's control plane.
func orgControl(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	var body any
	if len(args) == 3 {
		body = json.RawMessage(args[2])
	}
	ts.Check(siteOf(ts).ctl.Do(context.Background(), args[0], args[1], body, nil))
}

// record METHOD path [body] uses the org's REST API as its second user.
func record(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	out, err := siteOf(ts).edit(context.Background(), args[0], args[1], strings.Join(args[2:], ""))
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), out)
}

// sql target|control statement prints the rows, or with ! fails.
func sql(ts *testscript.TestScript, neg bool, args []string) {
	out, err := ask(ts, args)
	if (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
	fmt.Fprint(ts.Stdout(), out)
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
}

func ask(ts *testscript.TestScript, args []string) (string, error) {
	s := siteOf(ts)
	database := map[string]string{"target": s.target, "control": s.control}[args[0]]
	if database == "" || len(args) != 2 {
		ts.Fatalf("usage: sql target|control statement")
	}
	return query(context.Background(), database, args[1])
}

// json [path [value]] checks that the output of the last command is JSON, that
// it has the path (keys and indexes apart by dots, len for a length), and its value.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	text := ts.ReadFile("stdout")
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		ts.Fatalf("the output is no JSON: %v\n%s", err, text)
	}
	if len(args) == 0 {
		return
	}
	got, err := walk(v, args[0])
	if err != nil && !neg {
		ts.Fatalf("%v\n%s", err, text)
	}
	if len(args) == 2 && (got == args[1]) == neg || len(args) == 1 && (err == nil) == neg {
		ts.Fatalf("%s is %q\n%s", args[0], got, text)
	}
}

func walk(v any, path string) (string, error) {
	for step := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[step]
			if !ok {
				return "", fmt.Errorf("no %q on the path %s", step, path)
			}
			v = next
		case []any:
			if step == "len" {
				v = len(x)
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return "", fmt.Errorf("no element %q on the path %s", step, path)
			}
			v = x[i]
		default:
			return "", fmt.Errorf("%q leads nowhere on the path %s", step, path)
		}
	}
	return fmt.Sprint(v), nil
}

// await pattern command... repeats a command (sql, or a program) until its
// output matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var out string
	err = until(context.Background(), awaitWithin, func(context.Context) error {
		var err error
		if args[1] == "sql" {
			out, err = ask(ts, args[2:])
		} else {
			out, err = run(ts, args[1:])
		}
		if pattern.MatchString(out) == neg {
			return errors.Join(errors.New("the output is not as awaited"), err)
		}
		return nil
	})
	if err != nil {
		ts.Fatalf("await %s: %v\n%s", args[0], err, out)
	}
}

func run(ts *testscript.TestScript, args []string) (string, error) {
	path := args[0]
	if path == "syncline" {
		path = programDir + "/syncline"
	}
	cmd := exec.Command(path, args[1:]...)
	for _, key := range []string{"PATH", "HOME", "SYNCLINE_URL", "SYNCLINE_TOKEN"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// remember notes the state of databases and org; unchanged compares with it.
func remember(ts *testscript.TestScript, neg bool, _ []string) {
	none(ts, neg)
	state, err := siteOf(ts).state(context.Background())
	ts.Check(err)
	ts.Setenv("REMEMBERED", state)
}

func unchanged(ts *testscript.TestScript, neg bool, _ []string) {
	state, err := siteOf(ts).state(context.Background())
	ts.Check(err)
	if diff := cmp.Diff(strings.Split(ts.Getenv("REMEMBERED"), "\n"), strings.Split(state, "\n")); (diff != "") != neg {
		ts.Fatalf("what is stored has changed, or not (-before +after):\n%s", diff)
	}
}

// http METHOD URL [token [body]] prints the reply; with ! it must be no success.
func request(ts *testscript.TestScript, neg bool, args []string) {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	out, err := send(context.Background(), args[0], args[1], arg(2), arg(3))
	if (err != nil) != neg {
		ts.Fatalf("%s %s: %v", args[0], args[1], err)
	}
	fmt.Fprintln(ts.Stdout(), out)
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
}

// keep NAME keeps the last output, without its line end, in the environment.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	out := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		var v any
		ts.Check(json.Unmarshal([]byte(out), &v))
		var err error
		out, err = walk(v, args[1])
		ts.Check(err)
	}
	ts.Setenv(args[0], out)
}

// badorg NAME kind sets NAME to the address of something that is no org:
// refuse (nobody listens), hang (no answer), close (the connection ends), page
// (a web site).
func badOrg(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], "http://"+l.Addr().String())
	switch args[1] {
	case "refuse":
		ts.Check(l.Close())
		return
	case "page":
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html><body>Welcome</body></html>")
		})
		web := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
		go func() { _ = web.Serve(l) }() // ends with the listener
	case "hang", "close":
		go swallow(l, args[1] == "close")
	default:
		ts.Fatalf("badorg: unknown kind %q", args[1])
	}
	ts.Defer(func() { _ = l.Close() })
}

func swallow(l net.Listener, shut bool) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if shut {
			_ = conn.Close()
			continue
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }() // ends with the other side
	}
}

// roles makes a role without rights of its own in the target and sets POOR_ROLE,
// POOR_URL, WRONG_PASSWORD_URL and NO_DATABASE_URL.
func roles(ts *testscript.TestScript, neg bool, _ []string) {
	none(ts, neg)
	s := siteOf(ts)
	ctx := context.Background()
	u, err := url.Parse(s.target)
	ts.Check(err)
	role := "poor_" + strings.TrimPrefix(u.Path, "/")
	name := pgx.Identifier{role}.Sanitize()
	database := pgx.Identifier{strings.TrimPrefix(u.Path, "/")}.Sanitize()
	_, err = query(ctx, s.target, "CREATE ROLE "+name+" LOGIN PASSWORD 'poor-password'; REVOKE ALL ON SCHEMA public FROM public")
	ts.Check(err)
	ts.Defer(func() {
		_, err := query(ctx, s.target, "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name)
		if err != nil {
			ts.Logf("drop role: %v", err)
		}
	})
	u.User = url.UserPassword(role, "poor-password")
	ts.Setenv("POOR_ROLE", role)
	ts.Setenv("POOR_URL", u.String())
	u.User = url.UserPassword(role, "wrong-password")
	ts.Setenv("WRONG_PASSWORD_URL", u.String())
	u.User, u.Path = url.UserPassword(role, "poor-password"), "/no_such_database"
	ts.Setenv("NO_DATABASE_URL", u.String())
	ts.Setenv("GRANT_database", "GRANT CREATE ON DATABASE "+database+" TO "+name)
	ts.Setenv("GRANT_public", "GRANT USAGE, CREATE ON SCHEMA public TO "+name)
}

// grant database|public gives the role of the command roles what it lacks.
func grant(ts *testscript.TestScript, neg bool, args []string) {
	none(ts, neg)
	_, err := query(context.Background(), siteOf(ts).target, ts.Getenv("GRANT_"+args[0]))
	ts.Check(err)
}
