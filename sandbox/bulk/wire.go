package bulk

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// appendQuoted writes text in quotes, those inside it doubled.
func appendQuoted[T string | []byte](b []byte, text T) []byte {
	b = append(b, '"')
	for {
		i := indexQuote(text)
		if i < 0 {
			break
		}
		b = append(append(b, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(b, text...), '"')
}

func indexQuote[T string | []byte](text T) int {
	switch t := any(text).(type) {
	case string:
		return strings.IndexByte(t, '"')
	case []byte:
		return bytes.IndexByte(t, '"')
	}
	return -1
}

// appendRaw writes a stored value in quotes; null is an empty text.
func appendRaw(b []byte, typ schema.Type, r org.Raw) []byte {
	switch r.Kind() {
	case schema.KindText:
		return appendQuoted(b, r.Text())
	case schema.KindNull:
		return append(b, '"', '"')
	}
	b = append(b, '"')
	switch r.Kind() {
	case schema.KindBool:
		b = strconv.AppendBool(b, r.True())
	case schema.KindNumber:
		b = appendNumber(b, typ, r.Float())
	case schema.KindDate:
		b = appendDate(b, r.Count())
	case schema.KindInstant:
		b = appendInstant(b, r.Count())
	case schema.KindTime:
		b = append(appendTime(b, r.Count()), 'Z')
	}
	return append(b, '"')
}

// appendValue is appendRaw for a value that has been worked out.
func appendValue(b []byte, typ schema.Type, v schema.Value) []byte {
	if v.Kind() == schema.KindText {
		return appendQuoted(b, v.Str())
	}
	b = append(b, '"')
	switch v.Kind() {
	case schema.KindBool:
		b = strconv.AppendBool(b, v.True())
	case schema.KindNumber:
		b = appendNumber(b, typ, v.Float())
	case schema.KindDate:
		b = appendDate(b, v.Days())
	case schema.KindInstant:
		b = appendInstant(b, v.Unix())
	case schema.KindTime:
		b = append(appendTime(b, v.Millis()), 'Z')
	}
	return append(b, '"')
}

// appendNumber writes an integer plainly and any other number in Java's form
// (schema.FormatDouble).
func appendNumber(b []byte, typ schema.Type, f float64) []byte {
	if typ == schema.TypeInt {
		return strconv.AppendInt(b, int64(f), 10)
	}
	abs := math.Abs(f)
	switch {
	case abs < 1e7 && f == math.Trunc(f):
		return append(strconv.AppendInt(b, int64(f), 10), '.', '0')
	case abs >= 1e-3 && abs < 1e7:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	return append(b, schema.FormatDouble(f)...)
}

func pad(b []byte, n int64, width int) []byte {
	from := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; i >= from; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}

const secondsPerDay = 24 * 60 * 60

// appendDate writes days since 1970 as YYYY-MM-DD, in the proleptic Gregorian
// calendar: eras of 400 years that begin on a first of March.
func appendDate(b []byte, days int64) []byte {
	const eraDays = 146097
	z := days + 719468
	era := z / eraDays
	if z < 0 {
		era = (z - eraDays + 1) / eraDays
	}
	ofEra := z - era*eraDays
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/(eraDays-1)) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*ofYear + 2) / 153
	day := ofYear - (153*shifted+2)/5 + 1
	month, year := shifted+3, yearOfEra+era*400
	if month > 12 {
		month, year = month-12, year+1
	}
	b = append(pad(b, year, 4), '-')
	b = append(pad(b, month, 2), '-')
	return pad(b, day, 2)
}

// appendInstant writes seconds since 1970 as 2026-11-22T14:35:00.000Z.
func appendInstant(b []byte, unix int64) []byte {
	days := unix / secondsPerDay
	if unix%secondsPerDay < 0 {
		days--
	}
	b = append(appendDate(b, days), 'T')
	return append(appendTime(b, (unix-days*secondsPerDay)*1000), 'Z')
}

func appendTime(b []byte, ms int64) []byte {
	b = append(pad(b, ms/3600000, 2), ':')
	b = append(pad(b, ms/60000%60, 2), ':')
	b = append(pad(b, ms/1000%60, 2), '.')
	return pad(b, ms%1000, 3)
}
