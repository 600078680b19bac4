package work

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAPollThatWasAskedForOneMapping(t *testing.T) {
	t.Parallel()
	memory := New(Config{}).of(uuid.New())
	a, b := mapping.Mapping{ID: uuid.New(), PollsAsked: 7}, mapping.Mapping{ID: uuid.New()}
	both := func() []mapping.Mapping { return []mapping.Mapping{a, b} }
	if asked, wakes := memory.takeAsked(both()); len(asked) != 0 || wakes != 0 {
		t.Errorf("an old wish: %v, %d wakes", asked, wakes)
	}
	a.PollsAsked += 2
	if asked, wakes := memory.takeAsked(both()); !asked[a.ID] || len(asked) != 1 || wakes != 2 {
		t.Errorf("two wishes: %v, %d wakes", asked, wakes)
	}
	if asked, wakes := memory.takeAsked(both()); len(asked) != 0 || wakes != 0 {
		t.Errorf("the same again: %v, %d wakes", asked, wakes)
	}
	a.PollsAsked, b.PollsAsked = a.PollsAsked+1, 1
	if asked, wakes := memory.takeAsked(both()); len(asked) != 2 || wakes != 2 {
		t.Errorf("one each: %v, %d wakes", asked, wakes)
	}
}

func TestWakesSinceTheLastSlice(t *testing.T) {
	t.Parallel()
	memory := New(Config{}).of(uuid.New())
	for _, k := range []struct{ newest, want int64 }{{5, 0}, {5, 0}, {6, 1}, {9, 3}} {
		if got := memory.woken(k.newest); got != k.want {
			t.Errorf("the newest is wake %d: %d came, want %d", k.newest, got, k.want)
		}
	}
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	stays, gone := mapping.Mapping{ID: uuid.New(), PollSeconds: 600}, mapping.Mapping{ID: uuid.New(), PollSeconds: 600}
	memory, now := w.of(uuid.New()), time.Now()
	memory.wrote(&stays)
	memory.wrote(&gone)
	memory.giveBack(&writing{})

	memory.keepOnly(map[uuid.UUID]bool{stays.ID: true}, now.Add(writerIdle/2))
	if len(memory.mappings) != 1 || memory.mappings[stays.ID] == nil {
		t.Errorf("remembered %v", memory.mappings)
	}
	if wr := memory.takeWriting(); wr == nil {
		t.Error("a writer in use is forgotten")
	}
	memory.giveBack(&writing{})
	memory.keepOnly(map[uuid.UUID]bool{stays.ID: true}, now.Add(2*writerIdle))
	if wr := memory.takeWriting(); wr != nil {
		t.Error("a writer that nobody uses is kept")
	}
}

func TestConnectionsThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	keys, err := secret.Parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: secret.NewText(pgtest.New(t)), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c, err := s.CreateConnection(t.Context(), mapping.Connection{Name: "one", AppName: "app", ResourceName: "one"}, store.Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateMapping(t.Context(), mapping.Mapping{ConnectionID: c.ID, ObjectName: "Account", Access: mapping.ReadOnly, Fields: []string{"Id"}, PollSeconds: 600})
	if err != nil {
		t.Fatal(err)
	}
	w := New(Config{Store: s})
	stays := w.of(c.ID)
	w.of(uuid.New())
	if err := w.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.memories) != 1 || w.of(c.ID) != stays {
		t.Errorf("remembered: %v", w.memories)
	}
}
