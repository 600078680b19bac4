package org

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// recordView is one version of one record; it implements soql.Row. It is used
// by one goroutine: reading fields in ascending order of slots, as selecting
// them does, walks over the data once.
type recordView struct {
	obj  *schema.Object
	t    *table
	n    uint64
	id   string // "" until asked for
	data []byte
	// p is the plot of a computed record, whose data is nil; base that of one
	// whose data is a patch.
	p, base *plot
	// at is where the data of slots from passed on begin.
	at, passed int
}

func (r *recordView) Object() *schema.Object { return r.obj }
func (r *recordView) Deleted() bool          { return r.marked(r.t.sys.deleted) }

// marked reads a flag that no computed record has.
func (r *recordView) marked(slot int) bool {
	if r.p != nil || slot < 0 {
		return false
	}
	v, _ := patched(r.data, slot)
	return v.True()
}

// Archived implements soql.Row. Only activities are archived; other objects
// have fields of that name that mean something else.
func (r *recordView) Archived() bool {
	return (r.obj.Name == "Task" || r.obj.Name == "Event") && r.marked(r.t.sys.archived)
}

func (r *recordView) ID() string {
	if r.id == "" {
		r.id = MakeID(r.t.prefix, r.n)
	}
	return r.id
}

func (r *recordView) Value(slot int) schema.Value {
	if slot == r.t.sys.id {
		return schema.Text(r.ID())
	}
	if r.p != nil || r.base != nil {
		return (&row{r.n, r.data, r.p, r.base}).field(slot)
	}
	if slot < r.passed {
		r.at, r.passed = 0, 0
	}
	reader := rowReader{r.data[r.at:]}
	for {
		before := len(r.data) - len(reader.rest)
		s, tag, payload, ok := reader.next()
		if !ok || s > slot {
			r.at, r.passed = before, slot
			return schema.Null
		}
		if s == slot {
			r.at, r.passed = before, slot
			return decodeValue(tag, payload)
		}
	}
}

// View is what one actor can see of the committed records; it implements
// soql.Source. It is valid only inside Org.Read.
type View struct {
	org   *Org
	actor *Actor
}

func (o *Org) view(a *Actor) *View { return &View{o, a} }

// visible says whether sharing shows a record to an actor.
func (o *Org) visibleRow(a *Actor, t *table, obj *schema.Object, r *row) bool {
	return t.sys.owner < 0 || a.seesAll(obj) || r.field(t.sys.owner).Str() == a.User.ID
}

func (o *Org) visible(a *Actor, t *table, obj *schema.Object, data []byte) bool {
	if t.sys.owner < 0 || a.seesAll(obj) {
		return true
	}
	return fieldOf(data, t.sys.owner).Str() == a.User.ID
}

func (v *View) row(o *schema.Object, t *table, r *row) (soql.Row, bool) {
	if r == nil || r.data == nil && r.p == nil || !v.org.visibleRow(v.actor, t, o, r) {
		return nil, false
	}
	return &recordView{obj: o, t: t, n: r.n, data: r.data, p: r.p, base: r.base}, true
}

func (v *View) rows(o *schema.Object, walk func(t *table, yield func(*row) bool)) iter.Seq[soql.Row] {
	return func(yield func(soql.Row) bool) {
		t := v.org.peek(o)
		if t == nil {
			return
		}
		walk(t, func(r *row) bool {
			if rv, ok := v.row(o, t, r); ok {
				return yield(rv)
			}
			return true
		})
	}
}

// Scan yields every record of an object by Id.
func (v *View) Scan(o *schema.Object) iter.Seq[soql.Row] { return v.ByIDFrom(o, "") }

// ByIDFrom yields records from an Id on, by Id.
func (v *View) ByIDFrom(o *schema.Object, from string) iter.Seq[soql.Row] {
	return v.rows(o, func(t *table, yield func(*row) bool) {
		t.fromID(from, yield)
	})
}

// ByID finds one record.
func (v *View) ByID(o *schema.Object, id string) (soql.Row, bool) {
	t := v.org.peek(o)
	if t == nil {
		return nil, false
	}
	return v.row(o, t, t.get(id))
}

// Find finds a record of any object.
func (v *View) Find(id string) (soql.Row, bool) {
	o, ok := v.org.Catalog.ByPrefix(id)
	if !ok {
		return nil, false
	}
	return v.ByID(o, id)
}

// Indexed says whether ByValue works for a field.
func (v *View) Indexed(o *schema.Object, f *schema.Field) bool {
	t := v.org.peek(o)
	return t != nil && t.keys[f.Slot] != nil
}

