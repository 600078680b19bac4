package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Resolver is a lookup whose value is found by a column of the table that
// holds the local id of the parent's row (mapping option resolve_from).
type Resolver struct {
	// Column is the lookup's position in the table.
	Column int
	// Own is the name of the column that holds the id.
	Own string
	// Parent is the table that the id belongs to; nil if that can't be told.
	Parent *mapping.Table
}

// Resolvers are the lookups of a table that are found by a local id. A lookup
// that may point to several objects has a resolver for each that is named.
func Resolvers(t *mapping.Table, tables map[string]*mapping.Table) []Resolver {
	var out []Resolver
	for key, own := range t.Mapping.Options.ResolveFrom {
		field, object, _ := strings.Cut(key, ":")
		i := t.Layout.ByField(field)
		if i < 0 {
			continue
		}
		out = append(out, Resolver{Column: i, Own: own, Parent: parentTable(&t.Columns[i], object, tables)})
	}
	slices.SortFunc(out, func(a, b Resolver) int { return strings.Compare(a.Own, b.Own) })
	return out
}

// parentTable is the table of the object that a lookup points to: the named
// one, the only one, or of several the only one that is mapped.
func parentTable(c *mapping.Column, object string, tables map[string]*mapping.Table) *mapping.Table {
	if object == "" {
		object = c.Target
	}
	if object != "" {
		return tables[strings.ToLower(object)]
	}
	if c.Field == nil {
		return nil
	}
	var found *mapping.Table
	for _, name := range c.Field.ReferenceTo {
		if t := tables[strings.ToLower(name)]; t != nil {
			if found != nil {
				return nil
			}
			found = t
		}
	}
	return found
}

func (p *planner) resolvers(t *mapping.Table) []Resolver {
	if len(t.Mapping.Options.ResolveFrom) == 0 {
		return nil
	}
	list, ok := p.resolve[t.Name]
	if !ok {
		list = Resolvers(t, p.in.Tables)
		p.resolve[t.Name] = list
	}
	return list
}

// link is a reference of an entry to a row of a mapped table that may not have
// reached Salesforce yet.
type link struct {
	// column holds the lookup or is the relationship column.
	column int
	// recapture names the column that a second update is made from.
	recapture string
	parent    Record
	// sfid is the parent's, where a lookup is filled with it.
	sfid string
	// waits says that nothing can be sent that names the parent; why is the
	// reason, for people.
	waits bool
	why   string
	// gone says that the parent will never be there.
	gone bool
}

// links finds the parents of what an entry sets, and fills the lookups that are
// resolved from local ids.
func (p *planner) links(t *mapping.Table, e triggerlog.Entry, r *reading) (set []change, out []link, err error) {
	set = r.set
	for _, c := range r.set {
		if l, ok := p.named(t, c); ok {
			out = append(out, l)
		}
	}
	for _, s := range p.resolvers(t) {
		pair, ok := r.local[s.Own]
		if !ok || given(t, r.set, s.Column) {
			continue
		}
		if pair.Null || pair.Value == "" {
			if e.Action == triggerlog.Update && len(p.resolversOf(t, s.Column)) == 1 {
				set = replace(set, change{column: s.Column})
			}
			continue
		}
		id, err := strconv.ParseInt(pair.Value, 10, 32)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("column %s: %q is no id of a row", s.Own, shortenedValue(pair.Value))
		case s.Parent == nil:
			return nil, nil, fmt.Errorf("column %s: the object that %s points to is not mapped, or several are: name one in resolve_from",
				s.Own, t.Columns[s.Column].Name)
		}
		l := p.local(s, int32(id))
		if l.sfid != "" {
			value, err := t.Columns[s.Column].Type.ParseText(l.sfid)
			if err != nil {
				return nil, nil, fmt.Errorf("sfid of row %d of %s: %w", l.parent.ID, l.parent.Table, err)
			}
			set = replace(set, change{column: s.Column, value: value})
		}
		out = append(out, l)
	}
	return set, out, nil
}

