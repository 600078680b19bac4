package org

import (
	"sort"
	"testing"

	"pgregory.net/rapid"
)

func TestNormalizeID(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in, want string
		ok       bool
	}{
		{"001A0000006Vm9r", "001A0000006Vm9rIAC", true},
		{"001A0000006Vm9rIAC", "001A0000006Vm9rIAC", true},
		{"001A0000006Vm9riac", "001A0000006Vm9rIAC", true},
		{"001A0000006Vm9rIAD", "", false},
		{"001A0000006Vm9", "", false},
		{"001A0000006Vm'r", "", false},
		{"012000000000000", "012000000000000AAA", true},
	}
	for _, c := range cases {
		got, ok := NormalizeID(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("NormalizeID(%q) = %q, %v; want %q, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestMakeIDSortsAndReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Uint64Max(1<<50).Draw(t, "a")
		b := rapid.Uint64Max(1<<50).Draw(t, "b")
		ida, idb := MakeID("001", a), MakeID("001", b)
		if (ida < idb) != (a < b) {
			t.Fatalf("order of %s and %s", ida, idb)
		}
		if n, err := sequence(ida); err != nil || n != a {
			t.Fatalf("sequence(%s) = %d, %v", ida, n, err)
		}
	})
}

func TestOrderedIsASortedSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := newOrdered(func(a, b int) int { return a - b })
		model := map[int]bool{}
		for range rapid.IntRange(0, 3000).Draw(t, "n") {
			v := rapid.IntRange(0, 2000).Draw(t, "v")
			if rapid.IntRange(0, 3).Draw(t, "op") == 0 {
				if o.remove(v) != model[v] {
					t.Fatalf("remove %d", v)
				}
				delete(model, v)
			} else {
				o.insert(v)
				model[v] = true
			}
		}
		from := rapid.IntRange(0, 2000).Draw(t, "from")
		var got, want []int
		o.ascend(func(e int) bool { return e < from }, func(e int) bool { got = append(got, e); return true })
		for v := range model {
			if v >= from {
				want = append(want, v)
			}
		}
		sort.Ints(want)
		if len(got) != len(want) || o.len() != len(model) {
			t.Fatalf("got %d entries, want %d; len %d, want %d", len(got), len(want), o.len(), len(model))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("entry %d: %d, want %d", i, got[i], want[i])
			}
		}
	})
}
