package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
)

// maxName is the longest identifier that Postgres keeps, in bytes; it cuts
// longer ones silently.
const maxName = 63

// Describe gives the describe of an object. For an object that does not exist
// or is not visible the error wraps [sobject.ErrUnknown].
type Describe func(object string) (*sobject.Object, error)

// Resolve joins a mapping with the describe of its object, and of the objects
// that its relationship fields point to. What a person must put right comes
// back as [ConfigErrors], all of it at once; any other error means that a
// describe could not be had.
//
// Id, the stamp by which changes are found and, where the object has it,
// IsDeleted are added if the mapping lacks them. The stamp is SystemModstamp, or
// in its absence LastModifiedDate or CreatedDate; an object without any is read
// whole at each poll.
func Resolve(m Mapping, describe func(object string) (*sobject.Object, error)) (*Table, error) {
	r := &resolver{mapping: m, describe: describe}
	if err := r.object(); err != nil {
		return nil, err
	}
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	for _, name := range withRequired(m.Fields, r.fields) {
		if err := r.field(name); err != nil {
			return nil, err
		}
	}
	r.indexes()
	upsert := r.upsert()
	r.names()
	r.options()
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	return r.table(upsert), nil
}

// resolver collects the columns and the errors of one mapping.
type resolver struct {
	mapping  Mapping
	describe Describe
	desc     *sobject.Object
	fields   map[string]*sobject.Field // by lower-case name
	columns  []Column
	byField  map[string]int // position by the mapping's field name in lower case
	errs     ConfigErrors
}

func (r *resolver) fail(field, problem, fix string) {
	object := r.mapping.ObjectName
	if r.desc != nil {
		object = r.desc.Name
	}
	r.errs = append(r.errs, &ConfigError{Object: object, Field: field, Problem: problem, Fix: fix})
}

const (
	fixObject = "choose another object, or give the integration user the right to read it"
	fixField  = "correct the name, or give the integration user read access to the field: " +
		"a field that the user may not see looks the same as one that is not there"
	fixLeaveOut = "leave the field out of the mapping"
)

// object describes the mapped object and checks whether it can be mapped.
func (r *resolver) object() error {
	r.byField = make(map[string]int)
	if why := unsupportedName(r.mapping.ObjectName); why != "" {
		r.fail("", "the object cannot be mapped: "+why, "leave it out")
		return nil
	}
	desc, err := r.describe(r.mapping.ObjectName)
	if errors.Is(err, sobject.ErrUnknown) {
		r.fail("", "the object does not exist in the org or the user may not see it", fixObject)
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", r.mapping.ObjectName, err)
	}
	r.desc = desc
	r.fields = make(map[string]*sobject.Field, len(desc.Fields))
	for i := range desc.Fields {
		r.fields[strings.ToLower(desc.Fields[i].Name)] = &desc.Fields[i]
	}
	r.checkObject()
	return nil
}

func (r *resolver) checkObject() {
	if !r.desc.Queryable {
		r.fail("", "the object cannot be queried", fixObject)
	}
	if r.fields["id"] == nil {
		r.fail("", "the object has no visible Id, and without it records cannot be told apart", "leave the object out")
	}
	writable := r.desc.Createable || r.desc.Updateable || r.desc.Deletable
	switch r.mapping.Access {
	case ReadOnly:
	case ReadWrite:
		if !writable {
			r.fail("", "the user may not create, change or delete records of the object",
				"map it read_only, or give the integration user these rights")
		}
	default:
		r.fail("", fmt.Sprintf("access %q is not known", r.mapping.Access), "use read_only or read_write")
	}
}

// withRequired adds the fields that a sync cannot do without.
func withRequired(names []string, fields map[string]*sobject.Field) []string {
	out := append([]string(nil), names...)
	stamp := "SystemModstamp"
	for _, name := range record.Stamps() {
		if fields[strings.ToLower(name)] != nil {
			stamp = name
			break
		}
	}
	for _, required := range []string{"Id", stamp, "IsDeleted"} {
		if fields[strings.ToLower(required)] == nil {
			continue
		}
		have := false
		for _, name := range names {
			have = have || strings.EqualFold(name, required)
		}
		if !have {
			out = append(out, required)
		}
	}
	return out
}

