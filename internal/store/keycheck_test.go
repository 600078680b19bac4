package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	dsn := migrated.New(t)
	s := openStore(t, dsn, testKeys)
	other := secret.NewKey()
	ok(t, openStore(t, dsn, other).CheckKeys(t.Context())) // an empty store takes any
	ok(t, s.CheckKeys(t.Context()))                        // and others, while no node runs
	ok(t, s.Heartbeat(t.Context(), store.Node{ID: uuid.New()}))
	ok(t, s.CheckKeys(t.Context()))
	if err := openStore(t, dsn, other).CheckKeys(t.Context()); !errors.Is(err, store.ErrOtherKeys) {
		t.Errorf("other keys beside a node that runs: %v, want ErrOtherKeys", err)
	}
	_, err := s.CreateConnection(t.Context(), mapping.Connection{AppName: "app"}, store.Secrets{DatabaseURL: secret.NewText("postgres://x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckKeys(t.Context()); err != nil {
		t.Errorf("the store's own keys: %v", err)
	}
	if err := openStore(t, dsn, other+","+testKeys).CheckKeys(t.Context()); err != nil {
		t.Errorf("a ring with the store's key and a new one: %v", err)
	}
	if err := openStore(t, dsn, other).CheckKeys(t.Context()); !errors.Is(err, store.ErrOtherKeys) {
		t.Errorf("other keys: %v, want ErrOtherKeys", err)
	}
}
