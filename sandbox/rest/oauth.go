package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// baseHeader carries the server's own URL to handlers; clients can't set it.
const baseHeader = "X-Sandbox-Base"

const tokenEndpoint = "/services/oauth2/token"

type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func refuse(w http.ResponseWriter, code, words string) {
	writeJSON(w, http.StatusBadRequest, oauthError{code, words})
}

// oauth serves the endpoints outside /services/data that have to do with who
// one is.
func (s *Server) oauth(w http.ResponseWriter, r *http.Request, seg []string) {
	w.Header().Set("Cache-Control", "no-store")
	switch strings.Join(seg[:min(len(seg), 3)], "/") {
	case "services/oauth2/token":
		s.token(w, r)
	case "services/oauth2/authorize":
		s.authorize(w, r)
	case "services/oauth2/revoke":
		s.revoke(w, r)
	case "services/oauth2/userinfo":
		s.userinfo(w, r)
	case "services/oauth2/introspect":
		s.introspect(w, r)
	case ".well-known/openid-configuration":
		s.openidConfiguration(w, r)
	case "id/keys":
		s.keys(w)
	default:
		if len(seg) == 3 && seg[0] == "id" {
			s.identity(w, r, seg[1], seg[2])
			return
		}
		writeError(w, notFound())
	}
}

// clientOf checks client id and secret of a token request, from the form or
// HTTP Basic. A public client with PKCE may leave the secret out.
func (s *Server) clientOf(r *http.Request, needSecret bool) (*Client, *oauthError) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok && id == "" {
		id, secret = user, pass
	}
	c := s.clients.find(id)
	if c == nil {
		return nil, &oauthError{"invalid_client_id", "client identifier invalid"}
	}
	if secret == "" && !needSecret {
		return c, nil
	}
	if c.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) != 1 {
		return nil, &oauthError{"invalid_client", "invalid client credentials"}
	}
	return c, nil
}

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		refuse(w, "invalid_request", "must use HTTP POST")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request", "form could not be read")
		return
	}
	if f := s.faults.match(r.Method, r.URL.Path, s.clients.find(r.PostForm.Get("client_id"))); f != nil {
		if f.Kind == faultDropBefore || f.Kind == faultDropAfter {
			panic(http.ErrAbortHandler)
		}
		if f.Kind == faultStatus || f.Kind == faultHTML {
			f.answer(w)
			return
		}
	}
	s.sessions.setLife(time.Duration(s.org.Switches().SessionSeconds) * time.Second)
	switch grantType := r.PostForm.Get("grant_type"); grantType {
	case "client_credentials":
		s.clientCredentials(w, r)
	case "refresh_token":
		s.refreshGrant(w, r)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		s.jwtBearer(w, r)
	case "authorization_code":
		s.codeGrant(w, r)
	default:
		refuse(w, "unsupported_grant_type", "grant type not supported")
	}
}

func (s *Server) clientCredentials(w http.ResponseWriter, r *http.Request) {
	c, bad := s.clientOf(r, true)
	if bad != nil {
		refuse(w, bad.Error, bad.Description)
		return
	}
	user, ok := s.org.User(c.RunAs)
	if !ok {
		refuse(w, "invalid_grant", "no client credentials user enabled")
		return
	}
	g := &grant{userID: user.ID, client: c, scope: "api"}
	s.answerToken(w, r, g, "", "")
}

func (s *Server) refreshGrant(w http.ResponseWriter, r *http.Request) {
	c, bad := s.clientOf(r, false)
	if bad != nil {
		refuse(w, bad.Error, bad.Description)
		return
	}
	rotate := c.RotateRefresh || s.org.Switches().RotateRefresh
	old := r.PostForm.Get("refresh_token")
	g, next, ok := s.sessions.useRefresh(old, c, rotate)
	if !ok {
		refuse(w, "invalid_grant", "expired access/refresh token")
		return
	}
	shown := ""
	if next != old {
		shown = next
	}
	s.answerToken(w, r, g, next, shown)
}

