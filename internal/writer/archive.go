package writer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

const (
	archiveChunk = 1000
	// archiveChunks bounds one run of Archive; the next goes on.
	archiveChunks = 50
)

// Archive is [Writer.Requeue] and [Writer.Tidy].
func (w *Writer) Archive(ctx context.Context, fence target.Fence) error {
	if err := w.Requeue(ctx, fence); err != nil {
		return err
	}
	return w.Tidy(ctx, fence)
}

// Requeue copies back into the log what a person set to REQUEUE in the archive.
// Heroku Connect's schema has no index for that, so it reads the whole archive:
// the caller sees to it that it is not asked too often.
func (w *Writer) Requeue(ctx context.Context, fence target.Fence) error {
	err := w.repeat(ctx, fence, func(ctx context.Context, tx *target.Tx) (int, error) { return w.log.Requeue(ctx, tx, archiveChunk) })
	if err != nil {
		return fmt.Errorf("copy back from the archive: %w", err)
	}
	return nil
}

// Tidy moves finished entries to the archive, forgets intents that were accepted
// long ago, and sets rows to SYNCED whose changes needed no sending. Each step
// is a short transaction of its own.
func (w *Writer) Tidy(ctx context.Context, fence target.Fence) error {
	var steps []func(context.Context, *target.Tx) (int, error)
	for _, t := range w.cfg.Tables {
		if t.Access == mapping.ReadWrite {
			steps = append(steps, func(ctx context.Context, tx *target.Tx) (int, error) { return w.unpend(ctx, tx, t) })
		}
	}
	steps = append(steps,
		func(ctx context.Context, tx *target.Tx) (int, error) {
			n, err := w.log.Archive(ctx, tx, w.set.ArchiveQuiet, w.set.ArchiveFailed, archiveChunk)
			if n > 0 && err == nil {
				crash.Point(crash.WriterInArchive)
			}
			return n, err
		},
		func(ctx context.Context, tx *target.Tx) (int, error) {
			keepFailed := w.set.ArchiveFailed + max(w.set.ArchiveFailed, w.set.ArchiveKeep)
			return w.log.Purge(ctx, tx, w.set.ArchiveKeep, keepFailed, archiveChunk)
		},
		func(ctx context.Context, tx *target.Tx) (int, error) {
			n, err := w.box.Forget(ctx, tx, w.set.IntentKeep)
			return min(n, archiveChunk-1), err // all at once
		},
	)
	for _, step := range steps {
		if err := w.repeat(ctx, fence, step); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	return nil
}

// repeat runs a step until it finds less than a chunk to do.
func (w *Writer) repeat(ctx context.Context, fence target.Fence, step func(context.Context, *target.Tx) (int, error)) error {
	for range archiveChunks {
		n := 0
		_, err := w.db.Write(ctx, fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
			n, err = step(ctx, tx)
			return err
		})
		if err != nil || n < archiveChunk {
			return err
		}
	}
	return nil
}

// unpend sets rows to SYNCED that the status trigger made PENDING for a change
// that needs no sending (state IGNORE), if nothing else of them is on its way.
func (w *Writer) unpend(ctx context.Context, tx *target.Tx, t *mapping.Table) (int, error) {
	if err := tx.KeepStatus(ctx, true); err != nil {
		return 0, err
	}
	live := pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()
	tag, err := tx.Exec(ctx, fmt.Sprintf(`
		WITH quiet AS (
			SELECT id FROM %[1]s t WHERE _hc_lastop = 'PENDING' AND sfid IS NOT NULL
			AND id IN (SELECT record_id FROM %[2]s WHERE state = 'IGNORE' AND table_name = $1 AND action = 'UPDATE')
			AND NOT EXISTS (SELECT FROM %[2]s o WHERE o.state IN ('NEW', 'PENDING', 'FAILED')
				AND o.table_name = $1 AND o.record_id = t.id)
			LIMIT $2 FOR UPDATE SKIP LOCKED)
		UPDATE %[1]s t SET _hc_lastop = 'SYNCED' FROM quiet WHERE t.id = quiet.id`, w.tableName(t), live), t.Name, archiveChunk)
	if err != nil {
		return 0, fmt.Errorf("set status of unchanged rows of %s: %w", t.Name, err)
	}
	return int(tag.RowsAffected()), nil
}
