package verify

import (
	"testing"

	"pgregory.net/rapid"
)

// A set has what was added and nothing else, also after a trip through bytes.
func TestIDSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s idSet
		want := map[int32]bool{}
		start := rapid.Int32Range(1, 1<<30).Draw(t, "start")
		for i := range rapid.Int32Range(0, 10_000).Draw(t, "dense") {
			s.add(start + i)
			want[start+i] = true
		}
		for _, id := range rapid.SliceOf(rapid.Int32Min(1)).Draw(t, "sparse") {
			s.add(id)
			want[id] = true
		}
		s, err := parseSet(s.marshal())
		if err != nil {
			t.Fatal(err)
		}
		for id := range want {
			if !s.has(id) {
				t.Fatalf("%d was lost", id)
			}
			for _, near := range []int32{id - 1, id + 1} {
				if s.has(near) != want[near] {
					t.Fatalf("%d: %v", near, s.has(near))
				}
			}
		}
	})
}

func TestIDSetIsSmall(t *testing.T) {
	t.Parallel()
	var s idSet
	for i := range int32(1_000_000) {
		s.add(i + 1)
	}
	if n := len(s.marshal()); n > 140_000 {
		t.Errorf("a million ids take %d bytes", n)
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 3, 0, 4})
	f.Add([]byte{0, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		if s, err := parseSet(in); err == nil {
			s.has(1)
		}
	})
}