func (s *Server) codeGrant(w http.ResponseWriter, r *http.Request) {
	verifier := r.PostForm.Get("code_verifier")
	c, bad := s.clientOf(r, verifier == "")
	if bad != nil {
		refuse(w, bad.Error, bad.Description)
		return
	}
	g, ok := s.sessions.takeCode(r.PostForm.Get("code"))
	switch {
	case !ok:
		refuse(w, "invalid_grant", "expired authorization code")
	case g.client.ID != c.ID:
		refuse(w, "invalid_grant", "authentication failure")
	case g.redirectURI != r.PostForm.Get("redirect_uri"):
		refuse(w, "redirect_uri_mismatch", "redirect_uri must match configuration")
	case g.challenge != "" && !pkceMatches(g.challenge, verifier):
		refuse(w, "invalid_grant", "invalid code verifier")
	default:
		refresh := ""
		if wantsRefresh(g.scope) {
			refresh = s.sessions.newRefresh(g)
		}
		s.answerToken(w, r, g, refresh, refresh)
	}
}

func wantsRefresh(scope string) bool {
	return slices.ContainsFunc(strings.Fields(scope), func(p string) bool {
		return p == "refresh_token" || p == "offline_access" || p == "full"
	})
}

// answerToken opens a session and writes the token reply; shown is the
// refresh token it contains, if any.
func (s *Server) answerToken(w http.ResponseWriter, r *http.Request, g *grant, refresh, shown string) {
	ses := s.sessions.open(g, refresh)
	base := s.baseURL(r)
	id := base + "/id/" + s.org.ID() + "/" + g.userID
	issued := strconv.FormatInt(ses.IssuedAt.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(g.client.Secret))
	mac.Write([]byte(id + issued))
	out := map[string]string{
		"access_token": ses.Token, "signature": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"scope": g.scope, "instance_url": base, "id": id, "token_type": "Bearer", "issued_at": issued,
		"api_instance_url": base,
	}
	if shown != "" {
		out["refresh_token"] = shown
	}
	if id, err := s.idToken(g, base, ses.IssuedAt); err != nil {
		writeError(w, err)
		return
	} else if id != "" {
		out["id_token"] = id
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !s.sessions.revoke(r.Form.Get("token")) {
		refuse(w, "unsupported_token_type", "this token type is not supported")
		return
	}
	w.WriteHeader(http.StatusOK)
}

// introspect tells a client about a token.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request", "form could not be read")
		return
	}
	if _, bad := s.clientOf(r, true); bad != nil {
		refuse(w, bad.Error, bad.Description)
		return
	}
	token := r.PostForm.Get("token")
	if ses, ok := s.sessions.look(token, false); ok {
		about := s.aboutToken(r, ses.UserID, ses.Client, ses.Scope, ses.IssuedAt)
		about["token_type"], about["exp"] = "access_token", s.sessions.until(ses).Unix()
		writeJSON(w, http.StatusOK, about)
		return
	}
	if g, ok := s.sessions.grantOf(token); ok {
		about := s.aboutToken(r, g.userID, g.client, g.scope, g.issuedAt)
		about["token_type"] = "refresh_token"
		writeJSON(w, http.StatusOK, about)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"active": false})
}

// aboutToken is what introspection says of any live token.
func (s *Server) aboutToken(r *http.Request, userID string, c *Client, scope string, issued time.Time) map[string]any {
	about := map[string]any{
		"active": true, "scope": scope, "client_id": c.ID, "sub": s.baseURL(r) + "/id/" + s.org.ID() + "/" + userID,
		"iat": issued.Unix(), "nbf": issued.Unix(),
	}
	if u, ok := s.org.User(userID); ok {
		about["username"] = u.Username
	}
	return about
}

