package store_test

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

const (
	longTTL = time.Hour
	overTTL = -time.Hour // a deadline that has passed
)

// A node lives while its turns hold every other connection.
func TestHeartbeatDoesNotWaitForConnections(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for range store.DefaultMaxConns {
		conn := must[*pgxpool.Conn](t)(s.Pool().Acquire(t.Context()))
		defer conn.Release()
	}
	ok(t, s.Heartbeat(t.Context(), store.Node{ID: uuid.New(), Name: "n"}))
}

func TestFenceNumbersGrow(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	first := must[target.Fence](t)(s.RaiseFence(ctx, key))
	second := must[target.Fence](t)(s.RaiseFence(ctx, key))
	other := must[target.Fence](t)(s.RaiseFence(ctx, store.Key{Connection: key.Connection, Kind: "read"}))
	if first.Number != 1 || second.Number != 2 || other.Number != 1 {
		t.Errorf("numbers %d, %d and %d, want 1, 2 and 1", first.Number, second.Number, other.Number)
	}
	if err := s.CheckFence(ctx, first); !errors.Is(err, store.ErrFenced) {
		t.Errorf("the older fence: %v", err)
	}
	ok(t, s.CheckFence(ctx, second))
	ok(t, s.LiftFence(ctx, key, 10))
	ok(t, s.LiftFence(ctx, key, 5))
	if got := must[target.Fence](t)(s.RaiseFence(ctx, key)); got.Number != 11 {
		t.Errorf("after a lift to 10: %d, want 11", got.Number)
	}
	if _, err := s.RaiseFence(ctx, store.Key{Connection: uuid.New(), Kind: "write"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown connection: %v", err)
	}
}

func TestNewestPairStays(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	if _, err := s.Pair(ctx, key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before the first: %v", err)
	}
	newest := target.CommitPair{Counter: 7, Nonce: uuid.New()}
	ok(t, s.SavePair(ctx, key, newest))
	ok(t, s.SavePair(ctx, key, target.CommitPair{Counter: 6, Nonce: uuid.New()}))
	if got := must[target.CommitPair](t)(s.Pair(ctx, key)); got != newest {
		t.Errorf("got %v, want %v", got, newest)
	}
	ok(t, s.ForgetPairs(ctx, key.Connection))
	if _, err := s.Pair(ctx, key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after forgetting: %v", err)
	}
}

func TestNodesAliveByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	a, b := store.Node{ID: uuid.New(), Name: "a", PID: 1, Version: "dev"}, store.Node{ID: uuid.New(), Name: "b", PID: 2, Version: "dev"}
	ok(t, s.Heartbeat(ctx, a))
	ok(t, s.Heartbeat(ctx, b))
	ok(t, s.Heartbeat(ctx, a))
	names := func() (names []string) {
		for _, n := range must[[]store.Node](t)(s.Alive(ctx, 15*time.Minute)) {
			names = append(names, n.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"a", "b"}, names()); diff != "" {
		t.Error(diff)
	}
	age(t, s, a.ID)
	ok(t, s.Leave(ctx, b.ID))
	if got := names(); got != nil {
		t.Errorf("alive: %v, want nobody", got)
	}
}

// age lets a node's last heartbeat be an hour old.
func age(t *testing.T, s *store.Store, node uuid.UUID) {
	t.Helper()
	_, err := s.Pool().Exec(t.Context(), `UPDATE syncline.node SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE id = $1`, node)
	ok(t, err)
}

func TestLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	a, b := uuid.New(), uuid.New()
	acquire := func(owner uuid.UUID, ttl time.Duration) (int64, bool) {
		t.Helper()
		epoch, held, err := s.AcquireLease(ctx, "listen", owner, ttl)
		ok(t, err)
		return epoch, held
	}
	first, held := acquire(a, longTTL)
	if !held || first != 1 {
		t.Fatalf("first: epoch %d, held %t", first, held)
	}
	if _, held := acquire(b, longTTL); held {
		t.Error("b got a lease that a holds")
	}
	if !must[bool](t)(s.RenewLease(ctx, "listen", a, first, overTTL)) {
		t.Error("a could not renew")
	}
	second, held := acquire(b, longTTL) // a's has run out
	if !held || second != 2 {
		t.Errorf("take-over: epoch %d, held %t", second, held)
	}
	if must[bool](t)(s.RenewLease(ctx, "listen", a, first, longTTL)) {
		t.Error("a renewed what b has taken")
	}
	ok(t, s.ReleaseLease(ctx, "listen", a, first))
	if _, held := acquire(a, longTTL); held {
		t.Error("a late release by a freed b's lease")
	}
	ok(t, s.ReleaseLease(ctx, "listen", b, second))
	if third, held := acquire(a, longTTL); !held || third != 3 {
		t.Errorf("after the release: epoch %d, held %t", third, held)
	}
}

