package auth

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// renewTimeout bounds a renewal, the wait for the vault's lock included.
const renewTimeout = 90 * time.Second

// Vault keeps the grants of all connections, for all nodes.
type Vault interface {
	// WithGrant locks a connection's grant against every other node, calls fn
	// with what is stored, stores what fn returns (unless it is the same), and
	// returns it once that is committed. If fn fails, nothing is stored and its
	// error is returned, wrapped or not. A connection without a grant has an
	// empty one.
	WithGrant(ctx context.Context, connection uuid.UUID, fn func(current Grant, creds Credentials) (Grant, error)) (Grant, error)
}

// Source is the salesforce.TokenSource of one connection. It keeps the newest
// session in memory; the vault decides which one that is.
type Source struct {
	vault      Vault
	connection uuid.UUID
	http       *http.Client

	group singleflight.Group
	turn  sync.Mutex // one conversation with the vault at a time

	mu     sync.Mutex
	cached Grant

	// unsaved is a grant that the org gave and the vault did not take, and the
	// access token that it replaces. A rotated refresh token exists nowhere
	// else: it is stored at the next chance. Guarded by turn.
	unsaved  Grant
	replaces string
}

var _ salesforce.TokenSource = (*Source)(nil)

// NewSource makes the source of a connection; hc is by salesforce.NewHTTPClient.
func NewSource(vault Vault, connection uuid.UUID, hc *http.Client) *Source {
	return &Source{vault: vault, connection: connection, http: hc}
}

// Token returns the session in memory, or the vault's, or a first new one.
func (s *Source) Token(ctx context.Context) (salesforce.Token, error) {
	if g := s.newest(); g.AccessToken != "" {
		return g.Token(), nil
	}
	return s.renew(ctx, "")
}

// Refresh returns a session other than stale. Calls at the same time share one
// renewal, on this node by waiting for it and on others by the vault's lock.
func (s *Source) Refresh(ctx context.Context, stale salesforce.Token) (salesforce.Token, error) {
	if g := s.newest(); g.AccessToken != "" && g.AccessToken != stale.Access {
		return g.Token(), nil
	}
	return s.renew(ctx, stale.Access)
}

func (s *Source) newest() Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cached
}

// renew runs apart from ctx: a renewal that is broken off after the org rotated
// the refresh token would lose the connection. Whoever asked may leave.
func (s *Source) renew(ctx context.Context, stale string) (salesforce.Token, error) {
	ch := s.group.DoChan(stale, func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
		defer cancel()
		return s.fromVault(own, stale)
	})
	select {
	case <-ctx.Done():
		return salesforce.Token{}, fmt.Errorf("wait for a session: %w", ctx.Err())
	case r := <-ch:
		if r.Err != nil {
			return salesforce.Token{}, r.Err
		}
		return r.Val.(Grant).Token(), nil
	}
}

// fromVault takes the vault's session if it is another than stale, and else
// gets a new one from the org.
func (s *Source) fromVault(ctx context.Context, stale string) (Grant, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if g := s.newest(); g.AccessToken != "" && g.AccessToken != stale {
		return g, nil
	}
	g, err := s.vault.WithGrant(ctx, s.connection, func(current Grant, creds Credentials) (Grant, error) {
		if s.unsaved.AccessToken != "" && current.AccessToken == s.replaces {
			return s.unsaved, nil
		}
		if current.AccessToken != "" && current.AccessToken != stale {
			return current, nil
		}
		g, err := s.ask(ctx, current, creds)
		if err != nil {
			return Grant{}, err
		}
		s.unsaved, s.replaces = g, current.AccessToken
		crash.Point(crash.AuthAfterRefreshBeforeStore)
		return g, nil
	})
	if err != nil {
		return Grant{}, fmt.Errorf("get a session for connection %s: %w", s.connection, err)
	}
	s.unsaved, s.replaces = Grant{}, ""
	s.mu.Lock()
	s.cached = g
	s.mu.Unlock()
	return g, nil
}

// ask gets a new session by the connection's flow and keeps of the old grant
// what the reply leaves out.
func (s *Source) ask(ctx context.Context, current Grant, creds Credentials) (Grant, error) {
	switch creds.Flow {
	case FlowClientCredentials:
		return ClientCredentials(ctx, s.http, creds.LoginURL, creds.ClientID, creds.ClientSecret)
	case FlowRefreshToken:
		if current.RefreshToken == "" {
			return Grant{}, errUnauthorized
		}
		g, err := Refresh(ctx, s.http, creds.LoginURL, creds.ClientID, creds.ClientSecret, current.RefreshToken)
		if err != nil {
			return Grant{}, err
		}
		if g.RefreshToken == "" {
			g.RefreshToken = current.RefreshToken
		}
		if g.IdentityURL == "" {
			g.IdentityURL = current.IdentityURL
		}
		return g, nil
	default:
		return Grant{}, fmt.Errorf("%w: %q", errNoFlow, creds.Flow)
	}
}
