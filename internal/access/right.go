package access

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

// Right is what a use case asks for. Its name is also a token's scope.
type Right string

// The rights.
const (
	// View: read everything but secrets.
	View Right = "view"
	// Operate: pause, resume, reload, retry; nothing that changes what is
	// synced.
	Operate Right = "operate"
	// Administer: configure, authorise, delete, hand out rights.
	Administer Right = "administer"
)

// Principal is who asks.
type Principal struct {
	// Name stands in the audit trail: a user's or a token's.
	Name string
	Role store.Role
	// Connection bounds the role to one connection; uuid.Nil is the server.
	Connection uuid.UUID
	// Scopes narrow the role to the rights that they name; none narrows
	// nothing. A name that is no right allows nothing.
	Scopes []string
}

// Server is the server itself, in what it does without being asked.
func Server() Principal { return Principal{Name: "syncline", Role: store.Admin} }

// ErrRefused is in every error of Check.
var ErrRefused = errors.New("not allowed")

// Check returns nil if the principal has the right on a connection, or with
// uuid.Nil on the server as a whole. Otherwise the error says what is missing.
func (p Principal) Check(right Right, connection uuid.UUID) error {
	needed, known := roleFor(right)
	switch {
	case !known:
		return fmt.Errorf("%w: there is no right %q", ErrRefused, right)
	case p.Connection != uuid.Nil && connection == uuid.Nil:
		return fmt.Errorf("%w: %s has rights on one connection only, this needs one on the server", ErrRefused, p.Name)
	case !p.Sees(connection):
		return fmt.Errorf("%w: %s has no rights on this connection", ErrRefused, p.Name)
	case rank(p.Role) < rank(needed):
		return fmt.Errorf("%w: %s has the role %s, this needs %s", ErrRefused, p.Name, p.Role, needed)
	case len(p.Scopes) > 0 && !slices.Contains(p.Scopes, string(right)):
		return fmt.Errorf("%w: the token %s lacks the scope %s", ErrRefused, p.Name, right)
	}
	return nil
}

// Sees says whether a connection may be listed to the principal at all.
func (p Principal) Sees(connection uuid.UUID) bool {
	return p.Connection == uuid.Nil || p.Connection == connection
}

// roleFor is the lowest role that includes a right.
func roleFor(right Right) (store.Role, bool) {
	switch right {
	case View:
		return store.Viewer, true
	case Operate:
		return store.Operator, true
	case Administer:
		return store.Admin, true
	}
	return "", false
}

// rank orders the roles; an unknown one is below all.
func rank(role store.Role) int {
	return slices.Index([]store.Role{store.Viewer, store.Operator, store.Admin}, role)
}
