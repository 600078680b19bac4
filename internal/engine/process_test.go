package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// childEnv turns the test binary into a node: "<control DSN> <target DSN>".
const (
	childEnv  = "SYNCLINE_ENGINE_TEST_CONTROL"
	targetEnv = "SYNCLINE_ENGINE_TEST_TARGET"
)

func processSettings() engine.Settings {
	return engine.Settings{
		TTL: 1500 * time.Millisecond, Guard: 100 * time.Millisecond, SoftStop: time.Second,
		RetryMin: 20 * time.Millisecond, RetryMax: 100 * time.Millisecond,
	}
}

// impatient opens a database that ends transactions whose client has stopped.
func impatient(dsn string) engine.Opener {
	return func(ctx context.Context, _ mapping.Connection) (*engine.Session, error) {
		db, err := target.Open(ctx, target.Config{URL: dsn, MaxConns: 3, Limits: target.Limits{Idle: time.Second}})
		if err != nil {
			return nil, err
		}
		if err := db.Migrate(ctx); err != nil {
			db.Close()
			return nil, err
		}
		return &engine.Session{DB: db}, nil
	}
}

// toil commits rows that say who worked under which fence.
func toil(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
	for turn.More() && ctx.Err() == nil {
		_, err := turn.Session.DB.Write(ctx, turn.Fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO public.work (pid, number) VALUES ($1, $2)", os.Getpid(), turn.Fence.Number)
			return err
		})
		if err != nil {
			return engine.Next{}, err
		}
		turn.Wait(ctx, 2*time.Millisecond)
	}
	return engine.Next{}, nil
}

// child is a node in a process of its own; it runs until it is killed.
func child() int {
	if err := crash.Setup(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx := context.Background()
	s, err := openStore(ctx, os.Getenv(childEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	e, err := engine.New(engine.Config{
		Store: s, Handlers: map[string]engine.Handler{engine.KindWrite: toil}, Open: impatient(os.Getenv(targetEnv)),
		NodeName: "child", Settings: processSettings(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err == nil {
		err = e.Start(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	time.Sleep(5 * time.Minute) // a forgotten child ends some day
	return 1
}

// spawn starts a child; env arms crash points.
func (r *rig) spawn(env ...string) *exec.Cmd {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), childEnv+"="+r.control, targetEnv+"="+r.target), env...)
	cmd.Stderr = r.t.Output()
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// works counts the rows of a process.
func works(t *testing.T, conn *pgx.Conn, pid int) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM public.work WHERE pid = $1", pid).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The other node dies, or stops for a while, in the midst of its work. This
// one goes on, and nothing of an overtaken turn is ever committed after its
// successor's first row.
func TestAnotherProcessDies(t *testing.T) {
	t.Parallel()
	kill := func(_ *testing.T, c *exec.Cmd) { _ = c.Process.Kill() }
	await := func(t *testing.T, c *exec.Cmd) {
		err := c.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != -1 {
			t.Fatalf("the child did not die at its crash point: %v", err)
		}
	}
	for name, tt := range map[string]struct {
		point crash.Name
		end   func(*testing.T, *exec.Cmd)
		works bool // the child works before its end
		goOn  bool // it is continued after the other has taken over
	}{
		"kill -9":                                {end: kill, works: true},
		"SIGSTOP and SIGCONT":                    {end: func(_ *testing.T, c *exec.Cmd) { _ = c.Process.Signal(syscall.SIGSTOP) }, works: true, goOn: true},
		"fence raised in the control store only": {point: crash.EngineAfterFenceControl, end: await},
		"fence raised in both databases":         {point: crash.EngineAfterFenceTarget, end: await},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.settings = processSettings()
			conn, err := pgx.Connect(t.Context(), r.target)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			_, err = conn.Exec(t.Context(), `CREATE TABLE public.work (id bigint GENERATED ALWAYS AS IDENTITY, pid int, number bigint)`)
			if err != nil {
				t.Fatal(err)
			}
			r.connect("one")
			report := filepath.Join(t.TempDir(), "crashes")
			var env []string
			if tt.point != "" {
				env = []string{"SYNCLINE_CRASH=" + string(tt.point), "SYNCLINE_CRASH_REPORT=" + report}
			}
			other := r.spawn(env...)
			if tt.works {
				r.eventually("the other node works", func() bool { return works(t, conn, other.Process.Pid) > 3 })
			}
			tt.end(t, other)
			if tt.point != "" {
				if got, err := crash.ReadReport(report); err != nil || len(got) != 1 || got[0].Point != tt.point {
					t.Errorf("crash report %v, %v", got, err)
				}
			}
			r.start(map[string]engine.Handler{engine.KindWrite: toil}, func(c *engine.Config) { c.Open = impatient(r.target) })
			r.eventually("this node goes on", func() bool { return works(t, conn, os.Getpid()) > 3 })
			if tt.goOn {
				_ = other.Process.Signal(syscall.SIGCONT)
				before := works(t, conn, os.Getpid())
				r.eventually("work goes on beside the continued node", func() bool {
					return works(t, conn, os.Getpid())+works(t, conn, other.Process.Pid) > before+200
				})
			}
			var wrong int
			err = conn.QueryRow(t.Context(), `SELECT count(*) FROM (
				SELECT number < lag(number) OVER (ORDER BY id) AS back FROM public.work) w WHERE back`).Scan(&wrong)
			if err != nil || wrong != 0 {
				t.Errorf("%d commits of overtaken turns, %v", wrong, err)
			}
		})
	}
}
