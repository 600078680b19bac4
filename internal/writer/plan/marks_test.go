package plan

import (
	"strconv"
	"testing"

	"github.com/synclinehq/syncline/internal/outbox"
)

func numbered(prefix string, from, to int) []key {
	out := make([]key, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, keyOf(prefix+strconv.Itoa(i)))
	}
	return out
}

// TestKeysOfVeryManyEntries: what is in a set is found in it, however many keys it
// holds, and hardly anything else is.
func TestKeysOfVeryManyEntries(t *testing.T) {
	t.Parallel()
	const n = 3 * maxExact
	k := keys{salt: 1}
	k.add(numbered("a", 0, maxExact))
	if k.filter != nil {
		t.Fatal("a set that is small enough is not exact")
	}
	k.add(numbered("a", maxExact, n))
	page, large := keys{salt: 1}, keys{salt: 1}
	page.add(numbered("b", 0, 1000))
	large.add(numbered("c", 0, maxExact+1))
	k.absorb(&page)
	k.absorb(&large)
	for prefix, count := range map[string]int{"a": n, "b": 1000, "c": maxExact + 1} {
		for _, key := range numbered(prefix, 0, count) {
			if !k.has(key) {
				t.Fatalf("a key of %s is missing", prefix)
			}
		}
	}
	if k.exact != nil {
		t.Errorf("%d keys are held twice", len(k.exact))
	}
	wrong := 0
	for _, key := range numbered("other", 0, 100_000) {
		if k.has(key) {
			wrong++
		}
	}
	if wrong > 200 {
		t.Errorf("%d of 100,000 keys are taken for others", wrong)
	}
}

// TestFiltersErrForOtherKeys: what one look at the log holds back by mistake the
// next one does not.
func TestFiltersErrForOtherKeys(t *testing.T) {
	t.Parallel()
	a, b := keys{salt: 1}, keys{salt: 2}
	for _, k := range []*keys{&a, &b} {
		k.add(numbered("a", 0, 20*maxExact))
	}
	one, both := 0, 0
	for _, key := range numbered("other", 0, 100_000) {
		if a.has(key) {
			one++
			if b.has(key) {
				both++
			}
		}
	}
	if one == 0 || both*5 > one {
		t.Errorf("one takes %d keys for others, and the other %d of these", one, both)
	}
}

func TestHeldThatIsAbsorbed(t *testing.T) {
	t.Parallel()
	all := Hold(nil)
	for _, name := range []string{"a", "b"} {
		page := all.Next()
		page.marks.add(footprint{own: []key{keyOf(name)}, refs: []key{keyOf("parent of " + name)}})
		page.waiting.add(footprint{own: []key{keyOf("child " + name)}})
		page.await(Record{name, 1})
		all.Absorb(page)
	}
	last := all.Next()
	for _, name := range []string{"a", "b"} {
		if !last.awaits(Record{name, 1}) || !last.waits(func(m *marks) bool { return m.own.has(keyOf("child " + name)) }) {
			t.Errorf("what waits for %s is forgotten", name)
		}
	}
	call := Hold([]outbox.Intent{{Table: "t", RecordID: 1}})
	if all.Meets(call) {
		t.Error("meets a call that touches nothing of it")
	}
	call.marks.own.put(keyOf("parent of b"))
	if !all.Meets(call) {
		t.Error("does not meet the call that it waits for")
	}
}
