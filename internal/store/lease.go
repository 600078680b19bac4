package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AcquireLease makes owner the one holder of the named lease for ttl, if
// nobody holds it or its holder let it run out. The epoch grows with each
// acquisition, also by the same owner, and names this one.
func (q *Queries) AcquireLease(ctx context.Context, name string, owner uuid.UUID, ttl time.Duration) (epoch int64, ok bool, err error) {
	err = q.db.QueryRow(ctx, `
		INSERT INTO syncline.lease AS l (name, owner, epoch, expires_at) VALUES ($1, $2, 1, clock_timestamp() + $3::interval)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, expires_at = excluded.expires_at
		WHERE l.owner IS NULL OR l.owner = excluded.owner OR l.expires_at < clock_timestamp()
		RETURNING epoch`, name, owner, ttl).Scan(&epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return epoch, err == nil, explain("acquire lease "+name, err)
}

// RenewLease prolongs the lease of this epoch. It is false when somebody else
// has taken it: the holder stops what the lease stood for.
func (q *Queries) RenewLease(ctx context.Context, name string, owner uuid.UUID, epoch int64, ttl time.Duration) (bool, error) {
	tag, err := q.db.Exec(ctx, `
		UPDATE syncline.lease SET expires_at = clock_timestamp() + $4::interval
		WHERE name = $1 AND owner = $2 AND epoch = $3`, name, owner, epoch, ttl)
	return tag.RowsAffected() == 1, explain("renew lease "+name, err)
}

// ReleaseLease lets others have the lease at once. Releasing one that was
// taken over does nothing.
func (q *Queries) ReleaseLease(ctx context.Context, name string, owner uuid.UUID, epoch int64) error {
	_, err := q.db.Exec(ctx, `
		UPDATE syncline.lease SET owner = NULL, expires_at = clock_timestamp()
		WHERE name = $1 AND owner = $2 AND epoch = $3`, name, owner, epoch)
	return explain("release lease "+name, err)
}
