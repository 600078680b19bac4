package restjson

import (
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/internal/record"
)

// ValueError says that a record holds a value that its column cannot.
type ValueError struct {
	// ID is the record's Id, "" if the reply has none.
	ID string
	// Field is the path of the field, Value its JSON cut to 80 characters.
	Field, Value string
	// Want names what was wanted instead.
	Want string

	err error
}

// Error names record, field and value.
func (e *ValueError) Error() string {
	want := "wanted " + e.Want
	if e.err != nil {
		want = e.err.Error()
	}
	return fmt.Sprintf("record %s: field %s: value %s: %s", e.ID, e.Field, e.Value, want)
}

// Unwrap gives the codec's error, mostly a [*record.FormError].
func (e *ValueError) Unwrap() error { return e.err }

// MissingError says that a record lacks a field that was selected. Salesforce
// never leaves one out, so the reply is not what was asked for.
type MissingError struct {
	ID, Field string
}

// Error names record and field.
func (e *MissingError) Error() string {
	return fmt.Sprintf("record %s: the reply lacks the selected field %s", e.ID, e.Field)
}

func (d *rowDecoder) missing(raw []byte) error {
	for i, s := range d.spans {
		if s.from < 0 {
			return &MissingError{ID: d.id(raw), Field: d.layout.Columns[i].Field}
		}
	}
	return nil
}

// id finds the record's Id for an error, wherever in the record it stands.
func (d *rowDecoder) id(raw []byte) string {
	d.cur = cursor{buf: raw, pos: 1}
	for d.cur.more('}') {
		key := d.cur.value()
		d.cur.colon()
		value := d.cur.value()
		if strings.EqualFold(string(key), `"id"`) && value[0] == '"' {
			return record.Value(d.string(value)).String()
		}
	}
	return ""
}

// shorten cuts a value to what an error may show.
func shorten(raw []byte) string {
	const limit = 80
	n := 0
	for i := range string(raw) {
		if n == limit {
			return string(raw[:i]) + "…"
		}
		n++
	}
	return string(raw)
}
