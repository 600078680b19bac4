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
	if note, err := s.JobOf(ctx, connection, batch); err != nil || note.Found {
		t.Errorf("before it was noted: %+v, %v", note, err)
	}
	ok(t, s.NoteJob(ctx, fence, batch, ""))
	if note, err := s.JobOf(ctx, connection, batch); err != nil || !note.Found || note.ID != "" {
		t.Errorf("noted without an id: %+v, %v", note, err)
	}
	ok(t, s.NoteJob(ctx, fence, batch, "750A"))
	_, err := s.Pool().Exec(ctx, `UPDATE syncline.journal_job SET at = at - interval '1 hour'`)
	ok(t, err)
	note, err := s.JobOf(ctx, connection, batch)
	if err != nil || note.ID != "750A" || note.Age < time.Hour || note.Age > 2*time.Hour {
		t.Errorf("%+v, %v", note, err)
	}
	ok(t, s.NoteJob(ctx, fence, batch, "750A"))
	if note, err = s.JobOf(ctx, connection, batch); err != nil || note.Age > time.Hour/2 {
		t.Errorf("noted again: %+v, %v", note, err)
	}
	must[target.Fence](t)(s.RaiseFence(ctx, key))
	if err := s.NoteJob(ctx, fence, batch, "750B"); !errors.Is(err, store.ErrFenced) {
		t.Errorf("an overtaken turn: %v", err)
	}
	if note, err := s.JobOf(ctx, connection, batch); err != nil || note.ID != "750A" {
		t.Errorf("after a refused note: %+v, %v", note, err)
	}
}
