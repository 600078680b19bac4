package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bounds of a poll interval. Heroku allows 120 to 3600.
const (
	minPollSeconds = 1
	maxPollSeconds = 24 * 60 * 60
)

// apiName is the shape of every API name of an object or field.
var apiName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}$`)

// entry reads one mapping and adds it to the file.
func (w *walker) entry(f *File, v value) {
	o, ok := w.object(v)
	if !ok {
		return
	}
	e := Entry{Policy: LastWriter, ObjectName: w.name(o.take("object_name"))}
	if other := f.Entry(e.ObjectName); other != nil && e.ObjectName != "" {
		w.fail(v.path+".object_name", other.ObjectName+" is mapped twice in this file; keep one of the two")
	}
	config := o.take("config")
	if config.v == nil {
		w.fail(config.path, "missing; it holds access and fields")
	} else if c, ok := w.object(config); ok {
		w.config(c, &e)
	}
	w.rest(o)
	f.Entries = append(f.Entries, e)
}

func (w *walker) config(c *object, e *Entry) {
	e.Access = w.access(c.take("access"))
	e.Notify = w.boolean(c.take("sf_notify_enabled"), false)
	e.PollSeconds = DefaultPollSeconds
	if n, ok := w.integer(c.take("sf_polling_seconds"), DefaultPollSeconds, minPollSeconds, maxPollSeconds); ok {
		e.PollSeconds = n
	}
	e.MaxDailyCalls, _ = w.integer(c.take("sf_max_daily_api_calls"), DefaultMaxDailyCalls, 0, 1<<31-1)
	fields := c.take("fields")
	e.Fields = w.fields(fields)
	e.Indexes = w.indexes(c.take("indexes"), e.Fields)
	e.UpsertField = w.upsertField(c.take("upsert_field"), e.Fields)
	e.AppliedAt = w.time(c.take("applied_at"))
	c.take("revision") // the server's own count, of no use to another
	w.rest(c)
}

func (w *walker) access(v value) Access {
	switch a := Access(w.text(v)); {
	case a == ReadOnly || a == ReadWrite:
		return a
	case v.v == nil:
		w.fail(v.path, "missing; use read_only or read_write")
	case w.isText(v):
		w.fail(v.path, fmt.Sprintf("%q is no access; use read_only or read_write", a))
	}
	return ""
}

// name reads an API name. Anything else is refused here already: names end up
// in SOQL and SQL.
func (w *walker) name(v value) string {
	if v.v == nil {
		w.fail(v.path, "missing")
		return ""
	}
	name := w.text(v)
	if w.isText(v) && !apiName.MatchString(name) {
		w.fail(v.path, fmt.Sprintf("%q is no API name: letters, digits and underscores are wanted", shown(name)))
		return ""
	}
	return name
}

func (w *walker) fields(v value) []string {
	if v.v == nil {
		w.fail(v.path, "missing; it lists the fields to sync")
		return nil
	}
	o, ok := w.object(v)
	if !ok {
		return nil
	}
	names := o.names()
	folded := make(map[string]string, len(names))
	for _, name := range names {
		v := o.take(name)
		if !apiName.MatchString(name) {
			w.fail(v.path, fmt.Sprintf("%q is no API name: letters, digits and underscores are wanted", shown(name)))
		}
		if v.v != nil {
			w.object(v) // always {} so far; whatever it holds means nothing here
		}
		key := strings.ToLower(name)
		if other, dup := folded[key]; dup {
			w.fail(v.path, fmt.Sprintf("the field is listed twice, as %s and %s; keep one", other, name))
		}
		folded[key] = name
	}
	if _, ok := folded["id"]; !ok {
		names = append(names, "Id")
	}
	slices.Sort(names)
	return names
}

func (w *walker) indexes(v value, fields []string) map[string]Index {
	if v.v == nil {
		return nil
	}
	o, ok := w.object(v)
	if !ok || len(o.members) == 0 {
		return nil
	}
	out := make(map[string]Index, len(o.members))
	for _, name := range o.names() {
		v := o.take(name)
		if !contains(fields, name) {
			w.fail(v.path, "the field is not among the mapping's fields")
			continue
		}
		if entry, ok := w.object(v); ok {
			out[name] = Index{Unique: w.boolean(entry.take("unique"), false)}
			w.rest(entry)
		}
	}
	return out
}

func (w *walker) upsertField(v value, fields []string) string {
	if v.v == nil {
		return ""
	}
	name := w.text(v)
	if name != "" && !contains(fields, name) {
		w.fail(v.path, fmt.Sprintf("%s is not among the mapping's fields", shown(name)))
	}
	return name
}

// contains compares as Salesforce does, without regard to case.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
