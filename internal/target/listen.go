package target

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	listenBackoffMin = 200 * time.Millisecond
	listenBackoffMax = 30 * time.Second
	// listenPing is how long a silent connection is trusted.
	listenPing = 30 * time.Second
)

// Listen hears channel on a connection of its own, past the pooler, until ctx
// ends; it then returns nil. It reconnects by itself with growing pauses.
// onState, which may be nil, hears true after each (re)connect and false with
// the cause when the connection is lost: what was notified in between is lost,
// so a listener that comes up looks at the data itself. fn and onState run on
// Listen's goroutine and must return soon.
func (db *DB) Listen(ctx context.Context, channel string, fn func(payload string), onState func(up bool, cause error)) error {
	return db.keepListening(ctx, channel, onState, func(ctx context.Context, conn *pgx.Conn) error {
		for {
			payload, err := next(ctx, conn)
			if err != nil {
				return err
			}
			fn(payload)
		}
	})
}

// keepListening runs hear on a connection that listens, again and again.
func (db *DB) keepListening(ctx context.Context, channel string, onState func(up bool, cause error),
	hear func(context.Context, *pgx.Conn) error,
) error {
	pause := listenBackoffMin
	for ctx.Err() == nil {
		err := db.listenOnce(ctx, channel, hear, func() {
			pause = listenBackoffMin
			if onState != nil {
				onState(true, nil)
			}
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how it ends well
		}
		if onState != nil {
			onState(false, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, listenBackoffMax)
	}
	return nil
}

// listenOnce listens until the connection breaks and says why.
func (db *DB) listenOnce(ctx context.Context, channel string, hear func(context.Context, *pgx.Conn) error, up func()) error {
	conn, err := pgx.ConnectConfig(ctx, db.direct.Copy())
	if err != nil {
		return fmt.Errorf("connect to listen: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // nothing of it is kept
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen on %s: %w", channel, err)
	}
	up()
	if err := hear(ctx, conn); err != nil {
		return fmt.Errorf("listen on %s: %w", channel, err)
	}
	return nil
}

// next waits for one notification and asks a silent server now and then
// whether it is still there.
func next(ctx context.Context, conn *pgx.Conn) (string, error) {
	for {
		waiting, cancel := context.WithTimeout(ctx, listenPing)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			return n.Payload, nil
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return "", err
		}
		asking, cancel := context.WithTimeout(ctx, listenPing)
		err = conn.Ping(asking)
		cancel()
		if err != nil {
			return "", err
		}
	}
}
