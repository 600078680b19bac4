package writer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// The values of _hc_lastop that the writer sets.
const (
	statusInserted = "INSERTED"
	statusUpdated  = "UPDATED"
	statusFailed   = "FAILED"
	statusSynced   = "SYNCED"
)

// ending is what a row is left with when one of its entries is settled.
type ending struct {
	recordID, logID int32
	sfid            string // to be stored if the row has none
	status          string
	problem         string // _hc_err
	// body is what Salesforce accepted; "" if nothing was sent.
	body   string
	failed bool
}

// end writes endings of rows that are there and free. Of a row that the
// application holds only the status is not up to date until its next change.
func (w *Writer) end(ctx context.Context, tx *target.Tx, t *mapping.Table, list []ending) error {
	last := map[int32]ending{}
	ids := make([]int32, 0, len(list))
	for _, e := range list {
		if _, ok := last[e.recordID]; !ok {
			ids = append(ids, e.recordID)
		}
		last[e.recordID] = e
	}
	locked, _, err := w.lock(ctx, tx, t, ids)
	if err != nil {
		return err
	}
	free := make([]ending, 0, len(ids))
	for _, id := range ids {
		if locked[id] {
			free = append(free, last[id])
		}
	}
	_, err = w.writeEndings(ctx, tx, t, free)
	return err
}

// lock locks rows, and tells which ones the application holds.
func (w *Writer) lock(ctx context.Context, tx *target.Tx, t *mapping.Table, ids []int32) (locked, busy map[int32]bool, err error) {
	locked, err = w.idsOf(ctx, tx, t, " ORDER BY id FOR UPDATE SKIP LOCKED", ids)
	if err != nil {
		return nil, nil, err
	}
	var left []int32
	for _, id := range ids {
		if !locked[id] {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return locked, nil, nil
	}
	busy, err = w.idsOf(ctx, tx, t, "", left)
	return locked, busy, err
}

func (w *Writer) idsOf(ctx context.Context, tx *target.Tx, t *mapping.Table, suffix string, ids []int32) (map[int32]bool, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT id FROM %s WHERE id = ANY($1::int[])%s", w.tableName(t), suffix), ids)
	if err != nil {
		return nil, fmt.Errorf("lock rows of %s: %w", t.Name, err)
	}
	out := map[int32]bool{}
	var id int32
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { out[id] = true; return nil }); err != nil {
		return nil, fmt.Errorf("lock rows of %s: %w", t.Name, err)
	}
	return out, nil
}

// writeEndings writes sfid and status of locked rows. The status stays PENDING
// while another entry of the row is unsettled. Rows that the database refuses
// to change (a user's trigger or constraint) are returned by id.
func (w *Writer) writeEndings(ctx context.Context, tx *target.Tx, t *mapping.Table, list []ending) (map[int32]error, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids := make([]int32, len(list))
	for i, e := range list {
		ids[i] = e.recordID
	}
	// After the locks, in a statement of its own: what an application committed
	// before it let the row go is seen.
	entries, err := w.log.Unsettled(ctx, tx, t.Name, ids, nil)
	if err != nil {
		return nil, err
	}
	newer := map[int32][]triggerlog.Entry{}
	own := map[int32]int32{}
	for _, e := range list {
		own[e.recordID] = e.logID
	}
	for _, e := range entries {
		if e.Unsettled() && e.ID != own[e.RecordID] {
			newer[e.RecordID] = append(newer[e.RecordID], e)
		}
	}
	if err := tx.KeepStatus(ctx, true); err != nil {
		return nil, err
	}
	refused, err := w.updateRows(ctx, tx, t, list, newer)
	if err != nil {
		return nil, err
	}
	if err := tx.KeepStatus(ctx, false); err != nil {
		return nil, err
	}
	return refused, w.settleBases(ctx, tx, t, list, newer)
}

