package queue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"go.uber.org/goleak"

	"github.com/synclinehq/syncline/internal/engine/queue"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Wrap(m)) }

const schema = "syncline"

// setup gives the pool of a control database with River's tables.
func setup(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	return pool
}

// client makes a client and starts it unless run is nil.
func client(t *testing.T, pool *pgxpool.Pool, cfg queue.Config) *queue.Client {
	t.Helper()
	cfg.Pool, cfg.Schema, cfg.ID = pool, schema, uuid.NewString()
	c, err := queue.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *queue.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func insert(t *testing.T, c *queue.Client, j queue.Job) int64 {
	t.Helper()
	ids, err := c.Insert(t.Context(), nil, j)
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s within 20 s", what)
		panic("unreachable")
	}
}

func TestJobRunsSnoozesAndWakes(t *testing.T) {
	t.Parallel()
	ran, settled := make(chan queue.Job, 10), make(chan int64, 10)
	c := client(t, setup(t), queue.Config{
		Run: func(_ context.Context, _ int64, j queue.Job) (queue.Outcome, error) {
			ran <- j
			return queue.Outcome{Snooze: time.Hour}, nil
		},
		Settled: func(id int64, _ queue.Job) { settled <- id },
	})
	want := queue.Job{Connection: uuid.New(), Kind: "write", Generation: 1}
	id := insert(t, c, want)
	if got := receive(t, ran, "run"); got != want {
		t.Errorf("ran %+v, want %+v", got, want)
	}
	if got := receive(t, settled, "settled"); got != id {
		t.Errorf("settled job %d, want %d", got, id)
	}
	if n, err := c.Wake(t.Context(), nil, id); err != nil || n != 1 {
		t.Fatalf("Wake = %d, %v; want 1 job moved", n, err)
	}
	receive(t, ran, "run after the wake")
}

func TestInsertIsUniqueByAllThatItNames(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}, 10), make(chan struct{})
	c := client(t, setup(t), queue.Config{
		Run: func(ctx context.Context, _ int64, _ queue.Job) (queue.Outcome, error) {
			started <- struct{}{}
			<-release
			return queue.Outcome{Snooze: time.Hour}, nil
		},
	})
	defer close(release)
	j := queue.Job{Connection: uuid.New(), Kind: "read", Generation: 1}
	first := insert(t, c, j)
	receive(t, started, "run")
	if again := insert(t, c, j); again != first {
		t.Errorf("second insert made job %d beside the running %d", again, first)
	}
	next := j
	next.Generation = 2
	if other := insert(t, c, next); other == first {
		t.Error("a newer generation was taken for the older one")
	}
	receive(t, started, "run of the newer generation")
}

func TestDiscardedJobStaysGone(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	started, release := make(chan struct{}), make(chan struct{})
	var runs atomic.Int32
	c := client(t, pool, queue.Config{
		Run: func(context.Context, int64, queue.Job) (queue.Outcome, error) {
			if runs.Add(1) == 1 {
				started <- struct{}{}
				<-release
			}
			return queue.Outcome{}, nil
		},
	})
	id := insert(t, c, queue.Job{Connection: uuid.New(), Kind: "read", Generation: 1})
	receive(t, started, "run")
	if err := c.Discard(t.Context(), nil, id); err != nil {
		t.Fatal(err)
	}
	close(release)
	stop(t, c) // waits until the outcome of the zombie is stored
	there, err := c.Unfinished(t.Context(), []int64{id})
	if _, ok := there[id]; err != nil || ok {
		t.Errorf("Unfinished = %v, %v; want the job ended", there, err)
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("ran %d times", n)
	}
	if n, err := c.Wake(t.Context(), nil, id); err != nil || n != 0 {
		t.Errorf("Wake of an ended job = %d, %v", n, err)
	}
}

func TestErrorRunsAgainAfterTheConstantWait(t *testing.T) {
	t.Parallel()
	ran := make(chan struct{}, 10)
	c := client(t, setup(t), queue.Config{
		RetryAfter: 10 * time.Millisecond,
		Run: func(context.Context, int64, queue.Job) (queue.Outcome, error) {
			ran <- struct{}{}
			if len(ran) < 3 {
				return queue.Outcome{}, errors.New("a fault of the program")
			}
			return queue.Outcome{Done: true}, nil
		},
	})
	insert(t, c, queue.Job{Connection: uuid.New(), Kind: "tend", Generation: 1})
	for range 3 {
		receive(t, ran, "run")
	}
}

func TestPromoteNeedsNoLeader(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	ran, settled := make(chan struct{}, 10), make(chan int64, 10)
	c := client(t, pool, queue.Config{
		NoLeader: true,
		Run: func(context.Context, int64, queue.Job) (queue.Outcome, error) {
			ran <- struct{}{}
			return queue.Outcome{Snooze: time.Hour}, nil
		},
		Settled: func(id int64, _ queue.Job) { settled <- id },
	})
	id := insert(t, c, queue.Job{Connection: uuid.New(), Kind: "tend", Generation: 1})
	receive(t, ran, "run")
	receive(t, settled, "settled")
	if n, err := c.Promote(t.Context()); err != nil || n != 0 {
		t.Fatalf("Promote before the end of the snooze = %d, %v", n, err)
	}
	_, err := pool.Exec(t.Context(), `UPDATE syncline.river_job SET scheduled_at = now() - interval '1 s' WHERE id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Promote(t.Context()); err != nil || n != 1 {
		t.Fatalf("Promote = %d, %v; want 1", n, err)
	}
	receive(t, ran, "second run")
}

func TestInsertInTransactionAppearsWithIt(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	ran := make(chan queue.Job, 10)
	c := client(t, pool, queue.Config{
		Run: func(_ context.Context, _ int64, j queue.Job) (queue.Outcome, error) {
			ran <- j
			return queue.Outcome{Done: true}, nil
		},
	})
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := queue.Job{Connection: uuid.New(), Kind: "read", Generation: 1}
	if _, err := c.Insert(t.Context(), tx, lost); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := queue.Job{Connection: uuid.New(), Kind: "read", Generation: 1}
	insert(t, c, kept)
	if got := receive(t, ran, "run"); got != kept {
		t.Errorf("ran %+v, want %+v", got, kept)
	}
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	started := make(chan struct{}, 1)
	c := client(t, pool, queue.Config{
		SoftStop: 50 * time.Millisecond,
		Run: func(ctx context.Context, _ int64, _ queue.Job) (queue.Outcome, error) {
			started <- struct{}{}
			<-ctx.Done()
			return queue.Outcome{}, ctx.Err()
		},
	})
	id := insert(t, c, queue.Job{Connection: uuid.New(), Kind: "load", Generation: 1})
	receive(t, started, "run")
	stop(t, c)
	var state string
	if err := pool.QueryRow(t.Context(), `SELECT state FROM syncline.river_job WHERE id = $1`, id).Scan(&state); err != nil {
		t.Fatal(err)
	}
	if state != "available" {
		t.Errorf("job cut short is %q, want available for another node", state)
	}
}

func TestStartWithoutTablesSaysSo(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	c, err := queue.New(queue.Config{Pool: pool, Schema: "nowhere", Run: func(context.Context, int64, queue.Job) (queue.Outcome, error) {
		return queue.Outcome{}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil {
		t.Error("started without tables")
	}
	if _, err := queue.New(queue.Config{}); err == nil {
		t.Error("a client of nothing was made")
	}
}
