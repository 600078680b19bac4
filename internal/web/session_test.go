package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/engine/work"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/web"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// rig is a dashboard on a control store, and a browser.
type rig struct {
	t       *testing.T
	url     string
	store   *store.Store
	service *manage.Service
	browser *http.Client
}

func newRig(t *testing.T, publicURL string) *rig {
	t.Helper()
	keys, err := secret.Parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	if r.store, err = store.Open(t.Context(), store.Config{URL: secret.NewText(pgtest.New(t)), Keys: keys}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.store.Close)
	open := engine.NewOpener(engine.OpenerConfig{Store: r.store, HTTP: http.DefaultClient})
	e, err := engine.New(engine.Config{Store: r.store, Open: open, Handlers: work.New(work.Config{Store: r.store}).Handlers()})
	if err != nil {
		t.Fatal(err)
	}
	r.service = manage.New(manage.Config{Store: r.store, Engine: e, Open: open, Keys: keys, HTTP: http.DefaultClient})
	t.Cleanup(r.service.Close)
	s := httptest.NewServer(web.New(web.Config{
		Manage: r.service, Access: access.NewAuthenticator(r.store), Sessions: r.store, PublicURL: publicURL, Version: "test",
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.browser = &http.Client{Jar: jar}
	return r
}

func (r *rig) do(method, path string, change ...func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, fn := range change {
		fn(req)
	}
	res, err := r.browser.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(text)
}

func (r *rig) code(role store.Role, connection uuid.UUID) string {
	r.t.Helper()
	code, err := r.store.CreateSignIn(r.t.Context(), store.Holder{Name: "ann", Role: role, Connection: connection}, time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	return code.Reveal()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	for _, path := range []string{"/ui/", "/ui/connections/x", "/ui/connections/x/live"} {
		if res, text := r.do("GET", path); res.StatusCode != 401 || !strings.Contains(text, "syncline sign-in") {
			t.Errorf("%s without a session: %d", path, res.StatusCode)
		}
	}
	code := r.code(store.Viewer, uuid.Nil)
	res, text := r.do("GET", "/ui/signin?code="+code)
	if res.StatusCode != 200 || !strings.Contains(text, "ann (viewer)") || !strings.Contains(text, "There is no connection yet") {
		t.Fatalf("signed in: %d %s", res.StatusCode, text)
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if res, _ := r.do("GET", "/ui/signin?code="+code); res.StatusCode != 401 {
		t.Errorf("the link a second time: %d", res.StatusCode)
	}
	cross := func(req *http.Request) { req.Header.Set("Sec-Fetch-Site", "cross-site") }
	if res, _ := r.do("POST", "/ui/signout", cross); res.StatusCode != 403 {
		t.Errorf("a post from another site: %d", res.StatusCode)
	}
	if res, _ := r.do("GET", "/ui/"); res.StatusCode != 200 {
		t.Errorf("still signed in: %d", res.StatusCode)
	}
	if res, _ := r.do("POST", "/ui/signout"); res.StatusCode != 200 {
		t.Errorf("sign out: %d", res.StatusCode)
	}
	if res, _ := r.do("GET", "/ui/"); res.StatusCode != 401 {
		t.Errorf("after signing out: %d", res.StatusCode)
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://127.0.0.1:8490":    "syncline",
		"https://sync.example.com": "__Host-syncline",
	} {
		r := newRig(t, url)
		r.browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, _ := r.do("GET", "/ui/signin?code="+r.code(store.Admin, uuid.Nil))
		cookies := res.Cookies()
		if res.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
			t.Fatalf("%s: %d, %v", url, res.StatusCode, cookies)
		}
		c := cookies[0]
		if c.Name != want || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != strings.HasPrefix(url, "https") || c.Domain != "" {
			t.Errorf("%s: cookie %v", url, c)
		}
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	var ids []uuid.UUID
	for _, name := range []string{"<b>shop</b>", "other"} {
		c, err := r.store.CreateConnection(t.Context(), mapping.Connection{Name: name, AppName: name, Status: mapping.Status{Stage: mapping.StageAuthorized}},
			store.Secrets{DatabaseURL: secret.NewText("postgres://u:hidden@127.0.0.1:1/x")})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	if _, err := r.store.CreateMapping(t.Context(), mapping.Mapping{ConnectionID: ids[0], ObjectName: "Account", Access: mapping.ReadOnly, Fields: []string{"Id"}, PollSeconds: 600}); err != nil {
		t.Fatal(err)
	}
	r.do("GET", "/ui/signin?code="+r.code(store.Viewer, ids[0]))
	res, text := r.do("GET", "/ui/")
	if res.StatusCode != 200 || !strings.Contains(text, "&lt;b&gt;shop") || strings.Contains(text, "<b>shop") || strings.Contains(text, "other") {
		t.Errorf("page of who has one connection: %d %s", res.StatusCode, text)
	}
	if strings.Contains(text, "hidden") || !strings.Contains(text, "Account") {
		t.Errorf("page: %s", text)
	}
	res, text = r.do("GET", "/ui/connections/"+ids[0].String()+"/live")
	if res.StatusCode != 200 || strings.Contains(text, "<html") || !strings.Contains(text, "Mappings") {
		t.Errorf("fragment: %d %s", res.StatusCode, text)
	}
	if res, _ := r.do("GET", "/ui/connections/"+ids[1].String()+"/live"); res.StatusCode != 404 {
		t.Errorf("somebody else's: %d", res.StatusCode)
	}
	for _, file := range []string{"app.js", "app.css", "icon.svg"} {
		if res, _ := r.do("GET", "/ui/static/"+file); res.StatusCode != 200 {
			t.Errorf("%s: %d", file, res.StatusCode)
		}
	}
}
