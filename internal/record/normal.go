package record

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Normal gives the form in which two values of one column are the same exactly
// when Salesforce keeps the same for both. It is for comparing only: values
// are stored as they came.
//
// What Salesforce itself does on save, and Normal therefore takes for nothing:
// spaces at both ends of a text go; an empty text is null; a number is rounded
// half up to the field's scale; the values of a multi-select picklist are put
// in the order of the picklist, each once; a datetime keeps whole seconds, a
// time milliseconds; an Id has 18 characters.
//
// What it does beyond, since the two sides cannot both hold it: CRLF and CR
// become LF (the line ends that come back depend on the API), and NUL, which
// Postgres cannot keep, goes.
//
// Normal never writes to v, and returns v itself if it is in normal form.
func (t Type) Normal(v Value) Value {
	if v == nil {
		return nil
	}
	switch t.Kind {
	case Double:
		return t.normalDouble(v)
	case Numeric:
		return t.normalNumeric(v)
	case Timestamp:
		return floorTo(v, microsPerSec)
	case Time:
		return floorTo(v, 1000)
	case ID:
		return normalID(v)
	case MultiText:
		return t.normalMulti(v)
	case Text:
		return normalText(v)
	default:
		return v
	}
}

// Same says whether Salesforce keeps the same for both values.
func (t Type) Same(a, b Value) bool {
	return a.Equal(b) || t.Normal(a).Equal(t.Normal(b))
}

// verifyDigits is how many digits of a number both sides surely keep: a double
// holds 15, and Salesforce's decimals have up to 18.
const verifyDigits = 15

// SameForVerify says whether a difference between the two sides is not worth
// showing. It is [Type.Same], save that numbers whose scale is unknown, or in a
// double of more digits than that holds, are compared by 15 digits.
func (t Type) SameForVerify(a, b Value) bool {
	if t.Same(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	switch {
	case t.Kind == Double:
		return sameDigits(a.Double(), b.Double())
	case t.Kind == Numeric && t.Scale < 0:
		x, errX := strconv.ParseFloat(string(appendNumericText(nil, a)), 64)
		y, errY := strconv.ParseFloat(string(appendNumericText(nil, b)), 64)
		return errX == nil && errY == nil && sameDigits(x, y)
	}
	return false
}

func sameDigits(a, b float64) bool {
	return string(strconv.AppendFloat(nil, a, 'e', verifyDigits-1, 64)) ==
		string(strconv.AppendFloat(nil, b, 'e', verifyDigits-1, 64))
}

// LengthError says that a text has more characters than its column takes.
type LengthError struct {
	Length, Max int
}

// Error gives both numbers.
func (e *LengthError) Error() string {
	return "text of " + strconv.Itoa(e.Length) + " characters, the column takes " + strconv.Itoa(e.Max)
}

// CheckLength returns a [*LengthError] for a text of more characters than the
// column takes, as Postgres counts them.
func (t Type) CheckLength(v Value) error {
	if t.Length == 0 || len(v) <= t.Length {
		return nil
	}
	switch t.Kind {
	case Text, ID, MultiText:
		if n := utf8.RuneCount(v); n > t.Length {
			return &LengthError{Length: n, Max: t.Length}
		}
	default:
	}
	return nil
}

// isSpace is what Salesforce trims: the blank and the control characters.
func isSpace(c byte) bool { return c <= ' ' }

func normalText(v Value) Value {
	out := []byte(v)
	if bytes.IndexByte(out, 0) >= 0 {
		out = dropNUL(bytes.Clone(out))
	}
	for len(out) > 0 && isSpace(out[0]) {
		out = out[1:]
	}
	for len(out) > 0 && isSpace(out[len(out)-1]) {
		out = out[:len(out)-1]
	}
	if bytes.IndexByte(out, '\r') >= 0 {
		out = bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))
		out = bytes.ReplaceAll(out, []byte("\r"), []byte("\n"))
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func normalID(v Value) Value {
	v = normalText(v)
	if id, ok := appendID18(make([]byte, 0, 18), []byte(v)); ok && !bytes.Equal(id, v) {
		return id
	}
	return v
}

// normalMulti sorts the chosen values into the picklist's order; values that
// the picklist does not know come last, by their bytes.
func (t Type) normalMulti(v Value) Value {
	v = normalText(v)
	if bytes.IndexByte(v, ';') < 0 {
		return v
	}
	var parts []string
	for part := range bytes.SplitSeq(v, []byte(";")) {
		if part = normalText(part); part != nil {
			parts = append(parts, string(part))
		}
	}
	rank := func(s string) int {
		if i := slices.Index(t.Order, s); i >= 0 {
			return i
		}
		return len(t.Order)
	}
	slices.SortFunc(parts, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	var out []byte
	for i, part := range slices.Compact(parts) {
		if i > 0 {
			out = append(out, ';')
		}
		out = append(out, part...)
	}
	return out
}

func floorTo(v Value, unit int64) Value {
	n := v.Int64()
	rest := n % unit
	if rest < 0 {
		rest += unit
	}
	if rest == 0 {
		return v
	}
	return int64Value(n - rest)
}

func (t Type) normalDouble(v Value) Value {
	f := v.Double()
	if f == 0 {
		return DoubleValue(0)
	}
	if t.Scale < 0 || f == math.Trunc(f) {
		return v
	}
	r := roundHalfUp(f, t.Scale)
	if r == f {
		return v
	}
	return DoubleValue(r)
}

// roundHalfUp rounds the decimal number that f prints as, halves away from
// zero. Rounding the binary value would make 1.005 come out as 1.00.
func roundHalfUp(f float64, scale int) float64 {
	var buf [64]byte
	text := strconv.AppendFloat(buf[:0], f, 'f', -1, 64)
	point := bytes.IndexByte(text, '.')
	if point < 0 || len(text)-point-1 <= scale {
		return f
	}
	up := text[point+1+scale] >= '5'
	text = text[:point+1+scale]
	if up {
		text = increment(text)
	}
	r, err := strconv.ParseFloat(string(bytes.TrimSuffix(text, []byte("."))), 64)
	if err != nil {
		return f
	}
	return r
}

// increment adds one to the last digit of a decimal text.
func increment(text []byte) []byte {
	for i := len(text) - 1; i >= 0; i-- {
		switch c := text[i]; {
		case c == '.':
		case c == '-':
			return slices.Insert(text, 1, '1')
		case c == '9':
			text[i] = '0'
		default:
			text[i]++
			return text
		}
	}
	return slices.Insert(text, 0, '1')
}
