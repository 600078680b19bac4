package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Fence is the number that a turn must still hold for its commits to count.
// There is one per connection, kind of work and mapping.
type Fence struct {
	Connection uuid.UUID
	// Kind is the kind of turn: read, write, load, tend.
	Kind string
	// Mapping is the mapping's UUID as text for turns that belong to one, else
	// empty.
	Mapping string
	// Number grows with every turn; the control store hands it out.
	Number int64
}

// ErrFenced means that a newer turn has taken over: the work must stop, and
// nothing of the transaction was committed.
var ErrFenced = errors.New("a newer turn has taken this work over")

// fencedCode is the SQLSTATE that _syncline.check_fence raises.
const fencedCode = "SYF01"

// check is the statement that fails unless the fence stands at our number. It
// leaves a share lock, so that a newer turn waits for us to end.
func (f Fence) check() string {
	return fmt.Sprintf("select _syncline.check_fence('%s', %s, %s, %d)",
		f.Connection, literal(f.Kind), literal(f.Mapping), f.Number)
}

// fenced puts ErrFenced into an error that the check raised.
func fenced(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == fencedCode {
		return fmt.Errorf("%w: %s", ErrFenced, pgErr.Message)
	}
	return err
}

// Raise makes f the number that counts, and waits for transactions of older
// turns to end. It only goes upwards: where a higher number stands it returns
// [ErrFenced]. Raising to the same number again is no error. Marks must be
// read after Raise has returned.
func (db *DB) Raise(ctx context.Context, f Fence) error {
	return db.Plain(ctx, Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO _syncline.fence AS f (connection_id, kind, mapping, number) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection_id, kind, mapping) DO UPDATE SET number = EXCLUDED.number
			WHERE f.number <= EXCLUDED.number`,
			f.Connection, f.Kind, f.Mapping, f.Number)
		if err != nil {
			return fmt.Errorf("raise fence: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("raise fence %s to %d: %w", f.Kind, f.Number, ErrFenced)
		}
		return nil
	})
}

const (
	// pairsKept is how many pairs of each fence stay.
	pairsKept = 10_000
	// trimEvery is how often, in commits of the database, old pairs go.
	trimEvery = 512
)

// trim drops old pairs of a fence. It is best effort: the next one does it.
func (db *DB) trim(ctx context.Context, f Fence) {
	_, _ = db.pool.Exec(ctx, `
		DELETE FROM _syncline.commit WHERE connection_id = $1 AND kind = $2 AND mapping = $3
		AND counter <= (SELECT counter FROM _syncline.commit
			WHERE connection_id = $1 AND kind = $2 AND mapping = $3
			ORDER BY counter DESC OFFSET $4 LIMIT 1)`,
		f.Connection, f.Kind, f.Mapping, pairsKept)
}

// Newest is the latest pair that f's turns have committed, of any number; ok
// is false if there is none.
func (db *DB) Newest(ctx context.Context, f Fence) (pair CommitPair, ok bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT counter, nonce FROM _syncline.commit
		WHERE connection_id = $1 AND kind = $2 AND mapping = $3
		ORDER BY counter DESC LIMIT 1`,
		f.Connection, f.Kind, f.Mapping).Scan(&pair.Counter, &pair.Nonce)
	if errors.Is(err, pgx.ErrNoRows) {
		return CommitPair{}, false, nil
	}
	if err != nil {
		return CommitPair{}, false, fmt.Errorf("read newest commit: %w", err)
	}
	return pair, true, nil
}

// HasPair says whether the transaction that left pair is part of this
// database's history. A pair that we know and the database doesn't means that
// it went back in time, or is another line of its history. It answers for the
// last 10,000 commits of a fence; Counter 0 looks by Nonce alone.
func (db *DB) HasPair(ctx context.Context, f Fence, pair CommitPair) (bool, error) {
	var has bool
	err := db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM _syncline.commit
			WHERE connection_id = $1 AND kind = $2 AND mapping = $3
			AND nonce = $4 AND ($5 = 0 OR counter = $5))`,
		f.Connection, f.Kind, f.Mapping, pair.Nonce, pair.Counter).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look up commit pair: %w", err)
	}
	return has, nil
}
