package plan_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/mapping"
)

func (w *world) run() {
	defer w.tell()
	if w.knots {
		w.knot()
	}
	for range rapid.IntRange(1, 25).Draw(w.T, "changes") {
		w.random()
	}
	for n := 0; w.step(); n++ {
		if n == 100 {
			w.faults = false
		}
		if n == 300 {
			w.Fatal("does not come to rest")
		}
	}
	w.compare()
}

// TestAlgorithmsKeepTheirPromises drains random logs, with changes that come in
// while calls are under way: the order of each record is kept, no record is
// twice in a call, each entry is in one place, the org refuses nothing, and in
// the end it holds what the tables hold, which is what makes the algorithms
// equal.
//
// With faults, records have to be sent again and replies are lost for a while:
// Dependency keeps its order through them.
func TestAlgorithmsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		algorithm     mapping.Algorithm
		faults, alone bool
		knots         bool
	}{
		{"ordered", mapping.Ordered, false, false, false},
		{"ordered with knots", mapping.Ordered, false, false, true},
		{"ordered, rows alone, with faults", mapping.Ordered, true, true, false},
		{"dependency", mapping.Dependency, false, false, false},
		{"dependency with knots", mapping.Dependency, false, false, true},
		{"dependency with knots and faults", mapping.Dependency, true, false, true},
		{"dependency with faults", mapping.Dependency, true, false, false},
		{"merged, rows alone, with faults", mapping.Merged, true, true, false},
		{"merged with knots", mapping.Merged, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				w := newWorld(rt, tt.algorithm)
				w.faults, w.alone, w.knots = tt.faults, tt.alone, tt.knots
				w.pages = rapid.Bool().Draw(rt, "page by page")
				w.tame = tt.algorithm == mapping.Merged && tt.knots
				w.run()
			})
		})
	}
}
