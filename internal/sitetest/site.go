// Package sitetest gives a test its site: a sandbox org, a database of its own
// with mapped tables, a client between them, and sessions as an application has
// them.
package sitetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
	sandboxschema "github.com/synclinehq/syncline/sandbox/schema"
)

// Site is an org and a database of one test.
type Site struct {
	testing.TB
	Sandbox    *sandbox.Server
	Org        *salesforce.Client
	DB         *target.DB
	Connection mapping.Connection

	dsn  string
	user *org.User
}

// New starts an org and opens a database without mapped tables. The client can
// be given other settings.
func New(t testing.TB, o sandbox.Options, change ...func(*salesforce.Config)) *Site {
	t.Helper()
	s := start(t, o, change)
	s.Connection = mapping.Connection{ID: uuid.New(), Schema: "salesforce"}
	s.DB, s.dsn = OpenDatabase(t)
	return s
}

// NewMapped is New with the tables of m.
func NewMapped(t testing.TB, m *Mapped, o sandbox.Options, change ...func(*salesforce.Config)) *Site {
	t.Helper()
	s := start(t, o, change)
	s.Connection = m.connection
	if err := m.resolve(s.describe); err != nil {
		t.Fatal(err)
	}
	s.DB, s.dsn = openCopy(t, m.template)
	return s
}

// start starts an org with a client.
func start(t testing.TB, o sandbox.Options, change []func(*salesforce.Config)) *Site {
	t.Helper()
	o.Seed = max(o.Seed, 1)
	server, err := sandbox.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		_ = server.Close()
	})
	s := &Site{TB: t, Sandbox: server}
	var ok bool
	if s.user, ok = server.Org.User(org.DemoUser); !ok {
		t.Fatal("the org has no demo user")
	}
	v := &vault{creds: auth.Credentials{
		Flow: auth.FlowClientCredentials, LoginURL: server.URL(), ClientID: server.Clients[0].ID, ClientSecret: server.Clients[0].Secret,
	}}
	cfg := salesforce.Config{
		Tokens: auth.NewSource(v, uuid.New(), hc), HTTP: hc, CallClient: "syncline",
		RetryBase: time.Millisecond, MaxRetries: 1,
	}
	for _, f := range change {
		f(&cfg)
	}
	if _, err := cfg.Tokens.Token(t.Context()); err != nil { // no fault that the test sets meets the sign-in
		t.Fatal(err)
	}
	s.Org = salesforce.New(cfg)
	return s
}

// NoRetries has the client hand on every error.
func NoRetries(c *salesforce.Config) { c.MaxRetries = -1 }

func (s *Site) describe(object string) (*sobject.Object, error) {
	return s.Org.Describe(s.Context(), object)
}

// Fence raises a fence of the kind to a number.
func (s *Site) Fence(kind string, number int64) target.Fence {
	s.Helper()
	f := target.Fence{Connection: s.Connection.ID, Kind: kind, Number: number}
	if err := s.DB.Raise(s.Context(), f); err != nil {
		s.Fatal(err)
	}
	return f
}

// Table maps fields of an object read-write and makes its table. upsert is the
// unique identifier, "" for none.
func (s *Site) Table(object, upsert string, fields ...string) *mapping.Table {
	s.Helper()
	m := mapping.Mapping{
		ID: uuid.New(), ConnectionID: s.Connection.ID, ObjectName: object, Access: mapping.ReadWrite,
		Fields: fields, UpsertField: upsert, PollSeconds: 2,
	}
	if upsert != "" {
		m.Indexes = map[string]mapping.Index{upsert: {Unique: true}}
	}
	return s.TableOf(m)
}

// TableOf makes the table of a mapping.
func (s *Site) TableOf(m mapping.Mapping) *mapping.Table {
	s.Helper()
	t, err := mapping.Resolve(m, s.describe)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := schema.Apply(s.Context(), s.DB, s.Connection, []*mapping.Table{t}); err != nil {
		s.Fatal(err)
	}
	return t
}

// Seed fills an object with made-up records.
func (s *Site) Seed(object string, rows int) {
	s.Helper()
	if _, err := s.Sandbox.Org.Seed(org.SeedPlan{Object: object, Rows: rows, Seed: 7, Past: true}); err != nil {
		s.Fatal(err)
	}
}