func (p *planner) resolversOf(t *mapping.Table, column int) []Resolver {
	return slices.DeleteFunc(slices.Clone(p.resolvers(t)), func(r Resolver) bool { return r.Column != column })
}

// given says whether an entry names the parent of a lookup itself, by Id or by
// a relationship column.
func given(t *mapping.Table, set []change, lookup int) bool {
	name := strings.ToLower(t.Columns[lookup].Path())
	return slices.ContainsFunc(set, func(c change) bool { return c.value != nil && throughOf(t, c) == name })
}

func replace(set []change, c change) []change {
	out := append(without(set, c.column), c)
	slices.SortFunc(out, func(a, b change) int { return a.column - b.column })
	return out
}

func shortenedValue(s string) string { return strings.Trim(shortened(s), `"`) }

// local is the link by the id of a row. Nothing but the parent's sfid will do.
func (p *planner) local(s Resolver, id int32) link {
	l := link{column: s.Column, recapture: s.Own, parent: Record{s.Parent.Name, id}}
	row, here := p.in.Rows[l.parent]
	deleted, sfid := p.deleted(l.parent)
	switch {
	case row.Sfid != "":
		l.sfid = row.Sfid
	case here:
		l.waits, l.why = true, p.whyNot(l.parent)
	case sfid != "":
		l.sfid = sfid // the child's entry is older than the parent's end
	case deleted:
		l.gone, l.why = true, fmt.Sprintf("row %d of %s, which %s names, was deleted before it reached Salesforce", id, s.Parent.Name, s.Own)
	default:
		l.waits, l.why = true, fmt.Sprintf("there is no row %d in %s yet", id, s.Parent.Name)
	}
	return l
}

// deleted finds the delete of a row that is gone, and the sfid that it had.
func (p *planner) deleted(r Record) (found bool, sfid string) {
	for _, e := range p.in.Related[r] {
		if e.Action == triggerlog.Delete {
			found, sfid = true, e.Sfid
		}
	}
	return found, sfid
}

// named is the link by a unique value of the parent. It holds the child back
// only while the parent's insert is in the log: Salesforce may know the value
// else.
func (p *planner) named(t *mapping.Table, c change) (link, bool) {
	col := &t.Columns[c.column]
	if col.Relationship == "" || c.value == nil {
		return link{}, false
	}
	parent, ok := p.in.Named[refOf(p.in.Tables, t, c)]
	if !ok {
		return link{}, false
	}
	l := link{column: c.column, recapture: col.Name, parent: parent}
	if row := p.in.Rows[parent]; row.Sfid == "" {
		if _, l.waits = p.insertOf(parent); l.waits {
			l.why = p.whyNot(parent)
		}
	}
	return l, true
}

// whyNot says why a row has no sfid yet.
func (p *planner) whyNot(r Record) string {
	e, ok := p.insertOf(r)
	switch {
	case !ok:
		return fmt.Sprintf("row %d of %s has no sfid yet", r.ID, r.Table)
	case e.State == triggerlog.Failed:
		return fmt.Sprintf("the insert of row %d of %s failed (log id %d): correct and requeue it", r.ID, r.Table, e.ID)
	default:
		return fmt.Sprintf("row %d of %s has not been sent yet (log id %d)", r.ID, r.Table, e.ID)
	}
}

// insertOf is the insert of a row that has not reached Salesforce.
func (p *planner) insertOf(r Record) (triggerlog.Entry, bool) {
	if p.inserts == nil {
		p.inserts = map[Record]triggerlog.Entry{}
		for _, e := range p.in.Entries {
			if e.Action == triggerlog.Insert {
				p.inserts[Record{e.Table, e.RecordID}] = e
			}
		}
	}
	if e, ok := p.inserts[r]; ok {
		return e, true
	}
	e, ok := p.in.Inserts[r]
	return e, ok
}
