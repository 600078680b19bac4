package work

import "testing"

func TestShareOfCalls(t *testing.T) {
	t.Parallel()
	for daily, want := range map[int64]int64{0: 750, 15_000: 750, 1_000_000: 50_000} {
		if got := share(daily); got != want {
			t.Errorf("of %d calls a day: %d", daily, got)
		}
	}
}
