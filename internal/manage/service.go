package manage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

// Engine is what the use cases need of the engine; *engine.Engine is one.
type Engine interface {
	// Changed tells all nodes that a connection's configuration changed.
	Changed(ctx context.Context, connection uuid.UUID) error
	// Wake makes a turn due now; there being none is no error.
	Wake(ctx context.Context, key engine.Key) error
	// Activities lists the turns in hand, of one connection.
	Activities(ctx context.Context, connection uuid.UUID) ([]engine.Activity, error)
}

// Config is what a Service needs.
type Config struct {
	Store  *store.Store
	Engine Engine
	// Open opens a connection's database and org, as the engine's turns do.
	Open engine.Opener
	// Keys make the fingerprints in the audit trail.
	Keys *secret.KeyRing
	// HTTP reaches orgs while they are authorised; by salesforce.NewHTTPClient.
	HTTP *http.Client
	// DBKeys are the environment variables that a connection may name as the
	// source of its database's URL; Getenv reads them.
	DBKeys []string
	Getenv func(string) string
	// CallClient marks our calls to an org.
	CallClient string
	Clock      clock.Clock
	Logger     *slog.Logger
}

// Service has the use cases. It is safe for concurrent use.
type Service struct {
	cfg   Config
	store *store.Store
	log   *slog.Logger

	mu    sync.Mutex
	looks map[uuid.UUID]*look

	runs runs
}

// New makes a Service; Close it.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Getenv == nil {
		cfg.Getenv = func(string) string { return "" }
	}
	return &Service{cfg: cfg, store: cfg.Store, log: cfg.Logger, looks: map[uuid.UUID]*look{}}
}

// Close ends verifications under way, and the connections to databases that
// were kept for looking.
func (s *Service) Close() {
	s.runs.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.looks {
		l.db.Close()
		delete(s.looks, id)
	}
}

// Caller is who asks, and from where.
type Caller struct {
	access.Principal
	// From is an address or "command line"; it goes to the audit trail.
	From string
}

// Self is the server itself as a caller: the demo, and what happens at start.
func Self() Caller { return Caller{Principal: access.Server(), From: "server"} }

// Find returns the connection that ref names: its ID, its resource name, its
// name, or its app's name if the app has only one. With ref "" it is the only
// connection that the caller sees.
func (s *Service) Find(ctx context.Context, c Caller, ref string) (mapping.Connection, error) {
	all, err := s.Connections(ctx, c)
	if err != nil {
		return mapping.Connection{}, err
	}
	found := matching(all, ref)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return mapping.Connection{}, invalid(
			fmt.Sprintf("%d connections answer to %q.", len(found), ref), "Name one by its resource name or ID: "+names(found)+".")
	case ref == "":
		return mapping.Connection{}, &Problem{Kind: NotFound, What: "There is no connection yet.",
			Fix: "Create one: syncline connection create --help"}
	}
	fix := "There is no connection yet."
	if len(all) > 0 {
		fix = "There are: " + names(all) + "."
	}
	return mapping.Connection{}, &Problem{Kind: NotFound, What: fmt.Sprintf("There is no connection %q.", ref), Fix: fix}
}