// updateRows writes all rows at once, or, if the database refuses one, each by
// itself.
func (w *Writer) updateRows(ctx context.Context, tx *target.Tx, t *mapping.Table, list []ending, newer map[int32][]triggerlog.Entry) (map[int32]error, error) {
	err := w.tryUpdate(ctx, tx, t, list, newer)
	if err == nil || target.Classify(err) != target.Value {
		return nil, err
	}
	refused := map[int32]error{}
	for _, e := range list {
		err := w.tryUpdate(ctx, tx, t, []ending{e}, newer)
		switch {
		case err == nil:
		case target.Classify(err) == target.Value:
			refused[e.recordID] = err
		default:
			return nil, err
		}
	}
	return refused, nil
}

func (w *Writer) tryUpdate(ctx context.Context, tx *target.Tx, t *mapping.Table, list []ending, newer map[int32][]triggerlog.Entry) error {
	n := len(list)
	ids, sfids, keep := make([]int32, n), make([]string, n), make([]bool, n)
	status, problems := make([]string, n), make([]string, n)
	for i, e := range list {
		ids[i], sfids[i], keep[i], status[i], problems[i] = e.recordID, e.sfid, len(newer[e.recordID]) > 0, e.status, e.problem
	}
	save, err := tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	_, err = save.Exec(ctx, fmt.Sprintf(`
		UPDATE %s AS t SET sfid = coalesce(t.sfid, nullif(e.sfid, '')),
			_hc_lastop = CASE WHEN e.keep OR (e.status = 'SYNCED' AND t.sfid IS NULL) THEN t._hc_lastop ELSE e.status END,
			_hc_err = CASE WHEN e.keep THEN t._hc_err ELSE nullif(e.problem, '') END
		FROM unnest($1::int[], $2::text[], $3::bool[], $4::text[], $5::text[]) AS e(id, sfid, keep, status, problem)
		WHERE t.id = e.id`, w.tableName(t)), ids, sfids, keep, status, problems)
	if err == nil {
		if err = save.Commit(ctx); err != nil {
			return fmt.Errorf("release the savepoint: %w", err)
		}
		return nil
	}
	if back := save.Rollback(ctx); back != nil {
		return fmt.Errorf("roll back to the savepoint: %w", back)
	}
	return fmt.Errorf("write status of %s: %w", t.Name, err)
}

// settleBases brings the bases of rows up to date: a column that no unsettled
// entry changes needs none; for one that a newer entry changes, what Salesforce
// has just accepted is what both sides last agreed on.
func (w *Writer) settleBases(ctx context.Context, tx *target.Tx, t *mapping.Table, list []ending, newer map[int32][]triggerlog.Entry) error {
	ids, logs := make([]int32, len(list)), make([]int32, len(list))
	ends := map[int32]ending{}
	for i, e := range list {
		ids[i], logs[i] = e.recordID, e.logID
		if !e.failed {
			ends[e.logID] = e
		}
	}
	bases, err := w.box.Bases(ctx, tx, t.Name, ids)
	if err != nil || len(bases) == 0 {
		return err
	}
	entries, err := w.log.ByID(ctx, tx, logs)
	if err != nil {
		return err
	}
	agreed := map[int32]map[string]*string{}
	for _, e := range entries {
		if end, ok := ends[e.ID]; ok {
			agreed[e.RecordID] = plan.Agreed(t, e, []byte(end.body), bases)
		}
	}
	var agree []outbox.Base
	forget := map[int32][]string{}
	for _, b := range bases {
		next := firstChange(t, newer[b.RecordID], b.Column)
		value, ok := agreed[b.RecordID][b.Column]
		switch {
		case next == 0:
			forget[b.RecordID] = append(forget[b.RecordID], b.Column)
		case ok:
			agree = append(agree, outbox.Base{Table: t.Name, RecordID: b.RecordID, Column: b.Column, Base: value, LogID: next})
		}
	}
	for id, columns := range forget {
		if err := w.box.ForgetBases(ctx, tx, t.Name, id, columns); err != nil {
			return err
		}
	}
	return w.box.Agree(ctx, tx, agree)
}

// firstChange is the first of the entries that changes a column; 0 if none.
func firstChange(t *mapping.Table, entries []triggerlog.Entry, column string) int32 {
	for _, e := range entries {
		if _, ok := plan.Changed(t, e)[column]; ok {
			return e.ID
		}
	}
	return 0
}
