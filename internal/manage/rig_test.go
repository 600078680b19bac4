package manage_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/engine/work"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/sandbox"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	testKeys  = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	orgSecret = "sandbox-product-secret"
)

var controlTemplate = pgtest.Template("manage-control", func(ctx context.Context, dsn string) error {
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

// rig is a Service on a control database, with a user's database and an org.
// Its engine is not started: nothing is loaded.
type rig struct {
	t       *testing.T
	store   *store.Store
	service *manage.Service
	org     *sandbox.Server
	target  string
	env     map[string]string
}

// newSyncedRig is a rig with a connection whose mapping of Account has loaded.
func newSyncedRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	m, err := r.service.Mapping(t.Context(), admin(), "", "Account")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.SetStage(t.Context(), m.ID, mapping.StageSynced); err != nil {
		t.Fatal(err)
	}
	return r
}

func newRig(t *testing.T) *rig {
	t.Helper()
	keys, err := secret.Parse(testKeys)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, target: pgtest.New(t), env: map[string]string{}}
	if r.store, err = openStore(t.Context(), controlTemplate.New(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.store.Close)
	if r.org, err = sandbox.Start(t.Context(), sandbox.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.org.Close() })
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	t.Cleanup(hc.CloseIdleConnections)
	open := engine.NewOpener(engine.OpenerConfig{Store: r.store, HTTP: hc})
	e, err := engine.New(engine.Config{Store: r.store, Open: open, NodeName: "test",
		Handlers: work.New(work.Config{Store: r.store}).Handlers()})
	if err != nil {
		t.Fatal(err)
	}
	r.service = manage.New(manage.Config{
		Store: r.store, Engine: e, Open: open, Keys: keys, HTTP: hc, DBKeys: []string{"SHOP_URL"},
		Getenv: func(key string) string { return r.env[key] },
	})
	t.Cleanup(r.service.Close)
	return r
}

func (r *rig) wish() manage.NewConnection {
	return manage.NewConnection{
		AppName: "shop", ResourceName: "shop-1", DatabaseURL: secret.NewText(r.target), LoginURL: r.org.URL(),
		ClientID: sandbox.ProductClientID, ClientSecret: secret.NewText(orgSecret),
	}
}

func (r *rig) connect() mapping.Connection {
	r.t.Helper()
	c, err := r.service.CreateConnection(r.t.Context(), admin(), r.wish())
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) importing(config string) error {
	_, err := r.service.ImportConfig(r.t.Context(), admin(), "", strings.NewReader(config), false)
	return err
}

// sql runs statements in the user's database.
func (r *rig) sql(statement string) {
	r.t.Helper()
	r.query(r.target, statement)
}

func (r *rig) query(dsn, statement string) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), dsn)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.t.Context())) }()
	if _, err := conn.Exec(r.t.Context(), statement); err != nil {
		r.t.Fatal(err)
	}
}

// tables counts the tables in the user's database, but for those of PostgreSQL.
func (r *rig) tables(schemas ...string) (n int) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.target)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.t.Context())) }()
	if err := conn.QueryRow(r.t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = ANY($1)`, schemas).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) control(method, endpoint, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.org.ControlURL(endpoint), strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("%s %s: %s", method, endpoint, res.Status)
	}
}

func admin() manage.Caller { return as(store.Admin, uuid.Nil) }

func as(role store.Role, connection uuid.UUID) manage.Caller {
	return manage.Caller{Principal: access.Principal{Name: string(role), Role: role, Connection: connection}, From: "test"}
}

// text is one value of the user's database.
func (r *rig) text(query string) (out string) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.target)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.t.Context())) }()
	if err := conn.QueryRow(r.t.Context(), query).Scan(&out); err != nil {
		r.t.Fatal(err)
	}
	return out
}
