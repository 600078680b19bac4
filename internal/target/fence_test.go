package target_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/target"
)

func TestRaiseGoesOnlyUpwards(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f := target.Fence{Connection: uuid.New(), Kind: "read"}
	for _, step := range []struct {
		number int64
		want   error
	}{{3, nil}, {3, nil}, {2, target.ErrFenced}, {7, nil}, {6, target.ErrFenced}} {
		f.Number = step.number
		if err := db.Raise(t.Context(), f); !errors.Is(err, step.want) {
			t.Errorf("raise to %d: %v, want %v", step.number, err, step.want)
		}
	}
}

func TestWriteCountsOnlyUnderItsFence(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "CREATE TABLE public.t (n integer)")
	old := raised(t, db)
	insert := func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO public.t VALUES (1)")
		return err
	}
	if _, err := db.Write(t.Context(), old, target.Options{}, insert); err != nil {
		t.Fatal(err)
	}
	newer := old
	newer.Number++
	if err := db.Raise(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	otherKind, otherMapping := newer, newer
	otherKind.Kind = "write"
	otherMapping.Mapping = uuid.NewString()
	for name, f := range map[string]target.Fence{"old": old, "other kind": otherKind, "other mapping": otherMapping} {
		_, err := db.Write(t.Context(), f, target.Options{}, insert)
		if !errors.Is(err, target.ErrFenced) || target.Classify(err) != target.Fenced {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := query[int](t, db, "SELECT count(*) FROM public.t"); n != 1 {
		t.Errorf("%d rows, want the one of the turn that held the fence", n)
	}
}

func TestRaiseWaitsForTheTransactionOfTheOldTurn(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "CREATE TABLE public.mark (n integer); INSERT INTO public.mark VALUES (0)")
	old := raised(t, db)
	newer := old
	newer.Number++
	done := make(chan error, 1)
	_, err := db.Write(t.Context(), old, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		go func() { done <- db.Raise(t.Context(), newer) }()
		for query[int](t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
			select {
			case err := <-done:
				t.Fatalf("the new turn did not wait: %v", err)
			default:
			}
		}
		_, err := tx.Exec(ctx, "UPDATE public.mark SET n = 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, db, "SELECT n FROM public.mark"); n != 1 {
		t.Errorf("the new turn reads mark %d before the old turn's commit", n)
	}
}

func TestOverlappingWritesOfOneTurnDoNotDeadlock(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f := raised(t, db)
	const n = 4
	var inside, all sync.WaitGroup
	inside.Add(n)
	for range n {
		all.Go(func() {
			_, err := db.Write(t.Context(), f, target.Options{}, func(context.Context, *target.Tx) error {
				inside.Done()
				inside.Wait()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestEachCommitLeavesItsPair(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f := raised(t, db)
	if _, ok, err := db.Newest(t.Context(), f); ok || err != nil {
		t.Fatalf("a pair before the first commit (%v)", err)
	}
	first, err := db.Write(t.Context(), f, target.Options{}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	second, err := db.Write(t.Context(), f, target.Options{}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if second.Counter <= first.Counter || second.Nonce == first.Nonce {
		t.Errorf("pairs %v, %v", first, second)
	}
	if newest, _, _ := db.Newest(t.Context(), f); newest != second {
		t.Errorf("newest %v, want %v", newest, second)
	}
	for _, c := range []struct {
		name string
		pair target.CommitPair
		want bool
	}{
		{"first", first, true},
		{"by nonce alone", target.CommitPair{Nonce: first.Nonce}, true},
		{"same counter of another history", target.CommitPair{Counter: first.Counter, Nonce: uuid.New()}, false},
	} {
		if has, err := db.HasPair(t.Context(), f, c.pair); has != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.name, has, err)
		}
	}
}

func TestWhatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "CREATE TABLE public.t (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
	f := raised(t, db)
	wrong := errors.New("wrong")
	insert := func(ctx context.Context, tx *target.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO public.t VALUES (1), ($1::int)", 2)
		return err
	}
	cases := map[string]func(context.Context, *target.Tx) error{
		"an error of the body": func(ctx context.Context, tx *target.Tx) error {
			return errors.Join(insert(ctx, tx), wrong)
		},
		"a swallowed error of a statement": func(ctx context.Context, tx *target.Tx) error {
			_ = insert(ctx, tx)
			_, _ = tx.Exec(ctx, "SELECT 1/0")
			return nil
		},
		"a constraint checked at commit": func(ctx context.Context, tx *target.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO public.t VALUES (1), (1)")
			return err
		},
		"a commit by the body": func(ctx context.Context, tx *target.Tx) error {
			return errors.Join(insert(ctx, tx), tx.Commit(ctx))
		},
	}
	for name, fn := range cases {
		if pair, err := db.Write(t.Context(), f, target.Options{}, fn); err == nil || pair != (target.CommitPair{}) {
			t.Errorf("%s: pair %v, error %v", name, pair, err)
		}
		if n := query[int](t, db, "SELECT count(*) FROM public.t"); n != 0 {
			t.Errorf("%s: %d rows stay", name, n)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = db.Write(t.Context(), f, target.Options{}, func(context.Context, *target.Tx) error { panic("bug") })
	}()
	if _, err := db.Write(t.Context(), f, target.Options{}, nothing); err != nil {
		t.Errorf("after all of that: %v", err)
	}
}

func TestOldPairsAreTrimmedNowAndThen(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f := raised(t, db)
	other := f
	other.Kind = "write"
	for _, fence := range []target.Fence{f, other} {
		exec(t, db, `INSERT INTO _syncline.commit (connection_id, kind, nonce)
			SELECT $1, $2, gen_random_uuid() FROM generate_series(1, 10050)`, fence.Connection, fence.Kind)
	}
	exec(t, db, "SELECT setval(pg_get_serial_sequence('_syncline.commit', 'counter'), 512 * 100 - 1)")
	last, err := db.Write(t.Context(), f, target.Options{}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	const count = "SELECT count(*) FROM _syncline.commit WHERE kind = $1"
	if n := query[int](t, db, count, "read"); n != 10_000 {
		t.Errorf("%d pairs kept of the fence that committed", n)
	}
	if n := query[int](t, db, count, "write"); n != 10_050 {
		t.Errorf("%d pairs kept of another fence", n)
	}
	if has, _ := db.HasPair(t.Context(), f, last); !has {
		t.Error("the newest pair was trimmed")
	}
}
