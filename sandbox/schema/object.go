package schema

import (
	"strings"
	"time"
)

// PicklistValue is one entry of a picklist, in definition order.
type PicklistValue struct {
	Value, Label string
	Inactive     bool
	Default      bool
}

// Field is one field of an object, with what a describe shows of it.
type Field struct {
	// Slot is the number under which stores keep the field's value. The Catalog
	// sets it; it is unique in the object and never reused.
	Slot int

	Name, Label string
	Type        Type
	// Length is the greatest number of characters of a text-like type.
	Length int
	// Precision is the number of decimal digits in all, Scale those after the
	// point, of double, currency and percent; Digits that of int.
	Precision, Scale, Digits int

	Nillable          bool
	Createable        bool
	Updateable        bool
	DefaultedOnCreate bool
	// Default is what a new record gets when the field is not given; Null: none.
	Default Value

	Custom     bool
	NameField  bool
	IDLookup   bool
	ExternalID bool
	Unique     bool
	// CaseSensitive makes comparisons and uniqueness of text respect case.
	CaseSensitive bool
	AutoNumber    bool
	// Calculated marks formulas: read-only, never stored.
	Calculated bool
	// Formula is the expression of a formula field, "" for any other.
	Formula string
	// Rollup makes the field a summary over children, nil for any other. Its
	// value is stored, unlike that of a formula.
	Rollup *Rollup

	Picklist           []PicklistValue
	RestrictedPicklist bool

	// ReferenceTo lists the objects a lookup may point to, RelationshipName is
	// the name of the hop to the parent, ChildRelationshipName the parent's
	// name for the way back.
	ReferenceTo           []string
	RelationshipName      string
	ChildRelationshipName string
	NamePointing          bool
	// CascadeDelete: deleting the parent deletes this record. RestrictedDelete:
	// the parent can't be deleted while this record points to it. MasterDetail
	// lookups are custom ones that are required and cascade.
	CascadeDelete, RestrictedDelete bool
	MasterDetail                    bool

	// CompoundFieldName names the compound field this one is a part of.
	CompoundFieldName string
	ExtraTypeInfo     string

	Filterable, Sortable, Groupable, Aggregatable bool
	Permissionable                                bool
	HTMLFormatted, Encrypted                      bool

	program *Program
}

// Rollup is what a roll-up summary sums up: the records of Object whose
// lookup Via points to the record and that fulfil Where (SOQL, "" is all).
type Rollup struct {
	Object string `json:"object"`
	Via    string `json:"via"`
	// Function is COUNT, SUM, MIN or MAX; Field is what it is applied to, ""
	// for COUNT.
	Function string `json:"function"`
	Field    string `json:"field,omitempty"`
	Where    string `json:"where,omitempty"`
}

// LongText reports whether the field is a text area too long to filter by.
func (f *Field) LongText() bool { return f.Type == TypeTextarea && f.Length > 255 }

// Stored reports whether a record stores a value of its own for the field:
// formulas and compound fields are computed on reading.
func (f *Field) Stored() bool { return !f.Calculated && !f.Type.Compound() }

// Polymorphic reports whether the lookup may point to several objects.
func (f *Field) Polymorphic() bool { return len(f.ReferenceTo) > 1 }

// Object is one sObject. Objects from a Catalog are immutable.
type Object struct {
	Name, Label, LabelPlural string
	// KeyPrefix is the first three characters of its records' ids.
	KeyPrefix string

	Custom        bool
	Createable    bool
	Updateable    bool
	Deletable     bool
	Undeletable   bool
	Queryable     bool
	Retrieveable  bool
	Replicateable bool
	Mergeable     bool
	Searchable    bool
	Triggerable   bool
	Layoutable    bool
	FeedEnabled   bool
	// Setup objects (User, Group, Profile …) can't change in one transaction
	// with data (mixed DML).
	Setup bool

	// Fields in the order of a describe.
	Fields []*Field
	// LastModified is when the definition last changed (If-Modified-Since).
	LastModified time.Time

	byName map[string]*Field
	bySlot []*Field
	// byHop finds lookups by the lower-case name of their relationship.
	byHop map[string]*Field
}

// Field finds a field by name, whatever its case.
func (o *Object) Field(name string) (*Field, bool) {
	if f, ok := o.byName[name]; ok {
		return f, true
	}
	f, ok := o.byName[fold(name)]
	return f, ok
}

// Slots is one more than the highest slot ever used by the object.
func (o *Object) Slots() int { return len(o.bySlot) }

// BySlot is the field with a slot, nil if that field has been dropped.
func (o *Object) BySlot(slot int) *Field {
	if slot < 0 || slot >= len(o.bySlot) {
		return nil
	}
	return o.bySlot[slot]
}

// NameField is the field that names a record (Name, CaseNumber …), nil if none.
func (o *Object) NameField() *Field {
	for _, f := range o.Fields {
		if f.NameField {
			return f
		}
	}
	return nil
}

// Parent finds the lookup behind a relationship name (Owner, Account__r).
func (o *Object) Parent(relationship string) (*Field, bool) {
	f, ok := o.byHop[fold(relationship)]
	return f, ok
}

// Members are the parts of a compound field, in describe order.
func (o *Object) Members(compound string) []*Field {
	var parts []*Field
	for _, f := range o.Fields {
		if f.CompoundFieldName != "" && strings.EqualFold(f.CompoundFieldName, compound) && !strings.EqualFold(f.Name, compound) {
			parts = append(parts, f)
		}
	}
	return parts
}

// ShortName is what a member is called within its compound field: City for
// BillingCity, Latitude for Where__Latitude__s.
func (f *Field) ShortName() string {
	if base, custom := strings.CutSuffix(f.CompoundFieldName, "__c"); custom {
		return strings.TrimSuffix(strings.TrimPrefix(f.Name, base+"__"), "__s")
	}
	return strings.TrimPrefix(f.Name, strings.TrimSuffix(f.CompoundFieldName, "Address"))
}

// SoftDeletes reports whether records go to the recycle bin when deleted.
func (o *Object) SoftDeletes() bool {
	_, ok := o.Field("IsDeleted")
	return ok
}

// ChildRelationship is a lookup seen from the object it points to.
type ChildRelationship struct {
	// Child and Field are the object and lookup that point here.
	Child *Object
	Field *Field
	// Name is the relationship's name in sub-queries, "" if it has none.
	Name string
}

// index builds the look-up tables; slots must be set.
func (o *Object) index(slots int) {
	o.byName = make(map[string]*Field, 2*len(o.Fields))
	o.bySlot = make([]*Field, slots)
	o.byHop = make(map[string]*Field)
	for _, f := range o.Fields {
		o.byName[f.Name] = f
		o.byName[fold(f.Name)] = f
		o.bySlot[f.Slot] = f
		if f.RelationshipName != "" && len(f.ReferenceTo) > 0 {
			o.byHop[fold(f.RelationshipName)] = f
		}
	}
}

// Program is the compiled formula of a formula field, nil for any other.
func (f *Field) Program() *Program { return f.program }
