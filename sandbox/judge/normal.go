package judge

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// kind tells how values of a column are compared.
type kind uint8

const (
	kindText kind = iota
	kindID
	kindMulti
	kindNumber
	kindBool
	kindDate
	kindInstant
	kindClock
)

// column is one compared column.
type column struct {
	// field is the mapped name, name the column's.
	field, name string
	kind        kind
	// scale rounds numbers of a numeric column; -1: none.
	scale int
	// lookup is the field that holds the parent's id, when the column is the
	// external id of a parent.
	lookup   string
	external string
}

// fromJSON brings a value of the org into the form that is compared; "" is null.
func (c *column) fromJSON(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case 'n':
		return "", nil
	case 't', 'f':
		return string(v), nil
	case '0':
		return c.normalNumber(string(v))
	case '"':
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return "", err
		}
		return c.normal(string(s))
	}
	return string(v), nil
}

// fromText does the same with a column's text.
func (c *column) fromText(s string) (string, error) {
	if c.kind == kindBool {
		switch s {
		case "t":
			return "true", nil
		case "f":
			return "false", nil
		}
	}
	return c.normal(s)
}

func (c *column) normal(s string) (string, error) {
	s = normalText(s)
	if s == "" {
		return "", nil
	}
	switch c.kind {
	case kindID:
		return shortID(s), nil
	case kindMulti:
		parts := strings.Split(s, ";")
		slices.Sort(parts)
		return strings.Join(slices.Compact(parts), ";"), nil
	case kindNumber:
		return c.normalNumber(s)
	case kindInstant:
		return normalInstant(s)
	case kindClock:
		return normalClock(s)
	}
	return s, nil
}

// shortID makes the two forms of an id one: 18 characters whose last three are
// the checksum of the case of the others. Any other text stays as it is.
func shortID(s string) string {
	if len(s) != 18 {
		return s
	}
	for i := range 3 {
		bits := 0
		for j := range 5 {
			if c := s[5*i+j]; 'A' <= c && c <= 'Z' {
				bits |= 1 << j
			}
		}
		if "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits] != s[15+i] {
			return s
		}
	}
	return s[:15]
}

// normalText: the org trims text and stores one kind of line end.
func normalText(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.TrimSpace(s)
}

func (c *column) normalNumber(s string) (string, error) {
	if c.kind != kindNumber {
		return s, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", fmt.Errorf("column %s: %q is not a number", c.name, s)
	}
	if c.scale >= 0 {
		factor := math.Pow10(c.scale)
		n = math.Round(n*factor) / factor
	}
	if n == 0 {
		return "0", nil
	}
	return strconv.FormatFloat(n, 'g', -1, 64), nil
}

// instantLayouts are the forms of datetimes on both sides; all in UTC.
var instantLayouts = []string{
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999-07",
}

func normalInstant(s string) (string, error) {
	for _, layout := range instantLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z"), nil
		}
	}
	return "", fmt.Errorf("%q is not a datetime", s)
}

func normalClock(s string) (string, error) {
	t, err := time.Parse("15:04:05.999999999", strings.TrimSuffix(s, "Z"))
	if err != nil {
		return "", fmt.Errorf("%q is not a time", s)
	}
	return t.Format("15:04:05"), nil
}

// kindOf reads the way of comparing off a column's type. Multi-select picklists
// are the columns of their length.
func kindOf(sqlType string) (k kind, scale int) {
	base, size, _ := strings.Cut(strings.TrimSuffix(sqlType, ")"), "(")
	switch base {
	case "character varying":
		switch size {
		case "18":
			return kindID, -1
		case "4099":
			return kindMulti, -1
		}
	case "double precision", "real", "integer", "bigint", "smallint":
		return kindNumber, -1
	case "numeric":
		if _, digits, ok := strings.Cut(size, ","); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				return kindNumber, n
			}
		}
		return kindNumber, -1
	case "boolean":
		return kindBool, -1
	case "date":
		return kindDate, -1
	case "timestamp without time zone", "timestamp with time zone":
		return kindInstant, -1
	case "time without time zone":
		return kindClock, -1
	}
	if strings.HasPrefix(sqlType, "timestamp") {
		return kindInstant, -1
	}
	return kindText, -1
}
