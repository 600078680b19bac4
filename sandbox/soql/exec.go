package soql

import (
	"context"
	"iter"
)

// Execute runs a bound query. Its only errors are those of the context.
func Execute(ctx context.Context, b *Bound, src Source, opt Options) (*Result, error) {
	v := &view{ctx: ctx, src: src, binder: b.binder, all: opt.All || b.AllRows}
	rows, plan := v.run(b, nil)
	if v.err != nil {
		return nil, v.err
	}
	res := &Result{Plan: plan, Count: len(rows)}
	switch {
	case b.CountOnly:
	case b.Aggregate:
		res.Rows = v.aggregateRows(b, rows)
		res.Count = len(res.Rows)
	default:
		res.IDs = make([]string, len(rows))
		for i, r := range rows {
			res.IDs[i] = r.ID()
		}
	}
	return res, v.err
}

// Children runs the sub-query of a ColumnChildren for one row and yields its
// rows in order.
func (b *Bound) Children(ctx context.Context, src Source, row Row, c *Column) ([]Row, error) {
	v := &view{ctx: ctx, src: src, binder: b.binder, all: row.Deleted()}
	rows, _ := v.run(c.Sub, row)
	return rows, v.err
}

// run finds the rows of a query in order; for an aggregate query those to be
// grouped. parent restricts a sub-query to the children of one record.
func (v *view) run(b *Bound, parent Row) ([]Row, string) {
	p := v.plan(b, parent)
	limit := -1
	if b.Limit >= 0 && (p.ordered || len(b.order) == 0) && !b.Aggregate {
		limit = b.Limit + b.Offset
	}
	rows := v.collect(b, p, parent, limit)
	if b.Aggregate {
		return rows, p.name
	}
	switch {
	case p.ordered:
	case b.Limit >= 0 && b.Limit+b.Offset <= maxTop:
		rows = v.first(b.order, rows, b.Limit+b.Offset)
	default:
		v.sort(b.order, rows)
	}
	return window(rows, b.Limit, b.Offset), p.name
}

// checkEvery is how many rows pass between two looks at the context.
const checkEvery = 4096

// collect filters what the plan yields, up to limit rows (-1: all).
func (v *view) collect(b *Bound, p plan, parent Row, limit int) []Row {
	var rows []Row
	if limit == 0 {
		return rows
	}
	n := 0
	for row := range p.rows {
		if n++; n%checkEvery == 0 && v.ctx != nil && v.ctx.Err() != nil {
			v.err = v.ctx.Err()
			return nil
		}
		if p.past != nil && p.past(row) {
			break
		}
		if row.Deleted() && !v.all || parent != nil && row.Value(b.childOf.Slot).Str() != parent.ID() {
			continue
		}
		if b.where != nil && !b.where.test(v, row) {
			continue
		}
		if rows = append(rows, row); len(rows) == limit {
			break
		}
	}
	return rows
}

func window(rows []Row, limit, offset int) []Row {
	rows = rows[min(offset, len(rows)):]
	if limit >= 0 {
		rows = rows[:min(limit, len(rows))]
	}
	return rows
}

// chain yields several sequences as one, each record once.
func chain(seqs []iter.Seq[Row]) iter.Seq[Row] {
	if len(seqs) == 1 {
		return seqs[0]
	}
	return func(yield func(Row) bool) {
		seen := make(map[string]bool)
		for _, seq := range seqs {
			for row := range seq {
				if seen[row.ID()] {
					continue
				}
				seen[row.ID()] = true
				if !yield(row) {
					return
				}
			}
		}
	}
}
