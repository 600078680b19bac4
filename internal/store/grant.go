package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/secret"
)

var _ auth.Vault = (*Store)(nil)

// WithGrant calls fn with the connection's grant and credentials while no
// other node can, stores what fn returns if it differs, and returns it once
// that is committed: a refresh token that the org has replaced exists nowhere
// else. The error of fn comes back as it is, and nothing is stored. A
// connection that was never authorised has an empty grant.
func (s *Store) WithGrant(ctx context.Context, connection uuid.UUID, fn func(current auth.Grant, creds auth.Credentials) (auth.Grant, error)) (auth.Grant, error) {
	var granted auth.Grant
	var refused error
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		q := s.within(tx)
		current, creds, err := q.lockGrant(ctx, connection)
		if err != nil {
			return err
		}
		if granted, refused = fn(current, creds); refused != nil {
			return refused
		}
		if sameGrant(current, granted) {
			return nil
		}
		return q.writeGrant(ctx, connection, granted)
	})
	if refused != nil {
		return auth.Grant{}, refused
	}
	if err != nil {
		return auth.Grant{}, explain("store grant", err)
	}
	return granted, nil
}

// SetGrant stores the grant of an authorisation that a person has just given,
// whatever was there.
func (s *Store) SetGrant(ctx context.Context, connection uuid.UUID, grant auth.Grant) error {
	_, err := s.WithGrant(ctx, connection, func(auth.Grant, auth.Credentials) (auth.Grant, error) { return grant, nil })
	return err
}

// lockGrant reads the grant and credentials of a connection under a lock that
// lasts until the transaction ends.
func (q *Queries) lockGrant(ctx context.Context, connection uuid.UUID) (grant auth.Grant, creds auth.Credentials, err error) {
	var access, refresh, client []byte
	var issued *time.Time
	err = q.db.QueryRow(ctx, `
		SELECT s.access_token, s.refresh_token, s.client_secret, s.instance_url, s.identity_url, s.issued_at,
			c.flow, c.login_url, c.client_id
		FROM syncline.connection_secret s JOIN syncline.connection c ON c.id = s.connection
		WHERE s.connection = $1 FOR UPDATE OF s`, connection).Scan(
		&access, &refresh, &client, &grant.InstanceURL, &grant.IdentityURL, &issued,
		&creds.Flow, &creds.LoginURL, &creds.ClientID)
	if err != nil {
		return grant, creds, err
	}
	grant.IssuedAt = orZero(issued)
	for _, secretOf := range []struct {
		column string
		sealed []byte
		into   *string
	}{{"access_token", access, &grant.AccessToken}, {"refresh_token", refresh, &grant.RefreshToken}, {"client_secret", client, &creds.ClientSecret}} {
		text, err := q.open(connection, secretOf.column, secretOf.sealed)
		if err != nil {
			return auth.Grant{}, auth.Credentials{}, err
		}
		*secretOf.into = text.Reveal()
	}
	return grant, creds, nil
}

func (q *Queries) writeGrant(ctx context.Context, connection uuid.UUID, g auth.Grant) error {
	_, err := q.db.Exec(ctx, `
		UPDATE syncline.connection_secret SET access_token = $2, refresh_token = $3, instance_url = $4, identity_url = $5, issued_at = $6
		WHERE connection = $1`, connection,
		q.seal(connection, "access_token", secret.NewText(g.AccessToken)), q.seal(connection, "refresh_token", secret.NewText(g.RefreshToken)),
		g.InstanceURL, g.IdentityURL, orNull(g.IssuedAt))
	if err != nil {
		return err
	}
	_, err = q.db.Exec(ctx, `UPDATE syncline.connection SET instance_url = $2 WHERE id = $1 AND instance_url <> $2`,
		connection, g.InstanceURL)
	return err
}

func sameGrant(a, b auth.Grant) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken && a.InstanceURL == b.InstanceURL && a.IdentityURL == b.IdentityURL
}
