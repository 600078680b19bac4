package rest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/synclinehq/syncline/sandbox/org"
)

func (f *fixture) form(path string, pairs ...string) answer {
	f.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	a, err := f.do("", "POST", path, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func member(t *testing.T, a answer, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	s, _ := m[name].(string)
	return s
}

// consent walks through the browser's part and returns the code.
func (f *fixture) consent(verifier, decision string) url.Values {
	f.t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {"demo"}, "redirect_uri": {"http://localhost:1717/cb"},
		"scope": {"api refresh_token"}, "state": {"st<1>"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	page, err := f.do("", "GET", "/services/oauth2/authorize?"+query.Encode(), "")
	if err != nil || page.status != 200 || !strings.Contains(page.body, "Allow access?") || strings.Contains(page.body, "st<1>") {
		f.t.Fatalf("consent page: %v %d %s", err, page.status, page.body)
	}
	pairs := []string{"decision", decision, "username", org.DemoUser}
	for k := range query {
		pairs = append(pairs, k, query.Get(k))
	}
	a := f.form("/services/oauth2/authorize", pairs...)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusFound || to.Query().Get("state") != "st<1>" {
		f.t.Fatalf("redirect: %v %d %s", err, a.status, a.header.Get("Location"))
	}
	return to.Query()
}

func TestWebServerFlowWithPKCEAndRotation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	verifier := strings.Repeat("v", 43)
	code := f.consent(verifier, "allow").Get("code")
	exchange := func(verifier, code string) answer {
		return f.form(tokenEndpoint, "grant_type", "authorization_code", "code", code, "client_id", "demo",
			"redirect_uri", "http://localhost:1717/cb", "code_verifier", verifier)
	}
	a := exchange(verifier, code)
	want(t, a, 200, `"scope":"api refresh_token"`, `"token_type":"Bearer"`)
	want(t, exchange(verifier, code), 400, `"error":"invalid_grant"`, "expired authorization code")
	want(t, exchange("wrong"+verifier, f.consent(verifier, "allow").Get("code")), 400, "invalid_grant")
	access, refresh := member(t, a, "access_token"), member(t, a, "refresh_token")
	info, err := f.do(access, "GET", "/services/oauth2/userinfo", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, info, 200, `"preferred_username":"`+org.DemoUser+`"`)
	a = f.form(tokenEndpoint, "grant_type", "refresh_token", "refresh_token", refresh, "client_id", "demo", "client_secret", "other")
	want(t, a, 200)
	next := member(t, a, "refresh_token")
	if next == "" || next == refresh {
		t.Error("the client rotates: a new refresh token must come")
	}
	want(t, f.form(tokenEndpoint, "grant_type", "refresh_token", "refresh_token", refresh, "client_id", "demo"), 400, "expired access/refresh token")
	access = member(t, a, "access_token")
	want(t, f.form("/services/oauth2/revoke", "token", next), 200)
	b, err := f.do(access, "GET", "/services/data/v68.0/limits", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, b, 401)
	if got := f.consent(verifier, "deny").Get("error"); got != "access_denied" {
		t.Errorf("denied consent says %q", got)
	}
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	if err != nil {
		t.Fatal(err)
	}
	f.control("POST", "clients", `{"id":"signer","name":"Signer","runAs":"`+org.IntegrationUser+`","publicKey":`+string(public)+`}`)
	tryAt := func(issuer, subject, audience string, expiry int64) answer {
		t.Helper()
		text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": issuer, "sub": subject, "aud": audience, "exp": expiry,
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return f.form(tokenEndpoint, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", text)
	}
	try := func(issuer, subject, audience string, life time.Duration) answer {
		t.Helper()
		return tryAt(issuer, subject, audience, time.Now().Add(life).Unix())
	}
	const minutes = 3 * time.Minute
	want(t, try("signer", org.DemoUser, "https://login.salesforce.com", minutes), 200, `"access_token":"00D`)
	want(t, try("signer", org.DemoUser, f.srv.URL, minutes), 200)
	want(t, try("signer", org.DemoUser, "https://other.example", minutes), 400, "audience is invalid")
	want(t, try("signer", "nobody@example.com", f.srv.URL, minutes), 400, "user hasn't approved this consumer")
	want(t, try("signer", org.DemoUser, f.srv.URL, -minutes), 400, "invalid assertion")
	want(t, try("signer", org.DemoUser, f.srv.URL, time.Hour), 400, "invalid assertion")
	// Salesforce's own command line writes milliseconds.
	want(t, tryAt("signer", org.DemoUser, f.srv.URL, time.Now().Add(minutes).UnixMilli()), 200)
	want(t, tryAt("signer", org.DemoUser, f.srv.URL, time.Now().Add(time.Hour).UnixMilli()), 400, "invalid assertion")
	want(t, try("demo", org.DemoUser, f.srv.URL, minutes), 400, "invalid_client_id")
	want(t, f.form(tokenEndpoint, "grant_type", "client_credentials", "client_id", "signer", "client_secret", ""), 400, "invalid_client")
	if a := f.call("POST", "/_sandbox/clients", `{"id":"x","runAs":"`+org.DemoUser+`","publicKey":"x"}`); a.status != 400 || !strings.Contains(a.body, "PEM") {
		t.Errorf("a key that is none: %d %s", a.status, a.body)
	}
	want(t, f.form(tokenEndpoint, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x.y.z"), 400, "invalid assertion")
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cases := []struct {
		words string
		form  []string
	}{
		{`{"error":"invalid_client_id","error_description":"client identifier invalid"}`, []string{"grant_type", "client_credentials", "client_id", "nobody"}},
		{`{"error":"invalid_client","error_description":"invalid client credentials"}`, []string{"grant_type", "client_credentials", "client_id", "product", "client_secret", "x"}},
		{`{"error":"invalid_client","error_description":"invalid client credentials"}`, []string{"grant_type", "client_credentials", "client_id", "product"}},
		{`{"error":"unsupported_grant_type","error_description":"grant type not supported"}`, []string{"grant_type", "password", "client_id", "product"}},
		{`{"error":"invalid_grant","error_description":"expired access/refresh token"}`, []string{"grant_type", "refresh_token", "refresh_token", "x", "client_id", "product"}},
	}
	for _, c := range cases {
		want(t, f.form(tokenEndpoint, c.form...), 400, c.words)
	}
}

func TestSessionsExpireAndIdentityIsLinked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call("GET", "/services/data/v60.0", "")
	want(t, a, 200, `"sobjects":"/services/data/v60.0/sobjects"`, `"identity":"`+f.srv.URL+"/id/")
	u, err := url.Parse(member(t, a, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := f.do(f.token, "GET", u.Path, "", "Authorization", "OAuth "+f.token)
	if err != nil {
		t.Fatal(err)
	}
	want(t, id, 200, `"username":"`+org.IntegrationUser+`"`)
	want(t, f.call("GET", "/services/data", ""), 200, `{"label":"Winter '27","url":"/services/data/v68.0","version":"68.0"}`)
	f.control("POST", "clock", `{"seconds":7201}`)
	want(t, f.call("GET", "/limits", ""), 401, "INVALID_SESSION_ID")
}
