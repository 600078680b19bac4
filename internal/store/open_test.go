package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

// open is Open without a clean-up for when it fails.
func open(t *testing.T, url string) (*store.Store, error) {
	t.Helper()
	keys, err := secret.Parse(testKeys)
	ok(t, err)
	return store.Open(t.Context(), store.Config{URL: secret.NewText(url), Keys: keys})
}

func TestNodesThatStartAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	ids := make([]uuid.UUID, 4)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s, err := open(t, dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			server, err := s.Server(t.Context())
			if err != nil {
				t.Error(err)
			}
			ids[i] = server.ControlID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == uuid.Nil {
			t.Errorf("control ids differ: %v", ids)
		}
	}
}

func TestServerGeneration(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if got := must[store.Server](t)(s.Server(t.Context())); got.Generation != 1 {
		t.Errorf("first generation %d", got.Generation)
	}
	if got := must[int64](t)(s.RaiseServerGeneration(t.Context(), 5)); got != 6 {
		t.Errorf("above 5: %d", got)
	}
	if got := must[int64](t)(s.RaiseServerGeneration(t.Context(), 2)); got != 7 {
		t.Errorf("once more: %d", got)
	}
}

func TestEverythingIsInOneSchema(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var elsewhere []string
	ok(t, s.Pool().QueryRow(t.Context(), `SELECT array_agg(schemaname || '.' || tablename) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema', $1)`, store.Schema).Scan(&elsewhere))
	if elsewhere != nil {
		t.Errorf("tables outside the schema: %v", elsewhere)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	poor := withoutRights(t, dsn)
	future := migrated.New(t)
	ok(t, execute(t.Context(), future, `INSERT INTO syncline.migration (version_id, is_applied) VALUES (9999, true)`))
	tests := map[string]struct{ url, want string }{
		"nothing":           {"", "no database URL given"},
		"not a URL":         {"postgres://user:hunter2@host:port/x", "can't be read"},
		"nobody answers":    {"postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=2", "127.0.0.1"},
		"no rights":         {poor, "GRANT CREATE ON DATABASE"},
		"a newer one there": {future, "a newer Syncline has migrated it"},
	}
	for name, tt := range tests {
		s, err := open(t, tt.url)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %q, want %q in it and no password", name, err, tt.want)
		}
	}
	if _, err := store.Open(t.Context(), store.Config{URL: secret.NewText(dsn)}); err == nil || !strings.Contains(err.Error(), "key ring") {
		t.Errorf("without keys: %v", err)
	}
}

// withoutRights gives the database's URL for a role that may only connect.
func withoutRights(t *testing.T, dsn string) string {
	t.Helper()
	role := "poor_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	config, err := pgx.ParseConfig(dsn)
	ok(t, err)
	ok(t, execute(t.Context(), dsn, `CREATE ROLE `+role+` LOGIN PASSWORD 'hunter2'`))
	t.Cleanup(func() { ok(t, execute(context.WithoutCancel(t.Context()), dsn, `DROP ROLE `+role)) })
	return strings.Replace(dsn, config.User+":"+config.Password+"@", role+":hunter2@", 1)
}

func execute(ctx context.Context, dsn, sql string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
