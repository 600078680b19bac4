package writer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// recapture captures once more what inserts go without, since the rows that
// they name wait for them in turn: an update of its own, at the end of the log,
// in the transaction of the claim. It holds the row's values of this moment, so
// it takes back no newer change; the row is locked while they are read.
//
// An insert whose row the application holds is taken out of its change set.
func (w *Writer) recapture(ctx context.Context, tx *target.Tx, p *plan.Plan) error {
	byTable := map[*mapping.Table][]plan.Item{}
	for _, set := range p.Sets {
		for _, item := range set.Items {
			if len(item.Recapture) > 0 {
				byTable[set.Table] = append(byTable[set.Table], item)
			}
		}
	}
	for t, items := range byTable {
		busy, err := w.recaptureTable(ctx, tx, t, items)
		if err != nil {
			return err
		}
		for _, set := range p.Sets {
			if set.Table == t && len(busy) > 0 {
				set.Items = slices.DeleteFunc(set.Items, func(i plan.Item) bool { return len(i.Recapture) > 0 && busy[i.Entry.RecordID] })
			}
		}
	}
	p.Sets = slices.DeleteFunc(p.Sets, func(s *plan.ChangeSet) bool { return len(s.Items) == 0 })
	return nil
}

func (w *Writer) recaptureTable(ctx context.Context, tx *target.Tx, t *mapping.Table, items []plan.Item) (map[int32]bool, error) {
	ids := make([]int32, len(items))
	for i, item := range items {
		ids[i] = item.Entry.RecordID
	}
	slices.Sort(ids)
	locked, busy, err := w.lock(ctx, tx, t, ids)
	if err != nil {
		return nil, err
	}
	// A claim that was taken back has captured them already.
	entries, err := w.log.Unsettled(ctx, tx, t.Name, ids, nil)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		missing := slices.DeleteFunc(slices.Clone(item.Recapture), func(column string) bool {
			return slices.ContainsFunc(entries, func(e triggerlog.Entry) bool {
				return e.State == triggerlog.New && e.RecordID == item.Entry.RecordID && e.ID > item.Entry.ID && plan.Sets(e, column)
			})
		})
		if !locked[item.Entry.RecordID] || len(missing) == 0 {
			continue
		}
		if err := w.captureUpdate(ctx, tx, t, item.Entry.RecordID, missing); err != nil {
			return nil, err
		}
	}
	return busy, nil
}

// captureUpdate logs columns of a row as they are now, as
// hc_capture_update_from_row does.
func (w *Writer) captureUpdate(ctx context.Context, tx *target.Tx, t *mapping.Table, id int32, columns []string) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = pgx.Identifier{c}.Sanitize() + "::text"
	}
	values := make([]*string, len(columns))
	dst := make([]any, len(columns))
	for i := range values {
		dst[i] = &values[i]
	}
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE id = $1`, strings.Join(names, ", "), w.tableName(t)), id).Scan(dst...)
	if err != nil {
		return fmt.Errorf("read a row of %s: %w", t.Name, err)
	}
	pairs := make([]hstoretext.Pair, len(columns))
	for i, v := range values {
		pairs[i] = hstoretext.Pair{Key: columns[i], Null: v == nil}
		if v != nil {
			pairs[i].Value = *v
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO `+pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()+`
		(txid, created_at, state, action, table_name, record_id, "values")
		VALUES (txid_current(), clock_timestamp(), 'NEW', 'UPDATE', $1, $2, $3)`, t.Name, id, string(hstoretext.Append(nil, pairs)))
	if err != nil {
		return fmt.Errorf("capture the parent of a row of %s: %w", t.Name, err)
	}
	return nil
}

// explain writes into waiting entries what they wait for.
func (w *Writer) explain(ctx context.Context, tx *target.Tx, waits []plan.Wait) error {
	var ids []int32
	var reasons []string
	for _, x := range waits {
		ids, reasons = append(ids, x.Entry.ID), append(reasons, waitMessage(x))
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE `+pgx.Identifier{w.cfg.Schema, "_trigger_log"}.Sanitize()+` t
		SET sf_message = e.reason, updated_at = now()
		FROM unnest($1::int[], $2::text[]) AS e(id, reason) WHERE t.id = e.id AND t.state = 'NEW'`, ids, reasons)
	if err != nil {
		return fmt.Errorf("note what entries wait for: %w", err)
	}
	return nil
}

func waitMessage(x plan.Wait) string { return "waits: " + x.Reason }

// maxReasons bounds how many entries are told why they wait in one claim.
const maxReasons = 1000
