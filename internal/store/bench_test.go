package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
)

// BenchmarkJournal is one call of 200 records: written down before it is made,
// and answered.
func BenchmarkJournal(b *testing.B) {
	s := newStore(b)
	fence, err := s.RaiseFence(b.Context(), store.Key{Connection: newConnection(b, s), Kind: "write"})
	ok(b, err)
	entries, results := make([]store.JournalEntry, 200), make([]store.JournalResult, 200)
	for i := range entries {
		entries[i] = entry(i, int64(i))
		results[i] = store.JournalResult{Position: i, SFID: "001000000000001AAA", Success: true}
	}
	for b.Loop() {
		batch := uuid.New()
		ok(b, s.Sending(b.Context(), fence, batch, entries))
		ok(b, s.Accepted(b.Context(), batch, results))
	}
}

// BenchmarkWake is what an idle write turn costs to wake.
func BenchmarkWake(b *testing.B) {
	s := newStore(b)
	key := store.Key{Connection: newConnection(b, s), Kind: "write"}
	_, _, err := s.EnsureTurn(b.Context(), key)
	ok(b, err)
	for b.Loop() {
		_, err := s.Wake(b.Context(), key)
		ok(b, err)
	}
}
