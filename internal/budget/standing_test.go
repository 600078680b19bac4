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
		s := Standing{Limits: Limits{Daily: 1000}, Ours: ours, LastHour: 10}
		if got := s.Stretch(); !cmp.Equal(got, want, cmpopts.EquateApprox(0.001, 0)) {
			t.Errorf("at %d of 1000: %v, want %v", ours, got, want)
		}
	}
}

func TestStretchByTheHour(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ours     int64
		lastHour float64
		want     float64
	}{{400, 1000, 1}, {600, 33, 1}, {600, 37.5, 3}, {900, 37.5, 3}, {600, 1000, 60}} {
		s := Standing{Limits: Limits{Daily: 1000}, Ours: tt.ours, LastHour: tt.lastHour}
		if got := s.Stretch(); !cmp.Equal(got, tt.want, cmpopts.EquateApprox(0.001, 0)) {
			t.Errorf("at %d of 1000, %v in the last hour: %v, want %v", tt.ours, tt.lastHour, got, tt.want)
		}
	}
}

// Up to five times what is allowed, polls come to a balance below where they stop.
func TestPollsAreSlowedBeforeTheyStop(t *testing.T) {
	t.Parallel()
	const steps = 1440                                     // a day
	for _, wish := range []float64{500, 900, 2000, 5000} { // calls a day as set
		s := Standing{Limits: Limits{Daily: 1000}}
		day, hour := window{size: steps}, window{size: steps * 3 / 48} // kept by the hour: one and a half on the average
		for i := range steps * 5 {
			s.Ours, s.LastHour = int64(day.sum), hour.sum/1.5
			made := wish / steps / s.Stretch()
			if s.Ours >= s.limit("poll") {
				made = 0
				if i > 2*steps { // what began in a rush has left the 24 hours
					t.Fatalf("%.0f calls a day as set: %d stand at step %d, where polls stop", wish, s.Ours, i)
				}
			}
			day.add(made)
			hour.add(made)
		}
		if lowest := min(int64(wish)-5, 800); s.Ours < lowest {
			t.Errorf("%.0f calls a day as set: only %d stand in the end", wish, s.Ours)
		}
	}
}

// window is a sum over the newest steps.
type window struct {
	size int
	sum  float64
	made []float64
}

func (w *window) add(made float64) {
	w.made = append(w.made, made)
	w.sum += made
	if len(w.made) > w.size {
		w.sum -= w.made[len(w.made)-1-w.size]
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
