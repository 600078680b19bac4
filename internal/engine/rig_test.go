package engine_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(pgtest.Wrap(m))
}

// patience is how long a test waits for what must come, on a machine that has
// much else to do.
const patience = 2 * time.Minute

const testKeys = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

var controlTemplate = pgtest.Template("engine-control", func(ctx context.Context, dsn string) error {
	s, err := openStore(ctx, dsn)
	if err != nil {
		return err
	}
	s.Close()
	return nil
})

func openStore(ctx context.Context, dsn string) (*store.Store, error) {
	keys, err := secret.Parse(testKeys)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Config{URL: secret.NewText(dsn), Keys: keys})
}

// rig is a control database, a user's database, and the engines on them.
type rig struct {
	t       testing.TB
	control string
	target  string
	store   *store.Store
	// settings of the engines that are started.
	settings engine.Settings
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, control: controlTemplate.New(t), target: pgtest.New(t), settings: engine.Settings{
		TTL: 6 * time.Second, Guard: 100 * time.Millisecond, SoftStop: time.Second,
		RetryMin: 20 * time.Millisecond, RetryMax: 100 * time.Millisecond,
	}}
	r.store = r.openStore()
	return r
}

func (r *rig) openStore() *store.Store {
	r.t.Helper()
	s, err := openStore(r.t.Context(), r.control)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.Close)
	return s
}

// connect makes an authorised connection with one synced mapping that is read
// and written.
func (r *rig) connect(name string) (mapping.Connection, mapping.Mapping) {
	r.t.Helper()
	c, err := r.store.CreateConnection(r.t.Context(), mapping.Connection{
		Name: name, AppName: "app", ResourceName: name, Status: mapping.Status{Stage: mapping.StageAuthorized},
	}, store.Secrets{DatabaseURL: secret.NewText(r.target)})
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := r.store.CreateMapping(r.t.Context(), mapping.Mapping{
		ConnectionID: c.ID, ObjectName: "Account", Access: mapping.ReadWrite, Fields: []string{"Id"},
		PollSeconds: 600, Status: mapping.Status{Stage: mapping.StageSynced},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return c, m
}

// openDatabase is the opener of the tests: a database and no org.
func (r *rig) openDatabase(ctx context.Context, _ mapping.Connection) (*engine.Session, error) {
	db, err := target.Open(ctx, target.Config{URL: r.target, MaxConns: 3})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return &engine.Session{DB: db}, nil
}

// start runs an engine with the handlers; change may alter its configuration.
func (r *rig) start(handlers map[string]engine.Handler, change ...func(*engine.Config)) *engine.Engine {
	r.t.Helper()
	cfg := engine.Config{
		Store: r.openStore(), Handlers: handlers, Open: r.openDatabase, NodeName: "test", Settings: r.settings,
		Logger: slog.New(slog.NewTextHandler(r.t.Output(), nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	e, err := engine.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := e.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.stop(e) })
	return e
}

func (r *rig) stop(e *engine.Engine) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		r.t.Errorf("stop: %v", err)
	}
}

func (r *rig) connection(id uuid.UUID) mapping.Connection {
	r.t.Helper()
	c, err := r.store.Connection(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// eventually waits until ok holds.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %s", what, patience)
		panic("unreachable")
	}
}

// idle is a handler with nothing to do.
func idle(context.Context, *engine.Turn) (engine.Next, error) {
	return engine.Next{After: time.Hour}, nil
}
