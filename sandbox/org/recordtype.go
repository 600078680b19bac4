package org

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// RecordType is a record type of an object. New records get the oldest active
// one unless they name another.
type RecordType struct {
	ID, Name, DeveloperName string
	Active                  bool
	// Changed is its SystemModstamp.
	Changed time.Time
}

// RecordTypes lists the record types of an object, oldest first.
func (o *Org) RecordTypes(object string) []RecordType {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.recordTypes(object, nil)
}

// recordTypes is RecordTypes as a transaction sees them, or with nil as they
// were committed. The caller holds the lock.
func (o *Org) recordTypes(object string, tx *Tx) []RecordType {
	obj, ok := o.Catalog.Object("RecordType")
	if !ok {
		return nil
	}
	t := o.peek(obj)
	if t == nil {
		return nil
	}
	value := func(data []byte, name string) schema.Value {
		if f, ok := obj.Field(name); ok {
			return fieldOf(data, f.Slot)
		}
		return schema.Null
	}
	var list []RecordType
	t.each(func(r *row) bool {
		data, id := r.bytes(), t.idOf(r)
		if tx != nil {
			data = tx.current(t, id)
		}
		if strings.EqualFold(value(data, "SobjectType").Str(), object) {
			list = append(list, RecordType{
				ID: id, Name: value(data, "Name").Str(), DeveloperName: value(data, "DeveloperName").Str(),
				Active: value(data, "IsActive").True(), Changed: time.Unix(t.stampOf(data), 0),
			})
		}
		return true
	})
	return list
}

// AddRecordType makes a record type of an object, which gets the field
// RecordTypeId with its first one, and gives its Id.
func (o *Org) AddRecordType(object, name, developerName string) (string, error) {
	obj, ok := o.Catalog.Object(object)
	if !ok {
		return "", fmt.Errorf("add record type: no object %q", object)
	}
	if name == "" {
		return "", errors.New("add record type: name is empty")
	}
	if developerName == "" {
		developerName = strings.ReplaceAll(name, " ", "_")
	}
	for _, rt := range o.RecordTypes(obj.Name) {
		if strings.EqualFold(rt.DeveloperName, developerName) {
			return "", fmt.Errorf("add record type: %s has %q already", obj.Name, developerName)
		}
	}
	if _, ok := obj.Field("RecordTypeId"); !ok {
		if err := o.Catalog.AddField(obj.Name, schema.RecordTypeField()); err != nil {
			return "", fmt.Errorf("add record type: %w", err)
		}
		o.SchemaChanged(obj.Name)
	}
	return o.plant("RecordType", map[string]schema.Value{
		"Name": schema.Text(name), "DeveloperName": schema.Text(developerName), "SobjectType": schema.Text(obj.Name), "IsActive": schema.Bool(true),
	})
}

// recordType gives a new record the default record type, and refuses one that
// is not of its object.
func (c *change) recordType() error {
	f, ok := c.obj.Field("RecordTypeId")
	if !ok || c.obj.Name == "RecordType" || !c.insert && !c.set[f.Slot] {
		return nil
	}
	asked := c.values[f.Slot].Str()
	if asked == "" && c.set[f.Slot] {
		return nil
	}
	for _, rt := range c.tx.org.recordTypes(c.obj.Name, c.tx) {
		if rt.Active && (asked == "" || asked == rt.ID) {
			c.values[f.Slot] = schema.Text(rt.ID)
			return nil
		}
	}
	if asked == "" || asked == c.old[f.Slot].Str() {
		return nil
	}
	return rowErr("INVALID_CROSS_REFERENCE_KEY", []string{f.Name}, "%s: this ID value isn't valid for the user: %s", f.Label, asked)
}
