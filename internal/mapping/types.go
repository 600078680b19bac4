package mapping

import (
	"strings"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/sobject"
)

// Lengths of columns that do not follow the describe. Heroku Connect creates
// them so, and applications rely on it.
const (
	idLength       = 18
	picklistLength = 255  // describe says 40 for many standard picklists, whose values can be longer
	multiLength    = 4099 // multi-select picklist, values joined
	formulaLength  = 1300 // text formula
	currencyLength = 3    // CurrencyIsoCode
	// varcharMax is the longest text area kept as varchar(n); longer ones are
	// text without a limit.
	varcharMax = 8000
)

// typeOf gives the column type of a field, as Heroku Connect has it. The problem is "" if the field can
// be mapped, else it says why not.
func typeOf(f *sobject.Field) (t record.Type, problem string) {
	switch f.Type {
	case sobject.TypeID, sobject.TypeReference:
		return record.Type{Kind: record.ID, Length: idLength}, ""
	case sobject.TypeBoolean:
		return record.Type{Kind: record.Bool}, ""
	case sobject.TypeInt:
		return record.Type{Kind: record.Int}, ""
	case sobject.TypeDouble, sobject.TypeCurrency, sobject.TypePercent, sobject.TypeLong:
		return record.Type{Kind: record.Double, Scale: scaleOf(f)}, ""
	case sobject.TypeDate:
		return record.Type{Kind: record.Date}, ""
	case sobject.TypeDateTime:
		return record.Type{Kind: record.Timestamp}, ""
	case sobject.TypeTime:
		return record.Type{Kind: record.Time}, ""
	case sobject.TypeMultiPicklist:
		return record.Type{Kind: record.MultiText, Length: multiLength, Order: picklistOrder(f)}, ""
	case sobject.TypeAddress, sobject.TypeLocation:
		return record.Type{}, "a compound field (" + string(f.Type) + ") is not a column"
	case sobject.TypeBase64:
		return record.Type{}, "binary fields (base64) are not supported"
	case sobject.TypeComplexValue:
		return record.Type{}, "fields of type complexvalue are not supported"
	case sobject.TypeString, sobject.TypeTextArea, sobject.TypePicklist, sobject.TypeCombobox,
		sobject.TypeEmail, sobject.TypePhone, sobject.TypeURL, sobject.TypeEncryptedString,
		sobject.TypeDataCategory, sobject.TypeAnyType, sobject.TypeJSON:
		return record.Type{Kind: record.Text, Length: textLength(f)}, ""
	default:
		return record.Type{}, "fields of type " + string(f.Type) + " are not known"
	}
}

// typeOf is the type that a field's column has in this mapping.
func (r *resolver) typeOf(f *sobject.Field) (t record.Type, problem string) {
	t, problem = typeOf(f)
	switch {
	case t.Kind == record.Double && r.mapping.Options.ExactNumbers:
		t.Kind = record.Numeric
	case t.Kind == record.Timestamp:
		t.Zoned = r.mapping.Options.TimestampTZ
	}
	return t, problem
}

// textLength is n of varchar(n), 0 for text.
func textLength(f *sobject.Field) int {
	switch {
	case f.Type == sobject.TypeAnyType, f.Type == sobject.TypeJSON:
		return 0
	case strings.EqualFold(f.Name, "CurrencyIsoCode"):
		return currencyLength
	case f.Calculated && f.Type == sobject.TypeString:
		return formulaLength
	case f.Type == sobject.TypePicklist:
		return max(f.Length, picklistLength)
	case f.Type == sobject.TypeTextArea && (f.Length > varcharMax || f.ExtraTypeInfo == "richtextarea"):
		return 0
	default:
		return f.Length
	}
}

// scaleOf is the scale that Salesforce rounds to on save. A formula is not
// saved, so nothing is known of its digits.
func scaleOf(f *sobject.Field) int {
	if f.Calculated {
		return -1
	}
	return f.Scale
}

func picklistOrder(f *sobject.Field) []string {
	out := make([]string, len(f.PicklistValues))
	for i, v := range f.PicklistValues {
		out[i] = v.Value
	}
	return out
}
