package mapping

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// walker reads a decoded JSON tree and collects what is wrong with it. A
// reading that failed gives a zero value and goes on.
type walker struct {
	errs    PathErrors
	ignored []string
}

// value is a piece of the tree and the path to it; v is nil if it is absent or
// null, which mean the same.
type value struct {
	path string
	v    any
}

func (v value) at(path string) value { return value{path: path, v: v.v} }

// object is a JSON object whose members are taken out as they are read, so
// that what is left can be told.
type object struct {
	path    string
	members map[string]any
}

func (o *object) child(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

func (o *object) take(name string) value {
	v := o.members[name]
	delete(o.members, name)
	return value{path: o.child(name), v: v}
}

// names are the members not taken yet, sorted: errors come in a stable order.
func (o *object) names() []string { return slices.Sorted(maps.Keys(o.members)) }

func (w *walker) fail(path, problem string) {
	w.errs = append(w.errs, &PathError{Path: path, Problem: problem})
}

// rest notes the members that nobody took.
func (w *walker) rest(o *object) {
	for _, name := range o.names() {
		w.ignored = append(w.ignored, o.child(shown(name)))
	}
}

func (w *walker) want(v value, what string) {
	w.fail(v.path, fmt.Sprintf("%s is wanted, not %s", what, describeJSON(v.v)))
}

func (w *walker) object(v value) (*object, bool) {
	m, ok := v.v.(map[string]any)
	if !ok {
		if v.path == "" {
			w.fail("", "the file must hold a JSON object with the key mappings, not "+describeJSON(v.v))
		} else {
			w.want(v, "an object")
		}
		return nil, false
	}
	return &object{path: v.path, members: m}, true
}

func (w *walker) array(v value) []value {
	list, ok := v.v.([]any)
	if !ok {
		w.want(v, "an array")
		return nil
	}
	out := make([]value, len(list))
	for i, item := range list {
		out[i] = value{v: item}
	}
	return out
}

func (w *walker) isText(v value) bool {
	_, ok := v.v.(string)
	return ok
}

func (w *walker) text(v value) string {
	if v.v == nil {
		return ""
	}
	s, ok := v.v.(string)
	if !ok {
		w.want(v, "a string")
	}
	return s
}

// boolean also reads "true" and "false" as strings.
func (w *walker) boolean(v value, absent bool) bool {
	switch b := v.v.(type) {
	case nil:
		return absent
	case bool:
		return b
	case string:
		if b == "true" || b == "false" {
			return b == "true"
		}
	}
	w.want(v, "true or false")
	return absent
}

// integer also reads a number that is given as a string, as an old CLI did.
// Ok is false if an error was noted.
func (w *walker) integer(v value, absent, low, high int) (n int, ok bool) {
	var f float64
	switch x := v.v.(type) {
	case nil:
		return absent, true
	case float64:
		f = x
	case int:
		f = float64(x)
	case string:
		var err error
		if f, err = strconv.ParseFloat(x, 64); err != nil {
			w.want(v, "a whole number")
			return 0, false
		}
	default:
		w.want(v, "a whole number")
		return 0, false
	}
	if f != math.Trunc(f) || f < float64(low) || f > float64(high) {
		w.fail(v.path, fmt.Sprintf("a whole number from %d to %d is wanted, not %v", low, high, f))
		return 0, false
	}
	return int(f), true
}

// time reads an ISO time. A zone is not always given; UTC is meant then.
func (w *walker) time(v value) time.Time {
	s := w.text(v)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	w.fail(v.path, fmt.Sprintf("%q is no time of the form 2006-01-02T15:04:05Z", shown(s)))
	return time.Time{}
}

var apiVersion = regexp.MustCompile(`^([0-9]{2,3})(\.[0-9]+)?$`)

// apiVersion normalises to "NN.0". A number is read like its text.
func (w *walker) apiVersion(v value) string {
	if f, ok := v.v.(float64); ok {
		v.v = strconv.FormatFloat(f, 'f', -1, 64)
	}
	s := w.text(v)
	if s == "" {
		return ""
	}
	m := apiVersion.FindStringSubmatch(s)
	if m == nil {
		w.fail(v.path, fmt.Sprintf("%q is no API version such as 68.0", shown(s)))
		return ""
	}
	return m[1] + ".0"
}

func describeJSON(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the string %q", shown(x))
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return "the number " + strconv.FormatFloat(x, 'g', -1, 64)
	case []any:
		return "an array"
	default:
		return "an object"
	}
}

// shown cuts what a file says to what an error may repeat.
func shown(s string) string {
	const limit = 80
	n := 0
	for i := range s {
		if n == limit {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
