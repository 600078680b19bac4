package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/synclinehq/syncline/internal/engine/lease"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Wrap(m)) }

const ttl = 600 * time.Millisecond

func openStore(t *testing.T) *store.Store {
	t.Helper()
	keys, err := secret.Parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: secret.NewText(pgtest.New(t)), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// keep runs a keeper and returns it with what ends it.
func keep(t *testing.T, s *store.Store) (*lease.Keeper, func()) {
	k := lease.New(lease.Config{Store: s, Node: uuid.New(), TTL: ttl, Every: ttl / 6})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	end := func() { cancel(); <-done }
	t.Cleanup(end)
	return k, end
}

// station tells when a node begins and ends the work of a lease.
type station struct{ began, ended chan struct{} }

func newStation() station { return station{make(chan struct{}, 100), make(chan struct{}, 100)} }

func (s station) work(ctx context.Context) {
	s.began <- struct{}{}
	<-ctx.Done()
	s.ended <- struct{}{}
}

func receive(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s within 20 s", what)
	}
}

func TestOneOwnerAndTakeOverWhenItLeaves(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	a, b := newStation(), newStation()
	first, leave := keep(t, s)
	first.Want(map[string]lease.Work{"x": a.work})
	receive(t, a.began, "work of the first node")
	second, _ := keep(t, s)
	second.Want(map[string]lease.Work{"x": b.work})
	select {
	case <-b.began:
		t.Fatal("a lease had two owners")
	case <-time.After(2 * ttl): // longer than the lease: it is renewed
	}
	leave()
	receive(t, a.ended, "end of the first node's work")
	receive(t, b.began, "work of the second node")
}

func TestLostLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	a := newStation()
	k, _ := keep(t, s)
	k.Want(map[string]lease.Work{"x": a.work})
	receive(t, a.began, "work")
	// Somebody else takes it, as after a long silence of this node.
	if _, err := s.Pool().Exec(t.Context(), `UPDATE syncline.lease SET owner = gen_random_uuid(), epoch = epoch + 1,
		expires_at = clock_timestamp() + interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	receive(t, a.ended, "end of the work")
}

func TestWorkThatEndsOrPanicsIsStartedAgain(t *testing.T) {
	t.Parallel()
	k, _ := keep(t, openStore(t))
	began := make(chan struct{}, 100)
	k.Want(map[string]lease.Work{
		"returns": func(context.Context) { began <- struct{}{} },
		"panics":  func(context.Context) { began <- struct{}{}; panic("say") },
	})
	for range 6 {
		receive(t, began, "work")
	}
}

func TestUnwantedWorkEnds(t *testing.T) {
	t.Parallel()
	k, _ := keep(t, openStore(t))
	a, b := newStation(), newStation()
	k.Want(map[string]lease.Work{"a": a.work, "b": b.work})
	receive(t, a.began, "work")
	receive(t, b.began, "work")
	k.Want(map[string]lease.Work{"b": b.work})
	receive(t, a.ended, "end of what is no longer wanted")
	select {
	case <-b.ended:
		t.Error("what is still wanted was ended")
	default:
	}
}
