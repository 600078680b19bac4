package sobject

import (
	"errors"
	"strings"
)

// ErrUnknown is what a describe function returns, wrapped, for an object that
// does not exist or that the user may not see. Any other error means that the
// describe failed and nothing is known.
var ErrUnknown = errors.New("object does not exist or is not visible to the user")

// Object is the describe of one object. Only the attributes that a sync needs
// are decoded. An object is never changed once it is decoded: share it freely.
type Object struct {
	Name        string `json:"name"`
	Label       string `json:"label"`
	LabelPlural string `json:"labelPlural"`
	// KeyPrefix is the first three characters of the object's Ids; "" for
	// objects without one.
	KeyPrefix           string `json:"keyPrefix"`
	Custom              bool   `json:"custom"`
	CustomSetting       bool   `json:"customSetting"`
	DeprecatedAndHidden bool   `json:"deprecatedAndHidden"`
	Queryable           bool   `json:"queryable"`
	Createable          bool   `json:"createable"`
	Updateable          bool   `json:"updateable"`
	Deletable           bool   `json:"deletable"`
	Undeletable         bool   `json:"undeletable"`
	Mergeable           bool   `json:"mergeable"`
	Retrieveable        bool   `json:"retrieveable"`
	Searchable          bool   `json:"searchable"`
	Triggerable         bool   `json:"triggerable"`
	Layoutable          bool   `json:"layoutable"`
	// Replicateable says whether getUpdated and getDeleted work.
	Replicateable bool `json:"replicateable"`
	// Fields in describe order, which is stable but not alphabetical.
	Fields             []Field             `json:"fields"`
	ChildRelationships []ChildRelationship `json:"childRelationships"`
}

// Summary is an object as describeGlobal lists it, without fields.
type Summary struct {
	Name                string `json:"name"`
	Label               string `json:"label"`
	LabelPlural         string `json:"labelPlural"`
	KeyPrefix           string `json:"keyPrefix"`
	Custom              bool   `json:"custom"`
	CustomSetting       bool   `json:"customSetting"`
	DeprecatedAndHidden bool   `json:"deprecatedAndHidden"`
	Queryable           bool   `json:"queryable"`
	Createable          bool   `json:"createable"`
	Updateable          bool   `json:"updateable"`
	Deletable           bool   `json:"deletable"`
	Undeletable         bool   `json:"undeletable"`
	Retrieveable        bool   `json:"retrieveable"`
	Replicateable       bool   `json:"replicateable"`
	Triggerable         bool   `json:"triggerable"`
}

// ChildRelationship is a lookup of another object that points here.
type ChildRelationship struct {
	// ChildObject is the object that holds the lookup, Field the lookup.
	ChildObject string `json:"childSObject"`
	Field       string `json:"field"`
	// RelationshipName is "" where SOQL has no name for the children.
	RelationshipName string `json:"relationshipName"`
	// CascadeDelete: the children go in the transaction that deletes the parent.
	CascadeDelete bool `json:"cascadeDelete"`
	// RestrictedDelete: a parent with children cannot be deleted.
	RestrictedDelete bool `json:"restrictedDelete"`
}

// Field finds a field by its API name in any case, as Salesforce does; nil if
// the describe has none of that name.
func (o *Object) Field(name string) *Field {
	for i := range o.Fields {
		if strings.EqualFold(o.Fields[i].Name, name) {
			return &o.Fields[i]
		}
	}
	return nil
}

// Lookups are the reference fields that go by this relationship name, in any
// case. A well-formed describe has at most one.
func (o *Object) Lookups(relationship string) []*Field {
	var out []*Field
	for i := range o.Fields {
		f := &o.Fields[i]
		if f.RelationshipName != "" && strings.EqualFold(f.RelationshipName, relationship) {
			out = append(out, f)
		}
	}
	return out
}
