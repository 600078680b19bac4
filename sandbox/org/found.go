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
	return o.furnish()
}

// profiles are those that every org has besides System Administrator.
var profiles = []string{
	"Standard User", "Read Only", "Solution Manager", "Marketing User", "Contract Manager", "Standard Platform User",
	"Minimum Access - Salesforce",
}

// roles are those of a new org, each with the place of the one above it.
var roles = []struct {
	name  string
	above int
}{
	{"CEO", -1}, {"CFO", 0}, {"COO", 0}, {"SVP, Sales & Marketing", 0}, {"SVP, Customer Service & Support", 0},
	{"VP, North American Sales", 3}, {"VP, International Sales", 3}, {"Director, Direct Sales", 5}, {"Customer Support, International", 4},
}

// furnish plants the profiles, roles and groups that a new org comes with.
func (o *Org) furnish() error {
	for _, name := range profiles {
		if _, err := o.plant("Profile", map[string]schema.Value{"Name": schema.Text(name), "UserType": schema.Text("Standard")}); err != nil {
			return err
		}
	}
	if _, ok := o.Catalog.Object("UserRole"); !ok {
		return nil // the schema may be a smaller one
	}
	group := func(values map[string]schema.Value) error {
		_, err := o.plant("Group", values)
		return err
	}
	if err := group(map[string]schema.Value{"Name": schema.Text("All Internal Users"), "DeveloperName": schema.Text("AllInternalUsers"), "Type": schema.Text("Organization")}); err != nil {
		return err
	}
	ids := make([]string, len(roles))
	for i, r := range roles {
		developer := schema.Text(strings.NewReplacer(",", "", "& ", "", " ", "").Replace(r.name))
		values := map[string]schema.Value{"Name": schema.Text(r.name), "DeveloperName": developer, "RollupDescription": schema.Text(r.name)}
		if r.above >= 0 {
			values["ParentRoleId"] = schema.Text(ids[r.above])
		}
		var err error
		if ids[i], err = o.plant("UserRole", values); err != nil {
			return err
		}
		for _, kind := range []string{"Role", "RoleAndSubordinates"} {
			if err := group(map[string]schema.Value{"DeveloperName": developer, "Type": schema.Text(kind), "RelatedId": schema.Text(ids[i])}); err != nil {
				return err
			}
		}
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

// plant gives the seedling its Id, unless it has one, and its stamps and stores
// it. The caller holds the org's lock.
func (c *change) plant(at time.Time) {
	c.defaults()
	c.compose()
	if c.id == "" {
		c.t.sequence++
		c.id = MakeID(c.obj.KeyPrefix, c.t.sequence)
	}
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
