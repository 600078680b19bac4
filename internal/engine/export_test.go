package engine

import (
	"context"
	"net/http"
	"net/http/httptest"

	"github.com/synclinehq/syncline/internal/telemetry"
)

// Silence ends the node's chores (heartbeat, guardian, listeners) and leaves
// its turns running, as a process does that was stopped or cut off.
func (e *Engine) Silence() {
	e.cancel()
	e.chores.Wait()
}

// CheckAge makes a silent node look at its own age, as it does when it goes on.
func (e *Engine) CheckAge() { e.node.checkAge() }

// Round is one look of the guardian.
func (e *Engine) Round(ctx context.Context) error { return e.round(ctx) }

// Scraped is the metrics as text.
func Scraped(ctx context.Context, m *telemetry.Metrics) string {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	r.Header.Set("Authorization", "Bearer token")
	w := httptest.NewRecorder()
	m.Handler("token").ServeHTTP(w, r)
	return w.Body.String()
}
