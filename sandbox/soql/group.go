package soql

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// group is one group of an aggregate query while rows are added.
type group struct {
	keys []schema.Value
	accs []accumulator
}

// aggregateRows computes the rows of an aggregate query in order.
func (v *view) aggregateRows(b *Bound, rows iter.Seq[Row]) [][]schema.Value {
	groups := v.gather(b, rows)
	computed := make([]Row, 0, len(groups))
	for _, g := range groups {
		values := slices.Clone(g.keys)
		for i, a := range b.aggregates {
			values = append(values, g.accs[i].result(a))
		}
		row := &groupRow{values: values}
		if b.having == nil || b.having.test(v, row) {
			computed = append(computed, row)
		}
	}
	v.sort(b.order, computed)
	computed = window(computed, b.Limit, b.Offset)
	out := make([][]schema.Value, len(computed))
	for i, r := range computed {
		for _, s := range b.outputs {
			out[i] = append(out[i], s.value(v, r))
		}
	}
	return out
}

// gather adds the rows to their groups; groups come out in key order.
func (v *view) gather(b *Bound, rows iter.Seq[Row]) []*group {
	byKey := make(map[string]*group)
	var list []*group
	if len(b.group) == 0 {
		list = append(list, &group{accs: make([]accumulator, len(b.aggregates))})
		byKey[""] = list[0]
	}
	for row := range rows {
		keys := make([]schema.Value, len(b.group))
		var name strings.Builder
		for i, g := range b.group {
			keys[i] = g.value(v, row)
			k := foldKey(keys[i])
			name.WriteByte(byte(k.Kind()))
			name.WriteString(strconv.Quote(k.String()))
		}
		g, ok := byKey[name.String()]
		if !ok {
			g = &group{keys: keys, accs: make([]accumulator, len(b.aggregates))}
			byKey[name.String()] = g
			list = append(list, g)
		}
		for i, a := range b.aggregates {
			val := schema.Bool(true)
			if a.of != nil {
				val = a.of.value(v, row)
			}
			g.accs[i].add(a, val)
		}
	}
	slices.SortStableFunc(list, func(a, b *group) int { return slices.CompareFunc(a.keys, b.keys, schema.Value.Compare) })
	return list
}
