package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/secret"
)

// Token is an API token. Its text is shown once, when it is made; the store
// keeps a hash.
type Token struct {
	ID   uuid.UUID
	Name string
	Role Role
	// Scopes narrow what the role allows; none means all of it.
	Scopes []string
	// Connection bounds the token to one connection; uuid.Nil is the server.
	Connection uuid.UUID
	CreatedAt  time.Time
	// ExpiresAt is zero for a token that does not expire.
	ExpiresAt time.Time
	// LastUsedAt is exact to a minute; zero before the first use.
	LastUsedAt time.Time
}

type tokenRow struct {
	ID         uuid.UUID  `db:"id"`
	Name       string     `db:"name"`
	Role       Role       `db:"role"`
	Scopes     []string   `db:"scopes"`
	Connection *uuid.UUID `db:"connection"`
	CreatedAt  time.Time  `db:"created_at"`
	ExpiresAt  *time.Time `db:"expires_at"`
	LastUsedAt *time.Time `db:"last_used_at"`
}

func (r tokenRow) token() Token {
	return Token{
		ID: r.ID, Name: r.Name, Role: r.Role, Scopes: r.Scopes, Connection: orZero(r.Connection),
		CreatedAt: r.CreatedAt, ExpiresAt: orZero(r.ExpiresAt), LastUsedAt: orZero(r.LastUsedAt),
	}
}

const tokenColumns = `id, name, role, scopes, connection, created_at, expires_at, last_used_at`

// CreateToken makes a token with the name, role, scopes and connection of t,
// which expires after ttl, or never if ttl is 0. The text, "syn_" and 43
// letters and digits, can't be had again.
func (q *Queries) CreateToken(ctx context.Context, t Token, ttl time.Duration) (secret.Text, Token, error) {
	text, hash := newCredential(tokenPrefix)
	rows, _ := q.db.Query(ctx, `
		INSERT INTO syncline.token (hash, name, role, scopes, connection, expires_at)
		VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval) RETURNING `+tokenColumns,
		hash, clean(t.Name), t.Role, nonNil(t.Scopes), orNull(t.Connection), orNull(ttl))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[tokenRow])
	if err != nil {
		return secret.Text{}, Token{}, explain("create token", err)
	}
	return text, row.token(), nil
}

// VerifyToken returns the token of a text, ErrNotFound for one that is unknown
// or has expired. Only a hash is looked up, so the time it takes says nothing.
func (q *Queries) VerifyToken(ctx context.Context, text string) (Token, error) {
	const doing = "verify token"
	if err := mustHave(tokenPrefix, text, doing); err != nil {
		return Token{}, err
	}
	rows, _ := q.db.Query(ctx, `
		WITH found AS (
			SELECT `+tokenColumns+` FROM syncline.token
			WHERE hash = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())),
		touched AS (
			UPDATE syncline.token t SET last_used_at = clock_timestamp() FROM found f
			WHERE t.id = f.id AND (f.last_used_at IS NULL OR f.last_used_at < clock_timestamp() - interval '1 minute'))
		SELECT * FROM found`, hashOf(text))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[tokenRow])
	return row.token(), explain(doing, err)
}

// Tokens returns the tokens of one connection, or with uuid.Nil all, oldest
// first.
func (q *Queries) Tokens(ctx context.Context, connection uuid.UUID) ([]Token, error) {
	rows, _ := q.db.Query(ctx, `SELECT `+tokenColumns+` FROM syncline.token
		WHERE $1::uuid IS NULL OR connection = $1 ORDER BY created_at, id`, orNull(connection))
	tokens, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Token, error) {
		r, err := pgx.RowToStructByName[tokenRow](row)
		return r.token(), err
	})
	return tokens, explain("list tokens", err)
}

// DeleteToken ends a token at once.
func (q *Queries) DeleteToken(ctx context.Context, id uuid.UUID) error {
	tag, err := q.db.Exec(ctx, `DELETE FROM syncline.token WHERE id = $1`, id)
	return gone(tag, explain("delete token", err), "delete token")
}
