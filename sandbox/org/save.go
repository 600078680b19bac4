package org

import (
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// Input is one field of a record body: a JSON value, or for a relationship
// name a Body that names the parent by an external id.
type Input struct {
	Name string
	Raw  any
}

// Body is the fields of a record in the order of the request.
type Body []Input

// Get finds an input by name, whatever its case.
func (b Body) Get(name string) (any, bool) {
	for _, in := range b {
		if strings.EqualFold(in.Name, name) {
			return in.Raw, true
		}
	}
	return nil, false
}

// change is one write in the making: the record's values before and after.
type change struct {
	tx     *Tx
	t      *table
	obj    *schema.Object
	id     string
	insert bool
	old    []schema.Value
	values []schema.Value
	set    map[int]bool
}

// Insert creates a record and returns its Id.
func (tx *Tx) Insert(obj *schema.Object, body Body) (id string, err error) {
	err = tx.locked(func() error {
		id, err = tx.insert(obj, body)
		return err
	})
	return id, err
}

func (tx *Tx) insert(obj *schema.Object, body Body) (string, error) {
	if !obj.Createable {
		return "", rowErr("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type %s does not support create", obj.Name)
	}
	if !tx.actor.System && (!tx.actor.CanRead(obj) || tx.actor.User.Permissions.Object(obj).NoCreate) {
		return "", noAccess()
	}
	if err := tx.class(obj); err != nil {
		return "", err
	}
	t := tx.org.table(obj)
	c := &change{tx: tx, t: t, obj: obj, insert: true, set: map[int]bool{}}
	c.old = make([]schema.Value, obj.Slots())
	c.values = make([]schema.Value, obj.Slots())
	if err := c.save(body); err != nil {
		return "", err
	}
	return c.id, nil
}

// class keeps set-up objects and data apart: one transaction may write only
// one of the two.
func (tx *Tx) class(obj *schema.Object) error {
	if len(tx.order) == 0 || tx.actor.System || tx.order[0].obj.Setup == obj.Setup {
		return nil
	}
	return rowErr("MIXED_DML_OPERATION", nil,
		"DML operation on setup object is not permitted after you have updated a non-setup object (or vice versa): %s, original object: %s",
		obj.Name, tx.order[0].obj.Name)
}

// Ambiguous is an upsert whose external id belongs to several records.
type Ambiguous struct{ IDs []string }

func (e *Ambiguous) Error() string {
	return fmt.Sprintf("external id belongs to %d records", len(e.IDs))
}

// Upsert updates the record whose external id field has the value key, or
// creates one. With the field Id it only updates.
func (tx *Tx) Upsert(obj *schema.Object, f *schema.Field, key any, body Body) (id string, created bool, err error) {
	if f.Type == schema.TypeID {
		text, _ := key.(string)
		full, ok := NormalizeID(text)
		if !ok {
			return "", false, malformedID(f, text)
		}
		return full, false, tx.Update(obj, full, body)
	}
	v, err := fromJSON(f, key)
	if err != nil {
		return "", false, err
	}
	if v.IsNull() {
		return "", true, rowErr("MISSING_ARGUMENT", []string{f.Name}, "%s not specified", f.Name)
	}
	err = tx.locked(func() error {
		t := tx.org.table(obj)
		k := keyRef{t, f.Slot, indexKey(f, v)}
		ids := tx.liveWithKey(t, f, k.key)
		if other := tx.org.reserved[k]; len(ids) == 0 && other != nil && other != tx {
			return &errWait{other, v.Str()}
		}
		switch len(ids) {
		case 0:
			created = true
			id, err = tx.insert(obj, append(Body{{f.Name, key}}, body...))
			return err
		case 1:
			id, created = ids[0], false
			return tx.update(obj, id, body)
		}
		return &Ambiguous{ids}
	})
	return id, created, err
}

// Update changes a record's given fields.
func (tx *Tx) Update(obj *schema.Object, id string, body Body) error {
	return tx.locked(func() error { return tx.update(obj, id, body) })
}

func (tx *Tx) update(obj *schema.Object, id string, body Body) error {
	if !obj.Updateable {
		return rowErr("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "entity type %s does not support update", obj.Name)
	}
	if err := tx.class(obj); err != nil {
		return err
	}
	t := tx.org.table(obj)
	if err := tx.lock(id); err != nil {
		return err
	}
	data, err := tx.existing(t, obj, id)
	if err != nil {
		return err
	}
	if !tx.actor.System && tx.actor.User.Permissions.Object(obj).NoEdit {
		return noAccess()
	}
	c := &change{tx: tx, t: t, obj: obj, id: id, set: map[int]bool{}}
	c.old = decodeRow(data, obj.Slots())
	c.values = append([]schema.Value(nil), c.old...)
	return c.save(body)
}

// existing is a live record that the actor may see.
func (tx *Tx) existing(t *table, obj *schema.Object, id string) ([]byte, error) {
	data := tx.current(t, id)
	if data == nil || !tx.org.visible(tx.actor, t, obj, data) {
		return nil, badCrossReference()
	}
	if t.isDeleted(data) {
		return nil, entityDeleted()
	}
	return data, nil
}

// save runs the pipeline: body to values, defaults, rewrites, system checks,
// rules, uniqueness, assignment, stamps, staging.
func (c *change) save(body Body) error {
	if err := c.take(body); err != nil {
		return err
	}
	if c.insert {
		c.defaults()
	}
	if err := c.recordType(); err != nil {
		return err
	}
	c.compose()
	if err := c.blobs(); err != nil {
		return err
	}
	if err := c.rewrite(); err != nil {
		return err
	}
	if err := c.required(); err != nil {
		return err
	}
	if err := c.validate(); err != nil {
		return err
	}
	if err := c.duplicates(); err != nil {
		return err
	}
	if err := c.unique(); err != nil {
		return err
	}
	if err := c.assign(); err != nil {
		return err
	}
	if err := c.tx.lockParents(c.obj, c.old, c.values); err != nil {
		return err
	}
	if c.insert {
		c.t.sequence++
		c.id = MakeID(c.obj.KeyPrefix, c.t.sequence)
		c.number()
	}
	c.stamp()
	if len(c.tx.org.rules.Touches) == 0 {
		c.stage()
		return nil
	}
	sp := c.tx.savepoint()
	c.stage()
	if err := c.touch(); err != nil {
		c.tx.restore(sp)
		return err
	}
	return nil
}

// stage puts the record, complete now, into the transaction.
func (c *change) stage() {
	s := c.tx.stage(c.t, c.obj, c.id, encodeRow(c.values))
	op := "update"
	if c.insert {
		op = "insert"
	}
	s.ops = append(s.ops, c.tx.write(c.obj, c.id, op, c.changed()))
}

// take converts the body. All fields that may not be written are named at
// once, as Salesforce does.
func (c *change) take(body Body) error {
	var forbidden []string
	for _, in := range body {
		f, ok := c.obj.Field(in.Name)
		if !ok {
			if err := c.takeParent(in, &forbidden); err != nil {
				return err
			}
			continue
		}
		if !c.tx.actor.CanSee(c.obj, f) {
			return noSuchColumn(c.obj.Name, in.Name)
		}
		if f.Type == schema.TypeID {
			continue
		}
		if !c.writable(f) {
			forbidden = append(forbidden, f.Name)
			continue
		}
		if err := c.takeField(f, in.Raw); err != nil {
			return err
		}
	}
	if len(forbidden) > 0 {
		return notWritable(forbidden)
	}
	return nil
}

func (c *change) writable(f *schema.Field) bool {
	allowed := f.Updateable
	if c.insert {
		allowed = f.Createable
	}
	return allowed && c.tx.actor.canWrite(c.obj, f)
}

func (c *change) takeField(f *schema.Field, raw any) error {
	v, err := fromJSON(f, raw)
	if err != nil {
		return err
	}
	if v.IsNull() && f.Type == schema.TypeBoolean {
		if !c.insert {
			return rowErr("INVALID_TYPE_ON_FIELD_IN_RECORD", []string{f.Name}, "%s: value not of required type: null", f.Label)
		}
		return nil
	}
	if v, err = checkText(f, v); err != nil {
		return err
	}
	if f.Type == schema.TypeReference && !v.IsNull() {
		if v, err = c.tx.target(c.obj, f, v.Str()); err != nil {
			return err
		}
	}
	c.values[f.Slot] = v
	c.set[f.Slot] = true
	return nil
}

// defaults fills what a new record gets unasked.
func (c *change) defaults() {
	for _, f := range c.obj.Fields {
		if !f.Stored() || !c.values[f.Slot].IsNull() {
			continue
		}
		switch {
		case !f.Default.IsNull():
			if !c.set[f.Slot] || f.Type == schema.TypeBoolean {
				c.values[f.Slot] = f.Default
			}
		case f.Type == schema.TypeBoolean:
			c.values[f.Slot] = schema.Bool(false)
		case f.Slot == c.t.sys.owner:
			c.values[f.Slot] = schema.Text(c.tx.actor.User.ID)
		default:
			if !c.set[f.Slot] {
				c.values[f.Slot] = defaultEntry(f)
			}
		}
	}
}

func defaultEntry(f *schema.Field) schema.Value {
	for _, p := range f.Picklist {
		if p.Default {
			return schema.Text(p.Value)
		}
	}
	return schema.Null
}

// nameParts are the parts of a person's name, in order.
var nameParts = []string{"FirstName", "MiddleName", "LastName", "Suffix"}

// compose builds the compound Name of people from its parts.
func (c *change) compose() {
	name, ok := c.obj.Field("Name")
	if !ok || name.Createable || !name.Stored() || name.AutoNumber {
		return
	}
	members := c.obj.Members("Name")
	if len(members) == 0 {
		return
	}
	var parts []string
	for _, want := range nameParts {
		if f, ok := c.obj.Field(want); ok && f.Stored() {
			if s := c.values[f.Slot].Str(); s != "" {
				parts = append(parts, s)
			}
		}
	}
	c.values[name.Slot] = schema.Text(strings.Join(parts, " "))
}

func (c *change) required() error {
	var missing []string
	for _, f := range c.obj.Fields {
		if !f.Stored() || f.Nillable || f.Type == schema.TypeBoolean || !c.values[f.Slot].IsNull() {
			continue
		}
		if f.Createable && (c.insert && !f.DefaultedOnCreate || !c.insert && c.set[f.Slot]) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return rowErr("REQUIRED_FIELD_MISSING", missing, "Required fields are missing: [%s]", strings.Join(missing, ", "))
	}
	return nil
}

// unique checks the unique fields that the write sets.
func (c *change) unique() error {
	for _, f := range c.obj.Fields {
		if !f.Unique || f.Calculated || !f.Stored() || c.values[f.Slot].IsNull() {
			continue
		}
		k := keyRef{c.t, f.Slot, indexKey(f, c.values[f.Slot])}
		for _, id := range c.tx.liveWithKey(c.t, f, k.key) {
			if id != c.id {
				return duplicateValue(f, id)
			}
		}
		if other := c.tx.org.reserved[k]; other != nil && other != c.tx {
			return &errWait{other, c.id}
		}
	}
	return nil
}

// number fills auto-number fields.
func (c *change) number() {
	for _, f := range c.obj.Fields {
		if f.AutoNumber && f.Stored() {
			c.t.counters[f.Slot]++
			c.values[f.Slot] = schema.Text(fmt.Sprintf("%08d", 1000+c.t.counters[f.Slot]))
		}
	}
}

// stamp sets the audit fields from the org's clock at this moment.
func (c *change) stamp() {
	now := schema.InstantOf(c.tx.org.Clock.Now().Truncate(time.Second))
	user := schema.Text(c.tx.actor.User.ID)
	set := func(slot int, v schema.Value) {
		if slot >= 0 {
			c.values[slot] = v
		}
	}
	if c.insert {
		set(c.t.sys.created, now)
		set(c.t.sys.createdBy, user)
		set(c.t.sys.deleted, schema.Bool(false))
	}
	set(c.t.sys.modified, now)
	set(c.t.sys.modifiedBy, user)
	set(c.t.sys.stamp, now)
	if c.t.sys.id >= 0 {
		c.values[c.t.sys.id] = schema.Null
	}
}

// changed lists what the write did to the record.
func (c *change) changed() []FieldValue {
	var list []FieldValue
	for _, f := range c.obj.Fields {
		if f.Stored() && c.values[f.Slot] != c.old[f.Slot] {
			list = append(list, FieldValue{f, c.values[f.Slot]})
		}
	}
	return list
}
