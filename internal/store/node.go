package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Node is a process that takes turns: one `syncline serve` or `worker`.
type Node struct {
	// ID is drawn at each start of the process.
	ID      uuid.UUID `db:"id"`
	Name    string    `db:"name"`
	PID     int       `db:"pid"`
	Version string    `db:"version"`
	// StartedAt and HeartbeatAt are set by the store.
	StartedAt   time.Time `db:"started_at"`
	HeartbeatAt time.Time `db:"heartbeat_at"`
}

// Heartbeat says that the node is alive; the first one registers it. It does not
// wait for the connections that others use.
func (s *Store) Heartbeat(ctx context.Context, node Node) error {
	_, err := s.pulse.Exec(ctx, `
		INSERT INTO syncline.node (id, name, pid, version) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp()`,
		node.ID, node.Name, node.PID, node.Version)
	return explain("write heartbeat", err)
}

// Alive returns the nodes whose last heartbeat is at most ttl old, by name.
func (q *Queries) Alive(ctx context.Context, ttl time.Duration) ([]Node, error) {
	rows, _ := q.db.Query(ctx, `
		SELECT id, name, pid, version, started_at, heartbeat_at FROM syncline.node
		WHERE heartbeat_at >= clock_timestamp() - $1::interval ORDER BY name, id`, ttl)
	nodes, err := pgx.CollectRows(rows, pgx.RowToStructByName[Node])
	return nodes, explain("list nodes", err)
}

// Leave removes a node that ends in good order, so that nobody waits for its
// heartbeat to grow old.
func (q *Queries) Leave(ctx context.Context, node uuid.UUID) error {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.node WHERE id = $1`, node)
	return explain("remove node", err)
}
