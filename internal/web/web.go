// Package web is the dashboard.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

// Sessions keeps sign-ins and sessions; *store.Store does.
type Sessions interface {
	UseSignIn(ctx context.Context, text string) (store.Holder, error)
	CreateSession(ctx context.Context, holder store.Holder, ttl time.Duration) (secret.Text, error)
	EndSession(ctx context.Context, text string) error
}

// Config is what the dashboard needs.
type Config struct {
	Manage    *manage.Service
	Access    *access.Authenticator
	Sessions  Sessions
	PublicURL string
	Version   string
	Logger    *slog.Logger
}

// New makes the handler of everything under /ui/.
func New(Config) http.Handler { return http.NotFoundHandler() }
