package org

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// Assignment is an assignment rule: it gives records to owners as they are
// saved, whoever the save names as owner. The first entry that meets a record
// decides.
type Assignment struct {
	// ID of the record of object AssignmentRule; SetRules fills it.
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	Object string `json:"object"`
	// Inactive rules work only for who asks for them by Id. Of the active ones
	// of an object the first counts.
	Inactive bool              `json:"inactive,omitempty"`
	Entries  []AssignmentEntry `json:"entries"`
}

// AssignmentEntry gives records that meet Condition to Owner: a username, or
// the Id of a user or a queue.
type AssignmentEntry struct {
	Condition string `json:"condition"`
	Owner     string `json:"owner"`
	parsed    *soql.Condition
	owner     string
}

// AssignActive in an Actor asks for the active assignment rules.
const AssignActive = "active"

// assignable are the objects that assignment rules exist for.
var assignable = []string{"Account", "Case", "Lead"}

func (o *Org) checkAssignment(a *Assignment) error {
	known := false
	for _, name := range assignable {
		known = known || strings.EqualFold(name, a.Object)
	}
	if !known {
		return fmt.Errorf("object is %q, must be one of %s", a.Object, strings.Join(assignable, ", "))
	}
	if a.Name == "" || len(a.Entries) == 0 {
		return errors.New("name or entries are empty")
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		var err error
		if e.parsed, err = o.parseCondition(a.Object, e.Condition); err != nil {
			return err
		}
		if e.owner, err = o.ownerID(e.Owner); err != nil {
			return err
		}
	}
	return nil
}

// ownerID finds who a rule means.
func (o *Org) ownerID(name string) (string, error) {
	if u, ok := o.User(name); ok {
		return u.ID, nil
	}
	id, _ := NormalizeID(name)
	if obj, ok := o.Catalog.ByPrefix(id); ok && (obj.Name == "User" || obj.Name == "Group") {
		o.mu.RLock()
		defer o.mu.RUnlock()
		if t := o.peek(obj); t != nil && t.get(id) != nil {
			return id, nil
		}
	}
	return "", fmt.Errorf("owner %q is no user and no queue", name)
}

// assign applies the rule that the actor asks for.
func (c *change) assign() error {
	asked := c.tx.actor.Assign
	if asked == "" || c.tx.actor.System || c.t.sys.owner < 0 {
		return nil
	}
	rule, err := c.rule(asked)
	if rule == nil || err != nil {
		return err
	}
	for i := range rule.Entries {
		e := &rule.Entries[i]
		hit, err := c.matches(rule.Object, e.parsed)
		if err != nil {
			return err
		}
		if hit {
			c.values[c.t.sys.owner] = schema.Text(e.owner)
			return nil
		}
	}
	return nil
}

// rule finds the asked rule of the record's object, nil if it has none.
func (c *change) rule(asked string) (*Assignment, error) {
	full, _ := NormalizeID(asked)
	for i := range c.tx.org.rules.Assignments {
		a := &c.tx.org.rules.Assignments[i]
		switch {
		case !strings.EqualFold(a.Object, c.obj.Name):
		case asked == AssignActive && !a.Inactive, a.ID == full:
			return a, nil
		}
	}
	if asked == AssignActive {
		return nil, nil
	}
	return nil, badCrossReference()
}

// plantAssignments keeps the records of object AssignmentRule in step with the
// rules, and gives new rules their Ids. The caller holds the lock.
func (o *Org) plantAssignments(rules []Assignment) {
	obj, ok := o.Catalog.Object("AssignmentRule")
	if !ok {
		return
	}
	t := o.table(obj)
	kept := map[string]bool{}
	for i := range rules {
		a := &rules[i]
		c := newSeedling(o, t, obj)
		for name, v := range map[string]schema.Value{
			"Name": schema.Text(a.Name), "SobjectType": schema.Text(a.Object), "Active": schema.Bool(!a.Inactive),
		} {
			if f, ok := obj.Field(name); ok {
				c.values[f.Slot] = v
			}
		}
		if r := t.get(a.ID); r != nil {
			c.id = a.ID
		}
		c.plant(o.Clock.Now())
		a.ID = c.id
		kept[a.ID] = true
	}
	var gone []string
	t.each(func(r *row) bool {
		if id := t.idOf(r); !kept[id] {
			gone = append(gone, id)
		}
		return true
	})
	for _, id := range gone {
		t.put(obj, id, nil)
	}
}
