package soql

import (
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Most hops to a parent and rows that OFFSET may skip.
const (
	maxHops   = 5
	maxOffset = 2000
	// maxFieldsAll is the LIMIT that FIELDS(ALL) and FIELDS(CUSTOM) need.
	maxFieldsAll = 200
)

// binding resolves the names of one query (or condition) against its object.
type binding struct {
	binder *Binder
	text   string
	object *schema.Object
	alias  string
	// aliases are the named columns of an aggregate query, for HAVING and ORDER BY.
	aliases map[string]Operand
}

// Bind resolves the names of a query; its error is an *Error.
func Bind(q *Query, binder *Binder) (*Bound, error) {
	o, err := binder.from(q)
	if err != nil {
		return nil, err
	}
	b, err := bindQuery(q, o, binder)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// from finds the object of a query; *Error is nil on success.
func (r *Binder) from(q *Query) (*schema.Object, error) {
	o, ok := r.Catalog.Object(q.From.Text)
	if ok && o.Queryable && (r.Readable == nil || r.Readable(o)) {
		return o, nil
	}
	return nil, at(CodeInvalidType, q.Text, q.From.Pos, "sObject type '%s' is not supported. If you are attempting to use a custom object, "+
		"be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", q.From.Text)
}

func bindQuery(q *Query, o *schema.Object, binder *Binder) (*Bound, error) {
	bi := &binding{binder: binder, text: q.Text, object: o, alias: q.Alias}
	b := &Bound{Object: o, query: q, binder: binder, Limit: q.Limit, Offset: q.Offset, AllRows: q.AllRows}
	if q.Offset > maxOffset {
		return nil, &Error{CodeNumberTooHigh, "Maximum SOQL offset allowed is 2000"}
	}
	steps := []func(*Query, *Bound) error{bi.where, bi.groupBy, bi.columns, bi.havingClause, bi.orderBy}
	for _, step := range steps {
		if err := step(q, b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (bi *binding) where(q *Query, b *Bound) (err error) {
	if q.Where != nil {
		b.where, err = bi.condition(q.Where, bi.plain)
	}
	return err
}

func (bi *binding) havingClause(q *Query, b *Bound) (err error) {
	if q.Having != nil {
		b.having, err = bi.condition(q.Having, bi.computed(b))
	}
	return err
}

func (bi *binding) orderBy(q *Query, b *Bound) error {
	resolve := bi.plain
	if b.Aggregate {
		resolve = bi.computed(b)
	}
	for _, o := range q.OrderBy {
		op, err := resolve(o.By)
		if err != nil {
			return err
		}
		if f := op.field(); f != nil && !f.Sortable && !b.Aggregate {
			return bi.at(CodeInvalidField, o.By, "field '%s' can not be sorted in a query call", f.Name)
		}
		b.order = append(b.order, orderKey{by: op, desc: o.Desc, nullsLast: o.NullsLast})
	}
	return nil
}

func (bi *binding) at(code string, o Operand, format string, args ...any) *Error {
	return at(code, bi.text, o.position(), format, args...)
}

// columns binds the select list.
func (bi *binding) columns(q *Query, b *Bound) error {
	if bi.isCount(q) {
		b.CountOnly = true
		return nil
	}
	b.Aggregate = len(q.GroupBy) > 0
	for _, item := range q.Select {
		if c, ok := item.Operand.(*Call); ok && isAggregate(c.Name) {
			b.Aggregate = true
		}
	}
	if b.Aggregate {
		return bi.aggregateColumns(q, b)
	}
	for _, item := range q.Select {
		if err := bi.column(q, b, item); err != nil {
			return err
		}
	}
	return nil
}

// isCount recognises SELECT COUNT() FROM ….
func (bi *binding) isCount(q *Query) bool {
	if len(q.Select) != 1 || len(q.GroupBy) > 0 {
		return false
	}
	c, ok := q.Select[0].Operand.(*Call)
	return ok && c.Name == "COUNT" && len(c.Args) == 0
}

func (bi *binding) column(q *Query, b *Bound, item SelectItem) error {
	switch {
	case item.Sub != nil:
		return bi.child(b, item.Sub)
	case item.Fields != "":
		return bi.allFields(q, b, item.Fields)
	case item.TypeOf:
		return malformed("TYPEOF is not supported by this org")
	}
	label := false
	path, ok := item.Operand.(*Path)
	if call, isCall := item.Operand.(*Call); isCall {
		switch call.Name {
		case "TOLABEL", "FORMAT", "CONVERTCURRENCY":
			if len(call.Args) == 1 {
				path, ok = call.Args[0].(*Path)
				label = true
			}
		}
		if !ok {
			return malformed("unexpected token: '%s'", call.Name)
		}
	}
	a, err := bi.path(path)
	if err != nil {
		return err
	}
	name := item.Alias
	if name == "" {
		name = a.last.Name
	}
	return bi.place(b, path, a, Column{Kind: ColumnField, Name: name, Field: a.last, Label: label, byName: a.byName})
}

// place puts a column below the columns of its parents.
func (bi *binding) place(b *Bound, path *Path, a *access, c Column) error {
	list := &b.Columns
	for _, h := range a.hops {
		list = parentColumns(list, h.ref)
	}
	for _, other := range *list {
		if strings.EqualFold(other.Name, c.Name) && other.Kind == ColumnField {
			return bi.at(CodeInvalidField, path, "duplicate field selected: %s", path.Parts[len(path.Parts)-1])
		}
	}
	*list = append(*list, c)
	return nil
}

// parentColumns is the column list of a parent, added if it is not there yet.
func parentColumns(list *[]Column, ref *schema.Field) *[]Column {
	for i := range *list {
		if c := &(*list)[i]; c.Kind == ColumnParent && c.Name == ref.RelationshipName {
			return &c.Columns
		}
	}
	*list = append(*list, Column{Kind: ColumnParent, Name: ref.RelationshipName, Field: ref})
	return &(*list)[len(*list)-1].Columns
}

// child binds a sub-query.
func (bi *binding) child(b *Bound, q *Query) error {
	rel, ok := bi.binder.Catalog.ChildByName(bi.object.Name, q.From.Text)
	if ok && bi.binder.Readable != nil {
		ok = bi.binder.Readable(rel.Child)
	}
	if !ok {
		return at(CodeInvalidType, q.Text, q.From.Pos, "Didn't understand relationship '%s' in FROM part of query call. "+
			"If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. "+
			"Please reference your WSDL or the describe call for the appropriate names.", q.From.Text)
	}
	sub, err := bindQuery(q, rel.Child, bi.binder)
	if err != nil {
		return err
	}
	if sub.Aggregate || sub.CountOnly {
		return malformed("aggregate queries are not allowed in a sub-query")
	}
	sub.childOf = rel.Field
	b.Columns = append(b.Columns, Column{Kind: ColumnChildren, Name: rel.Name, Field: rel.Field, Sub: sub})
	return nil
}

// allFields expands FIELDS(ALL|STANDARD|CUSTOM).
func (bi *binding) allFields(q *Query, b *Bound, which string) error {
	if which != "STANDARD" && (q.Limit < 0 || q.Limit > maxFieldsAll) {
		return malformed("The SOQL FIELDS function must have a LIMIT of at most %d", maxFieldsAll)
	}
	for _, f := range bi.object.Fields {
		if !bi.visible(bi.object, f) || which == "STANDARD" && f.Custom || which == "CUSTOM" && !f.Custom {
			continue
		}
		b.Columns = append(b.Columns, Column{Kind: ColumnField, Name: f.Name, Field: f})
	}
	return nil
}

func (bi *binding) visible(o *schema.Object, f *schema.Field) bool {
	return bi.binder.Visible == nil || bi.binder.Visible(o, f)
}

// path resolves a field path, a leading alias or object name dropped.
func (bi *binding) path(p *Path) (*access, error) {
	parts := p.Parts
	if len(parts) > 1 && (strings.EqualFold(parts[0], bi.alias) || strings.EqualFold(parts[0], bi.object.Name)) {
		if _, isParent := bi.object.Parent(parts[0]); !isParent || strings.EqualFold(parts[0], bi.alias) {
			parts = parts[1:]
		}
	}
	a := &access{}
	o, polymorphic := bi.object, false
	for _, rel := range parts[:len(parts)-1] {
		ref, ok := o.Parent(rel)
		if !ok || !bi.visible(o, ref) || len(a.hops) == maxHops {
			return nil, bi.at(CodeInvalidField, p, "Didn't understand relationship '%s' in field path. If you are attempting to use a "+
				"custom relationship, be sure to append the '__r' after the custom relationship name. "+
				"Please reference your WSDL or the describe call for the appropriate names.", rel)
		}
		var next *schema.Object
		if next, polymorphic = bi.target(ref); next == nil {
			return nil, bi.noColumn(p, parts[len(parts)-1], rel)
		}
		h := hop{ref: ref}
		if !polymorphic {
			h.to = next
		}
		a.hops, o = append(a.hops, h), next
	}
	name := parts[len(parts)-1]
	f, ok := o.Field(name)
	if !ok || !bi.visible(o, f) {
		return nil, bi.noColumn(p, name, o.Name)
	}
	a.last, a.byName = f, polymorphic
	return a, nil
}

// target is the object behind a lookup; for a polymorphic one the object Name.
func (bi *binding) target(ref *schema.Field) (o *schema.Object, polymorphic bool) {
	if ref.Polymorphic() || ref.NamePointing {
		o, _ = bi.binder.Catalog.Object(schema.NameObject)
		return o, true
	}
	o, _ = bi.binder.Catalog.Object(ref.ReferenceTo[0])
	return o, false
}

func (bi *binding) noColumn(p *Path, field, object string) *Error {
	return bi.at(CodeInvalidField, p, "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append "+
		"the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", field, object)
}
