package events

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// wire is how a field's value stands in Avro.
type wire uint8

const (
	wireString wire = iota
	wireBoolean
	wireInt
	wireDouble
	wireLong // milliseconds: of a day's begin, of an instant, of the day
	wireRecord
	// wireSwitchable is the union of a text and a person's name; accounts of
	// businesses use the text.
	wireSwitchable
)

// field is one field of an event. Its position in the layout, from 1 on, is
// its place in the bitmaps; the header is at 0.
type field struct {
	name string
	wire wire
	// src is where the value comes from; nil in a compound.
	src   *schema.Field
	doc   string
	named string // record type of a compound
	parts []part
}

// part is one member of a compound.
type part struct {
	name string
	wire wire
	src  *schema.Field // nil: this org has no such field, the value is null
}

// Layout is the Avro form of the events of one object as it was defined at
// one time.
type Layout struct {
	// ID names the schema: it is a hash of it.
	ID string
	// JSON is the Avro schema.
	JSON   string
	topic  string
	object *schema.Object
	fields []field
}

// supported are the standard objects that have change events.
var supported = []string{
	"Account", "Asset", "Campaign", "CampaignMember", "Case", "Contact", "Contract", "Event", "Lead", "Opportunity",
	"OpportunityContactRole", "OpportunityLineItem", "Order", "OrderItem", "Pricebook2", "PricebookEntry", "Product2", "Task", "User",
}

// Supported reports whether an object can have change events.
func Supported(o *schema.Object) bool {
	return strings.HasSuffix(o.Name, "__c") || slices.Contains(supported, o.Name)
}

// IsPlatformEvent reports whether an object is the definition of a platform
// event.
func IsPlatformEvent(o *schema.Object) bool { return strings.HasSuffix(o.Name, "__e") }

// ChangeEventName is the name of an object's change event: AccountChangeEvent,
// Project__ChangeEvent.
func ChangeEventName(object string) string {
	if base, ok := strings.CutSuffix(object, "__c"); ok {
		return base + "__ChangeEvent"
	}
	return object + "ChangeEvent"
}

// left out of every change event besides what is worked out on reading.
var leftOut = []string{"IsDeleted", "SystemModstamp", "PhotoUrl", "MasterRecordId", "LastActivityDate", "LastViewedDate", "LastReferencedDate"}

func changeLayout(o *schema.Object) *Layout {
	l := &Layout{object: o, topic: changeTopic(o.Name)}
	for _, f := range o.Fields {
		switch {
		case f.Type == schema.TypeID, f.Calculated, f.Type == schema.TypeBase64, f.CompoundFieldName != "" && f.CompoundFieldName != f.Name,
			slices.Contains(leftOut, f.Name):
			continue
		}
		l.fields = append(l.fields, fieldOf(o, f))
	}
	l.seal(ChangeEventName(o.Name), true)
	return l
}

// platformLayout is the form of a platform event: its own fields besides when
// and by whom it was published.
func platformLayout(o *schema.Object) *Layout {
	l := &Layout{object: o, fields: []field{
		{name: "CreatedDate", wire: wireLong, doc: "CreatedDate:DateTime"},
		{name: "CreatedById", wire: wireString, doc: "CreatedBy:EntityId"},
	}}
	for _, f := range o.Fields {
		if f.Custom && !f.Calculated && !f.Type.Compound() {
			l.fields = append(l.fields, fieldOf(o, f))
		}
	}
	l.seal(o.Name, false)
	return l
}

func fieldOf(o *schema.Object, f *schema.Field) field {
	e := field{name: f.Name, src: f, doc: docTag(f)}
	switch {
	case f.Type == schema.TypeAddress:
		return compound(o, f, "Address", addressParts)
	case f.Type == schema.TypeLocation:
		return compound(o, f, "Location", locationParts)
	case f.Name == "Name" && len(o.Members("Name")) > 0:
		return compound(o, f, "PersonName", nameParts)
	case f.ExtraTypeInfo == "switchablepersonname":
		e.wire, e.doc, e.named, e.parts = wireSwitchable, "Data:Switchable_PersonName", "Switchable_PersonName", absent(nameParts)
		return e
	}
	e.wire = wireOf(f)
	return e
}

func wireOf(f *schema.Field) wire {
	switch f.Type.Kind() {
	case schema.KindBool:
		return wireBoolean
	case schema.KindNumber:
		if f.Type == schema.TypeInt {
			return wireInt
		}
		return wireDouble
	case schema.KindDate, schema.KindInstant, schema.KindTime:
		return wireLong
	}
	return wireString
}

var (
	addressParts = []part{{name: "Street"}, {name: "City"}, {name: "State"}, {name: "PostalCode"}, {name: "Country"}, {name: "StateCode"},
		{name: "CountryCode"}, {name: "Latitude", wire: wireDouble}, {name: "Longitude", wire: wireDouble}, {name: "GeocodeAccuracy"}}
	locationParts = []part{{name: "Latitude", wire: wireDouble}, {name: "Longitude", wire: wireDouble}}
	nameParts     = []part{{name: "Salutation"}, {name: "FirstName"}, {name: "LastName"}}
)

func absent(parts []part) []part { return slices.Clone(parts) }

// compound finds the members of a compound field.
func compound(o *schema.Object, f *schema.Field, named string, parts []part) field {
	e := field{name: f.Name, wire: wireRecord, doc: "Data:" + named + customID(f), named: named, parts: slices.Clone(parts)}
	for _, m := range o.Members(f.Name) {
		for i := range e.parts {
			if strings.EqualFold(m.ShortName(), e.parts[i].name) {
				e.parts[i].src = m
			}
		}
	}
	return e
}

