package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
)

// reserved are the columns that every mapped table has beside its fields.
var reserved = []string{"id", "_hc_lastop", "_hc_err"}

// indexes marks the columns with an index: the Id and the stamp always, the
// others as the mapping lists them.
func (r *resolver) indexes() {
	for i := range r.columns {
		c := &r.columns[i]
		switch strings.ToLower(c.Path()) {
		case "id":
			c.Indexed, c.Unique = true, true
		case "systemmodstamp":
			c.Indexed = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.mapping.Indexes)) {
		i, ok := r.byField[strings.ToLower(name)]
		if !ok {
			if r.failed(name) {
				continue
			}
			r.fail(name, "the field has an index but is not mapped", "add it to the fields, or take it out of the indexes")
			continue
		}
		c := &r.columns[i]
		c.Indexed = true
		c.Unique = c.Unique || r.mapping.Indexes[name].Unique
	}
}

// failed says whether a field has an error already: one is enough.
func (r *resolver) failed(field string) bool {
	return slices.ContainsFunc(r.errs, func(e *ConfigError) bool { return strings.EqualFold(e.Field, field) })
}

// upsert finds the unique identifier's column and gives it its index.
func (r *resolver) upsert() int {
	name := r.mapping.UpsertField
	if name == "" {
		return -1
	}
	i, ok := r.byField[strings.ToLower(name)]
	if !ok {
		if !r.failed(name) {
			r.fail(name, "the unique identifier (upsert_field) is not among the mapped fields", "add it to the fields")
		}
		return -1
	}
	c := &r.columns[i]
	if c.Relationship != "" || !c.Field.ExternalID {
		r.fail(name, "the unique identifier (upsert_field) is not an external ID of the object",
			"choose a field that is marked External ID and Unique in Salesforce")
		return -1
	}
	c.Indexed, c.Unique = true, true
	return i
}

// names refuses names that Postgres would cut or that stand for two things.
func (r *resolver) names() {
	if table := strings.ToLower(r.desc.Name); len(table) > maxName {
		r.fail("", tooLong("table", table), "the object cannot be mapped")
	}
	taken := make(map[string]string, len(r.columns)+len(reserved))
	for _, name := range reserved {
		taken[name] = ""
	}
	for i := range r.columns {
		c := &r.columns[i]
		if len(c.Name) > maxName {
			r.fail(c.Path(), tooLong("column", c.Name), fixLeaveOut)
		}
		other, dup := taken[c.Name]
		switch {
		case dup && other == "":
			r.fail(c.Path(), fmt.Sprintf("its column %s is one that every mapped table has for itself", c.Name), fixLeaveOut)
		case dup:
			r.fail(c.Path(), fmt.Sprintf("its column %s is already that of %s", c.Name, other), "leave one of the two out of the mapping")
		default:
			taken[c.Name] = c.Path()
		}
	}
}

// options checks the settings beyond Heroku's against the columns.
func (r *resolver) options() {
	names := slices.Collect(maps.Keys(r.byField))
	if errs, ok := errors.AsType[OptionErrors](r.mapping.Options.Check(names)); ok {
		for _, e := range errs {
			r.fail("", "option "+e.Error(), "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.mapping.Options.ResolveFrom)) {
		lookup, object, _ := strings.Cut(name, ":")
		i, ok := r.byField[strings.ToLower(lookup)]
		if ok && object != "" && !contains(r.columns[i].Field.ReferenceTo, object) {
			r.fail(lookup, "resolve_from says that it points to "+shown(object)+", which it does not", "name an object that the lookup may point to")
		}
		if ok && (r.columns[i].Relationship != "" || r.columns[i].Field.Type != sobject.TypeReference) {
			r.fail(lookup, "resolve_from names it, but it is not a lookup", "name a lookup such as AccountId")
		}
	}
}

func tooLong(kind, name string) string {
	return fmt.Sprintf("the name of its %s, %s, has %d bytes; Postgres keeps %d", kind, name, len(name), maxName)
}

func (r *resolver) table(upsert int) *Table {
	columns := make([]record.Column, len(r.columns))
	for i := range r.columns {
		columns[i] = r.columns[i].Column
	}
	return &Table{
		Mapping:  r.mapping,
		Describe: r.desc,
		Object:   r.desc.Name,
		Name:     strings.ToLower(r.desc.Name),
		Access:   r.mapping.Access,
		Columns:  r.columns,
		Layout:   record.NewLayout(columns),
		Upsert:   upsert,
	}
}
