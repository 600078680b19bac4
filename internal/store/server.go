package store

import (
	"context"

	"github.com/google/uuid"
)

// Server is the identity of this control store.
type Server struct {
	// ControlID is drawn once, when the store is made. A target owned by
	// another one is a clone's.
	ControlID uuid.UUID
	// Generation is raised when a person says that the store was restored from
	// a backup; the target remembers the highest it has seen.
	Generation int64
}

// Server returns the identity.
func (q *Queries) Server(ctx context.Context) (Server, error) {
	var s Server
	err := q.db.QueryRow(ctx, `SELECT control_id, generation FROM syncline.server`).Scan(&s.ControlID, &s.Generation)
	return s, explain("read the control store's identity", err)
}

// RaiseServerGeneration makes the generation exceed above, the highest that a
// target has seen, and returns it.
func (q *Queries) RaiseServerGeneration(ctx context.Context, above int64) (int64, error) {
	var generation int64
	err := q.db.QueryRow(ctx, `UPDATE syncline.server SET generation = greatest(generation, $1) + 1 RETURNING generation`,
		above).Scan(&generation)
	return generation, explain("raise the control store's generation", err)
}
