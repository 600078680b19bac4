package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/secret"
)

// CreateSignIn makes a single-use sign-in for holder, as the demo prints it in
// the dashboard's address.
func (q *Queries) CreateSignIn(ctx context.Context, holder Holder, ttl time.Duration) (secret.Text, error) {
	text, hash := newCredential(signInPrefix)
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.signin (hash, name, role, connection, expires_at)
		VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval)`,
		hash, clean(holder.Name), holder.Role, orNull(holder.Connection), ttl)
	if err != nil {
		return secret.Text{}, explain("create sign-in", err)
	}
	return text, nil
}

// UseSignIn says who a sign-in stands for and ends it. ErrNotFound when it is
// unknown, used or expired.
func (q *Queries) UseSignIn(ctx context.Context, text string) (Holder, error) {
	const doing = "use sign-in"
	if err := mustHave(signInPrefix, text, doing); err != nil {
		return Holder{}, err
	}
	return q.holder(ctx, doing, `DELETE FROM syncline.signin WHERE hash = $1 AND expires_at > clock_timestamp()
		RETURNING name, role, connection`, hashOf(text))
}

func (q *Queries) holder(ctx context.Context, doing, sql string, args ...any) (Holder, error) {
	var holder Holder
	var connection *uuid.UUID
	err := q.db.QueryRow(ctx, sql, args...).Scan(&holder.Name, &holder.Role, &connection)
	holder.Connection = orZero(connection)
	return holder, explain(doing, err)
}
