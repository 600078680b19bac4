package store_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

func TestVerifyRuns(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connection := newConnection(t, s)
	first := must[store.VerifyRun](t)(s.CreateVerifyRun(ctx, connection, "ann"))
	if first.Status != store.RunRunning || first.By != "ann" || first.Report != nil {
		t.Errorf("%+v", first)
	}
	done := first
	done.Status, done.Report = store.RunDone, json.RawMessage(`{"name": "a\u0000b"}`)
	ok(t, s.SetVerifyRun(ctx, done))
	got := must[store.VerifyRun](t)(s.VerifyRun(ctx, connection, first.ID))
	if got.Status != store.RunDone || string(got.Report) != `{"name": "ab"}` || !got.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("%+v", got)
	}
	second := must[store.VerifyRun](t)(s.CreateVerifyRun(ctx, connection, "ann"))
	_, err := s.Pool().Exec(ctx, `UPDATE syncline.verify_run SET updated_at = updated_at - interval '1 minute'`)
	ok(t, err)
	for id, want := range map[uuid.UUID]store.RunStatus{first.ID: store.RunDone, second.ID: store.RunInterrupted} {
		if got := must[store.VerifyRun](t)(s.VerifyRun(ctx, connection, id)); got.Status != want {
			t.Errorf("after a minute of silence: %s, want %s", got.Status, want)
		}
	}
	if _, err := s.VerifyRun(ctx, uuid.New(), first.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another connection: %v", err)
	}
	for range 20 { // old ones go
		must[store.VerifyRun](t)(s.CreateVerifyRun(ctx, connection, "ann"))
	}
	if err := s.SetVerifyRun(ctx, done); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of one that was dropped: %v", err)
	}
}
