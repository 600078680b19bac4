package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ClientCredentials signs in as the app's run-as user.
func ClientCredentials(ctx context.Context, hc *http.Client, loginURL, clientID, clientSecret string) (Grant, error) {
	g, err := ask(ctx, hc, loginURL, form(clientID, clientSecret, "grant_type", "client_credentials"))
	if err != nil {
		return Grant{}, fmt.Errorf("sign in with client credentials: %w", err)
	}
	return g, nil
}

// Refresh gets a new session for a refresh token. The grant that comes back has
// a refresh token only if the org rotated it; then the old one is dead.
func Refresh(ctx context.Context, hc *http.Client, loginURL, clientID, clientSecret, refreshToken string) (Grant, error) {
	g, err := ask(ctx, hc, loginURL, form(clientID, clientSecret, "grant_type", "refresh_token", "refresh_token", refreshToken))
	if err != nil {
		return Grant{}, fmt.Errorf("renew the session: %w", err)
	}
	return g, nil
}

// CodeRequest is what a person's consent is asked with, and exchanged with
// afterwards. Its Verifier stays on the server.
type CodeRequest struct {
	LoginURL     string
	ClientID     string
	ClientSecret string // empty for public clients
	RedirectURL  string
	// State comes back with the code and ties it to the browser that asked.
	State string
	// Verifier is the PKCE secret, by [NewVerifier].
	Verifier string
	// LoginHint fills in the user name; it may be empty.
	LoginHint string
}

// NewVerifier returns a fresh PKCE verifier (or state) of 43 characters.
func NewVerifier() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it would end the program
	return base64.RawURLEncoding.EncodeToString(b)
}

// AuthCodeURL is the page on which a person gives consent.
func AuthCodeURL(r CodeRequest) string {
	sum := sha256.Sum256([]byte(r.Verifier))
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {r.ClientID},
		"redirect_uri":          {r.RedirectURL},
		"scope":                 {"api refresh_token"},
		"state":                 {r.State},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
	if r.LoginHint != "" {
		q.Set("login_hint", r.LoginHint)
	}
	return strings.TrimRight(r.LoginURL, "/") + "/services/oauth2/authorize?" + q.Encode()
}

// Exchange turns the code that came back into a grant. A code works once and
// for about 15 minutes.
func Exchange(ctx context.Context, hc *http.Client, r CodeRequest, code string) (Grant, error) {
	f := form(r.ClientID, r.ClientSecret,
		"grant_type", "authorization_code", "code", code,
		"redirect_uri", r.RedirectURL, "code_verifier", r.Verifier)
	g, err := ask(ctx, hc, r.LoginURL, f)
	if err != nil {
		return Grant{}, fmt.Errorf("exchange the authorisation code: %w", err)
	}
	return g, nil
}

// form lays out a request of the token endpoint. A public client has no secret
// and must not send an empty one.
func form(clientID, clientSecret string, pairs ...string) url.Values {
	v := url.Values{"client_id": {clientID}}
	if clientSecret != "" {
		v.Set("client_secret", clientSecret)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
