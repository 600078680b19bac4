package schema

import "strings"

// ObjectDescribe is the reply of GET /sobjects/{object}/describe. Keys stand in
// the order in which Salesforce sends them.
type ObjectDescribe struct {
	ActionOverrides       []any               `json:"actionOverrides"`
	Activateable          bool                `json:"activateable"`
	AssociateEntityType   *string             `json:"associateEntityType"`
	AssociateParentEntity *string             `json:"associateParentEntity"`
	ChildRelationships    []ChildDescribe     `json:"childRelationships"`
	CompactLayoutable     bool                `json:"compactLayoutable"`
	Createable            bool                `json:"createable"`
	Custom                bool                `json:"custom"`
	CustomSetting         bool                `json:"customSetting"`
	DeepCloneable         bool                `json:"deepCloneable"`
	DefaultImplementation *string             `json:"defaultImplementation"`
	Deletable             bool                `json:"deletable"`
	DeprecatedAndHidden   bool                `json:"deprecatedAndHidden"`
	ExtendedBy            *string             `json:"extendedBy"`
	ExtendsInterfaces     *string             `json:"extendsInterfaces"`
	FeedEnabled           bool                `json:"feedEnabled"`
	Fields                []FieldDescribe     `json:"fields"`
	HasSubtypes           bool                `json:"hasSubtypes"`
	ImplementedBy         *string             `json:"implementedBy"`
	ImplementsInterfaces  *string             `json:"implementsInterfaces"`
	IsInterface           bool                `json:"isInterface"`
	IsSubtype             bool                `json:"isSubtype"`
	KeyPrefix             *string             `json:"keyPrefix"`
	Label                 string              `json:"label"`
	LabelPlural           string              `json:"labelPlural"`
	Layoutable            bool                `json:"layoutable"`
	Listviewable          *string             `json:"listviewable"`
	LookupLayoutable      *string             `json:"lookupLayoutable"`
	Mergeable             bool                `json:"mergeable"`
	MruEnabled            bool                `json:"mruEnabled"`
	Name                  string              `json:"name"`
	NamedLayoutInfos      []any               `json:"namedLayoutInfos"`
	NetworkScopeFieldName *string             `json:"networkScopeFieldName"`
	Queryable             bool                `json:"queryable"`
	RecordTypeInfos       []RecordTypeInfo    `json:"recordTypeInfos"`
	Replicateable         bool                `json:"replicateable"`
	Retrieveable          bool                `json:"retrieveable"`
	SearchLayoutable      bool                `json:"searchLayoutable"`
	Searchable            bool                `json:"searchable"`
	SobjectDescribeOption string              `json:"sobjectDescribeOption"`
	SupportedScopes       []map[string]string `json:"supportedScopes"`
	Triggerable           bool                `json:"triggerable"`
	Undeletable           bool                `json:"undeletable"`
	Updateable            bool                `json:"updateable"`
	URLs                  map[string]string   `json:"urls"`
}

// ChildDescribe is a lookup that points to the described object.
type ChildDescribe struct {
	CascadeDelete       bool     `json:"cascadeDelete"`
	ChildSObject        string   `json:"childSObject"`
	DeprecatedAndHidden bool     `json:"deprecatedAndHidden"`
	Field               string   `json:"field"`
	JunctionIDListNames []string `json:"junctionIdListNames"`
	JunctionReferenceTo []string `json:"junctionReferenceTo"`
	RelationshipName    *string  `json:"relationshipName"`
	RestrictedDelete    bool     `json:"restrictedDelete"`
}

// RecordTypeInfo is a record type; every object has at least Master.
type RecordTypeInfo struct {
	Active                   bool              `json:"active"`
	Available                bool              `json:"available"`
	DefaultRecordTypeMapping bool              `json:"defaultRecordTypeMapping"`
	DeveloperName            string            `json:"developerName"`
	Master                   bool              `json:"master"`
	Name                     string            `json:"name"`
	RecordTypeID             string            `json:"recordTypeId"`
	URLs                     map[string]string `json:"urls"`
}

// Describe renders an object for an API version such as "68.0". Fields that
// hidden names are left out (nil: none); so are children it hides.
func (c *Catalog) Describe(o *Object, version string, hidden func(*Object, *Field) bool) *ObjectDescribe {
	path := "/services/data/v" + version + "/sobjects/" + o.Name
	d := &ObjectDescribe{
		ActionOverrides: []any{}, NamedLayoutInfos: []any{}, ChildRelationships: []ChildDescribe{}, Fields: []FieldDescribe{},
		CompactLayoutable: o.Layoutable, SearchLayoutable: o.Searchable, SobjectDescribeOption: "FULL",
		Createable: o.Createable, Custom: o.Custom, Deletable: o.Deletable, FeedEnabled: o.FeedEnabled,
		KeyPrefix: orNull(o.KeyPrefix), Label: o.Label, LabelPlural: o.LabelPlural, Layoutable: o.Layoutable,
		Mergeable: o.Mergeable, MruEnabled: o.Layoutable, Name: o.Name, Queryable: o.Queryable,
		Replicateable: o.Replicateable, Retrieveable: o.Retrieveable, Searchable: o.Searchable,
		Triggerable: o.Triggerable, Undeletable: o.Undeletable, Updateable: o.Updateable,
		SupportedScopes: []map[string]string{
			{"label": "All " + strings.ToLower(o.LabelPlural), "name": "everything"},
			{"label": "My " + strings.ToLower(o.LabelPlural), "name": "mine"},
		},
		RecordTypeInfos: []RecordTypeInfo{{
			Active: true, Available: true, DefaultRecordTypeMapping: true, DeveloperName: "Master", Master: true,
			Name: "Master", RecordTypeID: "012000000000000AAA",
			URLs: map[string]string{"layout": path + "/describe/layouts/012000000000000AAA"},
		}},
		URLs: objectURLs(path),
	}
	for _, f := range o.Fields {
		if hidden == nil || !hidden(o, f) {
			d.Fields = append(d.Fields, describeField(f))
		}
	}
	for _, rel := range c.Children(o.Name) {
		if hidden == nil || !hidden(rel.Child, rel.Field) {
			d.ChildRelationships = append(d.ChildRelationships, describeChild(rel))
		}
	}
	return d
}

