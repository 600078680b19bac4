package schema

import (
	"cmp"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
)

// present are the columns that a table has once the plan is carried out, those
// that users added among them, in hstore's order: length, then bytes.
func (w *wish) present(t *mapping.Table, found *relation) []column {
	out := w.columns(t)
	if found != nil {
		out = slices.DeleteFunc(out, func(c column) bool { _, ok := found.columns[c.name]; return ok })
		for name, kind := range found.columns {
			out = append(out, column{name: name, kind: kind})
		}
	}
	slices.SortFunc(out, func(a, b column) int {
		return cmp.Or(cmp.Compare(len(a.name), len(b.name)), strings.Compare(a.name, b.name))
	})
	return out
}

// Names is the array of all columns' names, as hstore's akeys gives it.
func (d data) Names() string {
	return textArray(d.columns, func(c column) string { return literal(c.name) })
}

// Pairs is the hstore of a row, NEW or OLD, without the status columns. Unlike
// hstore(NEW) it looks nothing up, and hstore finds the names sorted.
func (d data) Pairs(row string) string {
	logged := slices.DeleteFunc(slices.Clone(d.columns), func(c column) bool { return c.name == "_hc_lastop" || c.name == "_hc_err" })
	return d.Hstore + ".hstore(" + textArray(logged, func(c column) string { return literal(c.name) }) +
		", " + textArray(logged, func(c column) string { return c.output(row + "." + ident(c.name)) }) + ")"
}

func textArray(columns []column, element func(column) string) string {
	elements := make([]string, len(columns))
	for i, c := range columns {
		elements[i] = element(c)
	}
	return "ARRAY[" + strings.Join(elements, ", ") + "]::pg_catalog.text[]"
}

// output is the expression for what the output function of a value's type
// gives, as hstore(NEW) has it. For most types that is the cast to text.
func (c column) output(value string) string {
	kind, _, _ := strings.Cut(c.kind, "(")
	switch kind {
	case "text", "character varying", "integer", "bigint", "double precision", "numeric", "date",
		"timestamp without time zone", "timestamp with time zone", "time without time zone":
		return value + "::pg_catalog.text"
	default:
		// A boolean's cast says "true", its output function "t". num_nulls, since a
		// composite value may be neither NULL nor NOT NULL.
		return "CASE pg_catalog.num_nulls(" + value + ") WHEN 0 THEN pg_catalog.concat(" + value + ") END"
	}
}