// docTag is what the schema says of a field's own type.
func docTag(f *schema.Field) string {
	if f.Name == "CreatedDate" {
		return "CreatedDate:DateTime"
	}
	tags := map[schema.Type]string{
		schema.TypeReference: "ForeignKey:EntityId", schema.TypeString: "Data:Text", schema.TypePicklist: "Data:DynamicEnum",
		schema.TypeCombobox: "Data:DynamicEnum", schema.TypeMultiPicklist: "Data:MultiEnum", schema.TypeEmail: "Data:Email",
		schema.TypePhone: "Data:Phone", schema.TypeURL: "Data:Url", schema.TypeEncrypted: "Data:EncryptedText", schema.TypeBoolean: "Data:Boolean",
		schema.TypeInt: "Data:Integer", schema.TypeDouble: "Data:Double", schema.TypeCurrency: "Data:Currency", schema.TypePercent: "Data:Percent",
		schema.TypeDate: "Data:DateOnly", schema.TypeDateTime: "Data:DateTime", schema.TypeTime: "Data:TimeOnly",
	}
	tag, ok := tags[f.Type]
	switch {
	case f.Type == schema.TypeTextarea && f.HTMLFormatted:
		tag = "Data:HtmlStringPlusClob"
	case f.Type == schema.TypeTextarea && f.LongText():
		tag = "Data:StringPlusClob"
	case f.Type == schema.TypePicklist && f.RestrictedPicklist && !f.Custom:
		tag = "Data:StaticEnum"
	case !ok:
		tag = "Data:Text"
	}
	return tag + customID(f)
}

// customID is the field's own Id as the schemas append it, "" for a standard
// field.
func customID(f *schema.Field) string {
	if !f.Custom {
		return ""
	}
	sum := sha256.Sum256([]byte(f.Name))
	n := uint64(sum[0])<<24 | uint64(sum[1])<<16 | uint64(sum[2])<<8 | uint64(sum[3])
	return ":" + org.MakeID("00N", n)[:15]
}

// avroField is one field of an Avro schema.
type avroField struct {
	Name    string `json:"name"`
	Type    any    `json:"type"`
	Doc     string `json:"doc,omitempty"`
	Default any    `json:"default,omitempty"`
}

type avroRecord struct {
	Type      string      `json:"type"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"`
	Fields    []avroField `json:"fields"`
	UUID      string      `json:"uuid,omitempty"`
}

type avroEnum struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Symbols []string `json:"symbols"`
}

// null as a default has to be written, unlike no default.
var null = json.RawMessage("null")

// seal writes the schema and hashes it.
func (l *Layout) seal(name string, header bool) {
	r := avroRecord{Type: "record", Name: name, Namespace: "com.sforce.eventbus"}
	if header {
		r.Fields = append(r.Fields, avroField{Name: "ChangeEventHeader", Type: headerSchema(), Doc: "Data:ComplexValueType"})
	}
	known := map[string]bool{}
	for i := range l.fields {
		f := &l.fields[i]
		a := avroField{Name: f.name, Type: f.avro(known), Doc: f.doc, Default: null}
		if !header && i < 2 { // who published it and when is never missing
			a.Type, a.Default = primitive(f.wire), nil
		}
		r.Fields = append(r.Fields, a)
	}
	sum := sha256.Sum256(mustJSON(r))
	l.ID = base64.RawURLEncoding.EncodeToString(sum[:16])
	if !header {
		r.UUID = l.ID
	}
	l.JSON = string(mustJSON(r))
}

// mustJSON renders what consists of strings and lists of them.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("render Avro schema: %v", err)) // a slip of this package
	}
	return b
}

func primitive(w wire) string {
	return [...]string{wireString: "string", wireBoolean: "boolean", wireInt: "int", wireDouble: "double", wireLong: "long"}[w]
}

// avro is the field's type; a record type is defined where it first occurs.
func (f *field) avro(known map[string]bool) any {
	switch f.wire {
	case wireRecord:
		return []any{"null", f.record(known)}
	case wireSwitchable:
		return []any{"null", "string", f.record(known)}
	}
	return []any{"null", primitive(f.wire)}
}

func (f *field) record(known map[string]bool) any {
	if known[f.named] {
		return f.named
	}
	known[f.named] = true
	r := avroRecord{Type: "record", Name: f.named}
	for _, p := range f.parts {
		r.Fields = append(r.Fields, avroField{Name: p.name, Type: []any{"null", primitive(p.wire)}, Default: null})
	}
	return r
}

func headerSchema() avroRecord {
	strings := map[string]string{"type": "array", "items": "string"}
	return avroRecord{Type: "record", Name: "ChangeEventHeader", Fields: []avroField{
		{Name: "entityName", Type: "string"},
		{Name: "recordIds", Type: strings},
		{Name: "changeType", Type: avroEnum{"enum", "ChangeType", changeTypes}},
		{Name: "changeOrigin", Type: "string"},
		{Name: "transactionKey", Type: "string"},
		{Name: "sequenceNumber", Type: "int"},
		{Name: "commitTimestamp", Type: "long"},
		{Name: "commitNumber", Type: "long"},
		{Name: "commitUser", Type: "string"},
		{Name: "nulledFields", Type: strings},
		{Name: "diffFields", Type: strings},
		{Name: "changedFields", Type: strings},
	}}
}
