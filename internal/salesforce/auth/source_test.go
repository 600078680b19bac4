package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/salesforce"
)

var (
	conn    = uuid.MustParse("7b6f3d4e-54a5-4b86-9c61-0d9a3b1c2d10")
	errDisk = errors.New("disk full")
)

// safe is a vault of one grant, as the control store keeps it.
type safe struct {
	mu    sync.Mutex
	grant Grant
	creds Credentials
	fails int // how many commits fail from now on
	opens int
}

func (s *safe) WithGrant(_ context.Context, id uuid.UUID, fn func(Grant, Credentials) (Grant, error)) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	if id != conn {
		return Grant{}, fmt.Errorf("no connection %s", id)
	}
	g, err := fn(s.grant, s.creds)
	if err != nil {
		return Grant{}, err
	}
	if s.fails > 0 {
		s.fails--
		return Grant{}, errDisk
	}
	s.grant = g
	return g, nil
}

// endpoint is a token endpoint with rotation: a refresh token works once.
type endpoint struct {
	mu      sync.Mutex
	url     string
	rotate  bool
	refresh string
	calls   int
}

func newEndpoint(t *testing.T, rotate bool) *endpoint {
	t.Helper()
	e := &endpoint{rotate: rotate, refresh: "5Aep-0"}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	e.url = srv.URL
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if r.PostFormValue("grant_type") == "refresh_token" && r.PostFormValue("refresh_token") != e.refresh {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"expired access/refresh token"}`)
		return
	}
	rotated := ""
	if e.rotate {
		e.refresh = fmt.Sprintf("5Aep-%d", e.calls)
		rotated = fmt.Sprintf(`"refresh_token":%q,`, e.refresh)
	}
	fmt.Fprintf(w, `{"access_token":"00Dxx!%d",%s"instance_url":%q,"issued_at":"1733000000000"}`, e.calls, rotated, e.url+"/")
}

func (e *endpoint) vault(flow Flow) *safe {
	v := &safe{creds: Credentials{Flow: flow, LoginURL: e.url, ClientID: "app", ClientSecret: "s3cret"}}
	if flow == FlowRefreshToken {
		v.grant = Grant{AccessToken: "00Dxx!0", RefreshToken: "5Aep-0", InstanceURL: e.url, IdentityURL: e.url + "/id/00D/005"}
	}
	return v
}

func (e *endpoint) node(v Vault) *Source {
	return NewSource(v, conn, salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true}))
}

func TestFirstTokenByClientCredentials(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, false)
	v := e.vault(FlowClientCredentials)
	s := e.node(v)
	for range 3 {
		tok, err := s.Token(t.Context())
		if err != nil || tok != (salesforce.Token{Access: "00Dxx!1", InstanceURL: e.url}) {
			t.Fatalf("token = %#v, %v", tok, err)
		}
	}
	if e.calls != 1 || v.opens != 1 || v.grant.AccessToken != "00Dxx!1" {
		t.Errorf("%d calls, %d openings of the vault, stored %v", e.calls, v.opens, v.grant.AccessToken)
	}
}

func TestStoredTokenNeedsNoCall(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, true)
	tok, err := e.node(e.vault(FlowRefreshToken)).Token(t.Context())
	if err != nil || tok.Access != "00Dxx!0" || e.calls != 0 {
		t.Fatalf("token = %#v, %v after %d calls", tok, err, e.calls)
	}
}

// Many calls on several nodes find the same session expired: one renewal.
func TestRefreshIsSingleFlightOverNodes(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, true)
	v := e.vault(FlowRefreshToken)
	stale := salesforce.Token{Access: "00Dxx!0", InstanceURL: e.url}
	nodes := []*Source{e.node(v), e.node(v), e.node(v)}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			tok, err := nodes[i%len(nodes)].Refresh(t.Context(), stale)
			if err != nil || tok.Access != "00Dxx!1" {
				t.Errorf("token = %#v, %v", tok.Access, err)
			}
		})
	}
	wg.Wait()
	if e.calls != 1 {
		t.Errorf("%d renewals, want 1", e.calls)
	}
	if v.grant.RefreshToken != "5Aep-1" || v.grant.IdentityURL == "" {
		t.Errorf("the rotated token was not stored with the rest: %q, %q", v.grant.RefreshToken, v.grant.IdentityURL)
	}
}

func TestRefreshKeepsATokenThatDoesNotRotate(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, false)
	v := e.vault(FlowRefreshToken)
	s := e.node(v)
	for n := 1; n <= 2; n++ {
		tok, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tok, err = s.Refresh(t.Context(), tok); err != nil || tok.Access != fmt.Sprintf("00Dxx!%d", n) {
			t.Fatalf("token = %#v, %v", tok, err)
		}
	}
	if v.grant.RefreshToken != "5Aep-0" {
		t.Errorf("stored %q", v.grant.RefreshToken)
	}
}

// The org rotated the token and the store could not take it: no token is
// handed out before it is stored, and the rotated one is not lost.
func TestGrantIsStoredBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, true)
	v := e.vault(FlowRefreshToken)
	v.fails = 1
	s := e.node(v)
	stale := salesforce.Token{Access: "00Dxx!0", InstanceURL: e.url}
	if tok, err := s.Refresh(t.Context(), stale); !errors.Is(err, errDisk) {
		t.Fatalf("token = %#v, %v", tok, err)
	}
	tok, err := s.Refresh(t.Context(), stale)
	if err != nil || tok.Access != "00Dxx!1" || v.grant.RefreshToken != "5Aep-1" || e.calls != 1 {
		t.Fatalf("token = %#v, %v; stored %q after %d calls", tok.Access, err, v.grant.RefreshToken, e.calls)
	}
}

func TestRefreshFailsWithSalesforcesWords(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, true)
	v := e.vault(FlowRefreshToken)
	v.grant.RefreshToken = "revoked"
	_, err := e.node(v).Refresh(t.Context(), salesforce.Token{Access: "00Dxx!0"})
	se, ok := errors.AsType[*salesforce.Error](err)
	if !ok || se.Class != salesforce.Reauthorize || se.Code != "invalid_grant" || se.Message != "expired access/refresh token" {
		t.Fatalf("error = %v", err)
	}
	v.grant = Grant{}
	if _, err := e.node(v).Token(t.Context()); salesforce.ClassOf(err) != salesforce.Reauthorize {
		t.Errorf("without consent: error = %v", err)
	}
	v.creds.Flow = "password"
	if _, err := e.node(v).Token(t.Context()); !errors.Is(err, errNoFlow) {
		t.Errorf("unknown flow: error = %v", err)
	}
}

// Whoever asked may leave; the renewal goes on and is stored.
func TestRenewalOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	var calls atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			close(arrived)
		}
		<-release
		fmt.Fprintf(w, `{"access_token":"00Dxx!1","refresh_token":"5Aep-1","instance_url":%q}`, srv.URL)
	}))
	defer srv.Close()
	e := &endpoint{url: srv.URL}
	v := e.vault(FlowRefreshToken)
	s := e.node(v)
	stale := salesforce.Token{Access: "00Dxx!0"}
	failed := make(chan error)
	go func() {
		_, err := s.Refresh(ctx, stale)
		failed <- err
	}()
	<-arrived
	leave()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v", err)
	}
	close(release)
	tok, err := s.Refresh(t.Context(), stale)
	if err != nil || tok.Access != "00Dxx!1" || calls.Load() != 1 {
		t.Fatalf("token = %#v, %v after %d calls", tok, err, calls.Load())
	}
}
