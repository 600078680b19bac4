package target

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Source is what [DB.Watch] hears.
type Source struct {
	// Channel is notified of changes, unless Lock is held.
	Channel string
	// Lock is an advisory lock. While somebody holds it, the senders leave
	// their notifications out.
	Lock int64
	// Sequence, quoted, grows with every change, before it is committed.
	Sequence string
}

const (
	// busyPings notifications within busySpan make the listener look by itself.
	busyPings = 30
	busySpan  = time.Second
	// tick is the pause between two looks, afterglow how long after the last
	// growth of the sequence each look is reported: what grew it commits later.
	tick      = 25 * time.Millisecond
	afterglow = 100 * time.Millisecond
	// lookAnyway is the longest pause between two reports of a listener that
	// others rely on.
	lookAnyway = 250 * time.Millisecond
	// The lock is given back when the sequence has grown by less than
	// quietGrowth in quietSpan, and for a moment every holdFor.
	quietGrowth = 20
	quietSpan   = 2 * time.Second
	holdFor     = 10 * time.Second
	// lingerFor bounds the wait for transactions that left a notification out
	// and did not end.
	lingerFor = 10 * time.Minute
)

// Watch is [DB.Listen] for a source that can be busy. A transaction that
// notifies commits under a lock of the whole cluster, so that busy applications
// queue up behind each other. While notifications come quickly, Watch takes the
// source's lock, which spares them that, and looks at the sequence instead;
// changed is called within 250 ms of every commit, usually within 50.
//
// The lock lives in a transaction of at most ten seconds: it ends with the
// connection, and the server ends the transaction of a process that stalls.
// Behind a pooler that does not pass LISTEN no notification is heard, so the
// lock is never taken there.
func (db *DB) Watch(ctx context.Context, s Source, changed func(), onState func(up bool, cause error)) error {
	return db.keepListening(ctx, s.Channel, onState, func(ctx context.Context, conn *pgx.Conn) error {
		w := &watcher{Source: s, conn: conn, changed: changed}
		// Whoever watched before us may have left such transactions behind.
		if err := w.setHorizon(ctx); err != nil {
			return err
		}
		for {
			if err := w.listen(ctx); err != nil {
				return err
			}
			if err := w.look(ctx); err != nil {
				return fmt.Errorf("watch %s: %w", s.Sequence, err)
			}
		}
	})
}

// watcher is one connection's turn at listening and looking.
type watcher struct {
	Source

	conn    *pgx.Conn
	changed func()
	// horizon is set after looking: every transaction that left its
	// notification out has a smaller id.
	horizon string
	since   time.Time // when horizon was set
}

// listen returns nil when notifications come so quickly that looking is better.
func (w *watcher) listen(ctx context.Context) error {
	pings, from := 0, time.Now()
	for {
		pinged, err := w.wait(ctx)
		if err != nil {
			return err
		}
		w.changed()
		if !pinged {
			continue
		}
		if now := time.Now(); now.Sub(from) > busySpan {
			pings, from = 0, now
		}
		if pings++; pings >= busyPings {
			return nil
		}
	}
}

// wait returns at the next notification or, while there may be commits without
// one, after a short time.
func (w *watcher) wait(ctx context.Context) (pinged bool, err error) {
	if w.horizon == "" {
		_, err = next(ctx, w.conn)
		return true, err
	}
	waiting, cancel := context.WithTimeout(ctx, lookAnyway)
	defer cancel()
	_, err = w.conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return false, err
	}
	var passed bool
	err = w.conn.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", w.horizon).Scan(&passed)
	if passed || time.Since(w.since) > lingerFor {
		w.horizon = ""
	}
	return false, err
}

// look holds the lock, with short breaks, as long as changes come quickly.
func (w *watcher) look(ctx context.Context) error {
	for {
		quiet, err := w.hold(ctx)
		if err != nil {
			return err
		}
		if err := w.drain(ctx); err != nil {
			return err
		}
		if quiet {
			return w.setHorizon(ctx)
		}
	}
}

// setHorizon begins the wait for transactions that found the lock held.
func (w *watcher) setHorizon(ctx context.Context) error {
	w.since = time.Now()
	return w.conn.QueryRow(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text").Scan(&w.horizon)
}

// hold takes the lock for one transaction. Another holder counts as quiet: it
// is he who looks.
func (w *watcher) hold(ctx context.Context) (quiet bool, err error) {
	begin := fmt.Sprintf("begin read only; set local lock_timeout = 100; set local statement_timeout = 5000; "+
		"set local idle_in_transaction_session_timeout = 5000; select pg_advisory_xact_lock(%d)", w.Lock)
	// With several statements in it only the simple protocol takes it.
	if _, err = w.conn.Exec(ctx, begin, pgx.QueryExecModeSimpleProtocol); err == nil {
		quiet, err = w.lookOn(ctx)
	}
	pgErr, refused := errors.AsType[*pgconn.PgError](err)
	if refused && pgErr.Code == "55P03" { // lock_not_available
		quiet, err = true, nil
	}
	if err != nil {
		return false, err
	}
	_, err = w.conn.Exec(ctx, "rollback")
	return quiet, err
}

// lookOn reports changes until the source is quiet or the time is up.
func (w *watcher) lookOn(ctx context.Context) (quiet bool, err error) {
	var at, before int64
	started := time.Now()
	grew, reported, measured := started, time.Time{}, started
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for first := true; ; first = false {
		var now int64
		if err := w.conn.QueryRow(ctx, "SELECT last_value FROM "+w.Sequence).Scan(&now); err != nil {
			return false, err
		}
		if first {
			before = now
		}
		if now != at {
			at, grew = now, time.Now()
		}
		if time.Since(grew) < afterglow || time.Since(reported) >= lookAnyway {
			w.changed()
			reported = time.Now()
		}
		if time.Since(measured) > quietSpan {
			if at-before < quietGrowth {
				return true, nil
			}
			before, measured = at, time.Now()
		}
		if time.Since(started) > holdFor {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// drain forgets notifications that came in meanwhile: the next look sees what
// they tell of.
func (w *watcher) drain(ctx context.Context) error {
	for {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		_, err := w.conn.WaitForNotification(short)
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		default:
			return nil
		}
	}
}
