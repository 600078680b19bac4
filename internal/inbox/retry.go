package inbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Retry sends failed changes again, in log order.
//
// A live entry is NEW again and sends what it holds; an archived one is copied
// back. But where a newer change of the row has set one of its columns since,
// its own value would take the place of a newer one: then, or with fromRow in
// any case, the row as it is now is captured for the entry's columns, and the
// entry is REQUEUED.
//
// An insert goes with the changes of its row that failed for want of it, and
// they with it.
func (in *Inbox) Retry(ctx context.Context, f Filter, s Span, fromRow bool, progress Progress) (Outcome, error) {
	o, err := in.act(ctx, f, s, progress, func(ctx context.Context, tx *target.Tx, entries []Entry, o *Outcome) error {
		return in.retry(ctx, tx, entries, fromRow, o)
	})
	if err != nil {
		return o, fmt.Errorf("retry failures: %w", err)
	}
	return o, nil
}

func (in *Inbox) retry(ctx context.Context, tx *target.Tx, entries []Entry, fromRow bool, o *Outcome) error {
	var good []Entry
	for _, e := range entries {
		if why := e.actionable(); why != "" {
			o.skip(e.ID, "%s", why)
			continue
		}
		good = append(good, e)
	}
	along, err := in.companions(ctx, tx, good)
	if err != nil {
		return err
	}
	o.Also += len(along)
	all := slices.SortedFunc(slices.Values(append(along, good...)), byID)
	stale, err := in.outdated(ctx, tx, all)
	if err != nil {
		return err
	}
	var asTheyAre []Entry
	for _, e := range all {
		if e.Archived && !fromRow && !stale[e.ID] {
			other, err := in.rowDiffers(ctx, tx, e)
			if err != nil {
				return err
			}
			if other {
				o.skip(e.ID, "the row has other values by now, and the archive no longer tells whose: "+
					"send the row as it is (from-row), or set the entry to REQUEUE in SQL")
				continue
			}
		}
		taken := false
		if fromRow || stale[e.ID] {
			if taken, err = in.recapture(ctx, tx, e); err != nil {
				return err
			}
		}
		if !taken {
			asTheyAre = append(asTheyAre, e)
		}
	}
	o.Done += o.Chosen - len(o.Skipped)
	return in.again(ctx, tx, asTheyAre)
}

