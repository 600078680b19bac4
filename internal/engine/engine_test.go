package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

func TestTurnRunsWithWhatItNeeds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, m := r.connect("one")
	type sight struct {
		key    engine.Key
		fence  target.Fence
		schema string
		ids    []uuid.UUID
	}
	seen := make(chan sight, 10)
	look := func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		s := sight{key: turn.Key, fence: turn.Fence, schema: turn.Config.Schema}
		for _, m := range turn.Active(mapping.StageSynced) {
			s.ids = append(s.ids, m.ID)
		}
		_, err := turn.Session.DB.Write(ctx, turn.Fence, target.Options{}, func(context.Context, *target.Tx) error { return nil })
		seen <- s
		return engine.Next{After: time.Hour}, err
	}
	r.start(map[string]engine.Handler{engine.KindRead: look})
	s := receive(t, seen, "turn")
	want := engine.Key{Connection: c.ID, Kind: engine.KindRead}
	if s.key != want || s.fence.Kind != want.Kind || s.fence.Number != 1 || s.schema != "salesforce" ||
		len(s.ids) != 1 || s.ids[0] != m.ID {
		t.Errorf("turn saw %+v", s)
	}
	r.eventually("the newest commit is kept in the control store", func() bool {
		_, err := r.store.Pair(t.Context(), want)
		return err == nil
	})
}

func TestLoadTurnComesAndGoesWithTheStage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, m := r.connect("one")
	if err := r.store.SetStage(t.Context(), m.ID, mapping.StageCreated); err != nil {
		t.Fatal(err)
	}
	loaded, read := make(chan string, 10), make(chan struct{}, 10)
	r.start(map[string]engine.Handler{
		engine.KindLoad: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
			loaded <- turn.Mapping
			if err := r.store.SetStage(ctx, m.ID, mapping.StageSynced); err != nil {
				return engine.Next{}, err
			}
			return engine.Next{}, turn.Changed(ctx)
		},
		engine.KindRead: func(context.Context, *engine.Turn) (engine.Next, error) {
			read <- struct{}{}
			return engine.Next{After: time.Hour}, nil
		},
	})
	if got := receive(t, loaded, "load turn"); got != m.ID.String() {
		t.Errorf("loaded %s, want %s", got, m.ID)
	}
	receive(t, read, "read turn after the load")
	if len(loaded) > 0 {
		t.Error("the load went on after its end")
	}
	if err := r.store.DeleteMapping(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	r.eventually("the row of a removed mapping goes", func() bool {
		_, err := r.store.Turn(t.Context(), engine.Key{Connection: c.ID, Kind: engine.KindLoad, Mapping: m.ID.String()})
		return err != nil
	})
}

// Two nodes work through many connections. What they do is guarded by fences;
// beside that, no two of them shall have one line of turns in hand.
func TestTwoNodesShareTheTurns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.settings.TTL = patience // no take-over here, however slow the machine
	const connections, rounds = 8, 6
	for i := range connections {
		r.connect(fmt.Sprintf("c%d", i))
	}
	var mu sync.Mutex
	inHand, done := map[engine.Key]string{}, map[string]int{}
	turns := map[engine.Key]int{}
	handler := func(name string) engine.Handler {
		return func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
			mu.Lock()
			if other := inHand[turn.Key]; other != "" {
				t.Errorf("%s and %s have %s in hand", name, other, turn.Key.Kind)
			}
			inHand[turn.Key] = name
			mu.Unlock()
			_, err := turn.Session.DB.Write(ctx, turn.Fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
				_, err := tx.Exec(ctx, "SELECT pg_sleep(0.005)")
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			delete(inHand, turn.Key)
			done[name]++
			turns[turn.Key]++
			return engine.Next{}, err
		}
	}
	short := func(c *engine.Config) { c.Settings.Hold = time.Nanosecond; c.MaxTurns = 4 }
	for _, name := range []string{"a", "b"} {
		r.start(map[string]engine.Handler{engine.KindRead: handler(name), engine.KindWrite: handler(name)}, short)
	}
	r.eventually("every turn ran often, on both nodes", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range turns {
			if n < rounds {
				return false
			}
		}
		return len(turns) == 2*connections && done["a"] > 0 && done["b"] > 0
	})
}

