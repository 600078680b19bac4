package schema

import (
	"errors"
	"fmt"
	"strings"
)

// Fields turns a written field into definitions: one, but for a location, which
// is a compound field after the two that it is made of.
func (ff FileField) Fields() ([]Field, error) {
	f, err := ff.Field()
	if err != nil {
		return nil, err
	}
	if f.Type != TypeLocation {
		return []Field{f}, nil
	}
	var list []Field
	for _, part := range []string{"Latitude", "Longitude"} {
		d := double(memberName(f.Name, part), f.Label+" ("+part+")", 18, 15).in(f.Name)
		d.Custom = true
		list = append(list, *d.Field)
	}
	f.Createable, f.Updateable = false, false
	return append(list, f), nil
}

// memberName is the name of a part of a custom compound field.
func memberName(compound, part string) string {
	return strings.TrimSuffix(compound, "__c") + "__" + part + "__s"
}

// Field turns a written field into a definition; its errors name the field.
func (ff FileField) Field() (Field, error) {
	f, err := ff.build()
	if err != nil {
		return Field{}, fmt.Errorf("field %q: %w", ff.Name, err)
	}
	return f, nil
}

func (ff FileField) build() (Field, error) {
	t, ok := ParseType(ff.Type)
	switch {
	case !fieldName.MatchString(ff.Name):
		return Field{}, errors.New("a custom field's name is letters and digits, ending in __c")
	case !ok || t == TypeID || t == TypeAddress || t == TypeAny || t == TypeComplex:
		return Field{}, fmt.Errorf("type %q is not one of string, textarea, picklist, multipicklist, email, phone, url, "+
			"encryptedstring, boolean, int, double, currency, percent, date, datetime, time, location, reference, base64", ff.Type)
	}
	d := newDef(ff.Name, orElse(ff.Label, strings.ReplaceAll(strings.TrimSuffix(ff.Name, "__c"), "_", " ")), t)
	d.Custom, d.Encrypted = true, t == TypeEncrypted || ff.Encrypted
	for _, step := range []func(def) error{ff.sizes, ff.picklist, ff.reference, ff.flags, ff.defaultValue} {
		if err := step(d); err != nil {
			return Field{}, err
		}
	}
	return *d.Field, nil
}

// lengths are the usual and the greatest length of the text-like types.
var lengths = map[Type][2]int{
	TypeString: {255, 1300}, TypeTextarea: {255, 131072}, TypePicklist: {255, 255}, TypeCombobox: {255, 255},
	TypeMultiPicklist: {4099, 4099}, TypeEmail: {80, 80}, TypePhone: {40, 40}, TypeURL: {255, 255},
	TypeEncrypted: {175, 175}, TypeReference: {18, 18},
}

func (ff FileField) sizes(d def) error {
	if most, ok := lengths[d.Type]; ok {
		d.Length = ff.Length
		if ff.Length == 0 {
			d.Length = most[0]
		}
		if d.Length < 1 || d.Length > most[1] {
			return fmt.Errorf("length %d is not in 1 to %d", ff.Length, most[1])
		}
	}
	switch d.Type {
	case TypeInt:
		if d.Digits = ff.Digits; d.Digits == 0 {
			d.Digits = 9
		}
	case TypeDouble, TypeCurrency, TypePercent:
		d.Precision, d.Scale = ff.Precision, ff.Scale
		if d.Precision == 0 {
			d.Precision = 18
		}
		if d.Precision < 1 || d.Precision > 18 || d.Scale < 0 || d.Scale > d.Precision {
			return fmt.Errorf("precision %d and scale %d: 18 digits in all, the scale among them", ff.Precision, ff.Scale)
		}
	}
	d.limit()
	return nil
}

func (ff FileField) picklist(d def) error {
	if d.Type != TypePicklist && d.Type != TypeMultiPicklist && d.Type != TypeCombobox {
		if len(ff.Values) > 0 {
			return fmt.Errorf("values given for type %s", d.Type)
		}
		return nil
	}
	if len(ff.Values) == 0 {
		return errors.New("a picklist needs values")
	}
	for _, v := range ff.Values {
		d.Picklist = append(d.Picklist, PicklistValue{Value: v, Label: v})
	}
	d.RestrictedPicklist = ff.Restricted
	return nil
}

func (ff FileField) reference(d def) error {
	if d.Type != TypeReference {
		if len(ff.ReferenceTo) > 0 {
			return fmt.Errorf("referenceTo given for type %s", d.Type)
		}
		return nil
	}
	if len(ff.ReferenceTo) == 0 {
		return errors.New("a reference needs referenceTo")
	}
	d.ReferenceTo, d.ChildRelationshipName = ff.ReferenceTo, ff.Children
	d.RelationshipName = orElse(ff.RelationshipName, ff.Name[:len(ff.Name)-1]+"r")
	d.NamePointing = len(ff.ReferenceTo) > 1
	if ff.MasterDetail {
		d.MasterDetail, d.CascadeDelete, d.Nillable, d.Permissionable = true, true, false, false
	}
	return nil
}

func (ff FileField) flags(d def) error {
	d.CaseSensitive, d.Unique, d.ExternalID = ff.CaseSensitive, ff.Unique, ff.ExternalID
	d.IDLookup = ff.ExternalID
	if (ff.Unique || ff.ExternalID) && d.Type != TypeString && d.Type != TypeEmail && !d.Type.Numeric() {
		return fmt.Errorf("type %s can't be unique or an external id", d.Type)
	}
	if ff.Required {
		d.req()
	}
	if ff.ReadOnly {
		d.ro()
	}
	if ff.AutoNumber {
		d.numbered()
	}
	if ff.Rollup != nil {
		return ff.rollup(d)
	}
	if ff.Formula != "" {
		d.formula(ff.Formula)
		_, err := CompileFormula(ff.Formula)
		return err
	}
	return nil
}

// rollup makes the field a summary: read-only, and zero for a record without
// children unless it is a least or greatest value.
func (ff FileField) rollup(d def) error {
	r := *ff.Rollup
	r.Function = strings.ToUpper(r.Function)
	switch {
	case r.Function != "COUNT" && r.Function != "SUM" && r.Function != "MIN" && r.Function != "MAX":
		return fmt.Errorf("roll-up function %q is not COUNT, SUM, MIN or MAX", r.Function)
	case r.Object == "" || r.Via == "" || r.Field == "" && r.Function != "COUNT":
		return errors.New("a roll-up needs object, via and, but for COUNT, field")
	case !d.Type.Numeric() && (r.Function == "COUNT" || r.Function == "SUM"):
		return fmt.Errorf("type %s can't hold a %s", d.Type, r.Function)
	}
	d.ro()
	d.Rollup, d.Nillable, d.Permissionable = &r, true, true
	if d.Type.Numeric() && r.Function != "MIN" && r.Function != "MAX" {
		d.Default = Number(0)
	}
	return nil
}

func (ff FileField) defaultValue(d def) error {
	if d.Type == TypeBoolean {
		d.Nillable, d.DefaultedOnCreate, d.Default = false, true, Bool(false)
	}
	switch v := ff.Default.(type) {
	case nil:
		return nil
	case bool:
		d.deflt(Bool(v))
	case float64:
		d.deflt(Number(v))
	case string:
		d.deflt(Text(v))
	default:
		return fmt.Errorf("default %v is not a boolean, number or string", v)
	}
	if k := d.Default.Kind(); k != KindNull && k != d.Type.Kind() {
		return fmt.Errorf("default %v does not fit type %s", ff.Default, d.Type)
	}
	return nil
}
