package rest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// session is one access token and what it stands for.
type session struct {
	Token    string
	UserID   string
	Client   *Client
	Scope    string
	IssuedAt time.Time
	lastUsed time.Time
	refresh  string
}

// grant is what an authorisation code or a refresh token can be exchanged for.
type grant struct {
	userID      string
	client      *Client
	scope       string
	redirectURI string
	challenge   string
	nonce       string
	issuedAt    time.Time
}

// sessions keeps codes, refresh tokens and access tokens.
type sessions struct {
	clock *org.Clock
	orgID string

	mu      sync.Mutex
	life    time.Duration // of inactivity; 0 means two hours
	access  map[string]*session
	refresh map[string]*grant
	codes   map[string]*grant
}

func newSessions(clock *org.Clock, orgID string) *sessions {
	return &sessions{
		clock: clock, orgID: orgID,
		access: map[string]*session{}, refresh: map[string]*grant{}, codes: map[string]*grant{},
	}
}

func randomToken(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func alnumToken(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// span is how long a session lives unused.
func (s *sessions) span() time.Duration {
	if s.life == 0 {
		return 2 * time.Hour
	}
	return s.life
}

// open makes a new access token for a grant.
func (s *sessions) open(g *grant, refresh string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	ses := &session{
		Token:  s.orgID[:15] + "!AR8AQ" + alnumToken(32),
		UserID: g.userID, Client: g.client, Scope: g.scope,
		IssuedAt: now, lastUsed: now, refresh: refresh,
	}
	s.access[ses.Token] = ses
	return ses
}

// setLife sets how long a session lives unused; 0 is two hours.
func (s *sessions) setLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = d
}

// check finds the session of a token and extends it.
func (s *sessions) check(token string) (*session, bool) { return s.look(token, true) }

// look finds the session of a token; using it extends its life.
func (s *sessions) look(token string, using bool) (*session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses, ok := s.access[token]
	if !ok {
		return nil, false
	}
	now := s.clock.Now()
	if now.Sub(ses.lastUsed) > s.span() {
		delete(s.access, token)
		return nil, false
	}
	if using {
		ses.lastUsed = now
	}
	return ses, true
}

// until is when a session ends if it is not used.
func (s *sessions) until(ses *session) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ses.lastUsed.Add(s.span())
}

// grantOf finds what a refresh token stands for.
func (s *sessions) grantOf(refresh string) (*grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.refresh[refresh]
	return g, ok
}

// end kills one access token; used by faults that expire a session for good.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.access, token)
}

// endAll kills every access token of a client, or all with "".
func (s *sessions) endAll(client string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for t, ses := range s.access {
		if client == "" || ses.Client.ID == client {
			delete(s.access, t)
			n++
		}
	}
	return n
}

func (s *sessions) newCode(g *grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := "aPrx" + randomToken(30) + "=="
	g.issuedAt = s.clock.Now()
	s.codes[code] = g
	return code
}

// takeCode redeems an authorisation code, once and within 15 minutes.
func (s *sessions) takeCode(code string) (*grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.codes[code]
	delete(s.codes, code)
	if !ok || s.clock.Now().Sub(g.issuedAt) > 15*time.Minute {
		return nil, false
	}
	return g, true
}

// newRefresh stores a grant under a new refresh token; a sixth approval of
// one user and client evicts the oldest.
func (s *sessions) newRefresh(g *grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.issuedAt = s.clock.Now()
	var oldest string
	n := 0
	for t, o := range s.refresh {
		if o.userID != g.userID || o.client.ID != g.client.ID {
			continue
		}
		n++
		if oldest == "" || o.issuedAt.Before(s.refresh[oldest].issuedAt) {
			oldest = t
		}
	}
	if n >= 5 {
		delete(s.refresh, oldest)
	}
	token := "5Aep861" + randomToken(50)
	s.refresh[token] = g
	return token
}

// useRefresh finds the grant of a refresh token, and with rotate replaces the
// token by the returned one.
func (s *sessions) useRefresh(token string, client *Client, rotate bool) (g *grant, next string, ok bool) {
	s.mu.Lock()
	g, ok = s.refresh[token]
	ok = ok && g.client.ID == client.ID
	if !ok || !rotate {
		s.mu.Unlock()
		return g, token, ok
	}
	delete(s.refresh, token)
	s.mu.Unlock()
	fresh := *g
	return g, s.newRefresh(&fresh), true
}

// revoke ends an access token, or a refresh token with its access tokens.
func (s *sessions) revoke(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.access[token]; ok {
		delete(s.access, token)
		return true
	}
	if _, ok := s.refresh[token]; !ok {
		return false
	}
	delete(s.refresh, token)
	for t, ses := range s.access {
		if ses.refresh == token {
			delete(s.access, t)
		}
	}
	return true
}

// pkceMatches checks a code verifier against its S256 challenge.
func pkceMatches(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}
