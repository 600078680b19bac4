package soql

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// resolver turns a written operand into a bound one.
type resolver func(Operand) (operand, error)

func (bi *binding) condition(e Expr, resolve resolver) (cond, error) {
	switch e := e.(type) {
	case *Logic:
		l := &logic{or: e.Or}
		for _, part := range e.Parts {
			c, err := bi.condition(part, resolve)
			if err != nil {
				return nil, err
			}
			l.parts = append(l.parts, c)
		}
		return l, nil
	case *Not:
		c, err := bi.condition(e.Of, resolve)
		if err != nil {
			return nil, err
		}
		return &not{c}, nil
	case *Compare:
		return bi.compare(e, resolve)
	}
	return nil, malformed("empty condition")
}

func (bi *binding) compare(e *Compare, resolve resolver) (cond, error) {
	left, err := resolve(e.Left)
	if err != nil {
		return nil, err
	}
	f := left.field()
	if f != nil && !f.Filterable {
		return nil, bi.at(CodeInvalidField, e.Left, "field '%s' can not be filtered in a query call", f.Name)
	}
	typ := left.typ()
	if err := checkOperator(e, typ); err != nil {
		return nil, err
	}
	if e.Sub != nil {
		return bi.semiJoin(e, left)
	}
	c := &compare{left: left, op: e.Op, exact: exact(f, typ)}
	for _, lit := range e.List {
		if lit.Kind == LitPeriod && (typ == schema.TypeDate || typ == schema.TypeDateTime) {
			from, to := periodValues(lit, typ == schema.TypeDate, bi.binder.clock())
			c.ranges = append(c.ranges, valueRange{from, to})
			continue
		}
		v, err := bi.literal(e, lit, left)
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, v)
	}
	c.prepare()
	return c, nil
}

// clock is the present time in the user's zone.
func (r *Binder) clock() time.Time {
	if r.Zone == nil {
		return r.Now.UTC()
	}
	return r.Now.In(r.Zone)
}

// exact tells whether text of the field compares byte by byte.
func exact(f *schema.Field, typ schema.Type) bool {
	return typ == schema.TypeID || typ == schema.TypeReference || f != nil && f.CaseSensitive
}

func checkOperator(e *Compare, typ schema.Type) error {
	switch {
	case e.Op == "LIKE" && (typ == schema.TypeID || typ == schema.TypeReference):
		return &Error{CodeBadOperator, "invalid operator on id field"}
	case e.Op == "LIKE" && typ.Kind() != schema.KindText, e.Op == "LIKE" && typ == schema.TypeMultiPicklist,
		(e.Op == "INCLUDES" || e.Op == "EXCLUDES") && typ != schema.TypeMultiPicklist,
		typ == schema.TypeBoolean && strings.ContainsAny(e.Op, "<>"),
		typ == schema.TypeMultiPicklist && strings.ContainsAny(e.Op, "<>"):
		return &Error{CodeBadOperator, "invalid operator on " + typ.String() + " field"}
	}
	return nil
}

// literal gives a literal the type of what it is compared with.
func (bi *binding) literal(e *Compare, lit Literal, left operand) (schema.Value, error) {
	if lit.Kind == LitNull {
		return schema.Null, nil
	}
	typ := left.typ()
	switch typ.Kind() {
	case schema.KindText:
		if lit.Kind == LitString {
			return bi.textLiteral(e, lit, typ)
		}
	case schema.KindBool:
		if lit.Kind == LitBool {
			return schema.Bool(lit.Text == "TRUE"), nil
		}
	case schema.KindNumber:
		if lit.Kind == LitNumber {
			n, err := strconv.ParseFloat(lit.Text, 64)
			if err != nil || math.IsInf(n, 0) {
				return schema.Null, at(CodeNumberTooHigh, bi.text, lit.Pos, "number outside valid range: %s", lit.Text)
			}
			return schema.Number(n), nil
		}
	case schema.KindDate:
		if lit.Kind == LitDate {
			if days, err := schema.ParseDate(lit.Text); err == nil {
				return schema.Date(days), nil
			}
			return schema.Null, at(CodeMalformed, bi.text, lit.Pos, "Invalid date: %s", lit.Text)
		}
	case schema.KindInstant:
		if lit.Kind == LitDateTime {
			return bi.instant(lit)
		}
	case schema.KindTime:
		if lit.Kind == LitTime {
			return bi.timeOfDay(lit)
		}
	}
	return schema.Null, bi.wrongType(e, typ)
}

