package brake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const columns = `h.id, h.mapping, h.direction, h.reason, h.rows, h.of, h.sample, h.held_at,
	coalesce(h.decision, ''), h.released_at, coalesce(h.released_by, ''), h.spent_at IS NOT NULL,
	coalesce(extract(epoch FROM clock_timestamp() - h.released_at), 0)::float8`

func scan(row pgx.Row) (Hold, error) {
	var (
		h       Hold
		decided *time.Time
		span    float64
	)
	err := row.Scan(&h.ID, &h.Mapping, &h.Direction, &h.Reason, &h.Rows, &h.Of, &h.Sample, &h.HeldAt,
		&h.Decision, &decided, &h.DecidedBy, &h.Spent, &span)
	if decided != nil {
		h.DecidedAt = decided.UTC()
	}
	h.HeldAt = h.HeldAt.UTC()
	h.decidedSpan = time.Duration(span * float64(time.Second))
	return h, err
}

// latest is the newest hold of a mapping and direction. It locks it, so that a
// person's decision and a run's update don't cross.
func (b *Brake) latest(ctx context.Context, q Querier, mapping uuid.UUID, d Direction) (Hold, bool, error) {
	h, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM _syncline.hold h
		WHERE connection_id = $1 AND mapping = $2 AND direction = $3 ORDER BY id DESC LIMIT 1 FOR UPDATE`,
		b.connection, mapping, string(d)))
	if errors.Is(err, pgx.ErrNoRows) {
		return Hold{}, false, nil
	}
	if err != nil {
		return Hold{}, false, fmt.Errorf("look for a hold: %w", err)
	}
	return h, true, nil
}

// Open is the undecided hold of a mapping and direction; ok is false if there
// is none.
func (b *Brake) Open(ctx context.Context, q Querier, mapping uuid.UUID, d Direction) (h Hold, ok bool, err error) {
	h, err = scan(q.QueryRow(ctx, `SELECT `+columns+` FROM _syncline.hold h
		WHERE connection_id = $1 AND mapping = $2 AND direction = $3 AND decision IS NULL`, b.connection, mapping, string(d)))
	if errors.Is(err, pgx.ErrNoRows) {
		return Hold{}, false, nil
	}
	if err != nil {
		return Hold{}, false, fmt.Errorf("look for an open hold: %w", err)
	}
	return h, true, nil
}

// Get is one hold of the connection; a number that is none's is
// [pgx.ErrNoRows].
func (b *Brake) Get(ctx context.Context, q Querier, id int64) (Hold, error) {
	h, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM _syncline.hold h WHERE connection_id = $1 AND id = $2`, b.connection, id))
	if err != nil {
		return Hold{}, fmt.Errorf("read hold %d: %w", id, err)
	}
	return h, nil
}

// List gives the connection's holds, newest first: the undecided ones, or all.
// At most 1,000 come.
func (b *Brake) List(ctx context.Context, q Querier, all bool) ([]Hold, error) {
	return b.list(ctx, q, `$2 OR decision IS NULL`, all)
}

// Untold gives the undecided holds, newest first, of which nobody was told
// ([Brake.Told]).
func (b *Brake) Untold(ctx context.Context, q Querier) ([]Hold, error) {
	return b.list(ctx, q, `decision IS NULL AND told_at IS NULL`)
}

// Told notes that people were told of a hold.
func (b *Brake) Told(ctx context.Context, q Querier, id int64) error {
	_, err := q.Exec(ctx, `UPDATE _syncline.hold SET told_at = clock_timestamp()
		WHERE connection_id = $1 AND id = $2 AND told_at IS NULL`, b.connection, id)
	if err != nil {
		return fmt.Errorf("note that hold %d was told: %w", id, err)
	}
	return nil
}

// list gives the holds under a condition, whose arguments begin at $2.
func (b *Brake) list(ctx context.Context, q Querier, condition string, args ...any) ([]Hold, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM _syncline.hold h
		WHERE connection_id = $1 AND (`+condition+`) ORDER BY id DESC LIMIT 1000`, append([]any{b.connection}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Hold, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	return list, nil
}
