package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/target"
)

// Key names one line of work: the turns of one kind for one connection and,
// where the kind works by mapping, one mapping. Fences go by the same key.
type Key struct {
	Connection uuid.UUID `json:"connection"`
	// Kind of turn: read, write, load, tend.
	Kind string `json:"kind"`
	// Mapping is the mapping's UUID as text, or "".
	Mapping string `json:"mapping"`
}

// RaiseFence gives a turn its number: one more than any given before under
// this key. It waits for a Sending under an older number to commit; none
// commits afterwards.
func (q *Queries) RaiseFence(ctx context.Context, key Key) (target.Fence, error) {
	fence := target.Fence{Connection: key.Connection, Kind: key.Kind, Mapping: key.Mapping}
	err := q.db.QueryRow(ctx, `
		INSERT INTO syncline.fence AS f (connection, kind, mapping, number) VALUES ($1, $2, $3, 1)
		ON CONFLICT (connection, kind, mapping) DO UPDATE SET number = f.number + 1
		RETURNING number`, key.Connection, key.Kind, key.Mapping).Scan(&fence.Number)
	if err != nil {
		return target.Fence{}, explain("raise fence", err)
	}
	return fence, nil
}

// LiftFence makes number the lowest that the next RaiseFence exceeds. It is
// for a restored control store, whose numbers are behind those in the target.
func (q *Queries) LiftFence(ctx context.Context, key Key, number int64) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.fence AS f (connection, kind, mapping, number) VALUES ($1, $2, $3, $4)
		ON CONFLICT (connection, kind, mapping) DO UPDATE SET number = greatest(f.number, excluded.number)`,
		key.Connection, key.Kind, key.Mapping, number)
	return explain("lift fence", err)
}

// CheckFence returns ErrFenced unless the fence still stands at its number. On
// a Tx no newer turn begins before the transaction ends.
func (q *Queries) CheckFence(ctx context.Context, fence target.Fence) error {
	var held bool
	err := q.db.QueryRow(ctx, `
		SELECT true FROM syncline.fence WHERE connection = $1 AND kind = $2 AND mapping = $3 AND number = $4 FOR SHARE`,
		fence.Connection, fence.Kind, fence.Mapping, fence.Number).Scan(&held)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("check %s fence %d: %w", fence.Kind, fence.Number, ErrFenced)
	}
	return explain("check fence", err)
}

// SavePair remembers the newest transaction that a turn committed in the
// target. An older counter than the one that stands is ignored, so pairs may
// arrive late.
func (q *Queries) SavePair(ctx context.Context, key Key, pair target.CommitPair) error {
	_, err := q.db.Exec(ctx, `
		INSERT INTO syncline.commit_pair AS p (connection, kind, mapping, counter, nonce) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (connection, kind, mapping) DO UPDATE
		SET counter = excluded.counter, nonce = excluded.nonce, at = clock_timestamp()
		WHERE p.counter < excluded.counter`,
		key.Connection, key.Kind, key.Mapping, pair.Counter, pair.Nonce)
	return explain("save commit pair", err)
}

// Pair returns the newest pair saved under key, ErrNotFound before the first.
// A target without it went back in time (design: rollback and clones).
func (q *Queries) Pair(ctx context.Context, key Key) (target.CommitPair, error) {
	var pair target.CommitPair
	err := q.db.QueryRow(ctx, `
		SELECT counter, nonce FROM syncline.commit_pair WHERE connection = $1 AND kind = $2 AND mapping = $3`,
		key.Connection, key.Kind, key.Mapping).Scan(&pair.Counter, &pair.Nonce)
	return pair, explain("read commit pair", err)
}

// ForgetPairs drops the pairs of a connection once its rollback is dealt with:
// the target's counters start again from older values.
func (q *Queries) ForgetPairs(ctx context.Context, connection uuid.UUID) error {
	_, err := q.db.Exec(ctx, `DELETE FROM syncline.commit_pair WHERE connection = $1`, connection)
	return explain("forget commit pairs", err)
}
