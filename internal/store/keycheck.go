package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/secret"
)

// ErrOtherKeys means that the node's keys do not open what is stored: it is a
// node of another control store, or its key file was made anew.
var ErrOtherKeys = errors.New("this node's keys do not open the secrets in the control store: " +
	"copy the key file of a node that runs, or set SYNCLINE_KEYS to its keys")

// keyCheckAlive is how new a heartbeat is of a node that runs.
const keyCheckAlive = 30 * time.Second

// CheckKeys opens one secret of each key that was sealed with, so that a node
// with other keys takes no turns. A store without secrets takes any, and from
// then on those only; once no node runs with them any more, it takes others.
func (s *Store) CheckKeys(ctx context.Context) error {
	sealed, err := s.checkSecrets(ctx)
	if err != nil {
		return err
	}
	return s.InTx(ctx, func(tx *Tx) error { return tx.checkMark(ctx, sealed > 0) })
}

// checkMark opens what a node has sealed, or seals it. Secrets that the keys
// open count for more.
func (t *Tx) checkMark(ctx context.Context, secrets bool) error {
	var id uuid.UUID
	var mark []byte
	var alive bool
	err := t.db.QueryRow(ctx, `SELECT control_id, key_check, EXISTS (SELECT FROM syncline.node WHERE heartbeat_at > clock_timestamp() - $1::interval)
		FROM syncline.server FOR UPDATE`, keyCheckAlive).Scan(&id, &mark, &alive)
	if err != nil {
		return explain("check the keys", err)
	}
	place := secret.Place{Table: "server", Row: id.String(), Column: "key_check"}
	if mark != nil {
		_, err := t.keys.Open(mark, place)
		if err == nil && !t.keys.NeedsRotation(mark) {
			return nil
		}
		if err != nil && !secrets && alive {
			return fmt.Errorf("%w (%w)", ErrOtherKeys, err)
		}
	}
	_, err = t.db.Exec(ctx, `UPDATE syncline.server SET key_check = $1`, t.keys.Seal([]byte("syncline"), place))
	return explain("check the keys", err)
}

// checkSecrets opens one secret of each key, and returns how many keys that were.
func (s *Store) checkSecrets(ctx context.Context) (keys int, err error) {
	rows, err := s.pool.Query(ctx, `
		SELECT DISTINCT ON (substring(database_url FOR 1 + get_byte(database_url, 0))) connection, database_url
		FROM syncline.connection_secret WHERE length(database_url) > 0`)
	if err != nil {
		return 0, explain("read secrets", err)
	}
	var connection uuid.UUID
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&connection, &sealed}, func() error {
		if _, err := s.open(connection, "database_url", sealed); err != nil {
			return fmt.Errorf("%w (%w)", ErrOtherKeys, err)
		}
		keys++
		return nil
	})
	return keys, explain("check the keys", err)
}
