package soql

import (
	"iter"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// plan is an access path: rows yields a superset of the matching records.
type plan struct {
	name string
	rows iter.Seq[Row]
	// ordered: the rows come in the order of the query.
	ordered bool
	// past tells that no later row can match.
	past func(Row) bool
}

// plan picks the access path of a query.
func (v *view) plan(b *Bound, parent Row) plan {
	if parent != nil && v.src.Indexed(b.Object, b.childOf) {
		return plan{name: "children", rows: v.src.ByValue(b.Object, b.childOf, schema.Text(parent.ID()))}
	}
	terms := conjuncts(b.where)
	if p, ok := v.byID(b, terms); ok {
		return p
	}
	if p, ok := v.byValue(b, terms); ok {
		return p
	}
	stamp, hasStamp := b.Object.Field("SystemModstamp")
	from, to := schema.Null, schema.Null
	if hasStamp && b.where != nil {
		from, to = bounds(b.where, stamp)
	}
	byStamp := hasStamp && ordersBy(b.order, "SystemModstamp", "Id")
	if !from.IsNull() || byStamp {
		p := plan{name: "stamp", rows: v.src.ByStamp(b.Object, lowest(from)), ordered: byStamp}
		if !to.IsNull() {
			p.past = func(r Row) bool { return r.Value(stamp.Slot).Compare(to) > 0 }
		}
		return p
	}
	return v.byOrder(b)
}

// lowest is the second from which the stamp index is read.
func lowest(from schema.Value) int64 {
	if from.IsNull() {
		return -1 << 62
	}
	return from.Unix()
}

// byOrder reads in order of Id where that helps, else everything.
func (v *view) byOrder(b *Bound) plan {
	idField, _ := b.Object.Field("Id")
	from, to := schema.Null, schema.Null
	if b.where != nil && idField != nil {
		from, to = bounds(b.where, idField)
	}
	ordered := ordersBy(b.order, "Id")
	if !ordered && from.IsNull() && to.IsNull() {
		return plan{name: "scan", rows: v.src.Scan(b.Object)}
	}
	p := plan{name: "id range", rows: v.src.ByIDFrom(b.Object, from.Str()), ordered: ordered}
	if !to.IsNull() {
		p.past = func(r Row) bool { return r.ID() > to.Str() }
	}
	return p
}

// byID reads the records whose ids the query names.
func (v *view) byID(b *Bound, terms []cond) (plan, bool) {
	for _, t := range terms {
		switch c := t.(type) {
		case *compare:
			a, ok := c.left.(*access)
			if !ok || a.direct() == nil || a.last.Type != schema.TypeID || c.op != "=" && c.op != "IN" {
				continue
			}
			ids := make([]string, 0, len(c.values))
			for _, val := range c.values {
				ids = append(ids, val.Str())
			}
			return plan{name: "ids", rows: v.records(b.Object, ids)}, true
		case *semiJoin:
			a, ok := c.left.(*access)
			if !ok || a.direct() == nil || a.last.Type != schema.TypeID || c.anti {
				continue
			}
			ids := make([]string, 0)
			for id := range c.ids(v) {
				ids = append(ids, id)
			}
			return plan{name: "ids of sub-query", rows: v.records(b.Object, ids)}, true
		}
	}
	return plan{}, false
}

// records yields the records with the given ids, in order of Id, each once.
func (v *view) records(o *schema.Object, ids []string) iter.Seq[Row] {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return func(yield func(Row) bool) {
		for _, id := range ids {
			if row, ok := v.src.ByID(o, id); ok && !yield(row) {
				return
			}
		}
	}
}

// byValue reads by an indexed field that the query compares for equality.
func (v *view) byValue(b *Bound, terms []cond) (plan, bool) {
	for _, t := range terms {
		c, ok := t.(*compare)
		if !ok || c.op != "=" && c.op != "IN" || len(c.ranges) > 0 || len(c.values) == 0 {
			continue
		}
		a, ok := c.left.(*access)
		if !ok || a.direct() == nil || !v.src.Indexed(b.Object, a.last) || slices.ContainsFunc(c.values, schema.Value.IsNull) {
			continue
		}
		seqs := make([]iter.Seq[Row], len(c.values))
		for i, val := range c.values {
			seqs[i] = v.src.ByValue(b.Object, a.last, val)
		}
		return plan{name: "index " + a.last.Name, rows: chain(seqs)}, true
	}
	return plan{}, false
}

// conjuncts are the conditions that every matching row fulfils.
func conjuncts(c cond) []cond {
	if c == nil {
		return nil
	}
	l, ok := c.(*logic)
	if !ok {
		return []cond{c}
	}
	if l.or && len(l.parts) > 1 {
		return nil
	}
	var list []cond
	for _, p := range l.parts {
		list = append(list, conjuncts(p)...)
	}
	return list
}

// bounds derives an inclusive range of a field from a condition; Null: open. In
// particular it sees through the keyset form (f > x OR (f = x AND Id > y)).
func bounds(c cond, f *schema.Field) (from, to schema.Value) {
	switch c := c.(type) {
	case *compare:
		a, ok := c.left.(*access)
		if ok && a.direct() == f {
			return c.bounds()
		}
	case *logic:
		for i, p := range c.parts {
			lo, hi := bounds(p, f)
			switch {
			case i == 0:
				from, to = lo, hi
			case c.or:
				from, to = wider(from, lo, -1), wider(to, hi, 1)
			default:
				from, to = tighter(from, lo, 1), tighter(to, hi, -1)
			}
		}
	}
	return from, to
}

func (c *compare) bounds() (from, to schema.Value) {
	var lo, hi schema.Value
	switch {
	case len(c.ranges) == 1 && len(c.values) == 0:
		lo, hi = c.ranges[0].from, c.ranges[0].to
	case len(c.values) == 1 && len(c.ranges) == 0:
		lo, hi = c.values[0], c.values[0]
	default:
		return schema.Null, schema.Null
	}
	switch c.op {
	case "=":
		return lo, hi
	case ">", ">=":
		return lo, schema.Null
	case "<", "<=":
		return schema.Null, hi
	}
	return schema.Null, schema.Null
}

// compareBounds compares ids byte by byte, as the id index does.
func compareBounds(a, b schema.Value) int {
	if a.Kind() == schema.KindText && b.Kind() == schema.KindText {
		return strings.Compare(a.Str(), b.Str())
	}
	return a.Compare(b)
}

// wider joins the bounds of two branches of an OR: open if either is open, else
// the one further out (sign -1: the lower, 1: the higher).
func wider(a, b schema.Value, sign int) schema.Value {
	if a.IsNull() || b.IsNull() {
		return schema.Null
	}
	if sign*compareBounds(b, a) > 0 {
		return b
	}
	return a
}

// tighter joins the bounds of two parts of an AND.
func tighter(a, b schema.Value, sign int) schema.Value {
	if a.IsNull() {
		return b
	}
	if b.IsNull() || sign*compareBounds(b, a) < 0 {
		return a
	}
	return b
}

// ordersBy tells whether ORDER BY is an ascending prefix of the given fields.
func ordersBy(order []orderKey, fields ...string) bool {
	if len(order) == 0 || len(order) > len(fields) {
		return false
	}
	for i, o := range order {
		a, ok := o.by.(*access)
		if !ok || o.desc || a.direct() == nil || a.last.Name != fields[i] {
			return false
		}
	}
	return true
}
