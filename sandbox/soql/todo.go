package soql

import (
	"context"

	"github.com/synclinehq/syncline/sandbox/schema"
)

type (
	groupExpr interface{}
	cond      interface{}
	operand   interface{}
	orderKey  struct{}
	// Query is a parsed query.
	Query struct{}
)

// Parse reads a query; its error is an *Error.
func Parse(text string) (*Query, error) { return nil, malformed("not yet") }

// ParseCondition reads what may stand after WHERE (validation rules, rewrites).
func ParseCondition(text string) (*Condition, error) { return nil, malformed("not yet") }

// Condition is a parsed condition on its own.
type Condition struct{}

// BoundCondition is a condition bound to an object.
type BoundCondition struct{}

// BindCondition resolves the names of a condition against an object.
func BindCondition(c *Condition, object string, binder *Binder) (*BoundCondition, error) {
	return nil, malformed("not yet")
}

// Match tells whether a row fulfils the condition; parents are read from src.
func (c *BoundCondition) Match(src Source, row Row) bool { return false }

// Bind resolves the names of a query; its error is an *Error.
func Bind(q *Query, binder *Binder) (*Bound, error) { return nil, malformed("not yet") }

// Execute runs a bound query.
func Execute(ctx context.Context, b *Bound, src Source, opt Options) (*Result, error) {
	return nil, malformed("not yet")
}

// Read is the value of a ColumnField for a row, formulas evaluated.
func (b *Bound) Read(src Source, row Row, c *Column) schema.Value { return schema.Null }

// ParentRow is the record behind a ColumnParent; false when the lookup is empty.
func (b *Bound) ParentRow(src Source, row Row, c *Column) (Row, bool) { return nil, false }

// Children runs the sub-query of a ColumnChildren for one row and yields its
// rows in order.
func (b *Bound) Children(src Source, row Row, c *Column) []Row { return nil }

// FieldValue is the value of any field of a row, formulas evaluated over parents
// from src; now is what TODAY() counts from.
func FieldValue(binder *Binder, src Source, row Row, f *schema.Field) schema.Value {
	return schema.Null
}
