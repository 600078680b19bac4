package schema

import "slices"

// FieldDescribe is one field of a describe. Keys stand in the order in which
// Salesforce sends them.
type FieldDescribe struct {
	Aggregatable                 bool               `json:"aggregatable"`
	AIPredictionField            bool               `json:"aiPredictionField"`
	AutoNumber                   bool               `json:"autoNumber"`
	ByteLength                   int                `json:"byteLength"`
	Calculated                   bool               `json:"calculated"`
	CalculatedFormula            *string            `json:"calculatedFormula"`
	CascadeDelete                bool               `json:"cascadeDelete"`
	CaseSensitive                bool               `json:"caseSensitive"`
	CompoundFieldName            *string            `json:"compoundFieldName"`
	ControllerName               *string            `json:"controllerName"`
	Createable                   bool               `json:"createable"`
	Custom                       bool               `json:"custom"`
	DefaultValue                 any                `json:"defaultValue"`
	DefaultValueFormula          *string            `json:"defaultValueFormula"`
	DefaultedOnCreate            bool               `json:"defaultedOnCreate"`
	DependentPicklist            bool               `json:"dependentPicklist"`
	DeprecatedAndHidden          bool               `json:"deprecatedAndHidden"`
	Digits                       int                `json:"digits"`
	DisplayLocationInDecimal     bool               `json:"displayLocationInDecimal"`
	Encrypted                    bool               `json:"encrypted"`
	ExternalID                   bool               `json:"externalId"`
	ExtraTypeInfo                *string            `json:"extraTypeInfo"`
	Filterable                   bool               `json:"filterable"`
	FilteredLookupInfo           any                `json:"filteredLookupInfo"`
	FormulaTreatNullNumberAsZero bool               `json:"formulaTreatNullNumberAsZero"`
	Groupable                    bool               `json:"groupable"`
	HighScaleNumber              bool               `json:"highScaleNumber"`
	HTMLFormatted                bool               `json:"htmlFormatted"`
	IDLookup                     bool               `json:"idLookup"`
	InlineHelpText               *string            `json:"inlineHelpText"`
	Label                        string             `json:"label"`
	Length                       int                `json:"length"`
	Mask                         *string            `json:"mask"`
	MaskType                     *string            `json:"maskType"`
	Name                         string             `json:"name"`
	NameField                    bool               `json:"nameField"`
	NamePointing                 bool               `json:"namePointing"`
	Nillable                     bool               `json:"nillable"`
	Permissionable               bool               `json:"permissionable"`
	PicklistValues               []PicklistDescribe `json:"picklistValues"`
	PolymorphicForeignKey        bool               `json:"polymorphicForeignKey"`
	Precision                    int                `json:"precision"`
	QueryByDistance              bool               `json:"queryByDistance"`
	ReferenceTargetField         *string            `json:"referenceTargetField"`
	ReferenceTo                  []string           `json:"referenceTo"`
	RelationshipName             *string            `json:"relationshipName"`
	RelationshipOrder            *int               `json:"relationshipOrder"`
	RestrictedDelete             bool               `json:"restrictedDelete"`
	RestrictedPicklist           bool               `json:"restrictedPicklist"`
	Scale                        int                `json:"scale"`
	SearchPrefilterable          bool               `json:"searchPrefilterable"`
	SoapType                     string             `json:"soapType"`
	Sortable                     bool               `json:"sortable"`
	Type                         string             `json:"type"`
	Unique                       bool               `json:"unique"`
	Updateable                   bool               `json:"updateable"`
	WriteRequiresMasterRead      bool               `json:"writeRequiresMasterRead"`
}

// PicklistDescribe is one value of a picklist.
type PicklistDescribe struct {
	Active       bool    `json:"active"`
	DefaultValue bool    `json:"defaultValue"`
	Label        string  `json:"label"`
	ValidFor     *string `json:"validFor"`
	Value        string  `json:"value"`
}

func describeField(f *Field) FieldDescribe {
	d := FieldDescribe{
		Aggregatable: f.Aggregatable, AutoNumber: f.AutoNumber, ByteLength: f.ByteLength(), Calculated: f.Calculated || f.Rollup != nil,
		CalculatedFormula: orNull(f.Formula), CaseSensitive: f.CaseSensitive, CompoundFieldName: orNull(f.CompoundFieldName),
		Createable: f.Createable, Custom: f.Custom, DefaultValue: describeDefault(f.Default), DefaultedOnCreate: f.DefaultedOnCreate,
		Digits: f.Digits, Encrypted: f.Encrypted, ExternalID: f.ExternalID, ExtraTypeInfo: orNull(f.ExtraTypeInfo),
		Filterable: f.Filterable, Groupable: f.Groupable, HTMLFormatted: f.HTMLFormatted, IDLookup: f.IDLookup,
		Label: f.Label, Length: f.Length, Name: f.Name, NameField: f.NameField,
		NamePointing: f.NamePointing, PolymorphicForeignKey: f.NamePointing,
		Nillable: f.Nillable, Permissionable: f.Permissionable, PicklistValues: []PicklistDescribe{},
		Precision: f.Precision, ReferenceTo: slices.Clone(f.ReferenceTo), RelationshipName: orNull(f.RelationshipName),
		RestrictedPicklist: f.RestrictedPicklist, Scale: f.Scale, SoapType: f.Type.SoapType(), Sortable: f.Sortable,
		Type: f.Type.String(), Unique: f.Unique, Updateable: f.Updateable,
	}
	if f.Rollup != nil {
		d.DefaultValue = nil
	}
	if d.ReferenceTo == nil {
		d.ReferenceTo = []string{}
	}
	if f.MasterDetail {
		order := 0
		d.RelationshipOrder, d.CascadeDelete = &order, true
	}
	d.QueryByDistance = f.Type.Compound()
	d.SearchPrefilterable = f.Type == TypeReference && !slices.Contains([]string{"MasterRecordId", "RecordTypeId", "RecurrenceActivityId"}, f.Name) &&
		!slices.Contains(f.ReferenceTo, "User")
	// On the field itself a describe shows the delete rule of custom lookups only;
	// that of standard ones stands in the parent's childRelationships.
	d.RestrictedDelete = f.Custom && f.RestrictedDelete
	for _, v := range f.Picklist {
		d.PicklistValues = append(d.PicklistValues, PicklistDescribe{Active: !v.Inactive, DefaultValue: v.Default, Label: v.Label, Value: v.Value})
	}
	return d
}

// ByteLength is the room a describe claims for text: three bytes a character,
// ids excepted.
func (f *Field) ByteLength() int {
	if f.Type == TypeID || f.Type == TypeReference {
		return f.Length
	}
	return 3 * f.Length
}

func describeDefault(v Value) any {
	switch v.Kind() {
	case KindBool:
		return v.True()
	case KindNumber:
		return v.Float()
	case KindNull:
		return nil
	}
	return v.String()
}
