package schema

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind tells which alternative a Value holds.
type Kind uint8

// The kinds of values. Ids, picklists and all other text-like types are KindText.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindText
	KindDate
	KindInstant
	KindTime
)

// Value is the value of one field of one record. The zero Value is null.
// Values are comparable with ==, which is exact (case-sensitive) equality.
type Value struct {
	num  float64
	text string
	kind Kind
}

// Null is the null value.
var Null = Value{}

// Bool is the value of a checkbox.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Number is the value of an int, double, currency or percent field.
func Number(f float64) Value {
	if f == 0 {
		f = 0 // turns -0 into 0, which Salesforce does not keep apart
	}
	return Value{kind: KindNumber, num: f}
}

// Text is the value of an id, reference or text-like field. The org stores an
// empty string as null, so Text("") is Null.
func Text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: KindText, text: s}
}

// Date is a calendar day, counted in days since 1970-01-01.
func Date(days int64) Value { return Value{kind: KindDate, num: float64(days)} }

// Instant is the value of a datetime field, in whole seconds since 1970 UTC.
func Instant(unix int64) Value { return Value{kind: KindInstant, num: float64(unix)} }

// InstantOf is Instant for a time; what is below the second is cut off.
func InstantOf(t time.Time) Value { return Instant(t.Unix()) }

// TimeOfDay is the value of a time field, in milliseconds since midnight.
func TimeOfDay(ms int64) Value { return Value{kind: KindTime, num: float64(ms)} }

// Kind tells which alternative v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// True reports whether v is the boolean true.
func (v Value) True() bool { return v.kind == KindBool && v.num != 0 }

// Float is the number of a KindNumber value, and 0 for any other kind.
func (v Value) Float() float64 {
	if v.kind != KindNumber {
		return 0
	}
	return v.num
}

// Str is the text of a KindText value, and "" for any other kind.
func (v Value) Str() string { return v.text }

// Days is the day of a KindDate value, since 1970-01-01.
func (v Value) Days() int64 {
	if v.kind != KindDate {
		return 0
	}
	return int64(v.num)
}

// Unix is the second of a KindInstant value, since 1970 UTC.
func (v Value) Unix() int64 {
	if v.kind != KindInstant {
		return 0
	}
	return int64(v.num)
}

// Millis is the millisecond of the day of a KindTime value.
func (v Value) Millis() int64 {
	if v.kind != KindTime {
		return 0
	}
	return int64(v.num)
}

// Compare orders two values the way ORDER BY does: null first, then by value;
// text without regard to case, ties by its bytes. Values of different kinds
// order by kind.
func (v Value) Compare(w Value) int {
	if v.kind != w.kind {
		return cmp.Compare(v.kind, w.kind)
	}
	if v.kind != KindText {
		return cmp.Compare(v.num, w.num)
	}
	if c := CompareFold(v.text, w.text); c != 0 {
		return c
	}
	return strings.Compare(v.text, w.text)
}

// EqualFold is equality without regard to the case of text.
func (v Value) EqualFold(w Value) bool {
	if v.kind != w.kind || v.num != w.num {
		return false
	}
	return v.text == w.text || strings.EqualFold(v.text, w.text)
}

// String renders v for messages and logs of the sandbox, not for any wire form.
func (v Value) String() string {
	switch v.kind {
	case KindBool:
		return strconv.FormatBool(v.num != 0)
	case KindNumber:
		return strconv.FormatFloat(v.num, 'f', -1, 64)
	case KindText:
		return v.text
	case KindDate:
		return FormatDate(v.Days())
	case KindInstant:
		return time.Unix(v.Unix(), 0).UTC().Format("2006-01-02T15:04:05.000Z")
	case KindTime:
		return time.UnixMilli(v.Millis()).UTC().Format("15:04:05.000Z")
	}
	return "null"
}

const secondsPerDay = 24 * 60 * 60

// FormatDate renders days since 1970-01-01 as YYYY-MM-DD.
func FormatDate(days int64) string {
	return time.Unix(days*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// ParseDate reads YYYY-MM-DD into days since 1970-01-01.
func ParseDate(s string) (days int64, err error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return DaysOf(t), nil
}

// DaysOf is the calendar day of t in t's own zone, since 1970-01-01.
func DaysOf(t time.Time) int64 {
	y, m, d := t.Date()
	return int64(math.Floor(float64(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()) / secondsPerDay))
}

// FormatDouble renders a number as the REST API does, which is Java's way:
// always with a fraction, and with an exponent from ten millions up and below a
// thousandth (1.0, 0.25, 3.5E8, 1.0E-5).
func FormatDouble(f float64) string {
	abs := math.Abs(f)
	if abs == 0 {
		return "0.0"
	}
	if abs >= 1e-3 && abs < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exponent)
	if err != nil {
		return mantissa
	}
	return mantissa + "E" + strconv.Itoa(n)
}