func (bi *binding) wrongType(e *Compare, typ schema.Type) *Error {
	name := "expression"
	switch l := e.Left.(type) {
	case *Path:
		name = l.Parts[len(l.Parts)-1]
	case *Call:
		name = l.Name
	}
	want := strings.TrimPrefix(strings.TrimPrefix(typ.SoapType(), "xsd:"), "tns:")
	quoted := "should not be enclosed in quotes"
	if typ.Kind() == schema.KindText {
		want, quoted = "string", "should be enclosed in quotes"
	}
	return bi.at(CodeInvalidField, e.Left, "value of filter criterion for field '%s' must be of type %s and %s", name, want, quoted)
}

func (bi *binding) textLiteral(e *Compare, lit Literal, typ schema.Type) (schema.Value, error) {
	if (typ == schema.TypeID || typ == schema.TypeReference) && lit.Text != "" {
		id, ok := ID18(lit.Text)
		if !ok {
			return schema.Null, &Error{CodeBadOperator, "invalid ID field: " + lit.Text}
		}
		return schema.Text(id), nil
	}
	if len(lit.Text) > 4000 {
		return schema.Null, bi.at(CodeMalformed, e.Left, "string literal is longer than 4000 characters")
	}
	return schema.Text(lit.Text), nil
}

func (bi *binding) instant(lit Literal) (schema.Value, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, strings.ToUpper(lit.Text)); err == nil {
			return schema.InstantOf(t), nil
		}
	}
	return schema.Null, at(CodeMalformed, bi.text, lit.Pos, "Invalid datetime: %s", lit.Text)
}

func (bi *binding) timeOfDay(lit Literal) (schema.Value, error) {
	t, err := time.Parse("15:04:05.999999999Z", strings.TrimSuffix(strings.ToUpper(lit.Text), "Z")+"Z")
	if err != nil {
		return schema.Null, at(CodeMalformed, bi.text, lit.Pos, "Invalid time: %s", lit.Text)
	}
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return schema.TimeOfDay(t.Sub(midnight).Milliseconds()), nil
}

// semiJoin binds IN (SELECT …) and NOT IN (SELECT …).
func (bi *binding) semiJoin(e *Compare, left operand) (cond, error) {
	o, err := bi.binder.from(e.Sub)
	if err != nil {
		return nil, err
	}
	sub, err := bindQuery(e.Sub, o, bi.binder)
	if err != nil {
		return nil, err
	}
	if len(sub.Columns) != 1 || sub.Aggregate {
		return nil, bi.at(CodeMalformed, e.Left, "a sub-query of a condition must select exactly one field")
	}
	inner, ok := e.Sub.Select[0].Operand.(*Path)
	if !ok {
		return nil, bi.at(CodeMalformed, e.Left, "a sub-query of a condition must select a field")
	}
	a, err := (&binding{binder: bi.binder, text: e.Sub.Text, object: o, alias: e.Sub.Alias}).path(inner)
	if err != nil {
		return nil, err
	}
	if t := a.last.Type; t != schema.TypeID && t != schema.TypeReference {
		return nil, bi.at(CodeMalformed, e.Left, "The selected field '%s' in the subquery and the left operand field in the where "+
			"expression in the outer query should be of type ID or reference", a.last.Name)
	}
	return &semiJoin{left: left, sub: sub, pick: a, anti: e.Op == "NOT IN"}, nil
}

// BoundCondition is a condition bound to an object.
type BoundCondition struct {
	where  cond
	binder *Binder
}

// BindCondition resolves the names of a condition against an object. Unlike a
// query's, it may test fields that can't be filtered.
func BindCondition(c *Condition, object string, binder *Binder) (*BoundCondition, error) {
	o, ok := binder.Catalog.Object(object)
	if !ok {
		return nil, &Error{CodeInvalidType, "sObject type '" + object + "' is not supported."}
	}
	bi := &binding{binder: binder, text: c.text, object: o}
	where, err := bi.condition(c.expr, bi.plain)
	if err != nil {
		return nil, err
	}
	return &BoundCondition{where: where, binder: binder}, nil
}

// Match tells whether a row fulfils the condition; parents are read from src.
func (c *BoundCondition) Match(src Source, row Row) bool {
	return c.where.test(&view{src: src, binder: c.binder}, row)
}
