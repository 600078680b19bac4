package work

import (
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
)

func TestAPollThatWasAskedForOneMapping(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	a, b := mapping.Mapping{ID: uuid.New(), PollsAsked: 7}, mapping.Mapping{ID: uuid.New()}
	both := func() []mapping.Mapping { return []mapping.Mapping{a, b} }
	if now, wakes := w.addAsked(both(), nil, 0); len(now) != 0 || wakes != 0 {
		t.Errorf("an old wish: %v, %d wakes", now, wakes)
	}
	a.PollsAsked += 2
	now, wakes := w.addAsked(both(), nil, 1)
	if _, ok := now[a.ID]; !ok || len(now) != 1 || wakes != 3 {
		t.Errorf("two wishes: %v, %d wakes", now, wakes)
	}
	if now, wakes := w.addAsked(both(), nil, 0); len(now) != 0 || wakes != 0 {
		t.Errorf("the same again: %v, %d wakes", now, wakes)
	}
	a.PollsAsked, b.PollsAsked = a.PollsAsked+1, 1
	if now, wakes := w.addAsked(both(), nil, 0); len(now) != 2 || wakes != 2 {
		t.Errorf("one each: %v, %d wakes", now, wakes)
	}
}
