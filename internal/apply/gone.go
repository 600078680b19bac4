package apply

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/target"
)

// Gone is a row whose record is no more to be had: deleted without a trace, out
// of sight, or outside the filter.
type Gone struct {
	Sfid string
	// Version is the row's (its xmin) from before the record was looked for. A
	// row that was written since is left alone: the record may be back.
	Version string
}

// Versions reads the versions of the rows of these sfids; those without a row
// are missing.
func (a *Applier) Versions(ctx context.Context, q pgx.Tx, sfids []string) (map[string]string, error) {
	out := make(map[string]string, len(sfids))
	rows, err := q.Query(ctx, `SELECT sfid, xmin::text FROM `+a.sql.table+` WHERE sfid = ANY($1::text[])`, sfids)
	if err != nil {
		return nil, fmt.Errorf("read versions of rows of %s: %w", a.table.Name, err)
	}
	var sfid, version string
	_, err = pgx.ForEachRow(rows, []any{&sfid, &version}, func() error {
		out[sfid] = version
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of rows of %s: %w", a.table.Name, err)
	}
	return out, nil
}

// Remove takes the rows of records that are gone out of the table, or marks
// them by policy, inside tx. Asked is when, by the target's clock, the records
// were looked for. Rows that were written since, that the application holds,
// or on which a local change is on its way are left as they are, and returned.
func (a *Applier) Remove(ctx context.Context, tx *target.Tx, gone []Gone, asked time.Time) (res Result, left []string, err error) {
	want := make(map[string]string, len(gone))
	sfids := make([]string, len(gone))
	for i, g := range gone {
		want[g.Sfid], sfids[i] = g.Version, g.Sfid
	}
	m, err := a.lockGone(ctx, tx, want, sfids)
	if err != nil {
		return res, nil, err
	}
	left = m.left
	touched, err := a.touched(ctx, tx, m, asked)
	if err != nil {
		return res, nil, err
	}
	p := &plan{done: m.absent}
	for _, r := range m.rows {
		if touched[r.id] {
			left = append(left, r.sfid)
			continue
		}
		values := make([]record.Value, len(a.table.Columns))
		values[a.table.Layout.ID] = record.TextValue(r.sfid)
		p.remove = append(p.remove, staged{r.id, values})
		p.done = append(p.done, r.sfid)
	}
	if a.keepsDeleted() {
		if err := a.markDeleted(ctx, tx, p); err != nil {
			return res, nil, err
		}
	}
	res, err = a.carryOut(ctx, tx, nil, p)
	return res, left, err
}

// goneRows are the rows of records that are gone.
type goneRows struct {
	rows   []row
	left   []string // rows that were written since, or are held
	absent []string // no row at all
}

func (a *Applier) lockGone(ctx context.Context, tx *target.Tx, want map[string]string, sfids []string) (goneRows, error) {
	var g goneRows
	there, err := a.Versions(ctx, tx, sfids)
	if err != nil {
		return g, err
	}
	for _, sfid := range sfids {
		if _, ok := there[sfid]; !ok {
			g.absent = append(g.absent, sfid)
		}
	}
	rows, err := tx.Query(ctx, `SELECT id, sfid, xmin::text FROM `+a.sql.table+
		` WHERE sfid = ANY($1::text[]) ORDER BY id FOR UPDATE SKIP LOCKED`, sfids)
	if err != nil {
		return g, fmt.Errorf("lock rows of %s: %w", a.table.Name, err)
	}
	var (
		r       row
		version string
	)
	_, err = pgx.ForEachRow(rows, []any{&r.id, &r.sfid, &version}, func() error {
		if want[r.sfid] == version {
			g.rows = append(g.rows, r)
			delete(there, r.sfid)
		}
		return nil
	})
	if err != nil {
		return g, fmt.Errorf("lock rows of %s: %w", a.table.Name, err)
	}
	for sfid := range there {
		g.left = append(g.left, sfid)
	}
	return g, nil
}

// touched says which of the locked rows have a local change or a write of ours
// on its way, or one that was accepted after the records were looked for.
func (a *Applier) touched(ctx context.Context, tx *target.Tx, g goneRows, asked time.Time) (map[int32]bool, error) {
	ids, sfids := make([]int32, len(g.rows)), make([]string, len(g.rows))
	for i, r := range g.rows {
		ids[i], sfids[i] = r.id, r.sfid
	}
	entries, err := a.log.Unsettled(ctx, tx, a.table.Name, ids, sfids)
	if err != nil {
		return nil, err
	}
	intents, err := a.box.Touching(ctx, tx, a.table.Name, ids, sfids, []string{}, asked)
	if err != nil {
		return nil, err
	}
	var m matches
	m.index(entries, intents)
	out := map[int32]bool{}
	for _, r := range g.rows {
		_, written := m.intents.of(r.id, r.sfid, "")
		out[r.id] = written || anyUnsettled(m.byRecord[r.id])
	}
	return out, nil
}

// markDeleted turns removals into updates of isdeleted, for a mapping that
// keeps the rows of deleted records.
func (a *Applier) markDeleted(ctx context.Context, tx *target.Tx, p *plan) error {
	ids := make([]int32, len(p.remove))
	for i, s := range p.remove {
		ids[i] = s.id
	}
	current, err := a.readRows(ctx, tx, ids)
	if err != nil {
		return err
	}
	for id, values := range current {
		values[a.table.Layout.Deleted] = record.BoolValue(true)
		p.keep = append(p.keep, staged{id, a.freed(values)})
	}
	p.remove = nil
	return nil
}
