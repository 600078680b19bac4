package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

const instantLayout = "2006-01-02T15:04:05.000+0000"

func formatInstant(unix int64) string {
	return time.Unix(unix, 0).UTC().Format(instantLayout)
}

// marshal writes v as JSON the way appendString writes strings.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("render reply: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// appendString writes a JSON string the way Salesforce does: no escaping of
// HTML characters, invalid UTF-8 replaced.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

// appendValue writes a stored value in the REST form of its field's type.
func appendValue(b []byte, f *schema.Field, v schema.Value) []byte {
	switch v.Kind() {
	case schema.KindBool:
		return strconv.AppendBool(b, v.True())
	case schema.KindNumber:
		if f != nil && f.Type == schema.TypeInt {
			return strconv.AppendInt(b, int64(v.Float()), 10)
		}
		return append(b, schema.FormatDouble(v.Float())...)
	case schema.KindText:
		return appendString(b, v.Str())
	case schema.KindDate:
		return appendString(b, schema.FormatDate(v.Days()))
	case schema.KindInstant:
		return appendString(b, formatInstant(v.Unix()))
	case schema.KindTime:
		return appendString(b, time.UnixMilli(v.Millis()).UTC().Format("15:04:05.000Z"))
	}
	return append(b, "null"...)
}

// renderer writes records of one call: with the caller's version in links.
type renderer struct {
	ctx     context.Context
	version string
	view    *org.View
}

func (rd *renderer) attributes(b []byte, object, id string) []byte {
	b = append(b, `"attributes":{"type":`...)
	b = appendString(b, object)
	b = append(b, `,"url":`...)
	b = appendString(b, rd.recordURL(object, id))
	return append(b, '}')
}

func (rd *renderer) recordURL(object, id string) string {
	return "/services/data/" + rd.version + "/sobjects/" + object + "/" + id
}

// field writes any field of a record: stored, formula, compound or blob.
func (rd *renderer) field(b []byte, row soql.Row, f *schema.Field) []byte {
	switch {
	case f.Type.Compound():
		return rd.compound(b, row, f)
	case f.Type == schema.TypeBase64:
		if row.Value(f.Slot).IsNull() {
			return append(b, "null"...)
		}
		return appendString(b, rd.recordURL(row.Object().Name, row.ID())+"/"+f.Name)
	}
	return appendValue(b, f, rd.view.Value(row, f))
}

// compound assembles an address or location from its parts; null if all are.
func (rd *renderer) compound(b []byte, row soql.Row, f *schema.Field) []byte {
	start := len(b)
	b = append(b, '{')
	filled := false
	for _, want := range []string{"city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street"} {
		for _, part := range row.Object().Members(f.Name) {
			if !strings.EqualFold(part.ShortName(), want) {
				continue
			}
			v := row.Value(part.Slot)
			filled = filled || !v.IsNull()
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = append(appendString(b, want), ':')
			b = appendValue(b, part, v)
		}
	}
	if !filled {
		return append(b[:start], "null"...)
	}
	return append(b, '}')
}

// record writes the given fields of a record.
func (rd *renderer) record(b []byte, row soql.Row, fields []*schema.Field) []byte {
	b = append(b, '{')
	b = rd.attributes(b, row.Object().Name, row.ID())
	for _, f := range fields {
		b = append(b, ',')
		b = append(appendString(b, f.Name), ':')
		b = rd.field(b, row, f)
	}
	return append(b, '}')
}

// columns writes a record of a query.
func (rd *renderer) columns(b []byte, bound *soql.Bound, row soql.Row, cols []soql.Column) []byte {
	b = append(b, '{')
	b = rd.attributes(b, row.Object().Name, row.ID())
	for i := range cols {
		c := &cols[i]
		b = append(b, ',')
		b = append(appendString(b, c.Name), ':')
		switch c.Kind {
		case soql.ColumnParent:
			parent, ok := bound.ParentRow(rd.view, row, c)
			if !ok {
				b = append(b, "null"...)
				continue
			}
			b = rd.columns(b, bound, parent, c.Columns)
		case soql.ColumnChildren:
			b = rd.children(b, bound, row, c)
		default:
			b = rd.column(b, bound, row, c)
		}
	}
	return append(b, '}')
}

func (rd *renderer) column(b []byte, bound *soql.Bound, row soql.Row, c *soql.Column) []byte {
	if c.Field.Type.Compound() || c.Field.Type == schema.TypeBase64 {
		if own, ok := row.Object().Field(c.Field.Name); ok {
			return rd.field(b, row, own)
		}
	}
	return appendValue(b, c.Field, bound.Read(rd.view, row, c))
}

func (rd *renderer) children(b []byte, bound *soql.Bound, row soql.Row, c *soql.Column) []byte {
	rows, err := bound.Children(rd.ctx, rd.view, row, c)
	if err != nil || len(rows) == 0 { // only an ended call fails here
		return append(b, "null"...)
	}
	b = append(b, fmt.Sprintf(`{"totalSize":%d,"done":true,"records":[`, len(rows))...)
	for i, child := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = rd.columns(b, c.Sub, child, c.Sub.Columns)
	}
	return append(b, "]}"...)
}

// aggregate writes a computed row.
func (rd *renderer) aggregate(b []byte, cols []soql.Column, row []schema.Value) []byte {
	b = append(b, `{"attributes":{"type":"AggregateResult"}`...)
	for i := range cols {
		b = append(b, ',')
		b = append(appendString(b, cols[i].Name), ':')
		v := row[i]
		if cols[i].Count && v.Kind() == schema.KindNumber {
			b = strconv.AppendInt(b, int64(v.Float()), 10)
			continue
		}
		b = appendValue(b, cols[i].Field, v)
	}
	return append(b, '}')
}
