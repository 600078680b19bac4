package rest

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var consentPage = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Allow access? | Sandbox Org</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem;color:#181818}
button{font:inherit;padding:.5rem 1.5rem;margin-right:.5rem;border:1px solid #0176d3;border-radius:.25rem;cursor:pointer}
button[value=allow]{background:#0176d3;color:#fff}button[value=deny]{background:#fff;color:#0176d3}
select{font:inherit;padding:.25rem}</style></head>
<body><h1>Allow access?</h1>
<p><strong>{{.Client}}</strong> asks to:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post" action="/services/oauth2/authorize">
{{range $k, $v := .Hidden}}<input type="hidden" name="{{$k}}" value="{{$v}}">{{end}}
<p><label>Log in as <select name="username">{{range .Users}}<option>{{.}}</option>{{end}}</select></label></p>
<p><button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></p>
</form></body></html>`))

var scopeWords = map[string]string{
	"api": "Manage user data via APIs", "refresh_token": "Perform requests at any time",
	"offline_access": "Perform requests at any time", "openid": "Access unique user identifiers",
	"id": "Access the identity URL service", "full": "Full access",
}

// authorize is the browser's end of the web-server flow: the consent page on
// GET, its answer on POST.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		errorPage(w, "invalid_request", "form could not be read")
		return
	}
	client := s.clients.find(r.Form.Get("client_id"))
	if client == nil {
		errorPage(w, "invalid_client_id", "client identifier invalid")
		return
	}
	target := r.Form.Get("redirect_uri")
	if target == "" || len(client.RedirectURIs) > 0 && !slices.Contains(client.RedirectURIs, target) {
		errorPage(w, "redirect_uri_mismatch", "redirect_uri must match configuration")
		return
	}
	if r.Form.Get("response_type") != "code" {
		redirect(w, r, target, url.Values{"error": {"unsupported_response_type"}, "state": {r.Form.Get("state")}})
		return
	}
	if m := r.Form.Get("code_challenge_method"); m != "" && m != "S256" {
		redirect(w, r, target, url.Values{"error": {"invalid_request"}, "error_description": {"code challenge method not supported"}, "state": {r.Form.Get("state")}})
		return
	}
	if r.Method == http.MethodPost {
		s.decide(w, r, client, target)
		return
	}
	s.askConsent(w, r, client)
}

func (s *Server) askConsent(w http.ResponseWriter, r *http.Request, client *Client) {
	hidden := map[string]string{}
	for _, k := range []string{"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "nonce"} {
		if v := r.Form.Get(k); v != "" {
			hidden[k] = v
		}
	}
	scopes := []string{}
	for _, sc := range scopeList(r.Form.Get("scope")) {
		words := scopeWords[sc]
		if words == "" {
			words = sc
		}
		if !slices.Contains(scopes, words) {
			scopes = append(scopes, words)
		}
	}
	first := client.RunAs
	if u, ok := s.org.User(r.Form.Get("login_hint")); ok {
		first = u.Username
	}
	users := []string{first}
	for _, u := range s.org.Users() {
		if u.Username != first {
			users = append(users, u.Username)
		}
	}
	name := client.Name
	if name == "" {
		name = client.ID
	}
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = consentPage.Execute(w, map[string]any{"Client": name, "Scopes": scopes, "Hidden": hidden, "Users": users})
}

// decide answers the consent page.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, client *Client, target string) {
	state := r.Form.Get("state")
	if r.Form.Get("decision") != "allow" {
		redirect(w, r, target, url.Values{"error": {"access_denied"}, "error_description": {"end-user denied authorization"}, "state": {state}})
		return
	}
	username := r.Form.Get("username")
	if username == "" {
		username = client.RunAs
	}
	user, ok := s.org.User(username)
	if !ok {
		redirect(w, r, target, url.Values{"error": {"inactive_user"}, "state": {state}})
		return
	}
	scope := r.Form.Get("scope")
	if scope == "" {
		scope = "api refresh_token"
	}
	code := s.sessions.newCode(&grant{
		userID: user.ID, client: client, scope: scope, redirectURI: target, challenge: r.Form.Get("code_challenge"), nonce: r.Form.Get("nonce"),
	})
	values := url.Values{"code": {code}}
	if state != "" {
		values.Set("state", state)
	}
	redirect(w, r, target, values)
}

func scopeList(scope string) []string {
	if scope == "" {
		scope = "api refresh_token"
	}
	return strings.Fields(scope)
}
