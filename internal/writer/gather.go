package writer

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// gather reads what the planner must know of the entries' rows, and of those
// that they point to.
func (w *Writer) gather(ctx context.Context, tx querier, entries []triggerlog.Entry) (plan.Input, error) {
	in := plan.Input{
		Entries: entries, Tables: w.cfg.Tables, Paused: w.held, Limit: w.recordLimit(), MaxSets: w.sets(),
		Rows: map[plan.Record]plan.Row{}, Related: map[plan.Record][]triggerlog.Entry{}, Bases: map[plan.Record][]outbox.Base{},
		Named: map[string]plan.Record{}, Inserts: map[plan.Record]triggerlog.Entry{},
	}
	ids := map[string][]int32{}
	for _, e := range entries {
		if t := w.cfg.Tables[e.Table]; t != nil && e.RecordID != 0 {
			ids[e.Table] = append(ids[e.Table], e.RecordID)
		}
	}
	if err := w.readColumns(ctx, tx, &in, ids); err != nil {
		return in, err
	}
	for table, list := range ids {
		slices.Sort(list)
		list = slices.Compact(list)
		if err := w.gatherTable(ctx, tx, &in, w.cfg.Tables[table], list); err != nil {
			return in, err
		}
	}
	return in, w.gatherParents(ctx, tx, &in)
}

// querier is what gathering needs: a claim's transaction, or one that only
// reads.
type querier interface {
	outbox.Querier
	triggerlog.Querier
}

var _ querier = (*target.Tx)(nil)

// readColumns names all columns of the tables, also those that people added.
func (w *Writer) readColumns(ctx context.Context, tx querier, in *plan.Input, tables map[string][]int32) error {
	names := make([]string, 0, len(tables))
	for t := range tables {
		names = append(names, t)
	}
	rows, err := tx.Query(ctx, `
		SELECT c.relname::text, array_agg(a.attname::text) FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE n.nspname = $1 AND c.relname = ANY($2::text[]) AND c.relkind IN ('r', 'p') GROUP BY 1`, w.cfg.Schema, names)
	if err != nil {
		return fmt.Errorf("read the columns of mapped tables: %w", err)
	}
	in.Columns = map[string]map[string]bool{}
	var (
		table   string
		columns []string
	)
	_, err = pgx.ForEachRow(rows, []any{&table, &columns}, func() error {
		set := make(map[string]bool, len(columns))
		for _, c := range columns {
			set[c] = true
		}
		in.Columns[table] = set
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the columns of mapped tables: %w", err)
	}
	return nil
}

func (w *Writer) gatherTable(ctx context.Context, tx querier, in *plan.Input, t *mapping.Table, ids []int32) error {
	if err := w.readRows(ctx, tx, in, t, ids); err != nil {
		return err
	}
	bases, err := w.box.Bases(ctx, tx, t.Name, ids)
	if err != nil {
		return err
	}
	for _, b := range bases {
		r := plan.Record{Table: t.Name, ID: b.RecordID}
		in.Bases[r] = append(in.Bases[r], b)
	}
	return w.readRelated(ctx, tx, in, t, w.unclear(in, t))
}

func (w *Writer) readRelated(ctx context.Context, tx querier, in *plan.Input, t *mapping.Table, ids []int32) error {
	if len(ids) == 0 {
		return nil
	}
	entries, err := w.log.OfRecords(ctx, tx, t.Name, ids)
	if err != nil {
		return err
	}
	for _, e := range entries {
		r := plan.Record{Table: t.Name, ID: e.RecordID}
		in.Related[r] = append(in.Related[r], e)
	}
	return nil
}

// unclear are the rows of which the planner must see every entry: those that
// are gone, and updated ones that have no sfid.
func (w *Writer) unclear(in *plan.Input, t *mapping.Table) []int32 {
	seen := map[int32]bool{}
	for _, e := range in.Entries {
		if e.Table != t.Name || e.RecordID == 0 || e.Action == triggerlog.Delete {
			continue
		}
		row, here := in.Rows[plan.Record{Table: t.Name, ID: e.RecordID}]
		if !here || e.Action == triggerlog.Update && row.Sfid == "" {
			seen[e.RecordID] = true
		}
	}
	out := make([]int32, 0, len(seen))
	for id := range seen {
		out = append(out, id)
	}
	return out
}

func (w *Writer) tableName(t *mapping.Table) string {
	return pgx.Identifier{w.cfg.Schema, t.Name}.Sanitize()
}

func (w *Writer) readRows(ctx context.Context, tx querier, in *plan.Input, t *mapping.Table, ids []int32) error {
	external := "''"
	if t.Upsert >= 0 {
		c := &t.Columns[t.Upsert]
		external = "coalesce(" + c.Type.TextSQL(pgx.Identifier{c.Name}.Sanitize()) + ", '')"
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT id, coalesce(sfid, ''), %s FROM %s WHERE id = ANY($1::int[])`,
		external, w.tableName(t)), ids)
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	var (
		id  int32
		row plan.Row
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &row.Sfid, &row.ExternalID}, func() error {
		in.Rows[plan.Record{Table: t.Name, ID: id}] = row
		return nil
	})
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	return nil
}
