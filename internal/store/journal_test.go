package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

// entry is a journal entry at a position, of a log entry.
func entry(position int, logID int64) store.JournalEntry {
	return store.JournalEntry{
		JournalKey: store.JournalKey{
			LogID: logID, TxID: 1000 + logID, ChangeHash: []byte{byte(logID)},
			CreatedAt: time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC),
		},
		Position: position, Mapping: uuid.Nil, Op: "insert",
	}
}

func TestJournalOfACall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connection := newConnection(t, s)
	fence := must[target.Fence](t)(s.RaiseFence(ctx, store.Key{Connection: connection, Kind: "write"}))
	batch := uuid.New()
	ok(t, s.Sending(ctx, fence, batch, []store.JournalEntry{entry(0, 1), entry(1, 2)}))
	if open := must[[]store.JournalRow](t)(s.Unanswered(ctx, connection)); len(open) != 2 {
		t.Errorf("%d unanswered, want 2", len(open))
	}

	answers := []store.JournalResult{
		{Position: 0, SFID: "001000000000001AAA", Success: true, Created: true},
		{Position: 1, Code: "REQUIRED_FIELD_MISSING", Message: "missing \x00 Name \xff"},
	}
	ok(t, s.Accepted(ctx, batch, answers))
	ok(t, s.Accepted(ctx, batch, []store.JournalResult{{Position: 0, Code: "LATE"}})) // ignored

	answers[1].Message = "missing  Name \uFFFD"
	rows := must[[]store.JournalRow](t)(s.Batch(ctx, connection, batch))
	for i, row := range rows {
		if diff := cmp.Diff(answers[i], row.Answer); diff != "" {
			t.Errorf("answer %d (-want +got):\n%s", i, diff)
		}
		want := entry(i, int64(i+1))
		if diff := cmp.Diff(want, row.JournalEntry); diff != "" {
			t.Errorf("entry %d (-want +got):\n%s", i, diff)
		}
		if row.State != store.JournalAccepted || row.AcceptedAt.Before(row.SentAt) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestJournalRefusals(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	old := must[target.Fence](t)(s.RaiseFence(ctx, key))
	fence := must[target.Fence](t)(s.RaiseFence(ctx, key))
	batch := uuid.New()
	ok(t, s.Sending(ctx, fence, batch, []store.JournalEntry{entry(0, 1)}))
	tests := map[string]struct {
		err, want error
	}{
		"older fence":      {s.Sending(ctx, old, uuid.New(), []store.JournalEntry{entry(0, 1)}), store.ErrFenced},
		"fence never made": {s.Sending(ctx, target.Fence{Connection: key.Connection, Kind: "x", Number: 1}, uuid.New(), []store.JournalEntry{entry(0, 1)}), store.ErrFenced},
		"no entries":       {s.Sending(ctx, fence, uuid.New(), nil), store.ErrInvalid},
		"same batch again": {s.Sending(ctx, fence, batch, []store.JournalEntry{entry(0, 1)}), store.ErrConflict},
		"unknown batch":    {s.Accepted(ctx, uuid.New(), []store.JournalResult{{Position: 0}}), store.ErrNotFound},
		"unknown position": {s.Accepted(ctx, batch, []store.JournalResult{{Position: 9}}), store.ErrNotFound},
	}
	for name, tt := range tests {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.err, tt.want)
		}
	}
	if rows := must[[]store.JournalRow](t)(s.Unanswered(ctx, key.Connection)); len(rows) != 1 {
		t.Errorf("%d rows were written, want 1", len(rows))
	}
}

