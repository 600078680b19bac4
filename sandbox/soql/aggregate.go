package soql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

func isAggregate(name string) bool {
	return slices.Contains([]string{"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"}, name)
}

// aggregate is one computed value of each group.
type aggregate struct {
	text string
	fn   string
	// of is nil for COUNT().
	of operand
}

func (a *aggregate) typ() schema.Type {
	switch a.fn {
	case "COUNT", "COUNT_DISTINCT":
		return schema.TypeInt
	case "AVG":
		return schema.TypeDouble
	}
	return a.of.typ()
}

// slotOperand stands for the n-th value of a computed row: first the grouped
// operands, then the aggregates.
type slotOperand struct {
	n int
	f *schema.Field
	t schema.Type
}

func (s slotOperand) field() *schema.Field { return nil }
func (s slotOperand) typ() schema.Type     { return s.t }

func (s slotOperand) value(_ *view, row Row) schema.Value {
	return row.(*groupRow).values[s.n]
}

// groupRow carries the computed values through conditions and sorting.
type groupRow struct {
	Row
	values []schema.Value
}

func (bi *binding) groupBy(q *Query, b *Bound) error {
	for _, g := range q.GroupBy {
		op, err := bi.plain(g)
		if err != nil {
			return err
		}
		if f := op.field(); f != nil && !f.Groupable {
			return bi.at(CodeInvalidField, g, "field '%s' can not be grouped in a query call", f.Name)
		}
		b.group = append(b.group, op)
	}
	return nil
}

// aggregateColumns binds the select list of an aggregate query.
func (bi *binding) aggregateColumns(q *Query, b *Bound) error {
	bi.aliases = make(map[string]Operand)
	resolve := bi.computed(b)
	unnamed := 0
	for _, item := range q.Select {
		if item.Operand == nil {
			return malformed("sub-queries and FIELDS() are not allowed in an aggregate query")
		}
		op, err := resolve(item.Operand)
		if err != nil {
			return err
		}
		s := op.(slotOperand)
		c := Column{Kind: ColumnAggregate, Name: item.Alias, Field: s.f, Type: s.t}
		call, isCall := item.Operand.(*Call)
		c.Count = isCall && strings.HasPrefix(call.Name, "COUNT")
		switch {
		case c.Name != "":
			bi.aliases[strings.ToLower(c.Name)] = item.Operand
		case isCall:
			c.Name = fmt.Sprintf("expr%d", unnamed)
			unnamed++
		default:
			c.Name = s.f.Name
		}
		b.Columns = append(b.Columns, c)
		b.outputs = append(b.outputs, s)
	}
	return nil
}

// computed resolves operands over groups: grouped ones, aggregates, aliases.
func (bi *binding) computed(b *Bound) resolver {
	var resolve resolver
	resolve = func(o Operand) (operand, error) {
		if p, ok := o.(*Path); ok && len(p.Parts) == 1 {
			if named, ok := bi.aliases[strings.ToLower(p.Parts[0])]; ok {
				return resolve(named)
			}
		}
		text := operandText(o)
		for i, g := range b.query.GroupBy {
			if operandText(g) == text {
				return slotOperand{n: i, f: b.group[i].field(), t: b.group[i].typ()}, nil
			}
		}
		call, ok := o.(*Call)
		if !ok || !isAggregate(call.Name) {
			if p, isPath := o.(*Path); isPath {
				if _, err := bi.path(p); err != nil {
					return nil, err
				}
			}
			return nil, malformed("Field must be grouped or aggregated: %s", written(o))
		}
		return bi.aggregate(b, call, text)
	}
	return resolve
}

// aggregate finds or adds the computation of a call.
func (bi *binding) aggregate(b *Bound, call *Call, text string) (operand, error) {
	for i, a := range b.aggregates {
		if a.text == text {
			return slotOperand{n: len(b.group) + i, t: a.typ()}, nil
		}
	}
	a := &aggregate{text: text, fn: call.Name}
	switch {
	case len(call.Args) == 1:
		op, err := bi.plain(call.Args[0])
		if err != nil {
			return nil, err
		}
		if err := bi.checkAggregate(call, op); err != nil {
			return nil, err
		}
		a.of = op
	case len(call.Args) > 1 || call.Name != "COUNT":
		return nil, bi.at(CodeMalformed, call, "unexpected token: '%s'", call.Name)
	}
	b.aggregates = append(b.aggregates, a)
	return slotOperand{n: len(b.group) + len(b.aggregates) - 1, t: a.typ()}, nil
}

func (bi *binding) checkAggregate(call *Call, op operand) error {
	f := op.field()
	name := written(call.Args[0])
	numeric := op.typ().Numeric()
	if f != nil && !f.Aggregatable && !strings.HasPrefix(call.Name, "COUNT") || (call.Name == "SUM" || call.Name == "AVG") && !numeric {
		return bi.at(CodeMalformed, call, "field %s does not support aggregate operator %s", name, call.Name)
	}
	return nil
}

// operandText is the normal form by which equal operands are found.
func operandText(o Operand) string {
	switch o := o.(type) {
	case *Path:
		return strings.ToLower(o.String())
	case *Call:
		args := make([]string, len(o.Args))
		for i, a := range o.Args {
			args[i] = operandText(a)
		}
		return o.Name + "(" + strings.Join(args, ",") + ")"
	}
	return ""
}

// accumulator gathers one aggregate of one group.
type accumulator struct {
	count    int
	sum      float64
	min, max schema.Value
	seen     map[schema.Value]bool
}

func (acc *accumulator) add(a *aggregate, val schema.Value) {
	if val.IsNull() {
		return
	}
	acc.count++
	acc.sum += val.Float()
	if acc.min.IsNull() || val.Compare(acc.min) < 0 {
		acc.min = val
	}
	if acc.max.IsNull() || val.Compare(acc.max) > 0 {
		acc.max = val
	}
	if a.fn == "COUNT_DISTINCT" {
		if acc.seen == nil {
			acc.seen = make(map[schema.Value]bool)
		}
		acc.seen[foldKey(val)] = true
	}
}

func (acc *accumulator) result(a *aggregate) schema.Value {
	switch a.fn {
	case "COUNT":
		return schema.Number(float64(acc.count))
	case "COUNT_DISTINCT":
		return schema.Number(float64(len(acc.seen)))
	case "MIN":
		return acc.min
	case "MAX":
		return acc.max
	}
	if acc.count == 0 {
		return schema.Null
	}
	if a.fn == "AVG" {
		return schema.Number(acc.sum / float64(acc.count))
	}
	return schema.Number(acc.sum)
}

// foldKey makes texts that differ in case one key.
func foldKey(v schema.Value) schema.Value {
	if v.Kind() == schema.KindText {
		return schema.Text(strings.ToLower(v.Str()))
	}
	return v
}

// written is the operand as messages show it.
func written(o Operand) string {
	if p, ok := o.(*Path); ok {
		return p.String()
	}
	return operandText(o)
}