func TestLeaseRace(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, held, err := s.AcquireLease(t.Context(), "leader", uuid.New(), longTTL); err != nil {
				t.Error(err)
			} else if held {
				holders.Add(1)
			}
		})
	}
	wg.Wait()
	if holders.Load() != 1 {
		t.Errorf("%d holders", holders.Load())
	}
}

func TestTurnGenerations(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "load", Mapping: uuid.NewString()}
	a, b := store.Node{ID: uuid.New(), Name: "a"}, store.Node{ID: uuid.New(), Name: "b"}
	ok(t, s.Heartbeat(ctx, a))
	ok(t, s.Heartbeat(ctx, b))
	start := func(generation int64, node uuid.UUID) bool {
		t.Helper()
		_, started, err := s.StartTurn(ctx, key, generation, node)
		ok(t, err)
		return started
	}
	if start(1, a.ID) {
		t.Error("a turn without a row started")
	}
	if _, created, err := s.EnsureTurn(ctx, key); err != nil || !created {
		t.Fatalf("ensure: %t %v", created, err)
	}
	if turn, created, err := s.EnsureTurn(ctx, key); err != nil || created || turn.Generation != 1 {
		t.Fatalf("ensure again: %+v %t %v", turn, created, err)
	}
	if !start(1, a.ID) {
		t.Error("the turn did not start")
	}
	if dead := must[[]store.Turn](t)(s.DeadTurns(ctx, time.Minute)); len(dead) != 0 {
		t.Errorf("dead: %v", dead)
	}
	age(t, s, a.ID)
	dead := must[[]store.Turn](t)(s.DeadTurns(ctx, time.Minute))
	if len(dead) != 1 || dead[0].Key != key || dead[0].Node != a.ID {
		t.Fatalf("dead: %+v", dead)
	}

	// One of two guardians raises the generation, in one transaction with the job.
	err := s.InTx(ctx, func(tx *store.Tx) error {
		generation, raised, err := tx.RaiseGeneration(ctx, key, dead[0].Generation)
		if err != nil || !raised || generation != 2 {
			t.Errorf("raise: %d %t %v", generation, raised, err)
		}
		_, err = tx.SetJob(ctx, key, generation, 77)
		return err
	})
	ok(t, err)
	if _, raised, err := s.RaiseGeneration(ctx, key, dead[0].Generation); raised || err != nil {
		t.Errorf("raised twice: %t %v", raised, err)
	}
	if must[bool](t)(s.SetJob(ctx, key, 1, 5)) {
		t.Error("an older generation stored its job")
	}
	if start(1, a.ID) {
		t.Error("a turn of the older generation started")
	}
	if !start(2, b.ID) {
		t.Error("the newer generation did not start")
	}
	if _, ended, err := s.EndTurn(ctx, key, 1, a.ID, time.Second, ""); ended || err != nil {
		t.Errorf("an overtaken turn ended: %t %v", ended, err)
	}
	if _, ended, err := s.EndTurn(ctx, key, 2, b.ID, time.Second, "no\x00t good"); !ended || err != nil {
		t.Errorf("end: %t %v", ended, err)
	}
	turn := must[store.Turn](t)(s.Turn(ctx, key))
	if turn.JobID != 77 || turn.Node != uuid.Nil || turn.LastError != "not good" || turn.NextAt.Sub(turn.EndedAt) < 900*time.Millisecond {
		t.Errorf("turn %+v", turn)
	}
}

func TestWakeTellsAllNodesAndIsNotLost(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	if _, err := s.Wake(ctx, key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("waking nobody: %v", err)
	}
	_, _, err := s.EnsureTurn(ctx, key)
	ok(t, err)
	must[bool](t)(s.SetJob(ctx, key, 1, 42))

	conn, err := s.Pool().Acquire(ctx)
	ok(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, "LISTEN "+store.WakeChannel)
	ok(t, err)

	node := uuid.New()
	before, _, err := s.StartTurn(ctx, key, 1, node)
	ok(t, err)
	if job := must[int64](t)(s.Wake(ctx, key)); job != 42 {
		t.Errorf("job %d, want 42", job)
	}
	notice, err := conn.Conn().WaitForNotification(ctx)
	ok(t, err)
	var woken store.Key
	ok(t, json.Unmarshal([]byte(notice.Payload), &woken))
	if woken != key {
		t.Errorf("woken %+v, want %+v", woken, key)
	}
	after, _, err := s.EndTurn(ctx, key, 1, node, time.Minute, "")
	ok(t, err)
	if after != before+1 {
		t.Errorf("wake count went from %d to %d", before, after)
	}
}
