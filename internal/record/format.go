package record

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendText appends the text form of a value as Postgres prints it with ISO
// dates in UTC, the inverse of [Type.ParseText]. NULL appends nothing.
func (t Type) AppendText(dst []byte, v Value) []byte {
	if v == nil {
		return dst
	}
	switch t.Kind {
	case Bool:
		if v.Bool() {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case Int:
		return strconv.AppendInt(dst, int64(v.Int()), 10)
	case Double:
		return appendFloat(dst, v.Double())
	case Date:
		return appendDate(dst, int(v.Int()))
	case Timestamp:
		days, clock := splitMicros(v.Int64())
		dst = append(appendDate(dst, days), ' ')
		dst = appendClock(dst, clock, false)
		if t.Zoned {
			dst = append(dst, "+00"...)
		}
		return dst
	case Time:
		return appendClock(dst, v.Int64(), false)
	case Numeric:
		return appendNumericText(dst, v)
	default:
		return append(dst, v...)
	}
}

// appendFloat writes the shortest text that reads back as f, in Postgres's
// choice between plain and exponent form.
func appendFloat(dst []byte, f float64) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e15) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// AppendJSON appends a value as Salesforce takes it in a request body: dates
// as "2026-11-22", datetimes and times in UTC with milliseconds and Z (what is
// below a millisecond is dropped), numbers as the shortest text that reads
// back the same, NULL as null. It does not normalise: whitespace, scale and
// the like are Salesforce's to settle on save.
func (t Type) AppendJSON(dst []byte, v Value) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch t.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Bool())
	case Int, Double, Numeric:
		return t.AppendText(dst, v)
	case Date, Timestamp, Time:
		dst = append(dst, '"')
		dst = t.AppendWire(dst, v)
		return append(dst, '"')
	default:
		// The error would be of invalid UTF-8, which is replaced; neither
		// Postgres nor the parsers let any in.
		dst, _ = jsontext.AppendQuote(dst, v)
		return dst
	}
}

// AppendWire appends a value in the text form that Salesforce takes, without
// quotes: as a CSV cell or in a URL. NULL appends nothing.
func (t Type) AppendWire(dst []byte, v Value) []byte {
	if v == nil {
		return dst
	}
	switch t.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Bool())
	case Timestamp:
		days, clock := splitMicros(v.Int64())
		dst = append(appendDate(dst, days), 'T')
		return append(appendClock(dst, clock, true), 'Z')
	case Time:
		return append(appendClock(dst, v.Int64(), true), 'Z')
	default:
		return t.AppendText(dst, v)
	}
}
