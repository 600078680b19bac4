package manage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// MaxPage is the greatest number of entries that a list gives at once.
const MaxPage = 1000

func page(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// WriteErrors lists the changes that Salesforce refused within a span (24 hours
// if zero), newest first, of the live log and the archive; of one object's
// mapping, or with "" of all.
func (s *Service) WriteErrors(ctx context.Context, c Caller, ref, object string, within time.Duration, limit int) ([]triggerlog.Entry, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	table := ""
	if object != "" {
		m, err := s.mappingOf(ctx, conn, object)
		if err != nil {
			return nil, err
		}
		table = schema.Shorten(strings.ToLower(m.ObjectName))
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil || len(mappings) == 0 {
		return nil, problem("list mappings", err)
	}
	if within <= 0 {
		within = 24 * time.Hour
	}
	db, err := s.lookAt(ctx, conn)
	if err != nil {
		return nil, problem("open the database", err)
	}
	out, err := triggerlog.In(conn.Schema).Failed(ctx, db.Pool(), table, within, page(limit))
	return out, problem("read write errors", err)
}

// LogFilter chooses events.
type LogFilter struct {
	// Object is a mapping's object name, "" for all of the connection.
	Object string
	Levels []string
	Search string
}

// Logs lists events after the given id, oldest first; with after below 0 the
// newest ones, in the same order.
func (s *Service) Logs(ctx context.Context, c Caller, ref string, f LogFilter, after int64, limit int) ([]store.Event, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	filter := store.EventFilter{Connection: conn.ID, Levels: f.Levels, Search: f.Search}
	if f.Object != "" {
		m, err := s.mappingOf(ctx, conn, f.Object)
		if err != nil {
			return nil, err
		}
		filter.Mapping = m.ID
	}
	if after >= 0 {
		out, err := s.store.Events(ctx, filter, after, page(limit))
		return out, problem("read events", err)
	}
	out, err := s.store.EventsBefore(ctx, filter, 0, page(limit))
	if err != nil {
		return nil, problem("read events", err)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// AuditTrail lists administrative changes newest first, older than before (0
// for the newest); of one connection, or with ref "" of all and the server.
func (s *Service) AuditTrail(ctx context.Context, c Caller, ref string, before int64, limit int) ([]store.AuditEntry, error) {
	connection := uuid.Nil
	if ref != "" {
		conn, err := s.Find(ctx, c, ref)
		if err != nil {
			return nil, err
		}
		connection = conn.ID
	}
	if err := problem("", c.Check(access.Administer, connection)); err != nil {
		return nil, err
	}
	out, err := s.store.AuditTrail(ctx, connection, before, page(limit))
	return out, problem("read audit trail", err)
}

// Nodes lists the processes that take turns now.
func (s *Service) Nodes(ctx context.Context, c Caller) ([]store.Node, error) {
	if err := problem("", c.Check(access.View, uuid.Nil)); err != nil {
		return nil, err
	}
	out, err := s.store.Alive(ctx, 15*time.Second)
	return out, problem("list nodes", err)
}

// Tokens lists the API tokens that the caller may see.
func (s *Service) Tokens(ctx context.Context, c Caller) ([]store.Token, error) {
	if err := problem("", c.Check(access.Administer, c.Connection)); err != nil {
		return nil, err
	}
	out, err := s.store.Tokens(ctx, c.Connection)
	return out, problem("list tokens", err)
}

// NewToken is what a token is made of.
type NewToken struct {
	Name string
	Role store.Role
	// Scopes narrow the role to the rights named; none narrows nothing.
	Scopes []string
	// Connection bounds the token to a connection by its name; "" is the server.
	Connection string
	// TTL is how long it is valid; 0 for good.
	TTL time.Duration
}

// CreateToken makes an API token. Its text can't be had again.
func (s *Service) CreateToken(ctx context.Context, c Caller, n NewToken) (string, store.Token, error) {
	t := store.Token{Name: n.Name, Role: n.Role, Scopes: n.Scopes, Connection: c.Connection}
	if n.Connection != "" {
		conn, err := s.Find(ctx, c, n.Connection)
		if err != nil {
			return "", t, err
		}
		t.Connection = conn.ID
	}
	if err := problem("", c.Check(access.Administer, t.Connection)); err != nil {
		return "", t, err
	}
	if err := n.check(); err != nil {
		return "", t, err
	}
	var text string
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		shown, kept, err := tx.CreateToken(ctx, t, n.TTL)
		if err != nil {
			return err
		}
		text, t = shown.Reveal(), kept
		return audit(ctx, tx, c, "token.create", kept.Name, kept.Connection, nil, map[string]any{
			"id": kept.ID, "role": kept.Role, "scopes": kept.Scopes, "expires_at": kept.ExpiresAt,
		})
	})
	return text, t, problem("create token", err)
}

func (n NewToken) check() error {
	var faults []Detail
	if n.Name == "" || len(n.Name) > 100 {
		faults = append(faults, Detail{Where: "name", What: "must have 1 to 100 characters"})
	}
	switch n.Role {
	case store.Viewer, store.Operator, store.Admin:
	default:
		faults = append(faults, Detail{Where: "role", What: fmt.Sprintf("%q is no role", n.Role), Fix: "use viewer, operator or admin"})
	}
	for _, scope := range n.Scopes {
		switch access.Right(scope) {
		case access.View, access.Operate, access.Administer:
		default:
			faults = append(faults, Detail{Where: "scopes", What: fmt.Sprintf("%q is no right", scope), Fix: "use view, operate or administer"})
		}
	}
	if n.TTL < 0 {
		faults = append(faults, Detail{Where: "expires_in", What: "is in the past"})
	}
	if len(faults) > 0 {
		return invalid("The token can't be made as it was asked for.", "Correct the values named.", faults...)
	}
	return nil
}

// RevokeToken ends a token at once.
func (s *Service) RevokeToken(ctx context.Context, c Caller, id uuid.UUID) error {
	all, err := s.Tokens(ctx, c)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.ID != id {
			continue
		}
		err := s.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.DeleteToken(ctx, id); err != nil {
				return err
			}
			return audit(ctx, tx, c, "token.revoke", t.Name, t.Connection, map[string]any{"id": id, "role": t.Role}, nil)
		})
		return problem("revoke token", err)
	}
	return &Problem{Kind: NotFound, What: "There is no such token."}
}

// SignInTTL is how long a sign-in link works.
const SignInTTL = 15 * time.Minute

// SignInCode makes the code of a single-use sign-in to the dashboard, with the
// caller's own role.
func (s *Service) SignInCode(ctx context.Context, c Caller) (string, error) {
	if err := problem("", c.Check(access.View, c.Connection)); err != nil {
		return "", err
	}
	if len(c.Scopes) > 0 {
		return "", &Problem{Kind: Refused, What: "A token with scopes can't sign in to the dashboard.", Fix: "Use a token without scopes."}
	}
	code, err := s.store.CreateSignIn(ctx, store.Holder{Name: c.Name, Role: c.Role, Connection: c.Connection}, SignInTTL)
	if err != nil {
		return "", fmt.Errorf("make sign-in: %w", err)
	}
	return code.Reveal(), nil
}
