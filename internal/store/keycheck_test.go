package store_test

import (
	"errors"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	dsn := migrated.New(t)
	s := openStore(t, dsn, testKeys)
	other := secret.NewKey()
	if err := openStore(t, dsn, other).CheckKeys(t.Context()); err != nil {
		t.Errorf("an empty store and other keys: %v", err)
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