// ByValue yields the records whose indexed field has a value.
func (v *View) ByValue(o *schema.Object, f *schema.Field, val schema.Value) iter.Seq[soql.Row] {
	return v.rows(o, func(t *table, yield func(*row) bool) {
		t.withKey(f, indexKey(f, val), yield)
	})
}

// ByStamp yields records from a SystemModstamp on, by stamp and Id.
func (v *View) ByStamp(o *schema.Object, from int64) iter.Seq[soql.Row] {
	return v.rows(o, func(t *table, yield func(*row) bool) {
		t.fromStamp(from, yield)
	})
}

// Value is a field of a record with formulas worked out.
func (v *View) Value(r soql.Row, f *schema.Field) schema.Value {
	if f.Calculated {
		return soql.FieldValue(v.org.binder(v.actor), v, r, f)
	}
	return r.Value(f.Slot)
}

// Read runs fn over one consistent state of the org. fn must not write to the
// org and must not keep the view.
func (o *Org) Read(a *Actor, fn func(v *View) error) error {
	o.sweepBin()
	o.mu.RLock()
	defer o.mu.RUnlock()
	return fn(o.view(a))
}

func (o *Org) binder(a *Actor) *soql.Binder {
	return &soql.Binder{Catalog: o.Catalog, Visible: a.CanSee, Readable: a.CanRead, Now: o.Clock.Now()}
}

// Cursor is the outcome of a query: a snapshot of Ids (or of computed rows)
// whose values are read when a page is fetched.
type Cursor struct {
	ID     string
	Bound  *soql.Bound
	Result *soql.Result
	Total  int
	UserID string
	// Rows per page.
	Rows    int
	created time.Time
}

// Query parses and runs a query. all includes the recycle bin.
func (o *Org) Query(ctx context.Context, a *Actor, text string, all bool) (*Cursor, error) {
	q, err := soql.Parse(text)
	if err != nil {
		return nil, err
	}
	bound, err := soql.Bind(q, o.binder(a))
	if err != nil {
		return nil, err
	}
	var res *soql.Result
	err = o.Read(a, func(v *View) error {
		res, err = soql.Execute(ctx, bound, v, soql.Options{All: all || bound.AllRows})
		return err
	})
	if err != nil {
		return nil, err
	}
	c := &Cursor{Bound: bound, Result: res, UserID: a.User.ID, created: o.Clock.Now()}
	c.Total = max(res.Count, len(res.IDs), len(res.Rows))
	return c, nil
}

// KeepCursor gives a cursor a locator, so that later calls can fetch from it.
func (o *Org) KeepCursor(c *Cursor) {
	o.cursorMu.Lock()
	defer o.cursorMu.Unlock()
	o.cursorNo++
	c.ID = MakeID("0r8", o.cursorNo)
	o.cursors[c.ID] = c
	for id, old := range o.cursors {
		if o.Clock.Now().Sub(old.created) > o.locatorLife() {
			delete(o.cursors, id)
		}
	}
}

func (o *Org) locatorLife() time.Duration {
	if s := o.switches.Load().LocatorSeconds; s > 0 {
		return time.Duration(s) * time.Second
	}
	return 48 * time.Hour
}

// CursorByID finds a kept cursor that has not expired.
func (o *Org) CursorByID(id string) (*Cursor, error) {
	id, _, _ = strings.Cut(id, "-")
	o.cursorMu.Lock()
	defer o.cursorMu.Unlock()
	full, _ := NormalizeID(id)
	c, ok := o.cursors[full]
	if !ok || o.Clock.Now().Sub(c.created) > o.locatorLife() {
		return nil, rowErr("INVALID_QUERY_LOCATOR", nil, "invalid query locator")
	}
	return c, nil
}

// DropCursors expires every locator and says how many there were.
func (o *Org) DropCursors() int {
	o.cursorMu.Lock()
	defer o.cursorMu.Unlock()
	n := len(o.cursors)
	clear(o.cursors)
	return n
}

// FindByKey lists the live records whose external id field has a value.
func (o *Org) FindByKey(a *Actor, obj *schema.Object, f *schema.Field, text string) ([]string, error) {
	v, err := fromText(f, text)
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", f.Name, err)
	}
	var ids []string
	err = o.Read(a, func(view *View) error {
		for r := range view.ByValue(obj, f, v) {
			if !r.Deleted() {
				ids = append(ids, r.ID())
			}
		}
		return nil
	})
	return ids, err
}