// After a rollback of the target its log gives out ids again: an entry is
// known only by id, transaction, time and content together.
func TestKnownEntriesAfterARollback(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connection := newConnection(t, s)
	fence := must[target.Fence](t)(s.RaiseFence(ctx, store.Key{Connection: connection, Kind: "write"}))
	batch := uuid.New()
	bare := entry(2, 3)
	bare.CreatedAt, bare.ChangeHash = time.Time{}, nil
	ok(t, s.Sending(ctx, fence, batch, []store.JournalEntry{entry(0, 1), entry(1, 2), bare}))
	ok(t, s.Accepted(ctx, batch, []store.JournalResult{{Position: 0, SFID: "a", Success: true}, {Position: 2, SFID: "c", Success: true}}))

	reused := entry(0, 1).JournalKey
	reused.TxID++
	changed := entry(0, 1).JournalKey
	changed.ChangeHash = []byte("other")
	later := entry(0, 1).JournalKey
	later.CreatedAt = later.CreatedAt.Add(time.Microsecond)
	unanswered := entry(1, 2).JournalKey
	for name, key := range map[string]store.JournalKey{"reused id": reused, "other change": changed, "other time": later, "unanswered": unanswered} {
		if got := must[[]store.JournalRow](t)(s.Known(ctx, connection, []store.JournalKey{key})); len(got) != 0 {
			t.Errorf("%s is known: %+v", name, got)
		}
	}
	same := []store.JournalKey{entry(0, 1).JournalKey, entry(0, 1).JournalKey, reused, bare.JournalKey}
	var sfids []string
	for _, row := range must[[]store.JournalRow](t)(s.Known(ctx, connection, same)) {
		sfids = append(sfids, row.Answer.SFID)
	}
	if diff := cmp.Diff([]string{"a", "c"}, sfids); diff != "" {
		t.Errorf("known (-want +got):\n%s", diff)
	}
	if got := must[[]store.JournalRow](t)(s.Known(ctx, newConnection(t, s), same)); len(got) != 0 {
		t.Error("another connection knows the entries")
	}
}

// A Sending that commits after a newer fence was raised must be impossible:
// whatever the newer turn doesn't see once RaiseFence has returned, never
// appears.
func TestNoSendingCommitsAfterARaise(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	for round := range 40 {
		fence := must[target.Fence](t)(s.RaiseFence(ctx, key))
		batches := make([]uuid.UUID, 6)
		results := make([]error, len(batches))
		var wg sync.WaitGroup
		for i := range batches {
			batches[i] = uuid.New()
			wg.Go(func() { results[i] = s.Sending(ctx, fence, batches[i], []store.JournalEntry{entry(0, int64(i))}) })
		}
		must[target.Fence](t)(s.RaiseFence(ctx, key))
		seen := make(map[uuid.UUID]bool)
		for _, row := range must[[]store.JournalRow](t)(s.Unanswered(ctx, key.Connection)) {
			seen[row.Batch] = true
		}
		wg.Wait()
		for i, err := range results {
			switch {
			case err == nil && !seen[batches[i]]:
				t.Fatalf("round %d: a call was journalled after the raise", round)
			case err != nil && !errors.Is(err, store.ErrFenced):
				t.Fatalf("round %d: %v", round, err)
			case err != nil && seen[batches[i]]:
				t.Fatalf("round %d: a refused call stands in the journal", round)
			}
		}
	}
}

// The same with the overlap forced: a Sending that comes while a raise is
// about to commit waits for it and is refused.
func TestSendingWaitsForRaise(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	key := store.Key{Connection: newConnection(t, s), Kind: "write"}
	fence := must[target.Fence](t)(s.RaiseFence(ctx, key))

	sent := make(chan error, 1)
	err := s.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.RaiseFence(ctx, key); err != nil {
			return err
		}
		go func() { sent <- s.Sending(ctx, fence, uuid.New(), []store.JournalEntry{entry(0, 1)}) }()
		awaitBlocked(t, s, func() bool { return len(sent) > 0 })
		return nil
	})
	ok(t, err)
	if err := <-sent; !errors.Is(err, store.ErrFenced) {
		t.Errorf("a Sending that waited for a raise: %v", err)
	}
}

// awaitBlocked waits until a session of the database waits for a lock, or the
// other one is done without having waited.
func awaitBlocked(t *testing.T, s *store.Store, done func() bool) {
	t.Helper()
	for blocked := false; !blocked && !done(); {
		ok(t, s.Pool().QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&blocked))
	}
}
