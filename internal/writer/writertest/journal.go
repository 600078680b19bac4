// Package writertest gives tests outside the writer's own a journal of calls.
package writertest

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer"
)

// Journal is a control store's memory of calls that lives as long as the test.
// It knows calls only: of a Bulk job it has never heard.
type Journal struct {
	mu     sync.Mutex
	rows   map[uuid.UUID][]writer.JournalRow
	number int64
}

// NewJournal makes an empty journal.
func NewJournal() *Journal { return &Journal{rows: map[uuid.UUID][]writer.JournalRow{}} }

// Raise lets only the turn with the number go on.
func (j *Journal) Raise(number int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.number = number
}

// Sending notes what is about to be sent.
func (j *Journal) Sending(_ context.Context, f target.Fence, batch uuid.UUID, entries []writer.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.Number != j.number {
		return target.ErrFenced
	}
	for _, e := range entries {
		j.rows[batch] = append(j.rows[batch], writer.JournalRow{JournalEntry: e})
	}
	return nil
}

// Accepted notes the answers, of each position the first.
func (j *Journal) Accepted(_ context.Context, batch uuid.UUID, results []writer.JournalResult) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range results {
		i := slices.IndexFunc(j.rows[batch], func(row writer.JournalRow) bool { return row.Position == r.Position })
		if row := &j.rows[batch][i]; !row.Answered {
			row.Answered, row.Result = true, r
		}
	}
	return nil
}

// Batch is what is known of a batch.
func (j *Journal) Batch(_ context.Context, _, batch uuid.UUID) ([]writer.JournalRow, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.rows[batch]), nil
}

// NoteJob forgets the job.
func (j *Journal) NoteJob(context.Context, target.Fence, uuid.UUID, string) error { return nil }

// JobOf finds no job.
func (j *Journal) JobOf(context.Context, uuid.UUID, uuid.UUID) (writer.JobNote, error) {
	return writer.JobNote{}, nil
}