func TestDeadNodesTurnIsTakenOverAndItsCommitsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.settings.TTL = 3 * time.Second
	r.connect("one")
	inHand, release, zombie := make(chan struct{}, 1), make(chan struct{}), make(chan error, 1)
	commit := func(ctx context.Context, turn *engine.Turn) error {
		_, err := turn.Session.DB.Write(ctx, turn.Fence, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS public.commits (number bigint)")
			if err == nil {
				_, err = tx.Exec(ctx, "INSERT INTO public.commits VALUES ($1)", turn.Fence.Number)
			}
			return err
		})
		return err
	}
	first := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		if err := commit(ctx, turn); err != nil {
			return engine.Next{}, err
		}
		inHand <- struct{}{}
		<-release
		err := commit(context.WithoutCancel(ctx), turn)
		zombie <- err
		return engine.Next{After: time.Hour}, err
	}})
	receive(t, inHand, "turn on the first node")
	first.Silence()

	taken := make(chan int64, 10)
	r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		err := commit(ctx, turn)
		taken <- turn.Fence.Number
		return engine.Next{After: time.Hour}, err
	}})
	if n := receive(t, taken, "turn on the second node"); n != 2 {
		t.Errorf("fence of the second node is %d, want 2", n)
	}
	close(release)
	if err := receive(t, zombie, "end of the dead node's turn"); !errors.Is(err, target.ErrFenced) {
		t.Errorf("the dead node's commit: %v, want %v", err, target.ErrFenced)
	}
	conn, err := pgx.Connect(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var numbers []int64
	if err := conn.QueryRow(t.Context(), "SELECT array_agg(number) FROM public.commits").Scan(&numbers); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(numbers) != "[1 2]" {
		t.Errorf("commits by fence %v, want [1 2]", numbers)
	}
}

// The queue's row says "running" on a node that knows nothing of it: what the
// queue could not store when a turn ended.
func TestTurnThatTheQueueLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.settings.TTL = 3 * time.Second
	c, _ := r.connect("one")
	ran := make(chan struct{}, 10)
	e := r.start(map[string]engine.Handler{engine.KindRead: func(context.Context, *engine.Turn) (engine.Next, error) {
		ran <- struct{}{}
		return engine.Next{After: time.Hour}, nil
	}})
	receive(t, ran, "turn")
	key := engine.Key{Connection: c.ID, Kind: engine.KindRead}
	r.eventually("the queue says that it waits", func() bool {
		tag, err := r.store.Pool().Exec(t.Context(), `
			UPDATE syncline.river_job j SET state = 'running', attempted_by = ARRAY[$1]
			FROM syncline.turn t WHERE t.job_id = j.id AND j.state = 'scheduled'`, e.NodeID().String())
		return err == nil && tag.RowsAffected() == 1
	})
	r.eventually("it runs again as generation 2", func() bool {
		receive(t, ran, "turn again")
		turn, err := r.store.Turn(t.Context(), key)
		return err == nil && turn.Generation == 2
	})
}

func TestSilentNodeGivesItsTurnsUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.settings.TTL = 3 * time.Second // each heartbeat has a third of it, however slow the machine
	r.connect("one")
	inHand, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	e := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		select {
		case inHand <- struct{}{}:
		default:
		}
		<-ctx.Done()
		select {
		case ended <- struct{}{}:
		default:
		}
		return engine.Next{}, ctx.Err()
	}})
	receive(t, inHand, "turn")
	e.Silence()
	r.eventually("its turns are cancelled", func() bool {
		e.CheckAge()
		return len(ended) == 1
	})
}

func TestPanicInOneTurnLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad, _ := r.connect("bad")
	good, _ := r.connect("good")
	var broken atomic.Bool
	broken.Store(true)
	ran := make(chan uuid.UUID, 1000)
	e := r.start(map[string]engine.Handler{engine.KindWrite: func(_ context.Context, turn *engine.Turn) (engine.Next, error) {
		if turn.Connection == bad.ID && broken.Load() {
			panic("index out of range, say")
		}
		ran <- turn.Connection
		return engine.Next{After: time.Hour}, nil
	}})
	if got := receive(t, ran, "turn of the good connection"); got != good.ID {
		t.Errorf("ran %s", got)
	}
	r.eventually("the panic is shown", func() bool {
		return r.connection(bad.ID).Status.Condition == mapping.SystemError
	})
	if got := r.connection(good.ID).Status; got.Condition != mapping.Fine {
		t.Errorf("the good connection is in %+v", got)
	}
	broken.Store(false)
	r.eventually("it is fine again", func() bool { return r.connection(bad.ID).Status.Condition == mapping.Fine })
	if err := e.Wake(t.Context(), engine.Key{Connection: good.ID, Kind: engine.KindWrite}); err != nil {
		t.Fatal(err)
	}
	r.eventually("both go on", func() bool { return len(ran) >= 2 })
}

