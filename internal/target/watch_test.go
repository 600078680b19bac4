package target_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/target"
)

// watched is a source with a listener on it.
type watched struct {
	*testing.T
	db      *target.DB
	source  target.Source
	changes atomic.Int64
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{T: t, db: fresh(t)}
	w.source = target.Source{Channel: "salesforce.hc_trigger_log", Lock: -42, Sequence: `public."log id"`}
	exec(t, w.db, `CREATE SEQUENCE public."log id"`)
	ctx, stop := context.WithCancel(t.Context())
	ended, up := make(chan error), make(chan struct{}, 1)
	go func() {
		ended <- w.db.Watch(ctx, w.source, func() { w.changes.Add(1) }, func(isUp bool, cause error) {
			if !isUp {
				t.Error(cause)
				return
			}
			select {
			case up <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-up
	return w
}

// needless says what a sender is told: that it need not notify.
func (w *watched) needless() bool {
	w.Helper()
	return query[bool](w.T, w.db, `SELECT CASE WHEN pg_try_advisory_lock_shared($1)
		THEN NOT pg_advisory_unlock_shared($1) ELSE true END`, w.source.Lock)
}

func (w *watched) until(what string, ok func() bool) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatal("never: " + what)
		}
	}
}

// hears waits for the report of one notification.
func (w *watched) hears() {
	w.Helper()
	before := w.changes.Load()
	exec(w.T, w.db, "SELECT pg_notify($1, 'ping')", w.source.Channel)
	w.until("heard", func() bool { return w.changes.Load() > before })
}

// reports waits for n calls of changed from here on.
func (w *watched) reports(n int64) {
	w.Helper()
	before := w.changes.Load()
	w.until("reported", func() bool { return w.changes.Load() >= before+n })
}

// notify sends so many notifications that the source counts as busy.
func (w *watched) notify() {
	w.Helper()
	exec(w.T, w.db, "SELECT pg_notify($1, 'ping' || n) FROM generate_series(1, 40) n", w.source.Channel)
}

func TestWatchHearsAQuietSource(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.hears()
	if w.needless() {
		t.Error("one notification made the source busy")
	}
}

func TestWatchLooksAtABusySourceByItself(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.notify()
	w.until("looks by itself", w.needless)
	before := w.changes.Load()
	exec(t, w.db, `SELECT nextval('public."log id"')`)
	w.until("reported", func() bool { return w.changes.Load() > before })
	w.until("goes back to listening", func() bool { return !w.needless() })
	w.hears()
}

// A transaction found the lock held and left its notification out; it commits
// when nobody holds the lock any more.
func TestWatchWaitsForWhoWasToldNotToNotify(t *testing.T) {
	t.Parallel()
	w := watch(t)
	tx, err := w.db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // committed below
	if _, err := tx.Exec(t.Context(), "SELECT txid_current()"); err != nil {
		t.Fatal(err)
	}
	w.notify()
	w.until("looks by itself", w.needless)
	w.until("goes back to listening", func() bool { return !w.needless() })
	w.reports(3)
	before := w.changes.Load()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until("reported after the commit", func() bool { return w.changes.Load() > before })
}

// Two listeners, for a moment of a lease's change, and one that died with the
// lock: neither stops the other.
func TestWatchLeavesAnothersLockAlone(t *testing.T) {
	t.Parallel()
	w := watch(t)
	other, err := w.db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	if _, err := other.Exec(t.Context(), "SELECT pg_advisory_lock($1)", w.source.Lock); err != nil {
		t.Fatal(err)
	}
	before := w.changes.Load()
	w.notify()
	w.until("reported", func() bool { return w.changes.Load() > before })
	w.hears()
	other.Conn().Close(t.Context())
	w.until("notices that the lock is free", func() bool {
		w.notify()
		return w.needless()
	})
}
