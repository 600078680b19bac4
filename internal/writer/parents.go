package writer

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// maxAncestors bounds how far up unsent parents are followed that come later in
// the log than the entries that are planned.
const maxAncestors = 16

// gatherParents reads the rows that entries point to by a local id or by a
// unique value, and the inserts of those that have not reached Salesforce, and
// of their parents in turn.
func (w *Writer) gatherParents(ctx context.Context, tx querier, in *plan.Input) error {
	entries := in.Entries
	seen := map[plan.Record]bool{}
	for range maxAncestors {
		rows, names := plan.References(w.cfg.Tables, entries)
		if len(rows)+len(names) == 0 {
			return nil
		}
		if err := w.readParents(ctx, tx, in, rows); err != nil {
			return err
		}
		found, err := w.readNamed(ctx, tx, in, names)
		if err != nil {
			return err
		}
		var unsent []plan.Record
		for _, r := range append(rows, found...) {
			if row, here := in.Rows[r]; here && row.Sfid == "" && !seen[r] {
				seen[r], unsent = true, append(unsent, r)
			}
		}
		if entries, err = w.readInserts(ctx, tx, in, unsent); err != nil || len(entries) == 0 {
			return err
		}
	}
	return nil
}

func byTable(list []plan.Record) map[string][]int32 {
	out := map[string][]int32{}
	for _, r := range list {
		out[r.Table] = append(out[r.Table], r.ID)
	}
	return out
}

// readParents reads rows by id, and the ends of those that are gone.
func (w *Writer) readParents(ctx context.Context, tx querier, in *plan.Input, list []plan.Record) error {
	for table, ids := range byTable(list) {
		t := w.cfg.Tables[table]
		if err := w.readRows(ctx, tx, in, t, ids); err != nil {
			return err
		}
		gone := slices.DeleteFunc(ids, func(id int32) bool {
			r := plan.Record{Table: table, ID: id}
			_, here := in.Rows[r]
			return here || len(in.Related[r]) > 0
		})
		if err := w.readRelated(ctx, tx, in, t, gone); err != nil {
			return err
		}
	}
	return nil
}

// readNamed finds rows by unique values and returns them.
func (w *Writer) readNamed(ctx context.Context, tx querier, in *plan.Input, names []plan.Name) ([]plan.Record, error) {
	type place struct {
		table  string
		column int
	}
	values, parents := map[place][]string{}, map[place]plan.Name{}
	for _, n := range names {
		p := place{n.Parent.Name, n.Column}
		values[p], parents[p] = append(values[p], n.Value), n
	}
	var out []plan.Record
	for p, list := range values {
		found, err := w.readByColumn(ctx, tx, in, parents[p], list)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (w *Writer) readByColumn(ctx context.Context, tx querier, in *plan.Input, n plan.Name, values []string) ([]plan.Record, error) {
	t := n.Parent
	col := &t.Columns[n.Column]
	name := pgx.Identifier{col.Name}.Sanitize()
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT id, coalesce(sfid, ''), %[1]s::text FROM %[2]s WHERE %[1]s = ANY($1::text[]%[3]s)`,
		name, w.tableName(t), castOf(col)), values)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s by %s: %w", t.Name, col.Name, err)
	}
	var (
		out   []plan.Record
		id    int32
		sfid  string
		value string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &sfid, &value}, func() error {
		r := plan.Record{Table: t.Name, ID: id}
		out = append(out, r)
		if _, ok := in.Rows[r]; !ok {
			row := plan.Row{Sfid: sfid}
			if n.Column == t.Upsert {
				row.ExternalID = value
			}
			in.Rows[r] = row
		}
		in.Named[n.KeyOf(value)] = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s by %s: %w", t.Name, col.Name, err)
	}
	return out, nil
}

// castOf makes texts values of a column's type. Texts stay as they are: then
// the column's index serves.
func castOf(c *mapping.Column) string {
	if c.Type.Kind == record.Text || c.Type.Kind == record.ID {
		return ""
	}
	return "::" + c.Type.SQL() + "[]"
}

// readInserts reads the inserts of rows that have no sfid, and returns them.
func (w *Writer) readInserts(ctx context.Context, tx querier, in *plan.Input, list []plan.Record) ([]triggerlog.Entry, error) {
	var out []triggerlog.Entry
	for table, ids := range byTable(list) {
		entries, err := w.log.Unsettled(ctx, tx, table, ids, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			r := plan.Record{Table: e.Table, ID: e.RecordID}
			if e.Action != triggerlog.Insert {
				continue
			}
			if _, ok := in.Inserts[r]; !ok {
				out = append(out, e)
			}
			in.Inserts[r] = e
		}
	}
	return out, nil
}
