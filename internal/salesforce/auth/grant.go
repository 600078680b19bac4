package auth

import (
	"log/slog"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// Grant is what an org granted: a session and, for flows with a user, the token
// to renew it with. Neither appears in logs or in %v.
type Grant struct {
	AccessToken string
	// RefreshToken is empty where the flow has none (client credentials).
	RefreshToken string
	// InstanceURL is scheme and host of the org.
	InstanceURL string
	// IdentityURL ends in "/id/{orgId}/{userId}".
	IdentityURL string
	IssuedAt    time.Time
}

// String hides the tokens.
func (g Grant) String() string { return "grant for " + g.InstanceURL }

// GoString hides the tokens from %#v.
func (g Grant) GoString() string { return g.String() }

// LogValue hides the tokens from slog.
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// Token is the session alone.
func (g Grant) Token() salesforce.Token {
	return salesforce.Token{Access: g.AccessToken, InstanceURL: g.InstanceURL}
}

// Flow is how a connection gets a new session.
type Flow string

// The flows. The names are stored.
const (
	// FlowClientCredentials: the app signs in as its run-as user.
	FlowClientCredentials Flow = "client_credentials"
	// FlowRefreshToken: a person gave consent once (authorisation code).
	FlowRefreshToken Flow = "refresh_token"
)

// Credentials are the app's own. The secret never appears in logs or in %v.
type Credentials struct {
	Flow Flow
	// LoginURL is scheme and host of the login server or of the My Domain.
	// Client credentials work at a My Domain only.
	LoginURL     string
	ClientID     string
	ClientSecret string
}

// String hides the secret.
func (c Credentials) String() string {
	return string(c.Flow) + " at " + c.LoginURL + " as " + c.ClientID
}

// GoString hides the secret from %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secret from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
