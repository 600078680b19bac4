package salesforce

import (
	"context"
	"log/slog"
)

// Token is what a request needs to reach the org: a session and the address
// that it is for. The session never appears in logs or in %v.
type Token struct {
	Access string
	// InstanceURL is scheme and host of the org, without a path.
	InstanceURL string
}

// String hides the session.
func (t Token) String() string { return "token for " + t.InstanceURL }

// GoString hides the session from %#v.
func (t Token) GoString() string { return t.String() }

// LogValue hides the session from slog.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TokenSource hands out the session of one connection.
type TokenSource interface {
	// Token returns the session in use, getting one if there is none yet.
	Token(ctx context.Context) (Token, error)
	// Refresh replaces a session that the org refused. If somebody, on any
	// node, has replaced it already, it returns the newer one without a call.
	// An error of class [Reauthorize] means that a person has to sign in again.
	Refresh(ctx context.Context, stale Token) (Token, error)
}

// StaticToken is a TokenSource that has one session and cannot renew it.
type StaticToken Token

// Token returns the session.
func (t StaticToken) Token(context.Context) (Token, error) { return Token(t), nil }

// Refresh always fails with class [Reauthorize].
func (t StaticToken) Refresh(context.Context, Token) (Token, error) {
	return Token{}, &Error{
		Status: 401, Code: "INVALID_SESSION_ID", Class: Reauthorize, Sent: true,
		Message: "Session expired or invalid",
	}
}

// String hides the session.
func (t StaticToken) String() string { return Token(t).String() }

// GoString hides the session from %#v.
func (t StaticToken) GoString() string { return Token(t).String() }

// LogValue hides the session from slog.
func (t StaticToken) LogValue() slog.Value { return Token(t).LogValue() }
