package store

import (
	"context"
	"time"

	"github.com/synclinehq/syncline/internal/secret"
)

// CreateSession begins a browser's session; the text goes into its cookie.
func (q *Queries) CreateSession(ctx context.Context, holder Holder, ttl time.Duration) (secret.Text, error) {
	text, hash := newCredential(sessionPrefix)
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.session (hash, name, role, connection, expires_at)
		VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval)`,
		hash, clean(holder.Name), holder.Role, orNull(holder.Connection), ttl)
	if err != nil {
		return secret.Text{}, explain("create session", err)
	}
	return text, nil
}

// Session says whose session it is, ErrNotFound when it is unknown or over.
func (q *Queries) Session(ctx context.Context, text string) (Holder, error) {
	const doing = "read session"
	if err := mustHave(sessionPrefix, text, doing); err != nil {
		return Holder{}, err
	}
	return q.holder(ctx, doing, `SELECT name, role, connection FROM syncline.session
		WHERE hash = $1 AND expires_at > clock_timestamp()`, hashOf(text))
}

// EndSession ends a session; ending none is no error.
func (q *Queries) EndSession(ctx context.Context, text string) error {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.session WHERE hash = $1`, hashOf(text))
	return explain("end session", err)
}
