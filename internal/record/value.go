package record

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Kind says how a value is kept. It follows the Postgres column, not the
// Salesforce field: several field types share one kind.
type Kind uint8

// The kinds, with the Postgres type and the binary image of each.
const (
	Text      Kind = iota + 1 // varchar(n), text: UTF-8 bytes without NUL
	ID                        // varchar(18): 18-character record Id
	MultiText                 // varchar(4099): values joined with ";", in the picklist's order
	Bool                      // boolean: one byte
	Int                       // integer: int32, big endian
	Double                    // double precision: float64, big endian
	Date                      // date: int32 days since 2000-01-01
	Timestamp                 // timestamp without time zone, UTC: int64 µs since 2000-01-01
	Time                      // time: int64 µs since midnight
	Numeric                   // numeric: digits of base 10,000, every one kept
)

// Type is what the codecs and the comparer need to know of a column.
type Type struct {
	Kind Kind
	// Length is the greatest number of characters, 0 for no limit.
	Length int
	// Scale is the number of digits after the point that Salesforce keeps,
	// -1 if unknown. Only for Double and Numeric.
	Scale int
	// Zoned columns are timestamp with time zone, whose images are the same.
	// Only for Timestamp.
	Zoned bool
	// Order lists a multi-select picklist's values as Salesforce defines them;
	// the server sorts what it is given into this order. Only for MultiText.
	Order []string
}

// SQL is the Postgres type that carries the column's values in binary form, as
// format_type spells it. A varchar is text here: the images are the same.
func (t Type) SQL() string {
	switch t.Kind {
	case Bool:
		return "boolean"
	case Int:
		return "integer"
	case Double:
		return "double precision"
	case Date:
		return "date"
	case Timestamp:
		if t.Zoned {
			return "timestamp with time zone"
		}
		return "timestamp without time zone"
	case Numeric:
		return "numeric"
	case Time:
		return "time without time zone"
	case Text, ID, MultiText:
		return "text"
	default:
		return "text"
	}
}

// TextSQL is the SQL that gives the text of a column, in which equal values
// have equal texts, as [Type.AppendText] prints what [Type.ParseText] read.
func (t Type) TextSQL(column string) string {
	if t.Kind == Numeric {
		return "trim_scale(" + column + ")::text"
	}
	return column + "::text"
}

// OID is the Postgres type of the column, as the wire protocol names it.
func (t Type) OID() uint32 {
	switch t.Kind {
	case Bool:
		return 16
	case Int:
		return 23
	case Double:
		return 701
	case Date:
		return 1082
	case Timestamp:
		if t.Zoned {
			return 1184
		}
		return 1114
	case Numeric:
		return 1700
	case Time:
		return 1083
	case Text, ID, MultiText:
		return 25
	default:
		return 25
	}
}

// Value is one value in Postgres's binary form and in normal form (see
// [Type.Normal]). Nil is NULL; Salesforce knows no empty string, so an empty
// text is nil too.
type Value []byte

// Equal says whether two values of one column are the same. Both must be in
// normal form.
func (v Value) Equal(w Value) bool {
	return (v == nil) == (w == nil) && bytes.Equal(v, w)
}

// BoolValue returns the image of b.
func BoolValue(b bool) Value {
	if b {
		return Value{1}
	}
	return Value{0}
}

// IntValue returns the image of n.
func IntValue(n int32) Value {
	return binary.BigEndian.AppendUint32(nil, uint32(n))
}

// DoubleValue returns the image of f. Negative zero becomes zero, so that
// equal numbers have equal bytes.
func DoubleValue(f float64) Value {
	if f == 0 {
		f = 0
	}
	return binary.BigEndian.AppendUint64(nil, math.Float64bits(f))
}

// TextValue returns the image of s, nil for the empty string.
func TextValue(s string) Value {
	if s == "" {
		return nil
	}
	return Value(s)
}

// Bool reads a Bool image; NULL reads as false.
func (v Value) Bool() bool { return len(v) == 1 && v[0] != 0 }

// Int reads an Int or Date image; NULL reads as 0.
func (v Value) Int() int32 {
	if len(v) != 4 {
		return 0
	}
	return int32(binary.BigEndian.Uint32(v))
}

// Int64 reads a Timestamp or Time image; NULL reads as 0.
func (v Value) Int64() int64 {
	if len(v) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

// Double reads a Double image; NULL reads as 0.
func (v Value) Double() float64 {
	if len(v) != 8 {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(v))
}

// String reads a Text, ID or MultiText image; NULL reads as "".
func (v Value) String() string { return string(v) }
