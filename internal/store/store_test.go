package store_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// testKeys is a ring of one key that is the same in every test.
const testKeys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

var migrated = pgtest.Template("control-store", func(ctx context.Context, dsn string) error {
	keys, err := secret.Parse(testKeys)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: secret.NewText(dsn), Keys: keys})
	if err != nil {
		return err
	}
	s.Close()
	return nil
})

// newStore opens a control store of the test's own.
func newStore(t testing.TB) *store.Store {
	t.Helper()
	return openStore(t, migrated.New(t), testKeys)
}

func openStore(t testing.TB, dsn, keys string) *store.Store {
	t.Helper()
	ring, err := secret.Parse(keys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: secret.NewText(dsn), Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newConnection stores a connection and returns its id.
func newConnection(t testing.TB, s *store.Store) uuid.UUID {
	t.Helper()
	c, err := s.CreateConnection(t.Context(), mapping.Connection{AppName: "app"}, store.Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// newMapping stores a mapping of object and returns its id.
func newMapping(t testing.TB, s *store.Store, connection uuid.UUID, object string) uuid.UUID {
	t.Helper()
	m, err := s.CreateMapping(t.Context(), mapping.Mapping{
		ConnectionID: connection, ObjectName: object, Access: mapping.ReadWrite, Fields: []string{"Id", "Name"}, PollSeconds: 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// must returns the value of a call that may not fail.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