// matching are the connections that the strongest kind of name chooses.
func matching(all []mapping.Connection, ref string) []mapping.Connection {
	if ref == "" {
		return all
	}
	kinds := []func(mapping.Connection) string{
		func(c mapping.Connection) string { return c.ID.String() },
		func(c mapping.Connection) string { return c.ResourceName },
		func(c mapping.Connection) string { return c.Name },
		func(c mapping.Connection) string { return c.AppName },
	}
	for _, name := range kinds {
		var found []mapping.Connection
		for _, c := range all {
			if strings.EqualFold(name(c), ref) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func names(connections []mapping.Connection) string {
	out := make([]string, len(connections))
	for i, c := range connections {
		out[i] = c.ResourceName
	}
	return strings.Join(out, ", ")
}

// on finds a connection and checks the right on it.
func (s *Service) on(ctx context.Context, c Caller, right access.Right, ref string) (mapping.Connection, error) {
	conn, err := s.Find(ctx, c, ref)
	if err != nil {
		return conn, err
	}
	return conn, problem("", c.Check(right, conn.ID))
}

// mappingOf finds a mapping of a connection by its object's name or its ID.
func (s *Service) mappingOf(ctx context.Context, conn mapping.Connection, object string) (mapping.Mapping, error) {
	all, err := s.store.Mappings(ctx, conn.ID)
	if err != nil {
		return mapping.Mapping{}, fmt.Errorf("list mappings: %w", err)
	}
	known := make([]string, len(all))
	for i, m := range all {
		if strings.EqualFold(m.ObjectName, object) || m.ID.String() == object {
			return m, nil
		}
		known[i] = m.ObjectName
	}
	fix := "The connection has no mappings yet; import a configuration file."
	if len(known) > 0 {
		fix = "Mapped are: " + strings.Join(known, ", ") + "."
	}
	return mapping.Mapping{}, &Problem{Kind: NotFound, What: fmt.Sprintf("There is no mapping of %q.", object), Fix: fix}
}

// session opens the connection's database and org for one use case.
func (s *Service) session(ctx context.Context, conn mapping.Connection) (*engine.Session, func(), error) {
	session, err := s.cfg.Open(ctx, conn)
	if err != nil {
		return nil, nil, problem("open connection "+conn.ResourceName, err)
	}
	return session, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if session.Closing != nil {
			session.Closing(ctx)
		}
		session.DB.Close()
	}, nil
}

// audit writes the trail in the transaction of the change.
func audit(ctx context.Context, tx *store.Tx, c Caller, action, subject string, connection uuid.UUID, before, after any) error {
	e := store.AuditEntry{Who: c.Name, From: c.From, Action: action, Subject: subject, Connection: connection}
	var err error
	if e.Before, err = trail(before); err != nil {
		return err
	}
	if e.After, err = trail(after); err != nil {
		return err
	}
	if _, err := tx.AppendAudit(ctx, e); err != nil {
		return fmt.Errorf("write audit trail: %w", err)
	}
	return nil
}

func trail(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write audit trail: %w", err)
	}
	return out, nil
}

// changed tells the engine; a node that can't be told now looks by itself
// within seconds, so it is no error of the use case.
func (s *Service) changed(ctx context.Context, connection uuid.UUID) {
	if err := s.cfg.Engine.Changed(ctx, connection); err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "nodes not told of a change", "connection", connection, "error", err)
	}
}

// event writes a line of the log that people read.
func (s *Service) event(ctx context.Context, e store.Event) {
	if e.Level == "" {
		e.Level = "info"
	}
	if err := s.store.AddEvents(ctx, []store.Event{e}); err != nil {
		s.log.WarnContext(ctx, "event not stored", "event", e.Event, "error", err)
	}
}

// look is a small pool on a connection's database, kept for asking how things
// stand.
type look struct {
	db      *target.DB
	version time.Time // UpdatedAt of the connection
}

// lookAt returns the pool of a connection; it belongs to the Service.
func (s *Service) lookAt(ctx context.Context, conn mapping.Connection) (*target.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.looks[conn.ID]; l != nil {
		if l.version.Equal(conn.UpdatedAt) {
			return l.db, nil
		}
		delete(s.looks, conn.ID)
		go l.db.Close()
	}
	url, _, err := s.store.DatabaseURL(ctx, conn.ID)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	db, err := target.Open(ctx, target.Config{
		URL: url.Reveal(), ApplicationName: "syncline status", MaxConns: 2, ConnectTimeout: 3 * time.Second,
		Limits: target.Limits{Statement: 5 * time.Second},
	})
	if err != nil {
		return nil, err
	}
	s.looks[conn.ID] = &look{db: db, version: conn.UpdatedAt}
	return db, nil
}
