package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/synclinehq/syncline/internal/store"
)

// ErrUnknown: the credential is not valid, or no longer.
var ErrUnknown = errors.New("unknown or expired credential")

// Credentials is where credentials are looked up; *store.Store is one.
type Credentials interface {
	VerifyToken(ctx context.Context, text string) (store.Token, error)
	Session(ctx context.Context, text string) (store.Holder, error)
}

// Authenticator turns credentials into principals.
type Authenticator struct{ credentials Credentials }

// NewAuthenticator makes one.
func NewAuthenticator(credentials Credentials) *Authenticator {
	return &Authenticator{credentials: credentials}
}

// Token returns who an API token stands for. ErrUnknown is for the caller to
// mend; any other error is ours, and nobody was refused.
func (a *Authenticator) Token(ctx context.Context, text string) (Principal, error) {
	token, err := a.credentials.VerifyToken(ctx, text)
	if err != nil {
		return Principal{}, refuse("API token", err)
	}
	return Principal{Name: token.Name, Role: token.Role, Connection: token.Connection, Scopes: token.Scopes}, nil
}

// Session returns whose browser session it is; errors as of Token.
func (a *Authenticator) Session(ctx context.Context, text string) (Principal, error) {
	holder, err := a.credentials.Session(ctx, text)
	if err != nil {
		return Principal{}, refuse("session", err)
	}
	return Principal{Name: holder.Name, Role: holder.Role, Connection: holder.Connection}, nil
}

func refuse(what string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: %w", what, ErrUnknown)
	}
	return fmt.Errorf("look up %s: %w", what, err)
}
