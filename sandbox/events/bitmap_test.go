package events

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBitmapForm(t *testing.T) {
	t.Parallel()
	var b bitmap
	for _, place := range []int{5, 6, 7, 10, 16, 18, 24, 26, 29, 30} {
		b.add(place)
	}
	b.addPart(4, 4)
	b.addPart(7, 1)
	b.addPart(7, 2)
	if diff := cmp.Diff([]string{"0x650504E0", "4-0x10", "7-0x06"}, b.list()); diff != "" {
		t.Errorf("form differs (-want +got):\n%s", diff)
	}
	if list := new(bitmap).list(); len(list) != 0 {
		t.Errorf("nothing is written %q", list)
	}
	b.drop(4, 4)
	b.drop(7, 1)
	b.drop(5, -1)
	if diff := cmp.Diff([]string{"0x650504C0", "7-0x04"}, b.list()); diff != "" {
		t.Errorf("after dropping (-want +got):\n%s", diff)
	}
}

// TestUnifiedDiffApplies checks that the difference of two texts turns one
// into the other.
func TestUnifiedDiffApplies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"a", "b", "c", ""})
		was, is := rapid.SliceOfN(line, 1, 8).Draw(t, "was"), rapid.SliceOfN(line, 1, 8).Draw(t, "is")
		got := applyDiff(t, was, unified(was, is))
		if diff := cmp.Diff(is, got); diff != "" {
			t.Errorf("patched text differs (-want +got):\n%s", diff)
		}
	})
}
