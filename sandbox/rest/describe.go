package rest

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// bare is the call's version without its v, as package schema wants it.
func (c *call) bare() string { return strings.TrimPrefix(c.version, "v") }

// describeGlobal is GET /sobjects.
func (c *call) describeGlobal() (*reply, error) {
	if c.method != http.MethodGet {
		return nil, methodNotAllowed(c.method, "GET")
	}
	var changed time.Time
	for _, obj := range c.s.org.Catalog.Objects() {
		if t := c.changed(obj); t.After(changed) {
			changed = t
		}
	}
	return c.ifModified("", changed, c.allObjects)
}

// allObjects is the list of the objects that the caller may read.
func (c *call) allObjects() (*reply, error) {
	g := c.s.org.Catalog.DescribeGlobal(c.bare(), c.actor.CanRead)
	for i := range g.SObjects {
		if obj, ok := c.s.org.Catalog.Object(g.SObjects[i].Name); ok {
			c.restrict(obj, &g.SObjects[i])
		}
	}
	for _, obj := range c.s.org.Catalog.Objects() {
		if events.Supported(obj) && c.actor.CanRead(obj) {
			g.SObjects = append(g.SObjects, schema.ChangeEventBasics(obj, events.ChangeEventName(obj.Name), c.bare()))
		}
	}
	return marshalReply(g)
}

// restrict takes from an object's description what the caller may not do.
func (c *call) restrict(obj *schema.Object, g *schema.GlobalObject) {
	r := c.actor.User.Permissions.Object(obj)
	g.Createable = g.Createable && !r.NoCreate
	g.Updateable = g.Updateable && !r.NoEdit
	g.Deletable = g.Deletable && !r.NoDelete
}

// basicInfo is GET /sobjects/{O}.
func (c *call) basicInfo(obj *schema.Object) (*reply, error) {
	basics := schema.DescribeBasics(obj, c.bare())
	c.restrict(obj, &basics)
	return marshalReply(map[string]any{"objectDescribe": basics, "recentItems": []any{}})
}

// shownTimes gives every change of a description a second of its own, later
// than that of the change before, so that two changes in one second do not
// look like one.
type shownTimes struct {
	mu   sync.Mutex
	seen map[string]shownTime
}

type shownTime struct{ changed, shown time.Time }

func (s *shownTimes) second(key string, changed time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.seen[key]
	if ok && last.changed.Equal(changed) {
		return last.shown
	}
	shown := changed.Truncate(time.Second)
	if ok && !shown.After(last.shown) {
		shown = last.shown.Add(time.Second)
	}
	s.seen[key] = shownTime{changed, shown}
	return shown
}

// describe is GET /sobjects/{O}/describe. With If-Modified-Since it answers
// 304 when neither the object nor the caller's rights on it have changed.
func (c *call) describe(obj *schema.Object) (*reply, error) {
	if c.method != http.MethodGet {
		return nil, methodNotAllowed(c.method, "GET")
	}
	changed := c.changed(obj)
	if t := c.recordTypesChanged(obj); t.After(changed) {
		changed = t
	}
	return c.ifModified(obj.Name, changed, func() (*reply, error) {
		hidden := func(o *schema.Object, f *schema.Field) bool { return !c.actor.CanSee(o, f) || !c.actor.CanRead(o) }
		d := c.s.org.Catalog.Describe(obj, c.bare(), hidden)
		restrictDescribe(c.actor, obj, d)
		c.recordTypes(obj, d)
		return marshalReply(d)
	})
}

// changed is when an object or the caller's rights on it last changed.
func (c *call) changed(obj *schema.Object) time.Time {
	t := c.actor.User.Permissions.Changed(obj)
	if obj.LastModified.After(t) {
		return obj.LastModified
	}
	return t
}

// ifModified answers with a description that changed at a time, or with 304
// where the client has it already.
func (c *call) ifModified(name string, changed time.Time, describe func() (*reply, error)) (*reply, error) {
	changed = c.s.shown.second(c.actor.User.ID+name, changed)
	header := http.Header{"Last-Modified": {changed.UTC().Format(http.TimeFormat)}}
	if since, ok := c.headerTime("If-Modified-Since"); ok && !changed.After(since) {
		return &reply{status: http.StatusNotModified, header: header}, nil
	}
	rep, err := describe()
	if err != nil {
		return nil, err
	}
	rep.header = header
	return rep, nil
}

func restrictDescribe(a *org.Actor, obj *schema.Object, d *schema.ObjectDescribe) {
	r := a.User.Permissions.Object(obj)
	d.Createable = d.Createable && !r.NoCreate
	d.Updateable = d.Updateable && !r.NoEdit
	d.Deletable = d.Deletable && !r.NoDelete
	for i := range d.Fields {
		if f, ok := obj.Field(d.Fields[i].Name); ok && a.User.Permissions.Field(obj, f).ReadOnly {
			d.Fields[i].Createable, d.Fields[i].Updateable = false, false
		}
	}
}