func describeChild(rel ChildRelationship) ChildDescribe {
	return ChildDescribe{
		CascadeDelete: rel.Field.CascadeDelete, ChildSObject: rel.Child.Name, Field: rel.Field.Name,
		JunctionIDListNames: []string{}, JunctionReferenceTo: []string{},
		RelationshipName: orNull(rel.Name), RestrictedDelete: rel.Field.RestrictedDelete,
	}
}

func objectURLs(path string) map[string]string {
	return map[string]string{
		"sobject": path, "describe": path + "/describe", "rowTemplate": path + "/{ID}",
		"compactLayouts": path + "/describe/compactLayouts", "layouts": path + "/describe/layouts",
		"approvalLayouts": path + "/describe/approvalLayouts", "quickActions": path + "/quickActions",
		"listviews": path + "/listviews", "defaultValues": path + "/defaultValues?recordTypeId&fields",
	}
}

// GlobalDescribe is the reply of GET /sobjects.
type GlobalDescribe struct {
	Encoding     string         `json:"encoding"`
	MaxBatchSize int            `json:"maxBatchSize"`
	SObjects     []GlobalObject `json:"sobjects"`
}

// GlobalObject is one object of a global describe.
type GlobalObject struct {
	Activateable          bool              `json:"activateable"`
	AssociateEntityType   *string           `json:"associateEntityType"`
	AssociateParentEntity *string           `json:"associateParentEntity"`
	Createable            bool              `json:"createable"`
	Custom                bool              `json:"custom"`
	CustomSetting         bool              `json:"customSetting"`
	DeepCloneable         bool              `json:"deepCloneable"`
	Deletable             bool              `json:"deletable"`
	DeprecatedAndHidden   bool              `json:"deprecatedAndHidden"`
	FeedEnabled           bool              `json:"feedEnabled"`
	HasSubtypes           bool              `json:"hasSubtypes"`
	IsInterface           bool              `json:"isInterface"`
	IsSubtype             bool              `json:"isSubtype"`
	KeyPrefix             *string           `json:"keyPrefix"`
	Label                 string            `json:"label"`
	LabelPlural           string            `json:"labelPlural"`
	Layoutable            bool              `json:"layoutable"`
	Mergeable             bool              `json:"mergeable"`
	MruEnabled            bool              `json:"mruEnabled"`
	Name                  string            `json:"name"`
	Queryable             bool              `json:"queryable"`
	Replicateable         bool              `json:"replicateable"`
	Retrieveable          bool              `json:"retrieveable"`
	Searchable            bool              `json:"searchable"`
	Triggerable           bool              `json:"triggerable"`
	Undeletable           bool              `json:"undeletable"`
	Updateable            bool              `json:"updateable"`
	URLs                  map[string]string `json:"urls"`
}

// DescribeGlobal lists the objects that readable lets through (nil: all).
func (c *Catalog) DescribeGlobal(version string, readable func(*Object) bool) *GlobalDescribe {
	g := &GlobalDescribe{Encoding: "UTF-8", MaxBatchSize: 200, SObjects: []GlobalObject{}}
	for _, o := range c.Objects() {
		if readable == nil || readable(o) {
			g.SObjects = append(g.SObjects, DescribeBasics(o, version))
		}
	}
	return g
}

// DescribeBasics is what GET /sobjects and GET /sobjects/{object} (under
// "objectDescribe") say of an object.
func DescribeBasics(o *Object, version string) GlobalObject {
	path := "/services/data/v" + version + "/sobjects/" + o.Name
	return GlobalObject{
		Createable: o.Createable, Custom: o.Custom, Deletable: o.Deletable, FeedEnabled: o.FeedEnabled,
		KeyPrefix: orNull(o.KeyPrefix), Label: o.Label, LabelPlural: o.LabelPlural, Layoutable: o.Layoutable,
		Mergeable: o.Mergeable, MruEnabled: o.Layoutable, Name: o.Name, Queryable: o.Queryable,
		Replicateable: o.Replicateable, Retrieveable: o.Retrieveable, Searchable: o.Searchable,
		Triggerable: o.Triggerable, Undeletable: o.Undeletable, Updateable: o.Updateable,
		URLs: map[string]string{"sobject": path, "describe": path + "/describe", "rowTemplate": path + "/{ID}"},
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ChangeEventBasics is what GET /sobjects says of an object's change event.
func ChangeEventBasics(o *Object, name, version string) GlobalObject {
	path := "/services/data/v" + version + "/sobjects/" + name
	kind, parent := "ChangeEvent", o.Name
	return GlobalObject{
		AssociateEntityType: &kind, AssociateParentEntity: &parent, Custom: false, Name: name,
		Label: o.Label + " Change Event", LabelPlural: o.Label + " Change Events", Triggerable: true,
		URLs: map[string]string{"sobject": path, "describe": path + "/describe", "eventSchema": path + "/eventSchema"},
	}
}
