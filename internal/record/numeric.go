package record

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Parts of the image of a numeric: how many digits of base 10,000 follow, the
// power of 10,000 that the first one counts, the sign, and how many decimal
// digits after the point are shown.
const (
	numericHead     = 8
	numericNegative = 0x4000
	numericNaN      = 0xc000
	numericPlusInf  = 0xd000
	numericMinusInf = 0xf000
	groupDigits     = 4
)

// maxNumericDigits bounds a number before and after the point. Salesforce
// keeps 18 in all; a double's exponent reaches 308.
const maxNumericDigits = 400

// decimal is a number as digits: 0.d₁d₂d₃… × 10^point. It has no zeros at
// either end; zero has no digits.
type decimal struct {
	negative bool
	digits   []byte // '0' to '9'
	point    int
}

// parseDecimal reads a decimal number with an optional exponent. Its digits
// are kept in buf.
func parseDecimal[S bytesOrString](buf []byte, s S) (d decimal, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		d.negative = s[i] == '-'
		i++
	}
	d.digits = buf
	seen, fraction := 0, false
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			seen++
			if !fraction {
				d.point++
			}
			d.digits = append(d.digits, c)
			continue
		case c == '.' && !fraction:
			fraction = true
			continue
		}
		break
	}
	if seen == 0 {
		return d, false
	}
	if i < len(s) {
		exponent, err := strconv.ParseInt(string(s[i+1:]), 10, 32)
		if (s[i] != 'e' && s[i] != 'E') || err != nil {
			return d, false
		}
		d.point += int(exponent)
	}
	d.trim()
	return d, max(d.point, len(d.digits)-d.point) <= maxNumericDigits
}

// trim takes away zeros that say nothing.
func (d *decimal) trim() {
	for len(d.digits) > 0 && d.digits[0] == '0' {
		d.digits, d.point = d.digits[1:], d.point-1
	}
	for n := len(d.digits); n > 0 && d.digits[n-1] == '0'; n = len(d.digits) {
		d.digits = d.digits[:n-1]
	}
	if len(d.digits) == 0 {
		d.negative, d.point = false, 0
	}
}

// round rounds half away from zero to a number of digits after the point.
func (d *decimal) round(scale int) {
	keep := d.point + scale
	if keep >= len(d.digits) {
		return
	}
	if keep < 0 {
		d.digits = nil
		d.trim()
		return
	}
	up := d.digits[keep] >= '5'
	d.digits = bytes.Clone(d.digits[:keep])
	if up {
		d.increment()
	}
	d.trim()
}

// increment adds one to the last digit.
func (d *decimal) increment() {
	for i := len(d.digits) - 1; i >= 0; i-- {
		if d.digits[i] != '9' {
			d.digits[i]++
			return
		}
		d.digits[i] = '0'
	}
	d.digits = append([]byte{'1'}, d.digits...)
	d.point++
}

// digit is the digit of the given power of ten, 0 for those left out.
func (d *decimal) digit(power int) int {
	if i := d.point - 1 - power; i >= 0 && i < len(d.digits) {
		return int(d.digits[i] - '0')
	}
	return 0
}

// appendImage appends the image of the number with no more digits after the
// point than it has, so that equal numbers have equal bytes.
func (d *decimal) appendImage(dst []byte) []byte {
	if len(d.digits) == 0 {
		return append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	first := floorDiv(d.point-1, groupDigits)
	last := floorDiv(d.point-len(d.digits), groupDigits)
	sign := uint16(0)
	if d.negative {
		sign = numericNegative
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(first-last+1))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(first)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(max(0, len(d.digits)-d.point)))
	for g := first; g >= last; g-- {
		n := 0
		for p := groupDigits - 1; p >= 0; p-- {
			n = n*10 + d.digit(g*groupDigits+p)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	}
	return dst
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// appendNumeric appends the image of a number in text form.
func appendNumeric[S bytesOrString](dst []byte, s S) ([]byte, bool) {
	var buf [64]byte
	d, ok := parseDecimal(buf[:0], s)
	if !ok {
		return dst, false
	}
	return d.appendImage(dst), true
}

// appendNumericText prints an image as Postgres does, with all the digits
// after the point that it is to be shown with.
func appendNumericText(dst []byte, v Value) []byte {
	if len(v) < numericHead {
		return dst
	}
	groups, weight := int(binary.BigEndian.Uint16(v)), int(int16(binary.BigEndian.Uint16(v[2:])))
	scale := int(binary.BigEndian.Uint16(v[6:]))
	switch binary.BigEndian.Uint16(v[4:]) {
	case numericNaN:
		return append(dst, "NaN"...)
	case numericPlusInf:
		return append(dst, "Infinity"...)
	case numericMinusInf:
		return append(dst, "-Infinity"...)
	case numericNegative:
		dst = append(dst, '-')
	}
	group := func(power int) int {
		i := weight - power
		if at := numericHead + 2*i; i >= 0 && i < groups && at+2 <= len(v) {
			return int(binary.BigEndian.Uint16(v[at:]))
		}
		return 0
	}
	dst = strconv.AppendInt(dst, int64(group(max(weight, 0))), 10)
	for power := weight - 1; power >= 0; power-- {
		dst = appendPadded(dst, group(power), groupDigits)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + scale
	for power := -1; len(dst) < end; power-- {
		dst = appendPadded(dst, group(power), groupDigits)
	}
	return dst[:end]
}

// normalNumeric rounds to the scale and leaves out zeros at the end.
func (t Type) normalNumeric(v Value) Value {
	var text, digits [64]byte
	d, ok := parseDecimal(digits[:0], appendNumericText(text[:0], v))
	if !ok {
		return v // not a number, or too long for Salesforce to hold
	}
	if t.Scale >= 0 {
		d.round(t.Scale)
	}
	out := Value(d.appendImage(make([]byte, 0, numericHead+8)))
	if bytes.Equal(out, v) {
		return v
	}
	return out
}
