package soql

import (
	"context"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// view is what the evaluation of one query sees.
type view struct {
	ctx    context.Context
	src    Source
	binder *Binder
	all    bool
	// sets holds the ids of semi-joins, computed once.
	sets map[*semiJoin]map[string]bool
	err  error
}

// operand is a bound operand: something with a value for each row.
type operand interface {
	value(v *view, row Row) schema.Value
	// field is the field behind it, nil for a function.
	field() *schema.Field
	typ() schema.Type
}

// hop leads from a record to its parent.
type hop struct {
	ref *schema.Field
	// to is nil for a polymorphic lookup.
	to *schema.Object
}

// access is a field of the record or of a parent.
type access struct {
	hops []hop
	last *schema.Field
	// byName: the field is looked up on the record that a polymorphic lookup
	// leads to.
	byName bool
}

func (a *access) field() *schema.Field { return a.last }
func (a *access) typ() schema.Type     { return a.last.Type }

func (a *access) value(v *view, row Row) schema.Value {
	for _, h := range a.hops {
		var ok bool
		if row, ok = v.parent(row, h.ref, h.to); !ok {
			return schema.Null
		}
	}
	return v.read(row, a.last, a.byName)
}

// direct is the field if it belongs to the record itself, else nil.
func (a *access) direct() *schema.Field {
	if len(a.hops) > 0 {
		return nil
	}
	return a.last
}

// parent follows a lookup.
func (v *view) parent(row Row, ref *schema.Field, to *schema.Object) (Row, bool) {
	id := row.Value(ref.Slot).Str()
	if id == "" {
		return nil, false
	}
	if to == nil {
		return v.src.Find(id)
	}
	return v.src.ByID(to, id)
}

// read is the value of a field of a row.
func (v *view) read(row Row, f *schema.Field, byName bool) schema.Value {
	if byName {
		if f.Name == "Type" {
			return schema.Text(row.Object().Name)
		}
		own, ok := row.Object().Field(f.Name)
		if !ok {
			return schema.Null
		}
		f = own
	}
	switch {
	case f.Type == schema.TypeID:
		return schema.Text(row.ID())
	case f.Name == "IsDeleted":
		return schema.Bool(row.Deleted())
	case f.Program() != nil:
		return f.Program().Eval(&formulaEnv{view: v, row: row})
	}
	val := row.Value(f.Slot)
	if val.IsNull() && f.Type == schema.TypeBoolean {
		return schema.Bool(false)
	}
	if want := f.Type.Kind(); !val.IsNull() && val.Kind() != want {
		return schema.Null // the field was retyped and the value not converted
	}
	return val
}

// formulaEnv gives a formula the fields of a row and of its parents.
type formulaEnv struct {
	view  *view
	row   Row
	depth int
}

// maxFormulaDepth ends formulas that refer to each other in a ring.
const maxFormulaDepth = 10

func (e *formulaEnv) Now() int64 { return e.view.binder.Now.Unix() }

func (e *formulaEnv) Today() int64 { return schema.DaysOf(e.view.binder.clock()) }

func (e *formulaEnv) Field(path []string) schema.Value {
	row := e.row
	for _, rel := range path[:len(path)-1] {
		ref, ok := row.Object().Parent(rel)
		if !ok {
			return schema.Null
		}
		if row, ok = e.view.parent(row, ref, nil); !ok {
			return schema.Null
		}
	}
	f, ok := row.Object().Field(path[len(path)-1])
	if !ok {
		return schema.Null
	}
	if p := f.Program(); p != nil {
		if e.depth >= maxFormulaDepth {
			return schema.Null
		}
		return p.Eval(&formulaEnv{view: e.view, row: row, depth: e.depth + 1})
	}
	return e.view.read(row, f, false)
}

// plain resolves an operand of WHERE and of ORDER BY in a plain query.
func (bi *binding) plain(o Operand) (operand, error) {
	switch o := o.(type) {
	case *Path:
		return bi.path(o)
	case *Call:
		return bi.call(o)
	}
	return nil, malformed("unexpected token: '('")
}

// Read is the value of a ColumnField for a row, formulas evaluated.
func (b *Bound) Read(src Source, row Row, c *Column) schema.Value {
	v := view{src: src, binder: b.binder}
	return v.read(row, c.Field, c.byName)
}

// ParentRow is the record behind a ColumnParent; false when the lookup is empty.
func (b *Bound) ParentRow(src Source, row Row, c *Column) (Row, bool) {
	v := view{src: src, binder: b.binder}
	ref := c.Field
	if own, ok := row.Object().Field(ref.Name); ok {
		ref = own // behind a polymorphic lookup the record has a field of its own
	} else {
		return nil, false
	}
	return v.parent(row, ref, nil)
}

// FieldValue is the value of any field of a row, formulas evaluated over parents
// from src; binder gives the clock for TODAY().
func FieldValue(binder *Binder, src Source, row Row, f *schema.Field) schema.Value {
	v := view{src: src, binder: binder}
	return v.read(row, f, false)
}
