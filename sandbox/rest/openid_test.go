package rest

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/org"
)

// signIn walks the web-server flow as the demo user and gives the token reply.
func (f *fixture) signIn(scope string) answer {
	f.t.Helper()
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	a := f.form("/services/oauth2/authorize", "response_type", "code", "client_id", "demo", "redirect_uri", "http://localhost:1717/cb", "scope", scope,
		"nonce", "n-1", "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "decision", "allow", "username", org.DemoUser)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		f.t.Fatal(err)
	}
	return f.form(tokenEndpoint, "grant_type", "authorization_code", "code", to.Query().Get("code"), "client_id", "demo",
		"redirect_uri", "http://localhost:1717/cb", "code_verifier", verifier)
}

// TestIDToken checks an id_token by the keys that the configuration names.
func TestIDToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.signIn("api openid")
	want(t, a, 200, `"scope":"api openid"`)
	if strings.Contains(a.body, "refresh_token\":") {
		t.Error("a refresh token comes without its scope")
	}
	keys := f.get("", "/id/keys")
	var set struct {
		Keys []struct{ Kid, Kty, N, E string }
	}
	if err := json.Unmarshal([]byte(keys.body), &set); err != nil || len(set.Keys) != 1 || set.Keys[0].Kty != "RSA" {
		t.Fatalf("keys %s", keys.body)
	}
	number := func(text string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(member(t, a, "id_token"), claims, func(token *jwt.Token) (any, error) {
		if token.Header["kid"] != set.Keys[0].Kid {
			t.Errorf("kid %v", token.Header["kid"])
		}
		return &rsa.PublicKey{N: number(set.Keys[0].N), E: int(number(set.Keys[0].E).Int64())}, nil
	}, jwt.WithAudience("demo"), jwt.WithIssuer(f.srv.URL), jwt.WithExpirationRequired())
	if err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != member(t, a, "id") || claims["nonce"] != "n-1" {
		t.Errorf("claims %v", claims)
	}
	conf := f.get("", "/.well-known/openid-configuration")
	want(t, conf, 200, `"jwks_uri":"`+f.srv.URL+`/id/keys"`, `"token_endpoint":"`+f.srv.URL+tokenEndpoint+`"`)
	if b := f.signIn("api refresh_token"); strings.Contains(b.body, "id_token") {
		t.Error("an id_token comes without the scope openid")
	}
}

// get is a GET with a token, "" for none.
func (f *fixture) get(token, path string) answer {
	f.t.Helper()
	a, err := f.do(token, "GET", path, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.signIn("api refresh_token")
	access, refresh := member(t, a, "access_token"), member(t, a, "refresh_token")
	ask := func(token string) map[string]any {
		t.Helper()
		b := f.form("/services/oauth2/introspect", "token", token, "client_id", "product", "client_secret", "s3cret")
		want(t, b, 200)
		var about map[string]any
		if err := json.Unmarshal([]byte(b.body), &about); err != nil {
			t.Fatal(err)
		}
		return about
	}
	f.control("POST", "switches", `{"sessionSeconds":900}`)
	about := ask(access)
	if life := about["exp"].(float64) - about["iat"].(float64); life < 900 || life > 1000 || about["username"] != org.DemoUser || about["token_type"] != "access_token" {
		t.Errorf("access token: %v", about)
	}
	if about = ask(refresh); about["token_type"] != "refresh_token" || about["active"] != true || about["client_id"] != "demo" {
		t.Errorf("refresh token: %v", about)
	}
	want(t, f.form("/services/oauth2/introspect", "token", access, "client_id", "product", "client_secret", "x"), 400, "invalid_client")
	// To be looked at does not keep a session alive.
	f.control("POST", "clock", `{"seconds":600}`)
	ask(access)
	f.control("POST", "clock", `{"seconds":600}`)
	if diff := cmp.Diff(map[string]any{"active": false}, ask(access)); diff != "" {
		t.Error(diff)
	}
}

// TestSixthApprovalEndsTheFirst and with it nothing else.
func TestSixthApprovalEndsTheFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var tokens []string
	for range 6 {
		tokens = append(tokens, member(t, f.signIn("refresh_token"), "refresh_token"))
		f.control("POST", "clock", `{"seconds":1}`)
	}
	for i, token := range tokens {
		status := 200
		if i == 0 {
			status = 400
		}
		want(t, f.form(tokenEndpoint, "grant_type", "refresh_token", "refresh_token", token, "client_id", "demo"), status)
	}
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	info := f.get(f.token, "/services/oauth2/userinfo")
	for _, name := range []string{"sub", "user_id", "organization_id", "preferred_username", "nickname", "name", "email", "email_verified", "given_name",
		"family_name", "zoneinfo", "photos", "profile", "picture", "address", "urls", "active", "user_type", "language", "locale", "utcOffset", "updated_at"} {
		want(t, info, 200, `"`+name+`":`)
	}
	user := f.get(f.token, "/services/data/v51.0/sobjects/User/"+member(t, info, "user_id"))
	want(t, user, 200, `"Username":"`+org.IntegrationUser+`"`)
	u, err := url.Parse(member(t, info, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	who := f.get(f.token, u.Path)
	for _, name := range []string{"id", "asserted_user", "user_id", "organization_id", "username", "nick_name", "display_name", "email", "urls", "custom_domain",
		"active", "user_type", "language", "locale", "utcOffset", "last_modified_date", "is_app_installed"} {
		want(t, who, 200, `"`+name+`":`)
	}
	if bad := f.get("00Dxx!no", "/services/oauth2/userinfo"); bad.status != 403 || bad.body != "Bad_OAuth_Token" {
		t.Errorf("a bad token: %d %s", bad.status, bad.body)
	}
	want(t, f.get(f.token, "/id/00D000000000001AAA/"+member(t, info, "user_id")), 404)
	want(t, f.call("GET", soqlPath("SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, NamespacePrefix, TrialExpirationDate, DefaultLocaleSidKey, TimeZoneSidKey FROM Organization"), ""),
		200, `"totalSize":1`, `"Id":"`+member(t, info, "organization_id")+`"`)
	// A token can be revoked by GET, too.
	want(t, f.get("", "/services/oauth2/revoke?token="+url.QueryEscape(f.token)), 200)
	want(t, f.get(f.token, "/services/data/v68.0/limits"), 401)
	want(t, f.get("", "/services/oauth2/revoke?token=none"), 400, `"error":"unsupported_token_type"`)
}
