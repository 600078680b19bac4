package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/salesforce"
)

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	var got url.Values
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r.PostForm
		fmt.Fprintf(w, `{"access_token":"a","refresh_token":"r","instance_url":%q,"id":%q,"issued_at":"1733000000000"}`, srv.URL+"/", srv.URL+"/id/00D/005")
	}))
	defer srv.Close()
	req := CodeRequest{
		LoginURL: srv.URL + "/", ClientID: "app", RedirectURL: "https://sync.example.org/oauth/callback",
		State: "st", Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", LoginHint: "a@example.org",
	}
	page, err := url.Parse(AuthCodeURL(req))
	if err != nil {
		t.Fatal(err)
	}
	// The challenge is the example of RFC 7636, appendix B.
	want := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {req.RedirectURL}, "scope": {"api refresh_token"},
		"state": {"st"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		"login_hint": {"a@example.org"},
	}
	if diff := cmp.Diff(want, page.Query()); diff != "" || page.Path != "/services/oauth2/authorize" {
		t.Errorf("%s: %s", page.Path, diff)
	}
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	g, err := Exchange(t.Context(), hc, req, "aPrx==")
	if err != nil {
		t.Fatal(err)
	}
	wantGrant := Grant{
		AccessToken: "a", RefreshToken: "r", InstanceURL: srv.URL, IdentityURL: srv.URL + "/id/00D/005",
		IssuedAt: time.UnixMilli(1733000000000).UTC(),
	}
	if g != wantGrant {
		t.Errorf("grant = %+v", g)
	}
	wantForm := url.Values{
		"grant_type": {"authorization_code"}, "code": {"aPrx=="}, "client_id": {"app"},
		"redirect_uri": {req.RedirectURL}, "code_verifier": {req.Verifier},
	}
	if diff := cmp.Diff(wantForm, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifiersDiffer(t *testing.T) {
	t.Parallel()
	if a, b := NewVerifier(), NewVerifier(); a == b || len(a) != 43 {
		t.Errorf("verifiers %q and %q", a, b)
	}
}

func TestTokenEndpointFails(t *testing.T) {
	t.Parallel()
	oauth := func(code, text string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, text)
	}
	tests := []struct {
		name   string
		status int
		body   string
		class  salesforce.Class
		code   string
	}{
		{"wrong secret", 400, oauth("invalid_client", "invalid client credentials"), salesforce.Reauthorize, "invalid_client"},
		{"unknown app", 401, oauth("invalid_client_id", "client identifier invalid"), salesforce.Reauthorize, "invalid_client_id"},
		{"user gone", 400, oauth("inactive_user", "user is inactive"), salesforce.Reauthorize, "inactive_user"},
		{"login host", 400, oauth("invalid_grant", "request not supported on this domain"), salesforce.Reauthorize, "invalid_grant"},
		{"address not allowed", 400, oauth("invalid_grant", "ip restricted"), salesforce.AskPerson, "invalid_grant"},
		{"too many logins", 400, oauth("invalid_grant", "login rate exceeded"), salesforce.RetryLater, "invalid_grant"},
		{"redirect", 400, oauth("redirect_uri_mismatch", "redirect_uri must match configuration"), salesforce.AskPerson, "redirect_uri_mismatch"},
		{"new code", 400, oauth("code_of_tomorrow", ""), salesforce.AskPerson, "code_of_tomorrow"},
		{"new code, 500", 500, oauth("code_of_tomorrow", ""), salesforce.RetrySoon, "code_of_tomorrow"},
		{"503 as HTML", 503, "<html><title>Maintenance</title></html>", salesforce.RetrySoon, salesforce.CodeHTTP},
		{"404", 404, "", salesforce.AskPerson, salesforce.CodeHTTP},
		{"HTML with 200", 200, "<html>", salesforce.RetrySoon, salesforce.CodeBadReply},
		{"another server", 200, "{}", salesforce.AskPerson, salesforce.CodeBadReply},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer srv.Close()
			hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
			_, err := ClientCredentials(t.Context(), hc, srv.URL, "app", "s3cret")
			if salesforce.ClassOf(err) != tt.class || !salesforce.IsCode(err, tt.code) {
				t.Errorf("error = %v (%v), want %v, %s", err, salesforce.ClassOf(err), tt.class, tt.code)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestTokenEndpointOutOfReach(t *testing.T) {
	t.Parallel()
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	if _, err := ClientCredentials(t.Context(), hc, "http://127.0.0.1:1", "app", "s"); !salesforce.IsCode(err, salesforce.CodeConnect) {
		t.Errorf("no server: error = %v", err)
	}
	strict := salesforce.NewHTTPClient(salesforce.DialPolicy{})
	_, err := Refresh(t.Context(), strict, "https://login.evil.example", "app", "s", "r")
	if !salesforce.IsCode(err, salesforce.CodeRefused) || salesforce.ClassOf(err) != salesforce.AskPerson {
		t.Errorf("another host: error = %v", err)
	}
	if _, err := ClientCredentials(t.Context(), hc, "http://\x7f", "app", "s"); err == nil {
		t.Error("no URL: no error")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	g := Grant{AccessToken: "s3cret", RefreshToken: "s3cret", InstanceURL: "https://x"}
	c := Credentials{Flow: FlowRefreshToken, LoginURL: "https://x", ClientID: "app", ClientSecret: "s3cret"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "grant", g, "creds", c)
	if s := fmt.Sprintf("%v %+v %#v %v %+v %#v", g, g, g, c, c, c) + log.String(); strings.Contains(s, "s3cret") {
		t.Errorf("a secret shows: %s", s)
	}
}
