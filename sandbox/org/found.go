package org

import (
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// found creates the records that an org can't be without.
func (o *Org) found(name string) error {
	o.admin = &User{Username: IntegrationUser, Permissions: newPermissions()}
	id, err := o.plant("Organization", map[string]schema.Value{
		"Name": schema.Text(name), "OrganizationType": schema.Text("Developer Edition"),
		"InstanceName": schema.Text("SBX1"), "IsSandbox": schema.Bool(true),
		"DefaultLocaleSidKey": schema.Text("en_US"), "TimeZoneSidKey": schema.Text("GMT"),
		"LanguageLocaleKey": schema.Text("en_US"), "Country": schema.Text("US"),
	})
	if err != nil {
		return err
	}
	o.id = id
	profile, err := o.plant("Profile", map[string]schema.Value{"Name": schema.Text("System Administrator")})
	if err != nil {
		return err
	}
	people := []struct{ username, first, last string }{
		{IntegrationUser, "Integration", "User"},
		{DemoUser, "Demo", "User"},
	}
	for i, p := range people {
		u := &User{
			Username: p.username, Name: p.first + " " + p.last, Email: p.username,
			ProfileID: profile, Permissions: newPermissions(),
		}
		if u.ID, err = o.plantUser(u, p.first, p.last); err != nil {
			return err
		}
		if i == 0 {
			o.admin = u
		}
		o.users[strings.ToLower(u.Username)] = u
		o.users[u.ID] = u
	}
	return nil
}

func (o *Org) plantUser(u *User, first, last string) (string, error) {
	return o.plant("User", map[string]schema.Value{
		"Username": schema.Text(u.Username), "FirstName": schema.Text(first), "LastName": schema.Text(last),
		"Email": schema.Text(u.Email), "Alias": schema.Text(strings.ToLower(first)[:4]),
		"CommunityNickname": schema.Text(strings.ToLower(first)), "IsActive": schema.Bool(true),
		"ProfileId": schema.Text(u.ProfileID), "UserType": schema.Text("Standard"),
		"TimeZoneSidKey": schema.Text("GMT"), "LocaleSidKey": schema.Text("en_US"),
		"EmailEncodingKey": schema.Text("UTF-8"), "LanguageLocaleKey": schema.Text("en_US"),
	})
}

// plant stores a record past the pipeline, committed at once and unlogged.
func (o *Org) plant(object string, values map[string]schema.Value) (string, error) {
	obj, ok := o.Catalog.Object(object)
	if !ok {
		return "", fmt.Errorf("the schema lacks object %s", object)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.table(obj)
	c := newSeedling(o, t, obj)
	for name, v := range values {
		f, ok := obj.Field(name)
		if !ok {
			continue // the schema may be a smaller one
		}
		c.values[f.Slot] = v
	}
	c.plant(o.Clock.Now())
	return c.id, nil
}

// newSeedling is a record in the making that skips the save pipeline.
func newSeedling(o *Org, t *table, obj *schema.Object) *change {
	return &change{
		tx: &Tx{org: o, actor: o.system()}, t: t, obj: obj, insert: true,
		values: make([]schema.Value, obj.Slots()), set: map[int]bool{},
	}
}

// plant gives the seedling its Id and stamps and stores it. The caller holds
// the org's lock.
func (c *change) plant(at time.Time) {
	c.defaults()
	c.compose()
	c.t.sequence++
	c.id = MakeID(c.obj.KeyPrefix, c.t.sequence)
	c.number()
	c.stamp()
	stamp := schema.InstantOf(at.Truncate(time.Second))
	for _, slot := range []int{c.t.sys.created, c.t.sys.modified, c.t.sys.stamp} {
		if slot >= 0 {
			c.values[slot] = stamp
		}
	}
	c.t.put(c.obj, c.id, encodeRow(c.values))
	c.tx.org.edits.Add(1)
}

// Wipe drops all records, open cursors, rules and the log, and founds the org
// anew. User Ids and permissions of before are gone; schema edits stay.
func (o *Org) Wipe() error {
	o.mu.RLock()
	name := "Sandbox Org"
	if obj, ok := o.Catalog.Object("Organization"); ok {
		if t := o.peek(obj); t != nil {
			t.each(func(r *row) bool { name = fieldOf(r.bytes(), t.sys.name).Str(); return false })
		}
	}
	o.mu.RUnlock()
	o.mu.Lock()
	o.reset()
	o.rules = Rules{}
	o.mu.Unlock()
	o.logMu.Lock()
	o.writes = nil
	o.logMu.Unlock()
	return o.found(name)
}
