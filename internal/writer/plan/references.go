package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Name is the value of a unique column by which a relationship column names a
// row of a mapped table.
type Name struct {
	// Parent is the row's table and Column the position of the unique column.
	Parent *mapping.Table
	Column int
	Value  string
	// Key is where the row belongs in [Input.Named].
	Key string
}

// References are the rows that entries point to, other than by sfid. What can't
// be read points nowhere.
func References(tables map[string]*mapping.Table, entries []triggerlog.Entry) (rows []Record, names []Name) {
	p := newPlanner(Input{Tables: tables}, Hold(nil))
	seenRow, seenName := map[Record]bool{}, map[string]bool{}
	for _, e := range entries {
		t := tables[e.Table]
		if t == nil || e.Action == triggerlog.Delete || e.Values == nil {
			continue
		}
		resolvers, links := p.resolvers(t), relationships(t)
		if len(resolvers)+len(links) == 0 {
			continue
		}
		pairs, err := hstoretext.Parse(*e.Values)
		if err != nil {
			continue
		}
		for _, s := range resolvers {
			if r, ok := s.row(pairs); ok && !seenRow[r] {
				seenRow[r], rows = true, append(rows, r)
			}
		}
		for _, i := range links {
			if n, ok := nameOf(tables, &t.Columns[i], pairs); ok && !seenName[n.Key] {
				seenName[n.Key], names = true, append(names, n)
			}
		}
	}
	return rows, names
}

func relationships(t *mapping.Table) []int {
	var out []int
	for i := range t.Columns {
		if t.Columns[i].Relationship != "" {
			out = append(out, i)
		}
	}
	return out
}

func (s Resolver) row(pairs []hstoretext.Pair) (Record, bool) {
	pair, ok := hstoretext.Get(pairs, s.Own)
	if !ok || pair.Null || s.Parent == nil {
		return Record{}, false
	}
	id, err := strconv.ParseInt(pair.Value, 10, 32)
	return Record{s.Parent.Name, int32(id)}, err == nil
}

func nameOf(tables map[string]*mapping.Table, c *mapping.Column, pairs []hstoretext.Pair) (Name, bool) {
	pair, ok := hstoretext.Get(pairs, c.Name)
	parent := tables[strings.ToLower(c.Target)]
	if !ok || pair.Null || pair.Value == "" || parent == nil || c.Field == nil {
		return Name{}, false
	}
	i := slices.IndexFunc(parent.Columns, func(p mapping.Column) bool { return strings.EqualFold(p.Path(), c.Field.Name) })
	if i < 0 {
		return Name{}, false
	}
	return Name{Parent: parent, Column: i, Value: pair.Value, Key: externalRef(tables, c, pair.Value)}, true
}

// KeyOf is where a row belongs in [Input.Named] that holds a value in this
// column: it may be written otherwise than the child has it.
func (n Name) KeyOf(value string) string {
	if n.Column == n.Parent.Upsert {
		return externalKey(n.Parent.Name, value)
	}
	return uniqueKey(n.Parent.Name, n.Parent.Columns[n.Column].Path(), value)
}

// Sets says whether an entry gives a value for a column, mapped or not.
func Sets(e triggerlog.Entry, column string) bool {
	pairs, err := parsePairs(e.Values)
	_, ok := hstoretext.Get(pairs, column)
	return err == nil && ok
}
