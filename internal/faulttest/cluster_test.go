//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/sandbox/org"
)

// takeover is how soon another node must go on.
const takeover = 45 * time.Second

// work is a line of turns: a kind, and for a load the mapping.
type work struct{ kind, mapping string }

// inControl asks the control database.
func (s *site) inControl(ctx context.Context, sql string, args []any, into ...any) error {
	conn, err := pgx.Connect(ctx, s.control)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.QueryRow(ctx, sql, args...).Scan(into...)
}

// holder is the node that has a turn of that kind in hand, and which one.
func (s *site) holder(ctx context.Context, kind string) (*node, work, error) {
	w := work{kind: kind}
	var pid int
	err := s.inControl(ctx, `SELECT n.pid, t.mapping FROM syncline.turn t JOIN syncline.node n ON n.id = t.node
		WHERE t.kind = $1 ORDER BY t.started_at DESC LIMIT 1`, []any{kind}, &pid, &w.mapping)
	if err != nil {
		return nil, w, err
	}
	n := s.byPID(pid)
	if n == nil {
		return nil, w, fmt.Errorf("no node has pid %d", pid)
	}
	return n, w, nil
}

// loader is the node that loads an object, and its turn.
func (s *site) loader(ctx context.Context, object string) (*node, work, error) {
	w := work{kind: "load"}
	var pid int
	err := s.inControl(ctx, `SELECT n.pid, t.mapping FROM syncline.turn t JOIN syncline.node n ON n.id = t.node
		JOIN syncline.mapping m ON m.id::text = t.mapping WHERE t.kind = 'load' AND m.object_name = $1`, []any{object}, &pid, &w.mapping)
	if err != nil {
		return nil, w, err
	}
	n := s.byPID(pid)
	if n == nil {
		return nil, w, fmt.Errorf("no node has pid %d", pid)
	}
	return n, w, nil
}

// leader is the node that does the queue's chores for all.
func (s *site) leader(ctx context.Context) (*node, error) {
	var pid int
	err := s.inControl(ctx, `SELECT n.pid FROM syncline.river_leader l JOIN syncline.node n ON n.id::text = l.leader_id`, nil, &pid)
	if err != nil {
		return nil, err
	}
	if n := s.byPID(pid); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no node has pid %d", pid)
}

func (s *site) byPID(pid int) *node {
	for _, n := range s.nodes {
		if n.alive() && n.cmd.Process.Pid == pid {
			return n
		}
	}
	return nil
}

// commits is the newest commit of a line of turns.
func (s *site) commits(ctx context.Context, w work) (counter int64, err error) {
	err = s.app.QueryRow(ctx, `SELECT coalesce(max(counter), 0) FROM _syncline.commit WHERE kind = $1 AND mapping = $2`,
		w.kind, w.mapping).Scan(&counter)
	return counter, err
}

// goesOn waits until another node commits for that line of turns, and tells
// how long that took.
func (s *site) goesOn(w work, gone *node) {
	s.Helper()
	started := time.Now()
	var before int64
	eventually(s.TB, 5*time.Second, "look at the commits", func(ctx context.Context) (err error) {
		before, err = s.commits(ctx, w)
		return err
	})
	eventually(s.TB, takeover, "the other node goes on with "+w.kind, func(ctx context.Context) error {
		now, err := s.commits(ctx, w)
		if err == nil && now == before {
			err = errors.New("no commit")
		}
		return err
	})
	s.Logf("%s went on %v after %s was gone", w.kind, time.Since(started).Round(100*time.Millisecond), gone.name)
}

// pair starts two nodes whose clocks are two hours apart.
func (s *site) pair() {
	s.Helper()
	s.lasting = true
	for _, n := range []*node{s.serve("fast", time.Hour), s.serve("slow", -time.Hour)} {
		n.start()
	}
	eventually(s.TB, time.Minute, "both nodes are ready", func(ctx context.Context) error {
		for _, n := range s.nodes {
			if !n.ready(ctx) {
				return fmt.Errorf("%s is not ready", n.name)
			}
		}
		return nil
	})
}

// A node is killed while it loads; the other goes on with that load.
func TestNodeDiesInLoad(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{rows: 3000, switches: org.Switches{PageRows: 100}})
		s.fault(map[string]any{"kind": "delay", "method": "GET", "path": "/query", "delayMs": 700})
		s.pair()
		s.startTraffic() // a write may be under way too, see answered
		var (
			victim *node
			load   work
		)
		eventually(t, time.Minute, "a load has committed something", func(ctx context.Context) (err error) {
			if err := s.advance(ctx); err == nil {
				t.Fatal("all was loaded before a node could be killed")
			}
			if victim, load, err = s.loader(ctx, "Account"); err != nil {
				return err
			}
			if n, err := s.commits(ctx, load); err != nil || n == 0 {
				return fmt.Errorf("%d commits, %w", n, err)
			}
			return nil
		})
		victim.kill()
		s.killed = true
		s.noFaults()
		s.goesOn(load, victim)
		s.bringUp()
		s.edits.onward(30)
		s.judge()
	})
}

