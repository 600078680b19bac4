package org

import (
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// archiveDays is from which age on activities are archived, if the org's
// switches do not say.
const archiveDays = 365

// Archive marks the activities that are old enough, as a real org does by
// night: closed tasks and events that ended so many days ago (tasks without a
// due date count from their creation). Neither stamps nor events tell of it.
// From then on only queries for all rows show them. It says how many were
// archived.
func (o *Org) Archive() int {
	days := o.switches.Load().ArchiveDays
	if days == 0 {
		days = archiveDays
	}
	before := o.Clock.Now().AddDate(0, 0, -days)
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.archive("Task", func(get func(string) schema.Value) bool {
		if !get("IsClosed").True() && get("Status").Str() != "Completed" {
			return false
		}
		if due := get("ActivityDate"); !due.IsNull() {
			return due.Days() < before.Unix()/secondsPerDay
		}
		return get("CreatedDate").Unix() < before.Unix()
	})
	n += o.archive("Event", func(get func(string) schema.Value) bool {
		for _, name := range []string{"EndDateTime", "ActivityDateTime"} {
			if end := get(name); !end.IsNull() {
				return end.Unix() < before.Unix()
			}
		}
		day := get("ActivityDate")
		return !day.IsNull() && day.Days() < before.Unix()/secondsPerDay
	})
	if n > 0 {
		o.edits.Add(1)
	}
	return n
}

const secondsPerDay = int64(24 * time.Hour / time.Second)

// archive marks the live records of an object that old meets, but those that a
// transaction holds. The caller holds the lock.
func (o *Org) archive(object string, old func(get func(string) schema.Value) bool) int {
	obj, ok := o.Catalog.Object(object)
	if !ok || o.peek(obj) == nil {
		return 0
	}
	t := o.peek(obj)
	if t.sys.archived < 0 {
		return 0
	}
	var due []*row
	t.each(func(r *row) bool {
		data := r.bytes()
		get := func(name string) schema.Value {
			if f, ok := obj.Field(name); ok && f.Stored() {
				return fieldOf(data, f.Slot)
			}
			return schema.Null
		}
		if !t.isDeleted(data) && !fieldOf(data, t.sys.archived).True() && o.locks[t.idOf(r)] == nil && old(get) {
			due = append(due, r)
		}
		return true
	})
	for _, r := range due {
		values := decodeRow(r.bytes(), obj.Slots())
		values[t.sys.archived] = schema.Bool(true)
		t.put(obj, t.idOf(r), encodeRow(values))
	}
	return len(due)
}
