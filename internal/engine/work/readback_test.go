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
	w := New(Config{})
	connection := uuid.New()
	often := mapping.Mapping{ID: uuid.New(), PollSeconds: 10}
	seldom := mapping.Mapping{ID: uuid.New(), PollSeconds: 600}
	all := []mapping.Mapping{often, seldom}
	now := time.Now()

	w.wrote(connection, &often)
	if w.echoDue(connection, all, now.Add(time.Hour)) {
		t.Error("a mapping that is polled in seconds is read back")
	}
	w.wrote(connection, &seldom)
	w.wrote(connection, &seldom)
	if w.echoDue(connection, all, now.Add(50*time.Second)) {
		t.Error("read back too soon")
	}
	if ids, wakes := w.takeEchoes(connection); len(ids)+int(wakes) != 0 {
		t.Error("a poll for another reason takes what is not due")
	}
	later := time.Now().Add(time.Minute)
	if !w.echoDue(connection, all, later) {
		t.Error("not read back")
	}
	if w.echoDue(connection, all, later) {
		t.Error("woken twice")
	}
	ids, wakes := w.takeEchoes(connection)
	if _, ok := ids[seldom.ID]; !ok || len(ids) != 1 || wakes != 1 {
		t.Errorf("to be read back: %v, %d wakes", ids, wakes)
	}
	if w.echoDue(connection, all, later.Add(time.Hour)) {
		t.Error("nothing was written since")
	}
}
