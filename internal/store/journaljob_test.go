package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

func TestJobOfACall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connection := newConnection(t, s)
	key := store.Key{Connection: connection, Kind: "write"}
	fence := must[target.Fence](t)(s.RaiseFence(ctx, key))
	batch := uuid.New()
	if job, _, err := s.JobOf(ctx, connection, batch); err != nil || job != "" {
		t.Errorf("before it was noted: %q, %v", job, err)
	}
	ok(t, s.NoteJob(ctx, fence, batch, "750A"))
	_, err := s.Pool().Exec(ctx, `UPDATE syncline.journal_job SET at = at - interval '1 hour'`)
	ok(t, err)
	job, age, err := s.JobOf(ctx, connection, batch)
	if err != nil || job != "750A" || age < time.Hour || age > 2*time.Hour {
		t.Errorf("%q, %v old, %v", job, age, err)
	}
	ok(t, s.NoteJob(ctx, fence, batch, "750A"))
	if _, age, err = s.JobOf(ctx, connection, batch); err != nil || age > time.Hour/2 {
		t.Errorf("noted again: %v old, %v", age, err)
	}
	must[target.Fence](t)(s.RaiseFence(ctx, key))
	if err := s.NoteJob(ctx, fence, batch, "750B"); !errors.Is(err, store.ErrFenced) {
		t.Errorf("an overtaken turn: %v", err)
	}
	if job, _, err := s.JobOf(ctx, connection, batch); err != nil || job != "750A" {
		t.Errorf("after a refused note: %q, %v", job, err)
	}
}
