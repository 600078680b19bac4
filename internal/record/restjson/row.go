package restjson

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/synclinehq/syncline/internal/record"
)

// rowDecoder turns one record's JSON, already known to be valid, into values.
type rowDecoder struct {
	layout  *record.Layout
	root    *node
	cur     cursor
	scratch []byte // images of the record at hand, one after the other
	unquote []byte // a string without its escapes
	spans   []span // where each column's image lies in scratch
	found   int    // columns that the record has
}

// span is a piece of scratch. Unset columns have from -1, NULL has size 0: no
// image is empty.
type span struct{ from, size int }

// node is one level of the field paths: the record itself, or a parent.
type node struct {
	entries []entry
	byName  map[string]int // by name in lower case
}

type entry struct {
	quoted []byte // the name as it stands in JSON
	column int    // -1 for a parent
	parent *node
}

func newRowDecoder(l *record.Layout) rowDecoder {
	root := &node{byName: make(map[string]int)}
	for i, c := range l.Columns {
		root.add(strings.Split(c.Field, "."), i)
	}
	return rowDecoder{layout: l, root: root, spans: make([]span, len(l.Columns))}
}

func (n *node) add(path []string, column int) {
	key := strings.ToLower(path[0])
	i, ok := n.byName[key]
	if !ok {
		i = len(n.entries)
		n.byName[key] = i
		n.entries = append(n.entries, entry{quoted: []byte(`"` + path[0] + `"`), column: -1})
	}
	e := &n.entries[i]
	if len(path) == 1 {
		e.column = column
		return
	}
	if e.parent == nil {
		e.parent = &node{byName: make(map[string]int)}
	}
	e.parent.add(path[1:], column)
}

// lookup finds the entry of a quoted name, first where it is expected: fields
// come in the order in which they were selected.
func (n *node) lookup(quoted []byte, expected int) int {
	if expected < len(n.entries) && bytes.Equal(n.entries[expected].quoted, quoted) {
		return expected
	}
	name := quoted[1 : len(quoted)-1]
	if i, ok := n.byName[string(name)]; ok {
		return i
	}
	if string(name) == "attributes" {
		return -1
	}
	if i, ok := n.byName[string(bytes.ToLower(name))]; ok {
		return i
	}
	return -1
}

// decode fills values in layout order. They hold until the next call.
func (d *rowDecoder) decode(raw []byte, values []record.Value) error {
	d.cur = cursor{buf: raw}
	d.scratch = d.scratch[:0]
	d.found = 0
	for i := range d.spans {
		d.spans[i].from = -1
	}
	if err := d.object(d.root); err != nil {
		err.ID = d.id(raw)
		return err
	}
	if d.found < len(d.spans) {
		return d.missing(raw)
	}
	for i, s := range d.spans {
		values[i] = nil
		if s.size > 0 {
			values[i] = d.scratch[s.from : s.from+s.size : s.from+s.size]
		}
	}
	return nil
}

// object reads the object at the cursor.
func (d *rowDecoder) object(n *node) *ValueError {
	d.cur.pos++
	expected := 0
	for d.cur.more('}') {
		key := d.cur.value()
		d.cur.colon()
		i := n.lookup(key, expected)
		if i < 0 {
			d.cur.value()
			continue
		}
		expected = i + 1
		if err := d.entry(&n.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *rowDecoder) entry(e *entry) *ValueError {
	switch {
	case e.parent == nil:
		return d.column(e.column, d.cur.value())
	case d.cur.peek() == '{':
		return d.object(e.parent)
	default:
		raw := d.cur.value()
		if e.column >= 0 {
			return d.column(e.column, raw)
		}
		if raw[0] != 'n' {
			return &ValueError{Field: strings.Trim(string(e.quoted), `"`), Value: shorten(raw), Want: "a parent record or null"}
		}
		d.null(e.parent)
		return nil
	}
}

// null sets every column behind a parent that is not there.
func (d *rowDecoder) null(n *node) {
	for i := range n.entries {
		e := &n.entries[i]
		if e.column >= 0 {
			d.set(e.column, span{})
		}
		if e.parent != nil {
			d.null(e.parent)
		}
	}
}

func (d *rowDecoder) set(column int, s span) {
	if d.spans[column].from < 0 {
		d.found++
	}
	d.spans[column] = s
}

// column encodes one value of the record.
func (d *rowDecoder) column(column int, raw []byte) *ValueError {
	if raw[0] == 'n' {
		d.set(column, span{})
		return nil
	}
	c := &d.layout.Columns[column]
	text := raw
	switch raw[0] {
	case '"':
		if wantsString(c.Type.Kind) {
			text = d.string(raw)
		}
	case '{', '[':
		return &ValueError{Field: c.Field, Value: shorten(raw), Want: "a single value"}
	default:
		if wantsString(c.Type.Kind) && c.Type.Kind != record.Text {
			return &ValueError{Field: c.Field, Value: shorten(raw), Want: "a string"}
		}
	}
	from := len(d.scratch)
	out, err := c.Type.AppendImage(d.scratch, text)
	if err != nil {
		return &ValueError{Field: c.Field, Value: shorten(raw), Want: "", err: err}
	}
	d.scratch = out
	d.set(column, span{from: from, size: len(out) - from})
	return nil
}

func wantsString(k record.Kind) bool {
	return k != record.Bool && k != record.Int && k != record.Double && k != record.Numeric
}

// string is the text of a JSON string. What is not UTF-8, or half of a
// surrogate pair, reads as U+FFFD.
func (d *rowDecoder) string(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if plain(inner) {
		return inner
	}
	// The error only repeats that something was replaced.
	d.unquote, _ = jsontext.AppendUnquote(d.unquote[:0], raw)
	return d.unquote
}
