package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrOtherKeys means that the node's keys do not open what is stored: it is a
// node of another control store, or its key file was made anew.
var ErrOtherKeys = errors.New("this node's keys do not open the secrets in the control store: " +
	"copy the key file of a node that runs, or set SYNCLINE_KEYS to its keys")

// CheckKeys opens one secret of each key that was sealed with, so that a node
// with other keys takes no turns. A store without connections takes any.
func (s *Store) CheckKeys(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, `
		SELECT DISTINCT ON (substring(database_url FOR 1 + get_byte(database_url, 0))) connection, database_url
		FROM syncline.connection_secret WHERE length(database_url) > 0`)
	if err != nil {
		return explain("read secrets", err)
	}
	var connection uuid.UUID
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&connection, &sealed}, func() error {
		if _, err := s.open(connection, "database_url", sealed); err != nil {
			return fmt.Errorf("%w (%w)", ErrOtherKeys, err)
		}
		return nil
	})
	return explain("check the keys", err)
}
