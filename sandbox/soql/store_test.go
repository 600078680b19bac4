package soql_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// memory is a plain Source: rows by id, every index a scan.
type memory struct {
	catalog *schema.Catalog
	rows    map[string]*memRow
	seen    int
}

type memRow struct {
	object  *schema.Object
	id      string
	deleted bool
	values  map[int]schema.Value
}

func (r *memRow) Object() *schema.Object      { return r.object }
func (r *memRow) ID() string                  { return r.id }
func (r *memRow) Deleted() bool               { return r.deleted }
func (r *memRow) Archived() bool              { return false }
func (r *memRow) Value(slot int) schema.Value { return r.values[slot] }

var clock = time.Date(2026, 11, 22, 14, 35, 0, 0, time.UTC)

func newMemory(t testing.TB) *memory {
	t.Helper()
	c := schema.Standard(nil)
	if err := schema.Demo(c); err != nil {
		t.Fatal(err)
	}
	return &memory{catalog: c, rows: map[string]*memRow{}}
}

// add stores a record; n makes its id, values are given as "Field=value".
func (m *memory) add(t testing.TB, object string, n int, fields ...string) string {
	t.Helper()
	o, ok := m.catalog.Object(object)
	if !ok {
		t.Fatalf("no object %s", object)
	}
	id, ok := soql.ID18(fmt.Sprintf("%s%012d", o.KeyPrefix, n))
	if !ok {
		t.Fatal("bad id")
	}
	r := &memRow{object: o, id: id, values: map[int]schema.Value{}}
	for _, pair := range fields {
		name, text, _ := strings.Cut(pair, "=")
		if name == "deleted" {
			r.deleted = true
			continue
		}
		f, ok := o.Field(name)
		if !ok {
			t.Fatalf("no field %s.%s", object, name)
		}
		r.values[f.Slot] = parseValue(t, f, text)
	}
	m.rows[id] = r
	return id
}

func parseValue(t testing.TB, f *schema.Field, text string) schema.Value {
	t.Helper()
	switch f.Type.Kind() {
	case schema.KindBool:
		return schema.Bool(text == "true")
	case schema.KindNumber:
		var n float64
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
		return schema.Number(n)
	case schema.KindDate:
		d, err := schema.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return schema.Date(d)
	case schema.KindInstant:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return schema.InstantOf(at)
	}
	return schema.Text(text)
}

func (m *memory) sorted(o *schema.Object, less func(a, b *memRow) int, keep func(*memRow) bool) iter.Seq[soql.Row] {
	var list []*memRow
	for _, r := range m.rows {
		if r.object.Name == o.Name && keep(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, less)
	return func(yield func(soql.Row) bool) {
		for _, r := range list {
			m.seen++
			if !yield(r) {
				return
			}
		}
	}
}

func byID(a, b *memRow) int { return strings.Compare(a.id, b.id) }

func (m *memory) Scan(o *schema.Object) iter.Seq[soql.Row] {
	return m.sorted(o, byID, func(*memRow) bool { return true })
}

func (m *memory) ByID(o *schema.Object, id string) (soql.Row, bool) {
	r, ok := m.rows[id]
	if !ok || r.object.Name != o.Name {
		return nil, false
	}
	m.seen++
	return r, true
}

func (m *memory) Find(id string) (soql.Row, bool) {
	r, ok := m.rows[id]
	return r, ok
}

func (m *memory) Indexed(_ *schema.Object, f *schema.Field) bool {
	return f.ExternalID || f.Type == schema.TypeReference
}

func (m *memory) ByValue(o *schema.Object, f *schema.Field, v schema.Value) iter.Seq[soql.Row] {
	return m.sorted(o, byID, func(r *memRow) bool { return r.values[f.Slot].EqualFold(v) })
}

func (m *memory) ByStamp(o *schema.Object, from int64) iter.Seq[soql.Row] {
	f, _ := o.Field("SystemModstamp")
	return m.sorted(o, func(a, b *memRow) int {
		if n := a.values[f.Slot].Compare(b.values[f.Slot]); n != 0 {
			return n
		}
		return byID(a, b)
	}, func(r *memRow) bool { return r.values[f.Slot].Unix() >= from })
}

func (m *memory) ByIDFrom(o *schema.Object, from string) iter.Seq[soql.Row] {
	return m.sorted(o, byID, func(r *memRow) bool { return r.id >= from })
}

func (m *memory) binder() *soql.Binder { return &soql.Binder{Catalog: m.catalog, Now: clock} }

func (m *memory) bind(t testing.TB, query string) *soql.Bound {
	t.Helper()
	q, err := soql.Parse(query)
	if err != nil {
		t.Fatalf("parse %s: %v", query, err)
	}
	b, err := soql.Bind(q, m.binder())
	if err != nil {
		t.Fatalf("bind %s: %v", query, err)
	}
	return b
}

func (m *memory) run(t testing.TB, query string) *soql.Result {
	t.Helper()
	res, err := soql.Execute(context.Background(), m.bind(t, query), m, soql.Options{})
	if err != nil {
		t.Fatalf("execute %s: %v", query, err)
	}
	return res
}