// currentUser is the user of a request's token, for userinfo and identity,
// which answer 403 to a bad one.
func (s *Server) currentUser(w http.ResponseWriter, r *http.Request) (*org.User, bool) {
	ses, ok := s.authenticate(r)
	if !ok {
		if q := r.URL.Query().Get("access_token"); q != "" {
			ses, ok = s.sessions.check(q)
		}
	}
	if !ok {
		writeRaw(w, http.StatusForbidden, "text/html;charset=UTF-8", []byte("Bad_OAuth_Token"))
		return nil, false
	}
	return s.org.User(ses.UserID)
}

func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	u, ok := s.currentUser(w, r)
	if !ok {
		return
	}
	base := s.baseURL(r)
	first, last, _ := strings.Cut(u.Name, " ")
	writeJSON(w, http.StatusOK, map[string]any{
		"sub": base + "/id/" + s.org.ID() + "/" + u.ID, "user_id": u.ID, "organization_id": s.org.ID(),
		"preferred_username": u.Username, "nickname": strings.ToLower(first), "name": u.Name,
		"email": u.Email, "email_verified": true, "given_name": first, "family_name": last,
		"zoneinfo": "GMT", "photos": map[string]string{"picture": base + "/profilephoto/005/F", "thumbnail": base + "/profilephoto/005/T"},
		"profile": base + "/" + u.ID, "picture": base + "/profilephoto/005/F", "address": map[string]string{},
		"urls": identityURLs(base, s.org.ID(), u.ID), "active": true, "user_type": "STANDARD",
		"language": "en_US", "locale": "en_US", "utcOffset": 0,
		"updated_at": s.org.Clock.Now().Format("2006-01-02T15:04:05Z"),
	})
}

func identityURLs(base, orgID, userID string) map[string]string {
	data := base + "/services/data/v{version}/"
	return map[string]string{
		"rest": data, "sobjects": data + "sobjects/", "search": data + "search/", "query": data + "query/",
		"recent": data + "recent/", "tooling_rest": data + "tooling/", "profile": base + "/" + userID,
		"enterprise":    base + "/services/Soap/c/{version}/" + orgID[:15],
		"partner":       base + "/services/Soap/u/{version}/" + orgID[:15],
		"metadata":      base + "/services/Soap/m/{version}/" + orgID[:15],
		"custom_domain": base,
	}
}

func (s *Server) identity(w http.ResponseWriter, r *http.Request, orgID, userID string) {
	u, ok := s.currentUser(w, r)
	if !ok {
		return
	}
	full, _ := org.NormalizeID(userID)
	if o, _ := org.NormalizeID(orgID); o != s.org.ID() || full != u.ID {
		writeError(w, notFound())
		return
	}
	base := s.baseURL(r)
	first, last, _ := strings.Cut(u.Name, " ")
	writeJSON(w, http.StatusOK, map[string]any{
		"id": base + "/id/" + s.org.ID() + "/" + u.ID, "asserted_user": true, "user_id": u.ID,
		"organization_id": s.org.ID(), "username": u.Username, "nick_name": strings.ToLower(first),
		"display_name": u.Name, "email": u.Email, "email_verified": true, "first_name": first, "last_name": last,
		"timezone": "GMT", "photos": map[string]string{}, "urls": identityURLs(base, s.org.ID(), u.ID),
		"active": true, "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 0,
		"last_modified_date": formatInstant(s.org.Clock.Now().Unix()), "is_app_installed": true,
	})
}

// redirect sends a browser back to a client with the outcome of consent.
func redirect(w http.ResponseWriter, r *http.Request, target string, values url.Values) {
	u, err := url.Parse(target)
	if err != nil {
		refuse(w, "redirect_uri_mismatch", "redirect_uri must match configuration")
		return
	}
	q := u.Query()
	for k, v := range values {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

func errorPage(w http.ResponseWriter, code, words string) {
	writeRaw(w, http.StatusBadRequest, "text/html;charset=UTF-8",
		fmt.Appendf(nil, "<!doctype html><title>OAuth error</title><h1>OAuth error</h1><p>error=%s&amp;error_description=%s</p>", code, words))
}