func TestPauseEndsTheTurnAndResumeBringsItBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	began, ended := make(chan struct{}, 10), make(chan bool, 10)
	e := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		began <- struct{}{}
		select {
		case <-turn.Stopping():
		case <-ctx.Done():
		}
		ended <- turn.More()
		return engine.Next{}, nil
	}})
	pause := func(on bool) {
		t.Helper()
		_, err := r.store.UpdateConnection(t.Context(), c.ID, func(c *mapping.Connection) error {
			c.Status.Paused = on
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Changed(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
	}
	receive(t, began, "turn")
	r.eventually("the turn is shown", func() bool {
		list, err := e.Activities(t.Context(), c.ID)
		return err == nil && len(list) == 1 && list[0].Node == e.NodeID()
	})
	pause(true)
	if more := receive(t, ended, "end of the turn"); more {
		t.Error("a paused turn was told to go on")
	}
	r.eventually("nothing is in hand", func() bool {
		list, err := e.Activities(t.Context(), uuid.Nil)
		return err == nil && len(list) == 0
	})
	if len(began) > 0 {
		t.Error("a turn began while paused")
	}
	pause(false)
	receive(t, began, "turn after resume")
}

func TestAChangeOfSettingsEndsTheSliceAndNotTheTurn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.settings.Slice, r.settings.Hold = time.Hour, time.Hour
	c, m := r.connect("one")
	slices := make(chan []mapping.Mapping, 10)
	e := r.start(map[string]engine.Handler{engine.KindWrite: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		slices <- turn.Mappings
		for turn.More() && ctx.Err() == nil {
			turn.Wait(ctx, time.Hour)
		}
		return engine.Next{After: time.Hour, Hot: true}, nil
	}})
	if first := receive(t, slices, "slice"); first[0].Options.Priority != 0 {
		t.Fatalf("mapping %+v", first[0])
	}
	fence := func() int64 {
		t.Helper()
		turn, err := r.store.Turn(t.Context(), engine.Key{Connection: c.ID, Kind: engine.KindWrite})
		if err != nil {
			t.Fatal(err)
		}
		return turn.Generation
	}
	before := fence()
	for priority := 1; priority <= 3; priority++ {
		if _, err := r.store.UpdateMapping(t.Context(), m.ID, func(m *mapping.Mapping) error { m.Options.Priority = priority; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := e.Changed(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		// Another notice of the same change may bring one more slice.
		for got := -1; got != priority; {
			got = receive(t, slices, "slice with the new settings")[0].Options.Priority
		}
	}
	if after := fence(); after != before {
		t.Errorf("generation %d, then %d", before, after)
	}
}

func TestTroubleWithTheDatabaseIsACondition(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	var down atomic.Bool
	down.Store(true)
	ran := make(chan string, 100)
	look := func(_ context.Context, turn *engine.Turn) (engine.Next, error) {
		ran <- turn.Kind
		return engine.Next{After: time.Hour, Hot: turn.Kind == engine.KindWrite}, nil
	}
	r.start(map[string]engine.Handler{engine.KindRead: look, engine.KindWrite: look}, func(cfg *engine.Config) {
		cfg.Open = func(ctx context.Context, c mapping.Connection) (*engine.Session, error) {
			if !down.Load() {
				return r.openDatabase(ctx, c)
			}
			db, err := target.Open(ctx, target.Config{URL: "postgres://nobody:hunter2@127.0.0.1:1/none"})
			if err != nil {
				return nil, err
			}
			defer db.Close()
			return nil, db.Ping(ctx)
		}
	})
	r.eventually("the condition is stored", func() bool {
		return r.connection(c.ID).Status.Condition == mapping.DBUnavailable
	})
	if cause := r.connection(c.ID).Status.Cause; cause == "" || strings.Contains(cause, "hunter2") {
		t.Errorf("cause %q", cause)
	}
	down.Store(false)
	receive(t, ran, "turn once the database is back")
	r.eventually("the condition ends", func() bool { return r.connection(c.ID).Status.Condition == mapping.Fine })
}

func TestRolledBackDatabaseStopsTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connect("one")
	ran := make(chan struct{}, 100)
	e := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		_, err := turn.Session.DB.Write(ctx, turn.Fence, target.Options{}, func(context.Context, *target.Tx) error { return nil })
		ran <- struct{}{}
		return engine.Next{After: time.Hour}, err
	}})
	receive(t, ran, "turn")
	key := engine.Key{Connection: c.ID, Kind: engine.KindRead}
	r.eventually("the pair is saved", func() bool { _, err := r.store.Pair(t.Context(), key); return err == nil })
	conn, err := pgx.Connect(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	// A start may wake a turn twice: the second one must be over, too.
	r.eventually("the turn rests", func() bool {
		running, err := e.Activities(t.Context(), c.ID)
		return err == nil && len(running) == 0
	})
	if _, err := conn.Exec(t.Context(), "DELETE FROM _syncline.commit"); err != nil {
		t.Fatal(err)
	}
	for len(ran) > 0 {
		<-ran
	}
	if err := e.Wake(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	r.eventually("the condition is stored", func() bool {
		return r.connection(c.ID).Status.Condition == mapping.RolledBack
	})
	if len(ran) > 0 {
		t.Error("the handler ran on a database that had gone back in time")
	}
}

func TestStopIsQuick(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect("one")
	began := make(chan struct{}, 10)
	e := r.start(map[string]engine.Handler{
		engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
			began <- struct{}{}
			<-ctx.Done() // deaf to Stopping: only the context ends it
			return engine.Next{}, ctx.Err()
		},
		engine.KindWrite: idle,
	})
	receive(t, began, "turn")
	r.stop(e)
	nodes, err := r.store.Alive(t.Context(), time.Hour)
	if err != nil || len(nodes) != 0 {
		t.Errorf("nodes after the stop: %v, %v", nodes, err)
	}
}

func TestNewRefusesHalfAConfiguration(t *testing.T) {
	t.Parallel()
	if _, err := engine.New(engine.Config{}); err == nil {
		t.Error("an engine of nothing was made")
	}
}
