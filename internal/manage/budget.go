package manage

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
)

// Budget is how the API calls of a connection's org stand.
type Budget struct {
	// Connection is the one that was asked for; Standing is over all connections
	// to its org.
	Connection mapping.Connection
	budget.Standing
	// ByUse are the connection's own calls of the last 24 hours.
	ByUse []budget.Count
}

// Budget tells how many API calls were made in the last 24 hours, for what, and
// how many are allowed.
func (s *Service) Budget(ctx context.Context, c Caller, ref string) (Budget, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return Budget{}, err
	}
	out := Budget{Connection: conn}
	if out.Standing, err = s.store.Standing(ctx, conn.ID, uuid.Nil); err != nil {
		return Budget{}, problem("read how API calls stand", err)
	}
	out.ByUse, err = s.store.Calls(ctx, conn.ID, s.cfg.Clock.Now().Add(-24*time.Hour))
	return out, problem("read API calls", err)
}
