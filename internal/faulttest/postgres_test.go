//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

// The target's server dies without a word, first while a load runs, then while
// both halves do, and comes back.
func TestTargetServerDies(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64) {
		server := pgtest.Server(t, pgserver.Options{})
		s := newSite(t, seed, options{target: databaseOf(t, server, "target")})
		s.serve("node", 0).start()
		s.fault(map[string]any{"kind": "delay", "method": "GET", "path": queries, "delayMs": 300})
		s.startTraffic(rough)
		eventually(t, time.Minute, "a load has committed something", func(ctx context.Context) error {
			if err := s.advance(ctx); err == nil {
				t.Fatal("all was loaded before the server could die")
			}
			var rows int64
			err := s.app.QueryRow(ctx, `SELECT coalesce(max(rows), 0) FROM _syncline.mark WHERE phase = 'load'`).Scan(&rows)
			if err == nil && rows == 0 {
				err = errors.New("no row yet")
			}
			return err
		})
		s.crash(server)
		s.noFaults()
		s.bringUp()
		s.edits.onward(20)
		s.fault(map[string]any{"kind": "delay", "path": writes, "delayMs": 1000})
		eventually(t, 30*time.Second, "a write in flight", func(context.Context) error {
			if s.hits()["delay"] == 0 {
				return errors.New("no call yet")
			}
			return nil
		})
		s.crash(server)
		s.noFaults()
		s.edits.onward(20)
		s.judge()
	})
}

// The control database's server dies while both halves work.
func TestControlServerDies(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64) {
		server := pgtest.Server(t, pgserver.Options{})
		s := newSite(t, seed, options{})
		s.control = databaseOf(t, server, "control")
		s.serve("node", 0).start()
		s.startTraffic()
		s.bringUp()
		s.edits.onward(20)
		s.fault(map[string]any{"kind": "delay", "path": writes, "delayMs": 1000, "count": 1})
		eventually(t, 30*time.Second, "a write in flight", func(context.Context) error {
			if s.hits()["delay"] == 0 {
				return errors.New("no call yet")
			}
			return nil
		})
		s.crash(server)
		s.killed = true // what the ledger had in memory may be stored twice or late
		s.edits.onward(20)
		s.judge()
	})
}

func databaseOf(t *testing.T, server *pgserver.Server, name string) string {
	t.Helper()
	if err := server.CreateDatabase(t.Context(), name, "hstore"); err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}

// crash ends a server as a power cut would, and starts it again while edits
// are waiting.
func (s *site) crash(server *pgserver.Server) {
	s.Helper()
	s.must(server.Kill(s.Context()))
	there := s.edits.other.Load()
	eventually(s.TB, 30*time.Second, "edits in the org meanwhile", func(context.Context) error {
		if n := s.edits.other.Load() - there; n < 10 {
			return fmt.Errorf("%d edits", n)
		}
		return nil
	})
	s.must(server.Restart(s.Context()))
}

// The application holds rows in open transactions while the org's changes of
// them come in. What it commits stands.
func TestApplicationHoldsRows(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{})
		s.serve("node", 0).start()
		s.startTraffic(withoutKeys)
		s.bringUp()
		for round := range 6 {
			s.hold(round)
		}
		s.edits.onward(10)
		s.judge()
		for round := range 6 {
			var n int
			s.must(s.app.QueryRow(t.Context(), `SELECT count(*) FROM account WHERE numberofemployees = $1`, 7_654_320+round).Scan(&n))
			if n != 40 {
				t.Errorf("%d of 40 rows keep what the application committed in round %d", n, round)
			}
		}
	})
}

// hold changes 40 rows in a transaction that stays open until the org's
// changes of some of them had to be put off.
func (s *site) hold(round int) {
	s.Helper()
	ctx := s.Context()
	tx, err := s.app.Begin(ctx)
	s.must(err)
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // committed below, or the test has failed
	_, err = tx.Exec(ctx, `UPDATE account SET numberofemployees = $1 WHERE id IN (
		SELECT id FROM account WHERE name NOT LIKE 'here-%' AND sfid IS NOT NULL ORDER BY id OFFSET $2 LIMIT 40)`, 7_654_320+round, 40*round)
	s.must(err)
	eventually(s.TB, time.Minute, "a record that was put off", func(ctx context.Context) error {
		var n int
		err := s.app.QueryRow(ctx, `SELECT count(*) FROM _syncline.deferred`).Scan(&n)
		if err == nil && n == 0 {
			err = errors.New("no record is deferred")
		}
		return err
	})
	s.must(tx.Commit(ctx))
}
