package brake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/target"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestLimits(t *testing.T) {
	t.Parallel()
	usual := brake.LimitsOf(mapping.ConnectionOptions{})
	small := brake.LimitsOf(mapping.ConnectionOptions{BrakeRows: 10, BrakePercent: 50})
	for _, tt := range []struct {
		name        string
		limits      brake.Limits
		deletes, of int64
		want        bool
	}{
		{"none", usual, 0, 0, false},
		{"all of few rows", usual, 1000, 1000, false},
		{"all of many", usual, 1001, 1001, true},
		{"a small part of many", usual, 50_000, 1_000_000, false},
		{"a little more than 5 %", usual, 50_001, 1_000_000, true},
		{"half of few, by a connection's limits", small, 11, 22, false},
		{"more than half", small, 12, 22, true},
		{"of an empty mapping", usual, 2000, 0, true},
	} {
		if got := tt.limits.Exceeded(tt.deletes, tt.of); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

type site struct {
	*testing.T
	*brake.Brake
	db      *target.DB
	mapping uuid.UUID
}

func newSite(t *testing.T) *site {
	t.Helper()
	db, err := target.Open(t.Context(), target.Config{URL: pgtest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &site{T: t, Brake: brake.Of(uuid.New()), db: db, mapping: uuid.New()}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// ask checks a run of so many deletions of 10,000 rows.
func (s *site) ask(deletes int64, strict string, want brake.Answer) brake.Hold {
	s.Helper()
	got, h, err := s.Check(s.Context(), s.db.Pool(), brake.Run{
		Mapping: s.mapping, Direction: brake.Read, Deletes: deletes, Of: 10_000, Sample: []string{"001A", "001B"},
		Limits: brake.LimitsOf(mapping.ConnectionOptions{}), Reason: "records are gone", Strict: strict,
	})
	s.must(err)
	if got != want {
		s.Errorf("%d deletions: answer %d, want %d", deletes, got, want)
	}
	return h
}

func TestAHoldWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.ask(1000, "", brake.Pass)
	first := s.ask(2000, "", brake.Held)
	again := s.ask(2500, "", brake.Held)
	if first.ID != again.ID || again.Rows != 2500 || again.Of != 10_000 || !cmp.Equal(again.Sample, []string{"001A", "001B"}) {
		t.Errorf("held as %+v, before %+v", again, first)
	}
	s.ask(10, "", brake.Held) // few are left, but somebody should look
	s.ask(2500, "", brake.Held)
	list, err := s.List(t.Context(), s.db.Pool(), false)
	s.must(err)
	if len(list) != 1 || list[0].ID != first.ID || list[0].Reason != "records are gone" {
		t.Errorf("open: %+v", list)
	}

	s.must(s.Release(t.Context(), s.db.Pool(), first.ID, "ann@example.com"))
	if err := s.Discard(t.Context(), s.db.Pool(), first.ID, "bob@example.com"); !errors.Is(err, brake.ErrDecided) {
		t.Errorf("decided twice: %v", err)
	}
	s.ask(2600, "", brake.Released) // a few more than seen
	s.must(s.Spend(t.Context(), s.db.Pool(), first.ID))
	s.ask(2600, "", brake.Held) // the next one asks again

	h, err := s.Get(t.Context(), s.db.Pool(), first.ID)
	s.must(err)
	if h.Decision != brake.Release || h.DecidedBy != "ann@example.com" || h.DecidedAt.IsZero() || !h.Spent {
		t.Errorf("first hold %+v", h)
	}
}

func TestAHoldIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	untold := func(want ...int64) {
		t.Helper()
		list, err := s.Untold(t.Context(), s.db.Pool())
		s.must(err)
		var got []int64
		for _, h := range list {
			got = append(got, h.ID)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("to be told: %v, want %v", got, want)
		}
	}
	untold()
	first := s.ask(2000, "", brake.Held).ID
	untold(first)
	s.must(s.Told(t.Context(), s.db.Pool(), first))
	s.ask(3000, "", brake.Held) // it grows
	untold()
	s.must(s.Release(t.Context(), s.db.Pool(), first, "ann"))
	second := s.ask(9000, "", brake.Held).ID
	untold(second)
	s.must(s.Discard(t.Context(), s.db.Pool(), second, "ann"))
	untold()
}

func TestAReleaseCoversWhatWasSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.ask(2000, "", brake.Held)
	s.must(s.Release(t.Context(), s.db.Pool(), h.ID, "ann"))
	if h2 := s.ask(9000, "", brake.Held); h2.ID == h.ID {
		t.Error("a greater deletion went under the old hold")
	}
}

func TestADiscardedDeletionIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.ask(2000, "", brake.Held)
	s.must(s.Discard(t.Context(), s.db.Pool(), h.ID, "ann"))
	s.ask(2050, "", brake.Discarded)
	s.ask(5000, "", brake.Held)
}

func TestAHoldLapses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.ask(2000, "", brake.Held)
	s.ask(0, "", brake.Pass)
	if _, ok, err := s.Open(t.Context(), s.db.Pool(), s.mapping, brake.Read); ok || err != nil {
		t.Errorf("still open: %t, %v", ok, err)
	}
	all, err := s.List(t.Context(), s.db.Pool(), true)
	s.must(err)
	if len(all) != 1 || all[0].ID != h.ID || all[0].Decision != brake.Lapse {
		t.Errorf("holds %+v", all)
	}
}

func TestAfterAChangeAnyDeletionIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if h := s.ask(1, "the filter has changed", brake.Held); h.Reason != "the filter has changed" {
		t.Errorf("reason %q", h.Reason)
	}
	s.ask(0, "the filter has changed", brake.Pass)
}
