//go:build unix

package e2etest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// places collects texts in which a secret could be.
type places map[string]string

func (p places) add(t *testing.T, name string, v any, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	p[name] = string(text)
}

// Secrets go in and never come out: not in logs, not in replies, not in errors,
// not in the control database.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.server.start()
	s.connect()
	s.write(`UPDATE salesforce.account SET phone = '1' WHERE id = 1`)
	found := places{}
	s.trouble(found)
	s.look(t, found)
	text, err := os.ReadFile(s.server.log)
	s.must(err)
	found["log"] = logLines(string(text))
	if !strings.Contains(found["log"], `"msg":"request"`) {
		t.Error("the log has no line of a request: this has tested nothing")
	}
	dump, err := query(t.Context(), s.control, dumpAll)
	s.must(err)
	found["control database"] = dump
	if !strings.Contains(dump, "shop-1") {
		t.Error("the dump has no connection: this has tested nothing")
	}
	dump, err = query(t.Context(), s.target, strings.ReplaceAll(dumpAll, "'syncline'", "'_syncline'"))
	s.must(err)
	found["target database"] = dump
	for name, secret := range s.secrets() {
		for place, text := range found {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s is in %s: …%s…", name, place, text[max(0, i-200):min(len(text), i+20)])
			}
		}
	}
	session := regexp.MustCompile(`00D\w{12,15}!\w+`)
	for place, text := range found {
		if m := session.FindString(text); m != "" {
			t.Errorf("a session of the org is in %s: %.30s…", place, m)
		}
	}
}

// secrets are those that the product was given or has made, by name.
func (s *site) secrets() map[string]string {
	out := map[string]string{
		"the client secret": s.org.Clients[0].Secret, "the API token": s.server.Token,
		"the token's text": strings.TrimPrefix(s.server.Token, "syn_"), "the wrong client secret": "hidden-client-secret",
		"the wrong password": "hidden-password", "the refresh token": "hidden-refresh-token",
	}
	for name, address := range map[string]string{"the control database's password": s.control, "the target's password": s.target} {
		u, err := url.Parse(address)
		s.must(err)
		if password, ok := u.User.Password(); ok && password != "" {
			out[name] = password
		}
	}
	return out
}

// trouble makes errors of all kinds, each of which could quote a secret.
func (s *site) trouble(found places) {
	s.Helper()
	ctx := s.Context()
	bad := []client.NewConnection{
		{AppName: "a", DatabaseURL: s.target, LoginURL: s.org.URL(), ClientID: sandbox.ProductClientID, ClientSecret: "hidden-client-secret"},
		{AppName: "b", DatabaseURL: "postgres://me:hidden-password@127.0.0.1:1/x", LoginURL: s.org.URL(), ClientID: "x", ClientSecret: "hidden-client-secret"},
		{AppName: "c", DatabaseURL: "postgres://me:hidden-password@%%/x?sslmode=nonsense", LoginURL: s.org.URL(), ClientID: "x", ClientSecret: "hidden-client-secret"},
		{AppName: "d", DatabaseURL: "host=127.0.0.1 password=hidden-password port=none", LoginURL: s.org.URL(), ClientID: "x", ClientSecret: "hidden-client-secret"},
		{AppName: "e", DatabaseURL: s.target, LoginURL: s.org.URL(), Flow: "refresh_token", ClientID: sandbox.ProductClientID, RefreshToken: "hidden-refresh-token"},
		{AppName: "f", DatabaseURL: s.target, LoginURL: "https://me:hidden-password@example.com", ClientID: "x", ClientSecret: "hidden-client-secret"},
	}
	for _, n := range bad {
		_, err := s.api().CreateConnection(ctx, n)
		if err == nil {
			s.Fatalf("a connection was made of %s", n.AppName)
		}
		found["error "+n.AppName] = err.Error()
	}
	// The body's types are wrong: the checker of bodies may quote values.
	_, err := send(ctx, http.MethodPost, s.server.URL+"/api/syncline/v1/connections", s.server.Token,
		`{"client_secret":["hidden-client-secret"],"database_url":{"x":"hidden-password"},"refresh_tokem":"hidden-refresh-token"}`)
	if err == nil {
		s.Fatal("a body of wrong types was taken")
	}
	found["error of types"] = err.Error()
	// A session that ends, an org that fails, a database session that is cut.
	s.must(s.ctl.Do(ctx, http.MethodPost, "expire", map[string]any{"sessions": true, "client": sandbox.ProductClientID}, nil))
	s.must(s.ctl.Do(ctx, http.MethodPost, "faults", map[string]any{"kind": "html", "count": 2}, nil))
	_, err = query(ctx, s.target, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	s.must(err)
	s.must(s.ctl.SetRules(ctx, org.Rules{Validations: []org.Validation{{Object: "Account", Condition: "AnnualRevenue = -77777", Message: "No."}}}))
	s.must(until(ctx, 30*time.Second, func(ctx context.Context) error {
		_, err := s.edit(ctx, http.MethodGet, "/query?q=SELECT+Id+FROM+Account+LIMIT+1", "")
		return err
	}))
	s.write(`UPDATE salesforce.account SET annualrevenue = -77777 WHERE id = 2`)
}

// look reads all that the product gives out.
func (s *site) look(t *testing.T, found places) {
	t.Helper()
	ctx, api := t.Context(), s.api()
	status, err := api.Status(ctx, "")
	found.add(t, "status", status, err)
	connections, err := api.Connections(ctx)
	found.add(t, "connections", connections, err)
	mappings, err := api.Mappings(ctx, "")
	found.add(t, "mappings", mappings, err)
	file, err := api.ExportConfig(ctx, "")
	found.add(t, "configuration file", string(file), err)
	events, err := api.Events(ctx, "", client.LogOptions{After: -1})
	found.add(t, "events", events, err)
	audit, err := api.Audit(ctx, "", 0, 0)
	found.add(t, "audit trail", audit, err)
	tokens, err := api.Tokens(ctx)
	found.add(t, "tokens", tokens, err)
	nodes, err := api.Nodes(ctx)
	found.add(t, "nodes", nodes, err)
	failed, err := api.WriteErrors(ctx, "", "", 0, 0)
	found.add(t, "write errors", failed, err)
	for _, path := range []string{"/metrics", "/api/syncline/v1/openapi.json"} {
		text, err := send(ctx, http.MethodGet, s.server.URL+path, s.server.Token, "")
		found.add(t, path, text, err)
	}
}

// logLines are the log without what the first start tells its operator.
func logLines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "{") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// dumpAll gives every row of every table of a schema as text.
const dumpAll = `
	SELECT table_name, query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), false, false, '')
	FROM information_schema.tables WHERE table_schema = 'syncline'`
