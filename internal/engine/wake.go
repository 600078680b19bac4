package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/store"
)

const (
	relistenMin = 100 * time.Millisecond
	relistenMax = 10 * time.Second
	// listenPing is how long a silent connection is trusted.
	listenPing = 30 * time.Second
)

// Wake makes a turn due now, wherever it is: in hand on a node, or waiting in
// the queue. A wake that comes while the turn works is seen before it waits
// again. There being no such turn is no error.
func (e *Engine) Wake(ctx context.Context, key Key) error {
	err := e.store.InTx(ctx, func(tx *store.Tx) error {
		job, err := tx.Wake(ctx, key)
		if err != nil || job == 0 {
			return err
		}
		_, err = e.queue.Wake(ctx, tx.Pgx(), job)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Changed tells all nodes that the configuration, stages or pauses of a
// connection changed. Their guardians look at once, and waits after trouble end.
func (e *Engine) Changed(ctx context.Context, connection uuid.UUID) error {
	payload, err := json.Marshal(Key{Connection: connection})
	if err != nil {
		return fmt.Errorf("tell of a change: %w", err)
	}
	if _, err := e.store.Pool().Exec(ctx, "SELECT pg_notify($1, $2)", store.WakeChannel, string(payload)); err != nil {
		return fmt.Errorf("tell of a change: %w", err)
	}
	e.hearChange(connection)
	return nil
}

// hearChange takes up a change of a connection, or with uuid.Nil of whatever
// was not heard of. Turns in hand look at their settings again.
func (e *Engine) hearChange(connection uuid.UUID) {
	e.failures.forgive(connection)
	e.hub.deliverAll(connection)
	select {
	case e.nudge <- struct{}{}:
	default:
	}
}

// hear takes one notification. A key without a kind tells of a change.
func (e *Engine) hear(payload string) {
	var key Key
	if err := json.Unmarshal([]byte(payload), &key); err != nil {
		e.log.Warn("notification not understood", "channel", store.WakeChannel, "error", err)
		return
	}
	if key.Kind == "" {
		e.hearChange(key.Connection)
		return
	}
	e.hub.deliver(key)
}

// listenWakes hears wakes on the control database until ctx ends. After a gap
// it wakes all that is in hand, since what was notified meanwhile is lost.
func (e *Engine) listenWakes(ctx context.Context) {
	pause := relistenMin
	for ctx.Err() == nil {
		err := e.listenOnce(ctx, func() { pause = relistenMin })
		if ctx.Err() != nil {
			return
		}
		e.log.WarnContext(ctx, "wakes are not heard; turns are found by polling", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, relistenMax)
	}
}

// listenOnce has a connection of its own, so that the pool is left to others.
func (e *Engine) listenOnce(ctx context.Context, up func()) error {
	conn, err := pgx.ConnectConfig(ctx, e.store.Pool().Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect to the control database: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // nothing of it is kept
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{store.WakeChannel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	up()
	e.hearChange(uuid.Nil)
	for {
		waiting, cancel := context.WithTimeout(ctx, listenPing)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			e.hear(n.Payload)
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("listen: %w", err)
		default:
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("listen: %w", err)
			}
		}
	}
}

// onSettled closes the gap between the end of a turn and the moment when the
// queue has stored its wait: a wake in between found the job still running and
// left it alone.
func (e *Engine) onSettled(job int64, key Key) {
	seen, ok := e.hub.settled(job)
	if !ok {
		return
	}
	select {
	case e.settle <- settling{job, key, seen}:
	default:
	}
}

type settling struct {
	job  int64
	key  Key
	seen int64
}

// watchSettled looks again after each stored wait.
func (e *Engine) watchSettled(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-e.settle:
			turn, err := e.store.Turn(ctx, s.key)
			if err == nil && turn.WakeSeq != s.seen {
				_, err = e.queue.Wake(ctx, nil, s.job)
			}
			if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrNotFound) {
				e.log.WarnContext(ctx, "wake not looked for", "kind", s.key.Kind, "error", err)
			}
		}
	}
}
