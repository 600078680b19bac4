package schema

// Type is the type of a field as a describe names it.
type Type uint8

// The field types.
const (
	TypeID Type = iota
	TypeReference
	TypeString
	TypeTextarea
	TypePicklist
	TypeCombobox
	TypeMultiPicklist
	TypeEmail
	TypePhone
	TypeURL
	TypeEncrypted
	TypeBoolean
	TypeInt
	TypeDouble
	TypeCurrency
	TypePercent
	TypeDate
	TypeDateTime
	TypeTime
	TypeAddress
	TypeLocation
	TypeBase64
	TypeAny
	TypeComplex
	typeCount
)

var typeFacts = [typeCount]struct {
	name, soap string
	kind       Kind
}{
	TypeID:            {"id", "tns:ID", KindText},
	TypeReference:     {"reference", "tns:ID", KindText},
	TypeString:        {"string", "xsd:string", KindText},
	TypeTextarea:      {"textarea", "xsd:string", KindText},
	TypePicklist:      {"picklist", "xsd:string", KindText},
	TypeCombobox:      {"combobox", "xsd:string", KindText},
	TypeMultiPicklist: {"multipicklist", "xsd:string", KindText},
	TypeEmail:         {"email", "xsd:string", KindText},
	TypePhone:         {"phone", "xsd:string", KindText},
	TypeURL:           {"url", "xsd:string", KindText},
	TypeEncrypted:     {"encryptedstring", "xsd:string", KindText},
	TypeBoolean:       {"boolean", "xsd:boolean", KindBool},
	TypeInt:           {"int", "xsd:int", KindNumber},
	TypeDouble:        {"double", "xsd:double", KindNumber},
	TypeCurrency:      {"currency", "xsd:double", KindNumber},
	TypePercent:       {"percent", "xsd:double", KindNumber},
	TypeDate:          {"date", "xsd:date", KindDate},
	TypeDateTime:      {"datetime", "xsd:dateTime", KindInstant},
	TypeTime:          {"time", "xsd:time", KindTime},
	TypeAddress:       {"address", "urn:address", KindNull},
	TypeLocation:      {"location", "urn:location", KindNull},
	TypeBase64:        {"base64", "xsd:base64Binary", KindText},
	TypeAny:           {"anyType", "xsd:anyType", KindText},
	TypeComplex:       {"complexvalue", "xsd:anyType", KindNull},
}

// String is the type's name in a describe, such as "multipicklist".
func (t Type) String() string {
	if t >= typeCount {
		return "unknown"
	}
	return typeFacts[t].name
}

// SoapType is the type's soapType in a describe, such as "xsd:string".
func (t Type) SoapType() string {
	if t >= typeCount {
		return ""
	}
	return typeFacts[t].soap
}

// Kind is the kind of the non-null values of the type; KindNull for compound
// types (address, location), whose value is assembled from their members.
func (t Type) Kind() Kind {
	if t >= typeCount {
		return KindNull
	}
	return typeFacts[t].kind
}

// Compound reports whether values of the type are assembled from other fields.
func (t Type) Compound() bool { return t == TypeAddress || t == TypeLocation }

// Numeric reports whether values of the type are numbers.
func (t Type) Numeric() bool { return t.Kind() == KindNumber }

// ParseType reads a describe's type name.
func ParseType(name string) (Type, bool) {
	for t := range typeCount {
		if typeFacts[t].name == name {
			return t, true
		}
	}
	return 0, false
}
