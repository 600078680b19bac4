package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// FormError says that a text is not of the form that its column's type wants.
type FormError struct {
	// Text is the offending text, cut to 80 characters.
	Text string
	// Want names the form.
	Want string
}

// Error quotes the text and names the form.
func (e *FormError) Error() string { return fmt.Sprintf("%q is not %s", e.Text, e.Want) }

// maxShown is how many characters of a bad value an error shows.
const maxShown = 80

func cut[S bytesOrString](s S) string {
	n := 0
	for i := range string(s) {
		if n == maxShown {
			return string(s[:i]) + "…"
		}
		n++
	}
	return string(s)
}

var wants = map[Kind]string{
	Text:      "UTF-8 text",
	ID:        "UTF-8 text",
	MultiText: "UTF-8 text",
	Bool:      "a boolean (true or false)",
	Int:       "an integer of 32 bits",
	Double:    "a finite number",
	Date:      "a date of the form 2006-01-02, year 0001 to 9999",
	Timestamp: "a timestamp of the form 2006-01-02 15:04:05.999, year 0001 to 9999",
	Time:      "a time of the form 15:04:05.999",
	Numeric:   "a finite number of at most 400 digits on either side of the point",
}

// ParseText reads a value from its text form as Postgres prints it with ISO
// dates ("t", "2026-11-22 14:35:00.123"), and from the forms in which
// Salesforce writes the same value ("true", "2026-11-22T14:35:00.000+0000").
// No other form is guessed at: it is a [*FormError]. The empty string is NULL.
//
// The value is taken as it stands: only NUL characters go, and a 15-character
// Id becomes one of 18. See [Type.Normal] for comparing.
func (t Type) ParseText(s string) (Value, error) {
	if s == "" {
		return nil, nil
	}
	v, err := parse(t, make([]byte, 0, max(8, len(s)+3)), s)
	if len(v) == 0 {
		return nil, err
	}
	return v, err
}

// AppendImage appends the image of a value in text form to dst, under the
// rules of [Type.ParseText], and returns dst. If nothing was appended the
// value is NULL. Decoders use it to fill one buffer with a record's values.
func (t Type) AppendImage(dst, text []byte) ([]byte, error) {
	if len(text) == 0 {
		return dst, nil
	}
	out, err := parse(t, dst, text)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// parse appends the image of s to dst; nil for an error. A text of NULs alone
// appends nothing.
func parse[S bytesOrString](t Type, dst []byte, s S) ([]byte, error) {
	var ok bool
	switch t.Kind {
	case ID:
		var id []byte
		if id, ok = appendID18(dst, s); ok {
			return id, nil
		}
		return parseString(t, dst, s)
	case Bool:
		dst, ok = appendBool(dst, s)
	case Int:
		dst, ok = appendInt(dst, s)
	case Double:
		dst, ok = appendDouble(dst, s)
	case Numeric:
		dst, ok = appendNumeric(dst, s)
	case Date:
		var days int
		days, ok = isoDate(s)
		ok = ok && len(s) == 10
		dst = binary.BigEndian.AppendUint32(dst, uint32(int32(days)))
	case Timestamp:
		var micros int64
		micros, ok = isoTimestamp(s)
		dst = binary.BigEndian.AppendUint64(dst, uint64(micros))
	case Time:
		var micros int64
		micros, ok = isoTime(s)
		dst = binary.BigEndian.AppendUint64(dst, uint64(micros))
	default:
		return parseString(t, dst, s)
	}
	if !ok {
		return nil, &FormError{Text: cut(s), Want: wants[t.Kind]}
	}
	return dst, nil
}

func parseString[S bytesOrString](t Type, dst []byte, s S) ([]byte, error) {
	start := len(dst)
	dst = append(dst, s...)
	text := dst[start:]
	if !utf8.Valid(text) {
		return nil, &FormError{Text: cut(s), Want: wants[t.Kind]}
	}
	return dst[:start+len(dropNUL(text))], nil
}

// dropNUL removes NUL characters in place: Postgres cannot keep them.
func dropNUL(text []byte) []byte {
	if bytes.IndexByte(text, 0) < 0 {
		return text
	}
	n := 0
	for _, c := range text {
		if c != 0 {
			text[n] = c
			n++
		}
	}
	return text[:n]
}

func appendBool[S bytesOrString](dst []byte, s S) ([]byte, bool) {
	switch string(s) {
	case "t", "true":
		return append(dst, 1), true
	case "f", "false":
		return append(dst, 0), true
	default:
		return dst, false
	}
}

// appendInt reads an integer, also one that is written as a whole float (1.0,
// 3.5E8), as Salesforce does for some fields.
func appendInt[S bytesOrString](dst []byte, s S) ([]byte, bool) {
	n, err := strconv.ParseInt(string(s), 10, 32)
	if err != nil {
		f, ok := parseFloat(s)
		if !ok || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
			return dst, false
		}
		n = int64(f)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(int32(n))), true
}

func appendDouble[S bytesOrString](dst []byte, s S) ([]byte, bool) {
	f, ok := parseFloat(s)
	if !ok {
		return dst, false
	}
	if f == 0 {
		f = 0 // minus zero too
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), true
}

// parseFloat reads a finite decimal number. The hexadecimal, underscored and
// named forms that strconv also knows are none.
func parseFloat[S bytesOrString](s S) (float64, bool) {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(s), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

func int64Value(n int64) Value {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}
