package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxAssertion is how far ahead an assertion may expire.
const maxAssertion = 5 * time.Minute

// jwtBearer is the flow without a browser: an assertion signed with the key
// whose certificate the client was given.
func (s *Server) jwtBearer(w http.ResponseWriter, r *http.Request) {
	claims := &jwt.RegisteredClaims{}
	var client *Client
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(s.org.Clock.Now), jwt.WithLeeway(time.Minute))
	_, err := parser.ParseWithClaims(r.PostForm.Get("assertion"), claims, func(*jwt.Token) (any, error) {
		if client = s.clients.find(claims.Issuer); client == nil || client.PublicKeyPEM == "" {
			return nil, errUnknownIssuer
		}
		key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(client.PublicKeyPEM))
		if err != nil {
			return nil, fmt.Errorf("public key of client %s: %w", client.ID, err)
		}
		return key, nil
	})
	switch {
	case errors.Is(err, errUnknownIssuer):
		refuse(w, "invalid_client_id", "client identifier invalid")
		return
	case err != nil || expiry(claims).After(s.org.Clock.Now().Add(maxAssertion)):
		refuse(w, "invalid_grant", "invalid assertion")
		return
	case !s.ownAudience(claims.Audience, s.baseURL(r)):
		refuse(w, "invalid_grant", "audience is invalid")
		return
	}
	user, ok := s.org.User(claims.Subject)
	if !ok {
		refuse(w, "invalid_grant", "user hasn't approved this consumer")
		return
	}
	s.answerToken(w, r, &grant{userID: user.ID, client: client, scope: "api"}, "", "")
}

// expiry is when an assertion ends. Salesforce's own command line writes
// milliseconds where the standard has seconds, and is let in.
func expiry(claims *jwt.RegisteredClaims) time.Time {
	const thousandsOfYears = 1 << 37 // in seconds: nobody means that
	if n := claims.ExpiresAt.Unix(); n > thousandsOfYears {
		return time.UnixMilli(n)
	}
	return claims.ExpiresAt.Time
}

var errUnknownIssuer = errors.New("assertion of an unknown client")

// ownAudience accepts the org's own address and Salesforce's two public login
// hosts, between which clients guess.
func (s *Server) ownAudience(audience []string, base string) bool {
	for _, a := range audience {
		switch strings.TrimSuffix(a, "/") {
		case base, base + tokenEndpoint, "https://login.salesforce.com", "https://test.salesforce.com":
			return true
		}
	}
	return false
}
