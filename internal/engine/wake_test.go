package engine_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
)

// The application's changes are a number that grows; the turn has to see each
// growth although it would sleep for an hour. Wakes come at drawn moments: in
// the middle of a turn, at its end, before the queue has stored its wait, and
// from two nodes.
func TestNoWakeIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	var written, seen atomic.Int64
	var hot atomic.Bool
	handler := func(_ context.Context, turn *engine.Turn) (engine.Next, error) {
		seen.Store(written.Load())
		return engine.Next{After: time.Hour, Hot: hot.Load()}, nil
	}
	handlers := map[string]engine.Handler{engine.KindWrite: handler}
	nodes := []*engine.Engine{r.start(handlers), r.start(handlers)}
	key := engine.Key{Connection: c.ID, Kind: engine.KindWrite}
	r.eventually("the turn exists", func() bool { _, err := r.store.Turn(t.Context(), key); return err == nil })
	rapid.Check(t, func(rt *rapid.T) {
		hot.Store(rapid.Bool().Draw(rt, "hot"))
		for range rapid.IntRange(1, 4).Draw(rt, "wakes") {
			pause := time.Duration(rapid.IntRange(0, 60).Draw(rt, "pause ms")) * time.Millisecond
			node := nodes[rapid.IntRange(0, 1).Draw(rt, "node")]
			time.Sleep(pause)
			n := written.Add(1)
			if err := node.Wake(context.Background(), key); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "wait") {
				waitFor(rt, func() bool { return seen.Load() >= n })
			}
		}
		last := written.Load()
		waitFor(rt, func() bool { return seen.Load() >= last })
	})
}

func waitFor(t *rapid.T, ok func() bool) {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a wake was lost")
		}
	}
}

// A hot turn is woken in hand, under the same fence; another one comes back
// from the queue under a new fence.
func TestWakeFindsTurnsInHandAndInTheQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	var hot atomic.Bool
	hot.Store(true)
	fences := make(chan int64, 100)
	e := r.start(map[string]engine.Handler{engine.KindWrite: func(_ context.Context, turn *engine.Turn) (engine.Next, error) {
		fences <- turn.Fence.Number
		return engine.Next{After: time.Hour, Hot: hot.Load()}, nil
	}})
	wake := func() int64 {
		t.Helper()
		if err := e.Wake(t.Context(), engine.Key{Connection: c.ID, Kind: engine.KindWrite}); err != nil {
			t.Fatal(err)
		}
		return receive(t, fences, "turn after the wake")
	}
	first := receive(t, fences, "first turn")
	if again := wake(); again != first {
		t.Errorf("a hot turn went from fence %d to %d", first, again)
	}
	hot.Store(false)
	for last := first; last == first; {
		last = wake() // its last wakes in hand, then the queue's
	}
}

// BenchmarkWake measures from the wake to the handler: in hand on the same
// node, and waiting in the queue.
func BenchmarkWake(b *testing.B) {
	for _, hot := range []bool{true, false} {
		b.Run(map[bool]string{true: "in_hand", false: "in_queue"}[hot], func(b *testing.B) {
			r := newRig(b)
			c, _ := r.connect("one")
			ran := make(chan struct{}, 10)
			e := r.start(map[string]engine.Handler{engine.KindWrite: func(context.Context, *engine.Turn) (engine.Next, error) {
				ran <- struct{}{}
				return engine.Next{After: time.Hour, Hot: hot}, nil
			}})
			calm := func() {
				for {
					select {
					case <-ran:
					case <-time.After(300 * time.Millisecond):
						return
					}
				}
			}
			for b.Loop() {
				b.StopTimer()
				calm()
				b.StartTimer()
				if err := e.Wake(b.Context(), engine.Key{Connection: c.ID, Kind: engine.KindWrite}); err != nil {
					b.Fatal(err)
				}
				receive(b, ran, "turn after the wake")
			}
		})
	}
}

func TestTriggerLogWakesTheWriter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect("one")
	var mu sync.Mutex
	var turns []int64
	handlers := map[string]engine.Handler{engine.KindWrite: func(_ context.Context, turn *engine.Turn) (engine.Next, error) {
		mu.Lock()
		defer mu.Unlock()
		turns = append(turns, turn.Fence.Number)
		return engine.Next{After: time.Hour}, nil
	}}
	nodes := []*engine.Engine{r.start(handlers), r.start(handlers)}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(turns)
	}
	conn, err := pgx.Connect(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	hears := func() {
		t.Helper()
		before := count()
		r.eventually("an entry in the log wakes the writer", func() bool {
			if _, err := conn.Exec(t.Context(), `SELECT pg_notify('salesforce.hc_trigger_log', 'id=1')`); err != nil {
				t.Fatal(err)
			}
			return count() > before
		})
	}
	hears()
	r.stop(nodes[0])
	hears() // whoever held the lease: the other node has it or takes it
}

// The other schema's name is odd, and so long that the channel's is cut.
func TestListenerFollowsTheConnection(t *testing.T) {
	t.Parallel()
	other := `odd "name` + strings.Repeat("x", 45)
	r := newRig(t)
	c, _ := r.connect("one")
	var turns atomic.Int64
	e := r.start(map[string]engine.Handler{engine.KindWrite: func(context.Context, *engine.Turn) (engine.Next, error) {
		turns.Add(1)
		return engine.Next{After: time.Hour}, nil
	}})
	r.eventually("the first turn", func() bool { return turns.Load() > 0 })
	_, err := r.store.UpdateConnection(t.Context(), c.ID, func(c *mapping.Connection) error {
		c.Schema = other
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Changed(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	before := turns.Load()
	r.eventually("an entry in the other schema's log wakes the writer", func() bool {
		if _, err := conn.Exec(t.Context(), `SELECT pg_notify($1, '')`, schema.Channel(other)); err != nil {
			t.Fatal(err)
		}
		return turns.Load() > before+1
	})
}

// Behind a pooler in transaction mode there is no LISTEN: wakes are found by
// polling the queue.
func TestWakeWithoutListen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	ran := make(chan struct{}, 100)
	e := r.start(map[string]engine.Handler{engine.KindWrite: func(context.Context, *engine.Turn) (engine.Next, error) {
		ran <- struct{}{}
		return engine.Next{After: time.Hour}, nil
	}}, func(c *engine.Config) { c.PollOnly = true })
	receive(t, ran, "first turn")
	for range 3 {
		if err := e.Wake(t.Context(), engine.Key{Connection: c.ID, Kind: engine.KindWrite}); err != nil {
			t.Fatal(err)
		}
		receive(t, ran, "turn after the wake")
	}
}
