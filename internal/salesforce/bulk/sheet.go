package bulk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// null is how a cell empties a field; an empty cell leaves the field alone.
const null = "#N/A"

// The longest that a job takes: characters of a field and of a row.
const (
	maxField = 32_000
	maxRow   = 400_000
)

// Sheet is the data of an ingest job: a row for each record, in the columns
// that any of them has. It knows rows again in the job's results.
type Sheet struct {
	op    salesforce.Op
	key   string // the column that names a record; "" if only all of them do
	names map[string]int
	rows  []map[string]string
}

// NewSheet makes the sheet of a job.
func NewSheet(in Ingest) *Sheet {
	s := &Sheet{op: in.Op, names: map[string]int{}}
	switch in.Op {
	case salesforce.Upsert:
		s.key = in.ExternalIDField
	case salesforce.Update, salesforce.Delete:
		s.key = idColumn
	case salesforce.Insert:
	}
	return s
}

const idColumn = "Id"

// Len is the number of rows.
func (s *Sheet) Len() int { return len(s.rows) }

// Fits says whether a record, as it would be sent by Collections, can be told
// in CSV: a text that is the word for NULL can't, nor one that is too long.
func Fits(record json.RawMessage) bool {
	_, err := flatten(record)
	return err == nil
}

// Add appends a record as Collections take it.
func (s *Sheet) Add(record json.RawMessage) error {
	row, err := flatten(record)
	if err != nil {
		return err
	}
	s.add(row)
	return nil
}

// AddID appends a record to delete.
func (s *Sheet) AddID(id string) { s.add(map[string]string{idColumn: id}) }

func (s *Sheet) add(row map[string]string) {
	for name := range row {
		s.names[name] = 0
	}
	s.rows = append(s.rows, row)
}

// flatten gives the cells of a record by column name.
func flatten(record json.RawMessage) (map[string]string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		return nil, fmt.Errorf("read a record's body: %w", err)
	}
	row, size := make(map[string]string, len(fields)), 0
	for name, raw := range fields {
		if name == "attributes" {
			continue
		}
		if raw[0] != '{' {
			v, err := cell(name, raw)
			if err != nil {
				return nil, err
			}
			row[name], size = v, size+len(v)
			continue
		}
		n, err := flattenParent(row, name, raw)
		if err != nil {
			return nil, err
		}
		size += n
	}
	if size > maxRow {
		return nil, fmt.Errorf("the record has more than %d characters", maxRow)
	}
	return row, nil
}

// flattenParent adds the cells that name a parent by its external ID.
func flattenParent(row map[string]string, parent string, raw json.RawMessage) (size int, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return 0, fmt.Errorf("read a record's body: %w", err)
	}
	if a, ok := fields["attributes"]; ok {
		var typed struct{ Type string }
		if err := json.Unmarshal(a, &typed); err != nil {
			return 0, fmt.Errorf("read a record's body: %w", err)
		}
		parent = typed.Type + ":" + parent
		delete(fields, "attributes")
	}
	for name, raw := range fields {
		v, err := cell(name, raw)
		if err != nil {
			return 0, err
		}
		row[parent+"."+name] = v
		size += len(v)
	}
	return size, nil
}

// cell is a JSON value as CSV holds it. Salesforce has no empty texts: one
// empties the field, as NULL does.
func cell(name string, raw json.RawMessage) (string, error) {
	switch raw[0] {
	case 'n':
		return null, nil
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", fmt.Errorf("read field %s: %w", name, err)
		}
		switch {
		case text == "":
			return null, nil
		case strings.TrimSpace(text) == null:
			return "", fmt.Errorf("field %s holds the word that stands for NULL", name)
		case len(text) > maxField && utf8.RuneCountInString(text) > maxField:
			return "", fmt.Errorf("field %s is longer than %d characters", name, maxField)
		}
		return text, nil
	case '[', '{':
		return "", fmt.Errorf("field %s holds no plain value", name)
	default:
		return string(raw), nil
	}
}

// CSV renders the upload, columns in the order of their names.
func (s *Sheet) CSV() []byte {
	names := s.header()
	size := 0
	for _, row := range s.rows {
		size += len(names) * 3
		for _, v := range row {
			size += len(v)
		}
	}
	out := appendRow(make([]byte, 0, size+size/8+100), names)
	cells := make([]string, len(names))
	for _, row := range s.rows {
		for i, name := range names {
			cells[i] = row[name]
		}
		out = appendRow(out, cells)
	}
	return out
}

func (s *Sheet) header() []string {
	names := make([]string, 0, len(s.names))
	for name := range s.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendRow(dst []byte, cells []string) []byte {
	for i, v := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v == "" {
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(v, `"`, `""`)...)
		dst = append(dst, '"')
	}
	return append(dst, '\n')
}

// Finder gives the place of each row of a job's results. Rows that nothing
// tells apart are given out in turn: which is which makes no difference.
type Finder struct {
	sheet *Sheet
	names []string
	free  map[string][]int
}

// Finder makes a finder that knows all rows and has found none.
func (s *Sheet) Finder() *Finder {
	f := &Finder{sheet: s, names: s.header(), free: make(map[string][]int, len(s.rows))}
	for i, row := range s.rows {
		k := f.key(func(name string) string { return row[name] })
		f.free[k] = append(f.free[k], i)
	}
	return f
}

// Key is what a row is known by.
func (f *Finder) Key(r RowResult) string {
	return f.key(func(name string) string {
		if i := slices.Index(r.Header, name); i >= 0 && i < len(r.Row) {
			return r.Row[i]
		}
		return ""
	})
}

// Find gives the place of a row, and false if there is none that is not found
// yet.
func (f *Finder) Find(key string) (int, bool) {
	list := f.free[key]
	if len(list) == 0 {
		return 0, false
	}
	f.free[key] = list[1:]
	return list[0], true
}

// Take counts a row as found.
func (f *Finder) Take(i int) {
	k := f.key(func(name string) string { return f.sheet.rows[i][name] })
	f.free[k] = slices.DeleteFunc(f.free[k], func(o int) bool { return o == i })
}

// key is what a row is known by. Line ends come back in one form.
func (f *Finder) key(value func(name string) string) string {
	if f.sheet.key != "" {
		return strings.TrimSpace(value(f.sheet.key))
	}
	var b strings.Builder
	for _, name := range f.names {
		b.WriteString(strings.ReplaceAll(value(name), "\r\n", "\n"))
		b.WriteByte(0x1f)
	}
	return b.String()
}
