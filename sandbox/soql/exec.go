package soql

import (
	"context"
	"iter"
)

// Execute runs a bound query. Its only errors are those of the context.
func Execute(ctx context.Context, b *Bound, src Source, opt Options) (*Result, error) {
	v := &view{ctx: ctx, src: src, binder: b.binder, all: opt.All || b.AllRows}
	p := v.plan(b, nil)
	res := &Result{Plan: p.name}
	switch {
	case b.Aggregate:
		res.Rows = v.aggregateRows(b, v.matching(b, p, nil))
		res.Count = len(res.Rows)
	case b.CountOnly || p.ordered || len(b.order) == 0:
		v.stream(b, p, res, opt.Each)
	default:
		rows, _ := v.inOrder(b, p, nil)
		for _, r := range rows {
			res.take(r, opt.Each)
		}
	}
	return res, v.err
}

// stream takes the rows of a query that need no sorting, as they come.
func (v *view) stream(b *Bound, p plan, res *Result, each func(Row)) {
	if b.Limit == 0 {
		return
	}
	skip := b.Offset
	for row := range v.matching(b, p, nil) {
		if skip > 0 {
			skip--
			continue
		}
		if b.CountOnly {
			res.Count++
		} else {
			res.take(row, each)
		}
		if res.Count == b.Limit {
			return
		}
	}
}

// take adds a row to the outcome.
func (res *Result) take(row Row, each func(Row)) {
	res.Count++
	if each != nil {
		each(row)
		return
	}
	res.IDs = append(res.IDs, row.ID())
}

// Children runs the sub-query of a ColumnChildren for one row and yields its
// rows in order.
func (b *Bound) Children(ctx context.Context, src Source, row Row, c *Column) ([]Row, error) {
	v := &view{ctx: ctx, src: src, binder: b.binder, all: row.Deleted()}
	rows, _ := v.run(c.Sub, row)
	return rows, v.err
}

// run finds the rows of a query in order. parent restricts a sub-query to the children of one record.
func (v *view) run(b *Bound, parent Row) ([]Row, string) {
	return v.inOrder(b, v.plan(b, parent), parent)
}

func (v *view) inOrder(b *Bound, p plan, parent Row) ([]Row, string) {
	limit := -1
	if b.Limit >= 0 && (p.ordered || len(b.order) == 0) {
		limit = b.Limit + b.Offset
	}
	if n := b.Limit + b.Offset; limit < 0 && b.Limit >= 0 && n <= maxTop {
		return window(v.first(b.order, v.matching(b, p, parent), n), b.Limit, b.Offset), p.name
	}
	rows := v.collect(b, p, parent, limit)
	if !p.ordered {
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
	for row := range v.matching(b, p, parent) {
		if rows = append(rows, row); len(rows) == limit {
			break
		}
	}
	return rows
}

// matching yields what the plan yields and the query asks for. It stops when
// the context ends, which view.err then tells.
func (v *view) matching(b *Bound, p plan, parent Row) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		n := 0
		for row := range p.rows {
			if n++; n%checkEvery == 0 && v.ctx != nil && v.ctx.Err() != nil {
				v.err = v.ctx.Err()
				return
			}
			if p.past != nil && p.past(row) {
				return
			}
			if !v.all && (row.Deleted() || row.Archived()) || parent != nil && row.Value(b.childOf.Slot).Str() != parent.ID() {
				continue
			}
			if b.where != nil && !b.where.test(v, row) {
				continue
			}
			if !yield(row) {
				return
			}
		}
	}
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
