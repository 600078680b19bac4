package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/api"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/engine/work"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// rig is a server with a control store, whose engine is not started.
type rig struct {
	t     *testing.T
	url   string
	store *store.Store
	log   bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t}
	keys, err := secret.Parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	if r.store, err = store.Open(t.Context(), store.Config{URL: secret.NewText(pgtest.New(t)), Keys: keys}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.store.Close)
	open := engine.NewOpener(engine.OpenerConfig{Store: r.store, HTTP: http.DefaultClient})
	e, err := engine.New(engine.Config{Store: r.store, Open: open, Handlers: work.New(work.Config{Store: r.store}).Handlers()})
	if err != nil {
		t.Fatal(err)
	}
	service := manage.New(manage.Config{Store: r.store, Engine: e, Open: open, Keys: keys, HTTP: http.DefaultClient})
	t.Cleanup(service.Close)
	s := httptest.NewServer(api.New(api.Config{
		Manage: service, Access: access.NewAuthenticator(r.store), Ready: r.store.Ping, Metrics: telemetry.NewMetrics(),
		Hosts: []string{"sync.example.com"}, Version: "test", PublicURL: "https://sync.example.com",
		Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (r *rig) token(role store.Role, connection uuid.UUID) string {
	r.t.Helper()
	text, _, err := r.store.CreateToken(r.t.Context(), store.Token{Name: string(role), Role: role, Connection: connection}, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return text.Reveal()
}

func (r *rig) connection(name string) mapping.Connection {
	r.t.Helper()
	c, err := r.store.CreateConnection(r.t.Context(), mapping.Connection{Name: name, AppName: name, ResourceName: name + "-1"},
		store.Secrets{DatabaseURL: secret.NewText("postgres://u:hidden@127.0.0.1:1/x")})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r *rig) ask(method, path, token, body string, change ...func(*http.Request)) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, fn := range change {
		fn(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

// problem is the body of a refusal.
func (r *rig) problem(a reply) client.Error {
	r.t.Helper()
	var p client.Error
	if a.header.Get("Content-Type") != "application/problem+json" {
		r.t.Errorf("content type %q of %s", a.header.Get("Content-Type"), a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		r.t.Fatalf("%v: %s", err, a.body)
	}
	return p
}

// Every operation of the document refuses whoever has no token, and answers an
// administrator with anything but a failure of the server.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connection("shop")
	admin := r.token(store.Admin, uuid.Nil)
	doc := r.ask("GET", api.Prefix+"/openapi.json", admin, "")
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal([]byte(doc.body), &spec); err != nil || doc.status != 200 || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Fatalf("document: %d, %v", doc.status, err)
	}
	operations := 0
	for path, methods := range spec.Paths {
		// The order matters to nothing; deleting comes with a wrong confirmation.
		address := api.Prefix + strings.NewReplacer("{connection}", "shop", "{object}", "Account", "{id}", uuid.NewString()).Replace(path)
		for method := range methods {
			operations++
			method = strings.ToUpper(method)
			for _, token := range []string{"", "syn_wrong", r.token(store.Viewer, uuid.Nil)[:20]} {
				if a := r.ask(method, address, token, ""); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s with token %q: %d", method, path, token, a.status)
				}
			}
			a := r.ask(method, address, admin, "")
			if a.status >= 400 {
				if p := r.problem(a); p.Status != a.status || p.RequestID == "" && p.Detail != "validation failed" && a.status >= 500 {
					t.Errorf("%s %s: %+v", method, path, p)
				}
			}
			if a.status >= 500 && a.status != 503 || strings.Contains(a.body, "hidden") {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
	if operations < 25 {
		t.Errorf("the document lists %d operations", operations)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own := r.connection("own")
	r.connection("other")
	admin, viewer, bound := r.token(store.Admin, uuid.Nil), r.token(store.Viewer, uuid.Nil), r.token(store.Admin, own.ID)
	host := func(name string) func(*http.Request) { return func(req *http.Request) { req.Host = name } }
	tests := []struct {
		name, method, path, token, body string
		change                          []func(*http.Request)
		status                          int
		want                            string
	}{
		{"no such path", "GET", "/nothing", admin, "", nil, 404, "openapi.json"},
		{"a method that is none", "PUT", "/connections", admin, "", nil, 404, "no PUT"},
		{"a body that is no JSON", "POST", "/connections", admin, "{", nil, 400, ""},
		{"an unknown member", "POST", "/connections", admin, `{"nome": 1}`, nil, 422, "nome"},
		{"a body of the wrong type", "POST", "/tokens", admin, `{"name": 1, "role": "viewer"}`, nil, 422, "string"},
		{"a body that is too large", "POST", "/tokens", admin, `{"name": "` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, ""},
		{"an unknown parameter", "GET", "/connections?x=1", admin, "", nil, 422, "x"},
		{"a number that is none", "GET", "/connections/own/events?after=x", admin, "", nil, 422, "after"},
		{"a viewer who makes tokens", "POST", "/tokens", viewer, `{"name": "x", "role": "admin"}`, nil, 403, "needs admin"},
		{"a viewer who pauses", "POST", "/connections/own/pause", viewer, "", nil, 403, ""},
		{"somebody else's connection", "GET", "/connections/other", bound, "", nil, 404, "There are: own-1."},
		{"somebody else's by ID", "GET", "/connections/" + uuid.NewString(), bound, "", nil, 404, ""},
		{"the nodes, by who has one connection", "GET", "/nodes", bound, "", nil, 403, ""},
		{"two connections for -", "GET", "/connections/-", admin, "", nil, 422, "own-1, other-1"},
		{"a rebound name", "GET", "/connections", admin, "", []func(*http.Request){host("evil.example")}, 421, "SYNCLINE_HOSTS"},
		{"basic authorisation", "GET", "/connections", "", "", []func(*http.Request){func(q *http.Request) { q.SetBasicAuth("a", admin) }}, 401, ""},
	}
	for _, tt := range tests {
		a := r.ask(tt.method, api.Prefix+tt.path, tt.token, tt.body, tt.change...)
		if a.status != tt.status || !strings.Contains(a.body, tt.want) {
			if tt.want == "own-1, other-1" && strings.Contains(a.body, "other-1, own-1") {
				continue // by app
			}
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
			continue
		}
		r.problem(a)
	}
	if a := r.ask("GET", api.Prefix+"/connections", admin, "", host("sync.example.com")); a.status != 200 {
		t.Errorf("the public name: %d %s", a.status, a.body)
	}
	if a := r.ask("GET", api.Prefix+"/connections", bound, ""); a.status != 200 || strings.Contains(a.body, "other") {
		t.Errorf("list of who has one connection: %d %s", a.status, a.body)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 401} {
		if a := r.ask("GET", path, "", ""); a.status != want || a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := r.ask("GET", "/metrics", r.token(store.Viewer, uuid.Nil), ""); a.status != 200 || !strings.Contains(a.body, "syncline_build_info") {
		t.Errorf("metrics: %d", a.status)
	}
	if a := r.ask("GET", "/metrics", r.token(store.Admin, r.connection("one").ID), ""); a.status != 403 {
		t.Errorf("metrics by who has one connection: %d", a.status)
	}
	admin := r.token(store.Admin, uuid.Nil)
	r.store.Close()
	if a := r.ask("GET", "/readyz", "", ""); a.status != 503 {
		t.Errorf("readiness without a store: %d", a.status)
	}
	if a := r.ask("GET", api.Prefix+"/connections", admin, ""); a.status != 500 || strings.Contains(a.body, "pool") {
		t.Errorf("without a store: %d %s", a.status, a.body)
	}
	if !strings.Contains(r.log.String(), "request failed") {
		t.Error("a failure of the server is not in its log")
	}
}

// The client and the server agree.
func TestClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connection("shop")
	ctx := context.Background()
	c := client.New(r.url+"/", r.token(store.Admin, uuid.Nil))
	if s, err := c.Server(ctx); err != nil || s.Version != "test" || s.Role != "admin" {
		t.Errorf("server %+v, %v", s, err)
	}
	st, err := c.Status(ctx, "")
	if err != nil || st.Connection.Name != "shop" || st.LagToPostgres != -1 {
		t.Errorf("status %+v, %v", st, err)
	}
	made, err := c.CreateToken(ctx, client.NewToken{Name: "ci", Role: "viewer", Connection: "shop", ExpiresIn: 60})
	if err != nil || !strings.HasPrefix(made.Text, "syn_") || made.ExpiresAt == nil {
		t.Fatalf("token %+v, %v", made, err)
	}
	ci := client.New(r.url, made.Text)
	if err := ci.Pause(ctx, "shop", ""); refusedWith(err) != http.StatusForbidden {
		t.Errorf("a viewer's pause: %v", err)
	}
	if err := c.RevokeToken(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := ci.Connections(ctx); refusedWith(err) != http.StatusUnauthorized {
		t.Errorf("a revoked token: %v", err)
	}
	if link, err := c.SignIn(ctx); err != nil || !strings.HasPrefix(link.URL, "https://sync.example.com/ui/signin?code=") {
		t.Errorf("sign-in %+v, %v", link, err)
	}
	if events, err := c.Events(ctx, "shop", client.LogOptions{After: -1}); err != nil || events == nil {
		t.Errorf("events %v, %v", events, err)
	}
	if text, err := c.ExportConfig(ctx, "shop"); err != nil || !strings.Contains(string(text), `"mappings": []`) {
		t.Errorf("export %s, %v", text, err)
	}
	if all, err := c.Audit(ctx, "", 0, 10); err != nil || len(all) != 2 || all[0].Action != "token.revoke" {
		t.Errorf("audit %+v, %v", all, err)
	}
}

func refusedWith(err error) int {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Status
	}
	return 0
}
