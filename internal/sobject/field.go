package sobject

// Type is a field type as describe names it.
type Type string

// The field types of describe.
const (
	TypeID              Type = "id"
	TypeReference       Type = "reference"
	TypeString          Type = "string"
	TypeTextArea        Type = "textarea"
	TypePicklist        Type = "picklist"
	TypeMultiPicklist   Type = "multipicklist"
	TypeCombobox        Type = "combobox"
	TypeEmail           Type = "email"
	TypePhone           Type = "phone"
	TypeURL             Type = "url"
	TypeEncryptedString Type = "encryptedstring"
	TypeDataCategory    Type = "datacategorygroupreference"
	TypeBoolean         Type = "boolean"
	TypeInt             Type = "int"
	TypeLong            Type = "long"
	TypeDouble          Type = "double"
	TypeCurrency        Type = "currency"
	TypePercent         Type = "percent"
	TypeDate            Type = "date"
	TypeDateTime        Type = "datetime"
	TypeTime            Type = "time"
	TypeAddress         Type = "address"
	TypeLocation        Type = "location"
	TypeBase64          Type = "base64"
	TypeAnyType         Type = "anyType"
	TypeComplexValue    Type = "complexvalue"
	TypeJSON            Type = "json"
)

// Field is the describe of one field.
type Field struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Type     Type   `json:"type"`
	SoapType string `json:"soapType"`
	// Length is the greatest number of characters; 0 for types without one.
	Length     int `json:"length"`
	ByteLength int `json:"byteLength"`
	// Precision counts all digits of a number, Scale those after the point.
	Precision int `json:"precision"`
	Scale     int `json:"scale"`
	// Digits is the greatest number of digits of an int.
	Digits int `json:"digits"`
	// Nillable cannot be trusted: real rows hold nulls where it is false.
	Nillable          bool `json:"nillable"`
	Createable        bool `json:"createable"`
	Updateable        bool `json:"updateable"`
	DefaultedOnCreate bool `json:"defaultedOnCreate"`
	// Calculated fields are formulas and roll-ups: read-only, and a formula's
	// change does not move SystemModstamp.
	Calculated bool `json:"calculated"`
	AutoNumber bool `json:"autoNumber"`
	ExternalID bool `json:"externalId"`
	Unique     bool `json:"unique"`
	// CaseSensitive tells how a unique field compares.
	CaseSensitive bool `json:"caseSensitive"`
	// IDLookup: an upsert may find records by this field.
	IDLookup  bool `json:"idLookup"`
	Custom    bool `json:"custom"`
	NameField bool `json:"nameField"`
	// ReferenceTo are the objects that a lookup may point to.
	ReferenceTo []string `json:"referenceTo"`
	// RelationshipName is the lookup's name in a SOQL path ("Account",
	// "Project__r"); "" where there is none.
	RelationshipName      string `json:"relationshipName"`
	NamePointing          bool   `json:"namePointing"`
	PolymorphicForeignKey bool   `json:"polymorphicForeignKey"`
	// CompoundFieldName is the compound field that this one is a part of
	// ("BillingAddress", "Name"); "" otherwise.
	CompoundFieldName string `json:"compoundFieldName"`
	// ExtraTypeInfo refines the type: plaintextarea, richtextarea, personname …
	ExtraTypeInfo       string          `json:"extraTypeInfo"`
	RestrictedPicklist  bool            `json:"restrictedPicklist"`
	PicklistValues      []PicklistValue `json:"picklistValues"`
	Encrypted           bool            `json:"encrypted"`
	HTMLFormatted       bool            `json:"htmlFormatted"`
	Filterable          bool            `json:"filterable"`
	Sortable            bool            `json:"sortable"`
	Permissionable      bool            `json:"permissionable"`
	DeprecatedAndHidden bool            `json:"deprecatedAndHidden"`
}

// PicklistValue is one value of a picklist, in definition order.
type PicklistValue struct {
	Value        string `json:"value"`
	Label        string `json:"label"`
	Active       bool   `json:"active"`
	DefaultValue bool   `json:"defaultValue"`
}

// Required says whether an insert fails without a value. Booleans are never
// required: they default to false.
func (f *Field) Required() bool {
	return f.Createable && !f.Nillable && !f.DefaultedOnCreate && f.Type != TypeBoolean
}