// Tx runs fn as one transaction of the org's demo user.
func (s *Site) Tx(fn func(tx *org.Tx) error) {
	s.Helper()
	tx := s.Sandbox.Org.Begin(s.Actor())
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		s.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		s.Fatal(err)
	}
}

// Insert makes a record. Fields come in pairs of name and value.
func (s *Site) Insert(object string, fields ...any) (id string) {
	s.Helper()
	s.Tx(func(tx *org.Tx) (err error) {
		id, err = tx.Insert(s.Object(object), Body(fields...))
		return err
	})
	return id
}

// Update changes a record.
func (s *Site) Update(object, id string, fields ...any) {
	s.Helper()
	s.Tx(func(tx *org.Tx) error { return tx.Update(s.Object(object), id, Body(fields...)) })
}

// Delete puts a record into the bin.
func (s *Site) Delete(object, id string) {
	s.Helper()
	s.Tx(func(tx *org.Tx) error { return tx.Delete(s.Object(object), id) })
}

// Body makes a record body of pairs of name and value.
func Body(fields ...any) org.Body {
	var b org.Body
	for i := 0; i+1 < len(fields); i += 2 {
		name, _ := fields[i].(string)
		b = append(b, org.Input{Name: name, Raw: fields[i+1]})
	}
	return b
}

// Fault puts a fault in force, as the control plane takes it.
func (s *Site) Fault(fault string) { s.control(http.MethodPost, "faults", fault) }

// Faultless ends all faults.
func (s *Site) Faultless() { s.control(http.MethodDelete, "faults", "") }

// Calls is the number of calls that the org has counted of the product.
func (s *Site) Calls() (n int64) {
	s.Helper()
	for _, of := range s.CallKinds() {
		n += of
	}
	return n
}

// CallKinds is Calls by the sandbox org's kinds of call.
func (s *Site) CallKinds() map[string]int64 {
	s.Helper()
	var report struct{ Clients map[string]map[string]int64 }
	if err := json.Unmarshal(s.control(http.MethodGet, "calls", ""), &report); err != nil {
		s.Fatal(err)
	}
	return report.Clients[s.Sandbox.Clients[0].ID]
}

func (s *Site) control(method, endpoint, body string) []byte {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.Sandbox.ControlURL(endpoint), strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		s.Fatalf("%s %s: %s %s %v", method, endpoint, resp.Status, bytes.TrimSpace(text), err)
	}
	return text
}

// App opens a session as an application has it.
func (s *Site) App() *Session {
	s.Helper()
	return Connect(s.TB, s.dsn)
}

// Run executes statements as the application, in a session of their own.
func (s *Site) Run(sql string) {
	s.Helper()
	app := s.App()
	app.Run(sql)
	_ = app.Close(s.Context())
}

// InOrg reads records as the client sees them, each as a line of JSON.
func (s *Site) InOrg(soql string) string {
	s.Helper()
	rows, err := s.Org.QueryMaps(s.Context(), soql, false)
	if err != nil {
		s.Fatal(err)
	}
	var b strings.Builder
	for _, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			s.Fatal(err)
		}
		b.Write(line)
		b.WriteString("\n")
	}
	return b.String()
}

// One reads one value as text; "" is NULL.
func (s *Site) One(sql string, args ...any) string {
	s.Helper()
	var v *string
	if err := s.DB.Pool().QueryRow(s.Context(), "SELECT ("+sql+")::text", args...).Scan(&v); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	if v == nil {
		return ""
	}
	return *v
}

// vault keeps one grant in memory.
type vault struct {
	grant auth.Grant
	creds auth.Credentials
	mu    sync.Mutex
}

// WithGrant runs fn on the grant.
func (v *vault) WithGrant(_ context.Context, _ uuid.UUID, fn func(auth.Grant, auth.Credentials) (auth.Grant, error)) (auth.Grant, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g, err := fn(v.grant, v.creds)
	if err == nil {
		v.grant = g
	}
	return g, err
}

// Actor is the org's demo user, for transactions that a test ends itself.
func (s *Site) Actor() *org.Actor {
	return &org.Actor{User: s.user, OAuthClient: sandbox.DemoClientID}
}

// Object is an object of the org's schema.
func (s *Site) Object(name string) *sandboxschema.Object {
	s.Helper()
	o, ok := s.Sandbox.Org.Catalog.Object(name)
	if !ok {
		s.Fatalf("the org has no object %s", name)
	}
	return o
}

// DSN is the connection string of the test's database.
func (s *Site) DSN() string { return s.dsn }
