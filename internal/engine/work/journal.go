package work

import (
	"context"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/writer"
)

// Journal lets a writer keep its journal in the control store.
func Journal(s *store.Store) writer.Journal { return journal{s} }

type journal struct{ store *store.Store }

func (j journal) Sending(ctx context.Context, fence target.Fence, batch uuid.UUID, entries []writer.JournalEntry) error {
	out := make([]store.JournalEntry, len(entries))
	for i, e := range entries {
		out[i] = store.JournalEntry{
			JournalKey: store.JournalKey{LogID: int64(e.LogID), TxID: e.TxID, CreatedAt: e.CreatedAt, ChangeHash: e.Hash},
			Position:   e.Position, Mapping: e.Mapping, Op: e.Op,
		}
	}
	return j.store.Sending(ctx, fence, batch, out)
}

func (j journal) Accepted(ctx context.Context, batch uuid.UUID, results []writer.JournalResult) error {
	out := make([]store.JournalResult, len(results))
	for i, r := range results {
		out[i] = store.JournalResult{
			Position: r.Position, SFID: r.Sfid, Success: r.Success, Created: r.Created, Code: r.Code, Message: r.Message,
		}
	}
	return j.store.Accepted(ctx, batch, out)
}

func (j journal) NoteJob(ctx context.Context, fence target.Fence, batch uuid.UUID, job string) error {
	return j.store.NoteJob(ctx, fence, batch, job)
}

func (j journal) JobOf(ctx context.Context, connection, batch uuid.UUID) (writer.JobNote, error) {
	n, err := j.store.JobOf(ctx, connection, batch)
	return writer.JobNote{Found: n.Found, ID: n.ID, Age: n.Age}, err
}

func (j journal) Batch(ctx context.Context, connection, batch uuid.UUID) ([]writer.JournalRow, error) {
	rows, err := j.store.Batch(ctx, connection, batch)
	if err != nil {
		return nil, err
	}
	out := make([]writer.JournalRow, len(rows))
	for i, r := range rows {
		out[i] = writer.JournalRow{
			JournalEntry: writer.JournalEntry{
				Position: r.Position, LogID: int32(r.LogID), TxID: r.TxID, //nolint:gosec // written from an int32
				CreatedAt: r.CreatedAt, Hash: r.ChangeHash, Mapping: r.Mapping, Op: r.Op,
			},
			Answered: r.State == store.JournalAccepted,
			Result: writer.JournalResult{
				Position: r.Position, Sfid: r.Answer.SFID, Success: r.Answer.Success, Created: r.Answer.Created,
				Code: r.Answer.Code, Message: r.Answer.Message,
			},
		}
	}
	return out, nil
}
