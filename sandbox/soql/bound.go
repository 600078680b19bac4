package soql

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Binder is what a query's names are resolved against.
type Binder struct {
	Catalog *schema.Catalog
	// Visible tells whether the user may see a field (field-level security); nil:
	// every field. A hidden field does not exist for the query.
	Visible func(o *schema.Object, f *schema.Field) bool
	// Readable tells whether the user may read an object; nil: every object.
	Readable func(o *schema.Object) bool
	// Now is the org's clock, which date literals and TODAY() count from.
	Now time.Time
	// Zone is the user's time zone for date literals; nil: UTC.
	Zone *time.Location
}

// ColumnKind tells what a Column yields.
type ColumnKind uint8

const (
	// ColumnField is a field of the row: read it with Bound.Read.
	ColumnField ColumnKind = iota
	// ColumnParent is a record behind a lookup, with Columns of its own: get it
	// with Bound.ParentRow; null when there is none.
	ColumnParent
	// ColumnChildren is a sub-query: get its rows with Bound.Children.
	ColumnChildren
	// ColumnAggregate is a computed value of an aggregate query; the values of
	// Result.Rows stand in the order of Bound.Columns.
	ColumnAggregate
)

// Column is one thing that a query selects, in the order of the reply. The
// columns of one parent are gathered under its first mention.
type Column struct {
	Kind ColumnKind
	// Name is the key in the reply: field, relationship or alias.
	Name string
	// Field is the field of a ColumnField (and of a grouped ColumnAggregate), the
	// lookup of a ColumnParent, and of a ColumnChildren the child's lookup that
	// points back. Of a field behind a polymorphic lookup it is the one of the
	// object Name; Read finds the record's own field by its name.
	Field *schema.Field
	// Columns are those of a ColumnParent.
	Columns []Column
	// Sub is the query of a ColumnChildren.
	Sub *Bound
	// Label: the value is wanted as its label (toLabel) or formatted.
	Label bool
	// Count tells of a ColumnAggregate that it is a count (printed as an integer);
	// others keep the type Type.
	Count bool
	// Type is the type of a ColumnAggregate's values.
	Type schema.Type

	byName bool
}

// Bound is a query whose names are resolved.
type Bound struct {
	Object *schema.Object
	// Columns is what is selected, in order.
	Columns []Column
	// CountOnly is SELECT COUNT(): only totalSize is wanted.
	CountOnly bool
	// Aggregate tells that Result.Rows, not Result.IDs, holds the outcome.
	Aggregate bool
	// AllRows tells that the query itself asks for records in the bin (ALL ROWS).
	AllRows bool
	Limit   int // -1: none
	Offset  int

	query  *Query
	where  cond
	having cond
	// group are the operands of GROUP BY, aggregates what is computed for each
	// group, outputs where the values of Columns stand in groups or aggregates.
	group      []operand
	aggregates []*aggregate
	outputs    []slotOperand
	order      []orderKey
	binder     *Binder
	childOf    *schema.Field
}

// Result is the outcome of Execute.
type Result struct {
	// IDs of the matching records in the order of the query.
	IDs []string
	// Count is the number of matching records (totalSize).
	Count int
	// Rows are the computed rows of an aggregate query.
	Rows [][]schema.Value
	// Plan names the access path taken, for tests and explain.
	Plan string
}

// Options of one execution.
type Options struct {
	// All includes records in the recycle bin (queryAll).
	All bool
	// Each, if set, is given the rows of a plain query in order; Result.IDs stays
	// empty then.
	Each func(Row)
}
