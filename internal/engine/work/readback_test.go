package work

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
)

// What is written is read back once, after a tenth of the time between polls,
// however often it was written.
func TestEchoes(t *testing.T) {
	t.Parallel()
	memory := New(Config{}).of(uuid.New())
	often := mapping.Mapping{ID: uuid.New(), PollSeconds: 10}
	seldom := mapping.Mapping{ID: uuid.New(), PollSeconds: 600}
	all := []mapping.Mapping{often, seldom}
	now := time.Now()

	memory.wrote(&often)
	if memory.echoDue(all, now.Add(time.Hour)) {
		t.Error("a mapping that is polled in seconds is read back")
	}
	memory.wrote(&seldom)
	memory.wrote(&seldom)
	if memory.echoDue(all, now.Add(50*time.Second)) {
		t.Error("read back too soon")
	}
	if ids, wakes := memory.takeEchoes(); len(ids)+int(wakes) != 0 {
		t.Error("a poll for another reason takes what is not due")
	}
	later := time.Now().Add(time.Minute)
	if !memory.echoDue(all, later) {
		t.Error("not read back")
	}
	if memory.echoDue(all, later) {
		t.Error("woken twice")
	}
	ids, wakes := memory.takeEchoes()
	if !ids[seldom.ID] || len(ids) != 1 || wakes != 1 {
		t.Errorf("to be read back: %v, %d wakes", ids, wakes)
	}
	if memory.echoDue(all, later.Add(time.Hour)) {
		t.Error("nothing was written since")
	}
}
