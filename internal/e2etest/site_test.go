//go:build unix

package e2etest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// site is an org, an application's database, a control database and a server
// that is not started yet.
type site struct {
	testing.TB
	org             *sandbox.Server
	ctl             sandbox.Control
	control, target string
	server          *server
}

const (
	accounts = 60
	projects = 20
)

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteOn(t, pgtest.New(t), "SYNCLINE_ALLOW_INSECURE_ORGS=true")
}

// newSiteOn makes a site with a control database of the test's own.
func newSiteOn(t testing.TB, control string, env ...string) *site {
	t.Helper()
	s := &site{TB: t, control: control, target: pgtest.New(t)}
	var err error
	s.org, err = sandbox.Start(t.Context(), sandbox.Options{Seed: 1})
	s.must(err)
	t.Cleanup(func() { _ = s.org.Close() })
	s.ctl = s.org.Control()
	s.must(s.ctl.Seed(t.Context(), org.SeedPlan{Object: "Account", Rows: accounts, Seed: 1, Past: true}))
	s.must(s.ctl.Seed(t.Context(), org.SeedPlan{Object: "Project__c", Rows: projects, Seed: 1, Past: true}))
	s.server = newServer(t, s.control, env...)
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// query gives the rows of a statement as text: columns apart by tabs.
func query(ctx context.Context, database, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var b strings.Builder
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	for _, r := range results {
		for _, row := range r.Rows {
			for i, cell := range row {
				if i > 0 {
					b.WriteByte('\t')
				}
				if cell == nil {
					b.WriteString("NULL")
				}
				b.Write(cell)
			}
			b.WriteByte('\n')
		}
	}
	return b.String(), err
}

// What a user can see of the databases, beside what a sync that runs writes
// all the time.
const (
	controlState = `
		SELECT 'connection', id, resource_name, schema_name, to_jsonb(c)->>'paused' FROM syncline.connection c ORDER BY 2;
		SELECT 'mapping', id, object_name, revision, to_jsonb(m) - 'updated_at' - 'status' FROM syncline.mapping m ORDER BY 2;
		SELECT 'secret', count(*) FROM syncline.connection_secret;
		SELECT 'token', id, name, role FROM syncline.token ORDER BY 2;
		SELECT 'audit', count(*) FROM syncline.audit`
	targetState = `
		SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 2;
		SELECT 'relation', relnamespace::regnamespace, relname, relkind FROM pg_class
			WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 2, 3;
		SELECT 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
			WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND attnum > 0 ORDER BY attrelid::regclass::text, attnum;
		SELECT 'trigger', tgrelid::regclass, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, 3;
		SELECT 'function', pronamespace::regnamespace, proname, md5(prosrc) FROM pg_proc
			WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 2, 3, 4`
)

// state is what an attempt that was refused must leave as it was.
func (s *site) state(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, q := range [][2]string{{s.control, controlState}, {s.target, targetState}} {
		text, err := query(ctx, q[0], q[1])
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	log := "no trigger log"
	if there, err := query(ctx, s.target, `SELECT to_regclass('salesforce._trigger_log')`); err == nil && there != "NULL\n" {
		if log, err = query(ctx, s.target, `SELECT 'trigger log', count(*), max(id) FROM salesforce._trigger_log`); err != nil {
			return "", err
		}
	}
	writes, err := s.writes(ctx)
	fmt.Fprintf(&b, "%s\n%d writes accepted by the org\n", log, writes)
	return b.String(), err
}

// writes counts the changes that the org has accepted.
func (s *site) writes(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.org.ControlURL("writes"), nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return bytes.Count(text, []byte("\n")), err
}

// edit does something in the org as its second user.
func (s *site) edit(ctx context.Context, method, path, body string) (string, error) {
	token, err := s.session(ctx)
	if err != nil {
		return "", err
	}
	return send(ctx, method, s.org.URL()+"/services/data/v60.0"+path, token, body)
}

func (s *site) session(ctx context.Context) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sandbox.DemoClientID}, "client_secret": {"sandbox-demo-secret"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.org.URL()+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var grant struct {
		Token string `json:"access_token"`
	}
	err = json.NewDecoder(res.Body).Decode(&grant)
	return grant.Token, err
}

// refusal is a reply that is no success.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.text) }

// send sends a request with a token ("" for none) and gives the reply's body.
func send(ctx context.Context, method, address, token, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = &refusal{res.StatusCode, string(text)}
	}
	return string(text), err
}
