package work

import (
	"testing"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/mapping"
)

func TestAMappingIsSlowedForItsOwnCalls(t *testing.T) {
	t.Parallel()
	m := mapping.Mapping{ObjectName: "Account", MaxDailyCalls: 1000, PollSeconds: 10}
	calls := func(n int64) []budget.Count {
		return []budget.Count{{Mapping: "Account", Kind: "query", Calls: n}, {Mapping: "Account", Kind: "describe", Calls: 1}, {Mapping: "Contact", Calls: 5000}}
	}
	for n, want := range map[int64]int{0: 10, 799: 10, 899: 30, 5000: 600} {
		table := &mapping.Table{Mapping: m}
		if got := slowed(table, stretchOf(&m, calls(n))).Mapping.PollSeconds; got != want || table.Mapping.PollSeconds != 10 {
			t.Errorf("after %d calls every %d s, want %d; the shared table every %d s", n, got, want, table.Mapping.PollSeconds)
		}
	}
	m.MaxDailyCalls = 0
	if got := stretchOf(&m, calls(5000)); got != 1 {
		t.Errorf("without a limit: %v", got)
	}
}

func TestPaceIsToldOnce(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for i, k := range []struct {
		stretch float64
		want    string
	}{{1, ""}, {1.2, ""}, {1.6, "slow"}, {9, ""}, {1.2, ""}, {1, "room"}, {1.2, ""}} {
		got := ""
		if slow := m.slowing(k.stretch); slow != nil {
			got = map[bool]string{true: "slow", false: "room"}[*slow]
		}
		if got != k.want {
			t.Errorf("step %d: told %q, want %q", i, got, k.want)
		}
	}
}