// A node is killed with a write in flight: the org has the request and no
// reply has been read.
func TestNodeDiesInWrite(t *testing.T) {
	t.Parallel()
	faults := map[string]map[string]any{
		"request on its way": {"kind": "delay", "path": "/composite/sobjects", "delayMs": 5000, "count": 1},
		"reply on its way":   {"kind": "slow_body", "path": "/composite/sobjects", "bytesPerSecond": 20, "count": 1},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachSeed(t, func(t *testing.T, seed uint64) {
				s := newSite(t, seed, options{})
				s.pair()
				s.startTraffic(withoutKeys)
				s.bringUp()
				s.edits.onward(20)
				s.fault(fault)
				eventually(t, 30*time.Second, "a write in flight", func(context.Context) error {
					if len(s.hits()) > 0 && s.hits()[fault["kind"].(string)] > 0 {
						return nil
					}
					return errors.New("no call met the fault")
				})
				victim, write, err := s.holder(t.Context(), "write")
				s.must(err)
				victim.kill()
				s.killed = true
				s.noFaults()
				s.goesOn(write, victim)
				s.edits.onward(20)
				s.judge()
			})
		})
	}
}

// Of two servers and a worker, the one that leads the queue is killed; another
// leads, and the work goes on.
func TestLeaderDies(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{})
		s.pair()
		s.worker("worker", 0).start()
		s.startTraffic()
		s.bringUp()
		s.edits.onward(20)
		victim, err := s.leader(t.Context())
		s.must(err)
		held := s.heldBy(victim)
		victim.kill()
		s.killed = true
		for _, w := range held {
			s.goesOn(w, victim)
		}
		eventually(t, time.Minute, "another leader", func(ctx context.Context) error {
			_, err := s.leader(ctx)
			return err
		})
		s.edits.onward(20)
		s.judge()
	})
}

// heldBy lists what a node has in hand of reads and writes.
func (s *site) heldBy(n *node) (out []work) {
	s.Helper()
	for _, kind := range []string{"read", "write"} {
		if h, w, err := s.holder(s.Context(), kind); err == nil && h == n {
			out = append(out, w)
		}
	}
	return out
}

// A node stops in the middle of its work, for so long that another takes over,
// and goes on as if nothing had been. Nothing is lost, nothing is done twice.
func TestNodeStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	pause := time.Minute
	if testing.Short() {
		pause = 25 * time.Second
	}
	for _, point := range []crash.Name{
		crash.WriterAfterJournalSending, crash.WriterAfterSendBeforeReply, crash.WriterBeforeSettleCommit,
		crash.ReaderPollAfterFetch, crash.ReaderPollBeforeCommit,
	} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			eachSeed(t, func(t *testing.T, seed uint64) { stopAt(t, point, seed, pause) })
		})
	}
}

func stopAt(t *testing.T, point crash.Name, seed uint64, pause time.Duration) {
	s := newSite(t, seed, options{})
	s.lasting = true
	env, report := armed(t, point, ":4:stop")
	victim, other := s.serve("stopped", time.Hour), s.serve("other", -time.Hour)
	victim.start(env...)
	edits := s.startTraffic()
	eventually(t, time.Minute, "stop at "+string(point), func(ctx context.Context) error {
		if reports, err := crash.ReadReport(report); err != nil || len(reports) > 0 {
			return err
		}
		if err := s.advance(ctx); err != nil {
			return err
		}
		return errors.New("not hit")
	})
	eventually(t, 10*time.Second, "the process stands still", func(context.Context) error { return stopped(victim) })
	resume := time.After(pause)
	kind := "write"
	if point == crash.ReaderPollAfterFetch || point == crash.ReaderPollBeforeCommit {
		kind = "read"
	}
	other.start()
	s.goesOn(work{kind: kind}, victim)
	<-resume
	victim.signal(syscall.SIGCONT)
	edits.onward(30)
	s.judge()
}

// stopped says nil when the process is stopped by a signal.
func stopped(n *node) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) {
		return nil // no such file system: the report has to do
	}
	if err != nil {
		return err
	}
	var (
		pid   int
		name  string
		state string
	)
	if _, err := fmt.Sscan(string(text), &pid, &name, &state); err != nil {
		return err
	}
	if state != "T" {
		return fmt.Errorf("process %d is in state %s", pid, state)
	}
	return nil
}
