package budget

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAllowed(t *testing.T) {
	t.Parallel()
	org := Usage{Used: 30_000, Max: 100_000}
	for _, tt := range []struct {
		name string
		s    Standing
		want int64
	}{
		{"nothing is known", Standing{Ours: 5}, Unlimited},
		{"a ceiling", Standing{Limits: Limits{Daily: 500}}, 500},
		{"the reserve", Standing{Limits: Limits{Reserve: 20}, Ours: 30_000, Org: org}, 80_000},
		{"other applications", Standing{Limits: Limits{Reserve: 20}, Ours: 10_000, Org: org}, 60_000},
		{"the stricter of both", Standing{Limits: Limits{Daily: 70_000, Reserve: 20}, Ours: 10_000, Org: org}, 60_000},
		{"no reserve", Standing{Ours: 30_000, Org: org}, 100_000},
		{"the org lags behind", Standing{Limits: Limits{Reserve: 20}, Ours: 40_000, Org: org}, 80_000},
		{"others use it up", Standing{Limits: Limits{Reserve: 20}, Org: Usage{Used: 99_000, Max: 100_000}}, 2000},
	} {
		if got := tt.s.Allowed(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestStretch(t *testing.T) {
	t.Parallel()
	for ours, want := range map[int64]float64{0: 1, 800: 1, 875: 2, 900: 3, 949: 60, 950: 60, 2000: 60} {
		s := Standing{Limits: Limits{Daily: 1000}, Ours: ours}
		if got := s.Stretch(); !cmp.Equal(got, want, cmpopts.EquateApprox(0.001, 0)) {
			t.Errorf("at %d of 1000: %v, want %v", ours, got, want)
		}
	}
}

// Wherever polls alone would lead, they come to a balance below where they stop.
func TestPollsAreSlowedBeforeTheyStop(t *testing.T) {
	t.Parallel()
	for _, wish := range []float64{500, 900, 2000, 20_000} { // calls a day as set
		s, days := Standing{Limits: Limits{Daily: 1000}}, 0.0
		const step = 1.0 / 500
		var made []float64 // by step, a day of them
		for range 500 * 6 {
			pace := wish * step / s.Stretch()
			made = append(made, pace)
			days += pace
			if len(made) > 500 {
				days -= made[0]
				made = made[1:]
			}
			s.Ours = int64(days)
			if s.Ours > s.limit("poll") {
				t.Fatalf("%.0f calls a day as set: %d stand, polls stop at %d", wish, s.Ours, s.limit("poll"))
			}
		}
		if lowest := min(int64(wish)-5, 800); s.Ours < lowest {
			t.Errorf("%.0f calls a day as set: only %d stand in the end", wish, s.Ours)
		}
	}
}

func TestWhatStopsFirst(t *testing.T) {
	t.Parallel()
	s := Standing{Limits: Limits{Daily: 1000}}
	for purpose, want := range map[string]int64{"load": 850, "verify": 850, "poll": 950, "": 1000, "describe": 1000} {
		if got := s.limit(purpose); got != want {
			t.Errorf("calls for %q stop at %d, want %d", purpose, got, want)
		}
	}
}
