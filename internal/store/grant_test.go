package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

// Two nodes with eight callers each find the session stale at once: the org is
// asked once, and all get what it gave.
func TestGrantIsRefreshedOnceOverAllNodes(t *testing.T) {
	t.Parallel()
	dsn := migrated.New(t)
	nodes := []*store.Store{openStore(t, dsn, testKeys), openStore(t, dsn, testKeys)}
	ctx := t.Context()
	id := newConnection(t, nodes[0])
	ok(t, nodes[0].SetGrant(ctx, id, auth.Grant{AccessToken: "stale", RefreshToken: "r0"}))

	var asked atomic.Int32
	refresh := func(current auth.Grant, _ auth.Credentials) (auth.Grant, error) {
		if current.AccessToken != "stale" {
			return current, nil
		}
		n := asked.Add(1)
		return auth.Grant{AccessToken: fmt.Sprintf("a%d", n), RefreshToken: fmt.Sprintf("r%d", n), InstanceURL: "https://x"}, nil
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			got, err := nodes[i%2].WithGrant(ctx, id, refresh)
			if err != nil || got.AccessToken != "a1" || got.RefreshToken != "r1" {
				t.Errorf("got %q, %v", got.AccessToken, err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("the org was asked %d times", asked.Load())
	}
	if c := must[mapping.Connection](t)(nodes[1].Connection(ctx, id)); c.Org.InstanceURL != "https://x" {
		t.Errorf("instance URL of the connection: %q", c.Org.InstanceURL)
	}
}

func TestGrantKeepsWhatIsStoredOnError(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	c := must[mapping.Connection](t)(s.CreateConnection(ctx, mapping.Connection{
		Org: mapping.Org{LoginURL: "https://login", Flow: mapping.ClientCredentials, ClientID: "id"},
	}, store.Secrets{ClientSecret: secret.NewText("cs")}))
	want := auth.Grant{AccessToken: "a", InstanceURL: "https://x", IdentityURL: "https://x/id", IssuedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	ok(t, s.SetGrant(ctx, c.ID, want))

	refused := errors.New("invalid_grant")
	var seen auth.Grant
	var creds auth.Credentials
	_, err := s.WithGrant(ctx, c.ID, func(g auth.Grant, c auth.Credentials) (auth.Grant, error) {
		seen, creds = g, c
		return auth.Grant{AccessToken: "other"}, refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("got %v, want %v", err, refused)
	}
	if !cmp.Equal(want, seen) {
		t.Errorf("grant: got %s of %s", seen, seen.IssuedAt)
	}
	wantCreds := auth.Credentials{Flow: auth.FlowClientCredentials, LoginURL: "https://login", ClientID: "id", ClientSecret: "cs"}
	if creds != wantCreds {
		t.Errorf("credentials: got %s", creds)
	}
	after, err := s.WithGrant(ctx, c.ID, func(g auth.Grant, _ auth.Credentials) (auth.Grant, error) { return g, nil })
	if err != nil || !cmp.Equal(want, after) {
		t.Errorf("after the refusal: %s, %v", after, err)
	}
	if _, err := s.WithGrant(ctx, uuid.New(), nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown connection: %v", err)
	}
}

// A refresh under way holds no lock that other work on the connection needs.
func TestGrantLockBlocksNothingElse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newConnection(t, s)
	_, err := s.WithGrant(ctx, id, func(g auth.Grant, _ auth.Credentials) (auth.Grant, error) {
		_, err := s.SetCondition(ctx, id, uuid.Nil, mapping.SFUnavailable, "slow")
		ok(t, err)
		_, err = s.UpdateConnection(ctx, id, func(c *mapping.Connection) error { c.Status.Paused = true; return nil })
		ok(t, err)
		_, err = s.Secrets(ctx, id)
		return g, err
	})
	ok(t, err)
}