// field resolves one mapped field into a column.
func (r *resolver) field(name string) error {
	if f := r.fields[strings.ToLower(name)]; f != nil {
		r.ordinary(name, f)
		return nil
	}
	return r.relationship(name)
}

func (r *resolver) ordinary(name string, f *sobject.Field) {
	t, problem := r.typeOf(f)
	if problem != "" {
		fix := fixLeaveOut
		if parts := r.parts(f); parts != "" {
			fix = "map its parts instead: " + parts
		}
		r.fail(f.Name, problem, fix)
		return
	}
	column := strings.ToLower(f.Name)
	if column == "id" {
		column = "sfid"
	}
	c := Column{
		Column:     record.Column{Field: f.Name, Name: column, Type: t},
		Field:      f,
		Createable: f.Createable,
		Updateable: f.Updateable,
	}
	if len(f.ReferenceTo) == 1 {
		c.Target = f.ReferenceTo[0]
	}
	r.add(name, c)
}

// parts lists the fields that make up a compound field.
func (r *resolver) parts(compound *sobject.Field) string {
	var parts []string
	for i := range r.desc.Fields {
		if f := &r.desc.Fields[i]; f != compound && strings.EqualFold(f.CompoundFieldName, compound.Name) {
			parts = append(parts, f.Name)
		}
	}
	return strings.Join(parts, ", ")
}

// relationship resolves a name of Heroku's form Relationship__ExternalID.
func (r *resolver) relationship(name string) error {
	lookup, external := r.split(name)
	if lookup == nil {
		r.fail(name, "the field does not exist on the object, or the user may not see it", fixField)
		return nil
	}
	if len(lookup.ReferenceTo) != 1 {
		r.fail(name, fmt.Sprintf("%s may point to several objects, and external IDs of such a lookup cannot be read", lookup.Name),
			"map "+lookup.Name+" itself")
		return nil
	}
	target, err := r.describe(lookup.ReferenceTo[0])
	if errors.Is(err, sobject.ErrUnknown) {
		r.fail(name, "the user may not see the object "+lookup.ReferenceTo[0]+" that "+lookup.Name+" points to", fixObject)
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", lookup.ReferenceTo[0], err)
	}
	r.related(name, lookup, target, external)
	return nil
}

func (r *resolver) related(name string, lookup *sobject.Field, target *sobject.Object, external string) {
	f := target.Field(external)
	if f == nil {
		r.fail(name, fmt.Sprintf("%s has no field %s, or the user may not see it", target.Name, external), fixField)
		return
	}
	if !f.ExternalID && !f.IDLookup {
		r.fail(name, fmt.Sprintf("%s.%s is not an external ID", target.Name, f.Name),
			"tick External ID on that field in Salesforce, or leave the field out of the mapping")
		return
	}
	t, problem := r.typeOf(f)
	if problem != "" {
		r.fail(name, problem, fixLeaveOut)
		return
	}
	r.add(name, Column{
		Column: record.Column{
			Field: lookup.RelationshipName + "." + f.Name,
			Name:  strings.ToLower(lookup.RelationshipName + "__" + f.Name),
			Type:  t,
		},
		Field:        f,
		Relationship: lookup.RelationshipName,
		Lookup:       lookup.Name,
		Target:       target.Name,
		Createable:   lookup.Createable,
		Updateable:   lookup.Updateable,
	})
}

// split finds the lookup whose relationship name starts a field name and
// returns the rest. The longest relationship name wins: Account__r is a custom
// lookup's name, not the field r behind the standard relationship Account.
func (r *resolver) split(name string) (lookup *sobject.Field, external string) {
	best := 0
	for i := range r.desc.Fields {
		f := &r.desc.Fields[i]
		n := len(f.RelationshipName)
		if n <= best || len(name) <= n+2 || name[n:n+2] != "__" || !strings.EqualFold(name[:n], f.RelationshipName) {
			continue
		}
		best, lookup, external = n, f, name[n+2:]
	}
	return lookup, external
}

func (r *resolver) add(name string, c Column) {
	key := strings.ToLower(name)
	if _, dup := r.byField[key]; dup {
		r.fail(name, "the field is mapped twice", "keep one of them")
		return
	}
	r.byField[key] = len(r.columns)
	r.columns = append(r.columns, c)
}
