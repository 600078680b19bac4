package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/secret"
)

// Secrets are what a connection needs and nobody may read. An empty one is not
// there; on writing, it leaves what is there.
type Secrets struct {
	// DatabaseURL is where the mapped tables are.
	DatabaseURL secret.Text
	// DirectURL reaches the same database without a pooler, for LISTEN.
	DirectURL secret.Text
	// ClientSecret belongs to the OAuth client of Connection.Org.ClientID.
	ClientSecret secret.Text
}

// secretColumns are the sealed columns of connection_secret.
var secretColumns = []string{"database_url", "direct_url", "client_secret", "access_token", "refresh_token"}

// placeOf binds a sealed value to where it stands, so that one copied to
// another row or column does not open.
func placeOf(connection uuid.UUID, column string) secret.Place {
	return secret.Place{Table: "connection_secret", Row: connection.String(), Column: column}
}

func (q *Queries) seal(connection uuid.UUID, column string, text secret.Text) []byte {
	if text.Empty() {
		return nil
	}
	return q.keys.SealText(text, placeOf(connection, column))
}

func (q *Queries) open(connection uuid.UUID, column string, sealed []byte) (secret.Text, error) {
	if sealed == nil {
		return secret.Text{}, nil
	}
	text, err := q.keys.OpenText(sealed, placeOf(connection, column))
	if err != nil {
		return secret.Text{}, fmt.Errorf("open %s of connection %s: %w", column, connection, err)
	}
	return text, nil
}

// SetSecrets replaces those secrets that are not empty, and moves the
// connection's UpdatedAt.
func (q *Queries) SetSecrets(ctx context.Context, connection uuid.UUID, s Secrets) error {
	err := pgx.BeginFunc(ctx, q.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE syncline.connection SET updated_at = clock_timestamp() WHERE id = $1`, connection)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		return q.within(tx).writeSecrets(ctx, connection, s)
	})
	return explain("store secrets", err)
}

func (q *Queries) writeSecrets(ctx context.Context, connection uuid.UUID, s Secrets) error {
	_, err := q.db.Exec(ctx, `
		UPDATE syncline.connection_secret SET database_url = coalesce($2, database_url),
			direct_url = coalesce($3, direct_url), client_secret = coalesce($4, client_secret)
		WHERE connection = $1`, connection,
		q.seal(connection, "database_url", s.DatabaseURL), q.seal(connection, "direct_url", s.DirectURL),
		q.seal(connection, "client_secret", s.ClientSecret))
	return err
}

// Secrets opens the secrets of a connection.
func (q *Queries) Secrets(ctx context.Context, connection uuid.UUID) (Secrets, error) {
	var s Secrets
	var databaseURL, directURL, clientSecret []byte
	err := q.db.QueryRow(ctx, `SELECT database_url, direct_url, client_secret FROM syncline.connection_secret WHERE connection = $1`,
		connection).Scan(&databaseURL, &directURL, &clientSecret)
	if err != nil {
		return s, explain("read secrets", err)
	}
	if s.DatabaseURL, err = q.open(connection, "database_url", databaseURL); err != nil {
		return Secrets{}, err
	}
	if s.DirectURL, err = q.open(connection, "direct_url", directURL); err != nil {
		return Secrets{}, err
	}
	if s.ClientSecret, err = q.open(connection, "client_secret", clientSecret); err != nil {
		return Secrets{}, err
	}
	return s, nil
}

// DatabaseURL opens the two addresses of a connection's database; direct is
// empty when there is none of its own. ErrNotFound when no database is set.
func (q *Queries) DatabaseURL(ctx context.Context, connection uuid.UUID) (url, direct secret.Text, err error) {
	s, err := q.Secrets(ctx, connection)
	if err != nil {
		return secret.Text{}, secret.Text{}, err
	}
	if s.DatabaseURL.Empty() {
		return secret.Text{}, secret.Text{}, fmt.Errorf("database URL of connection %s: %w: set the connection's database first", connection, ErrNotFound)
	}
	return s.DatabaseURL, s.DirectURL, nil
}

// Rekey seals with the current key whatever is sealed with an older one, and
// returns how many values that were. Afterwards the older keys may go.
func (s *Store) Rekey(ctx context.Context) (int, error) {
	rows, _ := s.pool.Query(ctx, `SELECT connection FROM syncline.connection_secret ORDER BY connection`)
	connections, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, explain("re-encrypt secrets", err)
	}
	total := 0
	for _, connection := range connections {
		n, err := s.rekeyOne(ctx, connection)
		if err != nil {
			return total, fmt.Errorf("re-encrypt secrets of connection %s: %w", connection, err)
		}
		total += n
	}
	return total, nil
}

func (s *Store) rekeyOne(ctx context.Context, connection uuid.UUID) (resealed int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, column := range secretColumns {
			var sealed []byte
			err := tx.QueryRow(ctx, `SELECT `+column+` FROM syncline.connection_secret WHERE connection = $1 FOR UPDATE`,
				connection).Scan(&sealed)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			if sealed == nil || !s.keys.NeedsRotation(sealed) {
				continue
			}
			sealed, err = s.keys.Reseal(sealed, placeOf(connection, column))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE syncline.connection_secret SET `+column+` = $2 WHERE connection = $1`, connection, sealed); err != nil {
				return err
			}
			resealed++
		}
		return nil
	})
	return resealed, err
}