// rowDiffers says whether a row no longer has the values of an entry.
func (in *Inbox) rowDiffers(ctx context.Context, tx pgx.Tx, e Entry) (bool, error) {
	if e.Action == triggerlog.Delete {
		return false, nil
	}
	row, err := in.rowOf(ctx, tx, e.Table, e.RecordID)
	if err != nil || row == nil {
		return false, err
	}
	held := valuesOf(e.Values)
	for column := range columnsOf(e.Entry) {
		value, there := row[column]
		if there && column != "id" && column != "sfid" && !equal(held[column], value) {
			return true, nil
		}
	}
	return false, nil
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// again makes entries NEW; archived ones are copied back at once.
func (in *Inbox) again(ctx context.Context, tx *target.Tx, entries []Entry) error {
	var live, archived []Entry
	for _, e := range entries {
		if e.Archived {
			archived = append(archived, e)
		} else {
			live = append(live, e)
		}
	}
	if err := in.setState(ctx, tx, live, triggerlog.New); err != nil {
		return err
	}
	if len(archived) == 0 {
		return nil
	}
	if err := in.setState(ctx, tx, archived, triggerlog.Requeue); err != nil {
		return err
	}
	_, err := in.log.Requeue(ctx, tx, len(archived))
	return err
}

// rowKey names a row by its table and id.
type rowKey struct {
	table string
	id    int32
}

func (e Entry) row() rowKey { return rowKey{e.Table, e.RecordID} }

// companions are the entries of the same rows without which these would fail
// again, or which failed for want of them: a row's failed insert, and the
// changes that it let fail.
func (in *Inbox) companions(ctx context.Context, tx pgx.Tx, entries []Entry) ([]Entry, error) {
	rows := map[rowKey]bool{}
	have := map[int32]bool{}
	for _, e := range entries {
		have[e.ID] = true
		if e.RecordID != 0 && (e.Action == triggerlog.Insert || e.Cause.Code == codeInsertFailed) {
			rows[e.row()] = true
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	tables, ids := arrays(maps.Keys(rows))
	list, err := in.ofRows(ctx, tx, tables, ids, `t.state = 'FAILED' AND (t.action = 'INSERT' OR starts_with(t.sf_message, '`+codeInsertFailed+`: '))`, true)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e Entry) bool { return have[e.ID] }), nil
}

func arrays(keys func(func(rowKey) bool)) (tables []string, ids []int32) {
	for k := range keys {
		tables, ids = append(tables, k.table), append(ids, k.id)
	}
	return tables, ids
}

// ofRows reads live and archived entries of rows; with lock only the live ones,
// locked. A companion that is in the archive stays there: were it copied back,
// it would stand behind the changes that need it.
func (in *Inbox) ofRows(ctx context.Context, tx pgx.Tx, tables []string, ids []int32, where string, lock bool) ([]Entry, error) {
	var out []Entry
	suffix := ""
	if lock {
		suffix = " FOR NO KEY UPDATE OF t"
	}
	for i, from := range []string{in.live, in.archive} {
		rows, err := tx.Query(ctx, `SELECT `+prefixed(entryColumns)+` FROM `+from+` t
			JOIN unnest($1::text[], $2::int[]) AS r(table_name, record_id) ON t.record_id = r.record_id AND t.table_name = r.table_name
			WHERE `+where+` ORDER BY t.id`+suffix, tables, ids)
		if err != nil {
			return nil, fmt.Errorf("read entries of rows: %w", err)
		}
		list, err := collectEntries(rows, i == 1)
		if err != nil {
			return nil, fmt.Errorf("read entries of rows: %w", err)
		}
		out = append(out, list...)
		if lock {
			break
		}
	}
	return out, nil
}

// prefixed names columns that r has too by their table.
func prefixed(columns string) string {
	return strings.NewReplacer("coalesce(table_name", "coalesce(t.table_name", "coalesce(record_id", "coalesce(t.record_id").Replace(columns)
}

// outdated tells which of entries, in log order, hold a column that a newer change of their row
// has set, which Salesforce has accepted or will get.
func (in *Inbox) outdated(ctx context.Context, tx pgx.Tx, entries []Entry) (map[int32]bool, error) {
	rows := map[rowKey]bool{}
	for _, e := range entries {
		if e.RecordID != 0 && e.Action != triggerlog.Delete {
			rows[e.row()] = true
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	tables, ids := arrays(maps.Keys(rows))
	// The oldest id is there for the index on state and id.
	newer, err := in.ofRows(ctx, tx, tables, ids, fmt.Sprintf(
		`t.action IN ('INSERT', 'UPDATE') AND t.state IN ('NEW', 'PENDING', 'SUCCESS', 'MERGED') AND t.id > %d`, entries[0].ID), false)
	if err != nil {
		return nil, err
	}
	ofRow := map[rowKey][]Entry{}
	for _, n := range newer {
		ofRow[n.row()] = append(ofRow[n.row()], n)
	}
	out := map[int32]bool{}
	for _, e := range entries {
		var mine map[string]bool
		for _, n := range ofRow[e.row()] {
			if n.ID <= e.ID || out[e.ID] {
				continue
			}
			if mine == nil {
				mine = columnsOf(e.Entry)
			}
			for column := range columnsOf(n.Entry) {
				out[e.ID] = out[e.ID] || mine[column] && column != "id" && column != "sfid"
			}
		}
	}
	return out, nil
}

// recapture logs the row as it is now in place of an entry, which becomes
// REQUEUED: of an update, and of an insert whose record exists, the columns of
// the entry; of another insert the whole row. It does nothing, and says so, for
// a delete and for a row that is gone.
func (in *Inbox) recapture(ctx context.Context, tx *target.Tx, e Entry) (bool, error) {
	if e.Action == triggerlog.Delete || e.RecordID == 0 || in.object(e.Table) == "" {
		return false, nil
	}
	id, err := in.capture(ctx, tx, e, slices.Sorted(maps.Keys(columnsOf(e.Entry))))
	if err != nil || id == 0 {
		return false, err
	}
	return true, in.setState(ctx, tx, []Entry{e}, triggerlog.Requeued)
}

// capture logs the row of an entry through the capture functions and returns
// the new log id; 0 if the row is gone, or the entry names no column. Old is kept: it is what both sides last
// agreed on.
func (in *Inbox) capture(ctx context.Context, tx pgx.Tx, e Entry, columns []string) (int32, error) {
	function := pgx.Identifier{in.conn.Schema, "hc_capture_update_from_row"}.Sanitize()
	var known bool
	err := tx.QueryRow(ctx, `SELECT sfid IS NOT NULL FROM `+in.name(e.Table)+` WHERE id = $1`, e.RecordID).Scan(&known)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the row of log entry %d: %w", e.ID, err)
	}
	whole := e.Action == triggerlog.Insert && !known
	if whole {
		function, columns = pgx.Identifier{in.conn.Schema, "hc_capture_insert_from_row"}.Sanitize(), []string{}
	}
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "id" || c == "sfid" })
	if len(columns) == 0 && !whole {
		return 0, nil // the function would take none for all
	}
	hstore, err := in.hstore(ctx, tx)
	if err != nil {
		return 0, err
	}
	var id int32
	err = tx.QueryRow(ctx, `SELECT `+function+`(`+hstore+`.hstore(t), $2::varchar, $3::text[])
		FROM (SELECT * FROM `+in.name(e.Table)+` WHERE id = $1) t`,
		e.RecordID, e.Table, columns).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("capture the row of log entry %d: %w", e.ID, err)
	}
	if e.Old == nil || e.Action != triggerlog.Update {
		return id, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE `+in.live+` SET old = $2 WHERE id = $1`, id, *e.Old); err != nil {
		return 0, fmt.Errorf("keep the former values of log entry %d: %w", e.ID, err)
	}
	return id, nil
}
