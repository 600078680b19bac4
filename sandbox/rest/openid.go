package rest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// idTokenLife is how long an id_token says that it is valid.
const idTokenLife = 2 * time.Minute

// idTokenKey is the Key ID of the one key that signs id_tokens.
const idTokenKey = "sandbox"

// signer signs id_tokens with a key that is made when it is first needed: few
// clients ask for openid, and an RSA key takes time.
type signer struct {
	key func() (*rsa.PrivateKey, error)
}

func newSigner() signer {
	return signer{sync.OnceValues(func() (*rsa.PrivateKey, error) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("make the key of id_tokens: %w", err)
		}
		return key, nil
	})}
}

// idToken tells a client who signed in, if the grant has the scope openid.
func (s *Server) idToken(g *grant, base string, now time.Time) (string, error) {
	if !slices.Contains(strings.Fields(g.scope), "openid") {
		return "", nil
	}
	key, err := s.signer.key()
	if err != nil {
		return "", err
	}
	claims := jwt.MapClaims{
		"iss": base, "sub": base + "/id/" + s.org.ID() + "/" + g.userID, "aud": g.client.ID,
		"iat": now.Unix(), "exp": now.Add(idTokenLife).Unix(),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = idTokenKey
	text, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign id_token: %w", err)
	}
	return text, nil
}

// keys is the JSON Web Key set by which clients check id_tokens.
func (s *Server) keys(w http.ResponseWriter) {
	key, err := s.signer.key()
	if err != nil {
		writeError(w, err)
		return
	}
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	writeJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": idTokenKey,
		"n": number(key.N), "e": number(big.NewInt(int64(key.E))),
	}}})
}

func (s *Server) openidConfiguration(w http.ResponseWriter, r *http.Request) {
	base := s.baseURL(r)
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                base,
		"authorization_endpoint":                base + "/services/oauth2/authorize",
		"token_endpoint":                        base + tokenEndpoint,
		"revocation_endpoint":                   base + "/services/oauth2/revoke",
		"userinfo_endpoint":                     base + "/services/oauth2/userinfo",
		"introspection_endpoint":                base + "/services/oauth2/introspect",
		"jwks_uri":                              base + "/id/keys",
		"scopes_supported":                      []string{"api", "refresh_token", "offline_access", "openid", "id", "profile", "email", "full"},
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":      []string{"S256"},
	})
}
