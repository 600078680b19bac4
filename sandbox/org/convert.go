package org

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// fromJSON turns a JSON value into a value of the field's type. Raw is nil,
// bool, json.Number, string or a nested type, which no field takes.
func fromJSON(f *schema.Field, raw any) (schema.Value, error) {
	switch v := raw.(type) {
	case nil:
		return schema.Null, nil
	case bool:
		return fromBool(f, v)
	case json.Number:
		return fromNumber(f, v.String())
	case string:
		return fromText(f, v)
	}
	return schema.Null, badBody(f, "START_OBJECT value {")
}

func fromBool(f *schema.Field, v bool) (schema.Value, error) {
	switch f.Type.Kind() {
	case schema.KindBool:
		return schema.Bool(v), nil
	case schema.KindText:
		return schema.Text(fmt.Sprint(v)), nil
	}
	return schema.Null, badBody(f, fmt.Sprintf("VALUE_%s value %v", strings.ToUpper(fmt.Sprint(v)), v))
}

func fromNumber(f *schema.Field, text string) (schema.Value, error) {
	switch f.Type.Kind() {
	case schema.KindNumber:
		return number(f, text)
	case schema.KindText:
		return schema.Text(text), nil
	}
	return schema.Null, badBody(f, "VALUE_NUMBER value "+text)
}

func fromText(f *schema.Field, text string) (schema.Value, error) {
	trimmed := strings.Trim(text, " \t\r\n\f\v")
	if trimmed == "" {
		return schema.Null, nil
	}
	bad := func() (schema.Value, error) { return schema.Null, badBody(f, "VALUE_STRING value "+trimmed) }
	switch f.Type.Kind() {
	case schema.KindText:
		return schema.Text(trimmed), nil
	case schema.KindBool:
		switch strings.ToLower(trimmed) {
		case "true":
			return schema.Bool(true), nil
		case "false":
			return schema.Bool(false), nil
		}
	case schema.KindNumber:
		if v, err := number(f, trimmed); err == nil {
			return v, nil
		}
	case schema.KindDate:
		if t, ok := parseDate(trimmed); ok {
			return schema.Date(schema.DaysOf(t)), nil
		}
	case schema.KindInstant:
		if t, ok := parseInstant(trimmed); ok {
			return schema.InstantOf(t), nil
		}
	case schema.KindTime:
		if t, ok := parseAny(trimmed, "15:04:05.000Z", "15:04:05.000", "15:04:05Z", "15:04:05", "15:04"); ok {
			return schema.TimeOfDay(t.Sub(t.Truncate(24 * time.Hour)).Milliseconds()), nil
		}
	}
	return bad()
}

func parseDate(s string) (time.Time, bool) {
	if t, ok := parseAny(s, time.DateOnly); ok {
		return t, inYears(t)
	}
	t, ok := parseInstant(s)
	return t.UTC(), ok
}

func parseInstant(s string) (time.Time, bool) {
	t, ok := parseAny(s, "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999-0700",
		"2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", time.DateOnly)
	return t, ok && inYears(t)
}

func inYears(t time.Time) bool { return t.Year() >= 1700 && t.Year() <= 4000 }

func parseAny(s string, layouts ...string) (time.Time, bool) {
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// number reads decimal text, rounds it half up to the field's scale and checks
// its range.
func number(f *schema.Field, text string) (schema.Value, error) {
	if len(text) > 400 || strings.ContainsAny(text, "/xXpP_") {
		return schema.Null, badBody(f, "VALUE_STRING value "+text)
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 5 {
		return schema.Null, badBody(f, "VALUE_STRING value "+text)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return schema.Null, badBody(f, "VALUE_STRING value "+text)
	}
	scale, whole := f.Scale, f.Precision-f.Scale
	if f.Type == schema.TypeInt {
		scale, whole = 0, f.Digits
	}
	if f.Precision == 0 && f.Type != schema.TypeInt {
		v, _ := r.Float64()
		return schema.Number(v), nil
	}
	v, err := roundHalfUp(r, scale)
	if err != nil {
		return schema.Null, fmt.Errorf("round %s: %w", f.Name, err)
	}
	if whole > 0 && math.Abs(v) >= math.Pow10(whole) {
		return schema.Null, rowErr("NUMBER_OUTSIDE_VALID_RANGE", []string{f.Name},
			"%s: value outside of valid range on numeric field: %s", f.Label, text)
	}
	return schema.Number(v), nil
}

func roundHalfUp(r *big.Rat, scale int) (float64, error) {
	// FloatString rounds half away from zero, which is what HALF_UP means.
	exact, ok := new(big.Rat).SetString(r.FloatString(scale))
	if !ok {
		return 0, fmt.Errorf("%s is no decimal number", r)
	}
	v, _ := exact.Float64()
	return v, nil
}

// checkText holds a text value against the field's length, picklist and form.
func checkText(f *schema.Field, v schema.Value) (schema.Value, error) {
	if v.Kind() != schema.KindText {
		return v, nil
	}
	s := v.Str()
	if n := textLength(s); f.Length > 0 && f.Type != schema.TypeReference && n > f.Length {
		return v, rowErr("STRING_TOO_LONG", []string{f.Name},
			"%s: data value too large: %s (max length=%d)", f.Label, s, f.Length)
	}
	switch f.Type {
	case schema.TypePicklist:
		return picklistValue(f, s)
	case schema.TypeMultiPicklist:
		return multiPicklist(f, s)
	case schema.TypeEmail:
		if !plausibleEmail(s) {
			return v, rowErr("INVALID_EMAIL_ADDRESS", []string{f.Name}, "%s: invalid email address: %s", f.Label, s)
		}
	}
	return v, nil
}

// textLength counts UTF-16 units, as Salesforce does; ASCII needs no decoding.
func textLength(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

func plausibleEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsAny(s, " \t\n,;") &&
		strings.Contains(s[at:], ".") && !strings.HasSuffix(s, ".")
}

func badPicklist(f *schema.Field, s string) error {
	return rowErr("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", []string{f.Name},
		"%s: bad value for restricted picklist field: %s", f.Label, s)
}

// picklistValue finds the entry whatever its case and stores its own spelling.
func picklistValue(f *schema.Field, s string) (schema.Value, error) {
	for i := range f.Picklist {
		if p := &f.Picklist[i]; strings.EqualFold(p.Value, s) && !p.Inactive {
			return schema.Text(p.Value), nil
		}
	}
	if f.RestrictedPicklist {
		return schema.Null, badPicklist(f, s)
	}
	return schema.Text(s), nil
}

// multiPicklist puts the chosen entries into definition order, each once;
// entries that the definition lacks follow in the order given.
func multiPicklist(f *schema.Field, s string) (schema.Value, error) {
	chosen := map[string]bool{}
	var unknown []string
	for _, part := range strings.Split(s, ";") {
		part = strings.TrimSpace(part)
		if part == "" || chosen[strings.ToLower(part)] {
			continue
		}
		chosen[strings.ToLower(part)] = true
		if !hasEntry(f, part) {
			if f.RestrictedPicklist {
				return schema.Null, badPicklist(f, part)
			}
			unknown = append(unknown, part)
		}
	}
	var out []string
	for _, p := range f.Picklist {
		if chosen[strings.ToLower(p.Value)] && !p.Inactive {
			out = append(out, p.Value)
		}
	}
	return schema.Text(strings.Join(append(out, unknown...), ";")), nil
}

func hasEntry(f *schema.Field, value string) bool {
	for _, p := range f.Picklist {
		if strings.EqualFold(p.Value, value) && !p.Inactive {
			return true
		}
	}
	return false
}
