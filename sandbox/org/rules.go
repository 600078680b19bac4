package org

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// Rules are what an admin has configured to happen on saving. Conditions are
// SOQL, as after WHERE, and see the new version of the record; "" always holds.
type Rules struct {
	Validations []Validation `json:"validations"`
	Rewrites    []Rewrite    `json:"rewrites"`
	Flows       []Flow       `json:"flows"`
	Duplicates  []Duplicate  `json:"duplicates,omitempty"`
	Assignments []Assignment `json:"assignments,omitempty"`
	Touches     []Touch      `json:"touches,omitempty"`
}

// Duplicate is a duplicate rule: it meets a record that equals another live
// one in all the named fields, text whatever its case. A record with none of
// them empty is compared.
type Duplicate struct {
	Name   string   `json:"name"`
	Object string   `json:"object"`
	Fields []string `json:"fields"`
	// Block refuses the record even when the caller allows duplicates.
	Block bool `json:"block,omitempty"`
}

// Validation rejects a record whose new version fulfils the condition.
type Validation struct {
	Object    string   `json:"object"`
	Condition string   `json:"condition"`
	Message   string   `json:"message"`
	Fields    []string `json:"fields,omitempty"`
	parsed    *soql.Condition
}

// Rewrite is a before-save trigger: it sets a field of a matching record.
type Rewrite struct {
	Object    string `json:"object"`
	Condition string `json:"condition"`
	Field     string `json:"field"`
	Value     any    `json:"value"`
	parsed    *soql.Condition
}

// Flow updates a field of a matching record in a transaction of its own, some
// time after the write was committed. A flow's write starts no flows.
type Flow struct {
	Rewrite
	AfterMS int `json:"afterMs"`
}

// Rules gives the rules in force.
func (o *Org) Rules() Rules {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.rules
}

// SetRules replaces the rules. Nothing is changed if one of them does not fit
// the schema.
func (o *Org) SetRules(r Rules) error {
	for i := range r.Validations {
		v := &r.Validations[i]
		parsed, err := o.parseCondition(v.Object, v.Condition)
		if err != nil {
			return fmt.Errorf("validation rule %d: %w", i+1, err)
		}
		if v.Message == "" {
			return fmt.Errorf("validation rule %d: message is empty", i+1)
		}
		v.parsed = parsed
	}
	for i := range r.Rewrites {
		if err := o.parseRewrite(&r.Rewrites[i]); err != nil {
			return fmt.Errorf("rewrite %d: %w", i+1, err)
		}
	}
	for i := range r.Flows {
		if err := o.parseRewrite(&r.Flows[i].Rewrite); err != nil {
			return fmt.Errorf("flow %d: %w", i+1, err)
		}
	}
	for i := range r.Duplicates {
		if err := o.checkDuplicate(&r.Duplicates[i]); err != nil {
			return fmt.Errorf("duplicate rule %d: %w", i+1, err)
		}
	}
	for i := range r.Touches {
		if err := o.checkTouch(&r.Touches[i]); err != nil {
			return fmt.Errorf("touch %d: %w", i+1, err)
		}
	}
	for i := range r.Assignments {
		if err := o.checkAssignment(&r.Assignments[i]); err != nil {
			return fmt.Errorf("assignment rule %d: %w", i+1, err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plantAssignments(r.Assignments)
	o.rules = r
	o.edits.Add(1)
	return nil
}

func (o *Org) parseRewrite(w *Rewrite) error {
	parsed, err := o.parseCondition(w.Object, w.Condition)
	if err != nil {
		return err
	}
	w.parsed = parsed
	obj, _ := o.Catalog.Object(w.Object)
	f, ok := obj.Field(w.Field)
	if !ok {
		return fmt.Errorf("object %s has no field %q", w.Object, w.Field)
	}
	w.Value = plainNumber(w.Value)
	if _, err := fromJSON(f, w.Value); err != nil {
		return fmt.Errorf("value for %s: %w", w.Field, err)
	}
	return nil
}

// plainNumber gives numbers from a plain JSON decoder their text back.
func plainNumber(v any) any {
	if f, ok := v.(float64); ok {
		b, err := json.Marshal(f)
		if err == nil {
			return json.Number(b)
		}
	}
	return v
}

func (o *Org) parseCondition(object, condition string) (*soql.Condition, error) {
	if _, ok := o.Catalog.Object(object); !ok {
		return nil, fmt.Errorf("no object %q", object)
	}
	if strings.TrimSpace(condition) == "" {
		return nil, nil
	}
	parsed, err := soql.ParseCondition(condition)
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", condition, err)
	}
	if _, err := soql.BindCondition(parsed, object, o.binder(o.system())); err != nil {
		return nil, fmt.Errorf("condition %q: %w", condition, err)
	}
	return parsed, nil
}

// matches evaluates a condition on the record in the making. The caller holds
// the org's lock.
func (c *change) matches(object string, parsed *soql.Condition) (bool, error) {
	if !strings.EqualFold(object, c.obj.Name) {
		return false, nil
	}
	if parsed == nil {
		return true, nil
	}
	o := c.tx.org
	bound, err := soql.BindCondition(parsed, c.obj.Name, o.binder(o.system()))
	if err != nil {
		return false, fmt.Errorf("rule on %s no longer fits the schema: %w", object, err)
	}
	return bound.Match(o.view(o.system()), &recordView{obj: c.obj, t: c.t, id: c.id, data: encodeRow(c.values)}), nil
}

func (c *change) rewrite() error {
	for i := range c.tx.org.rules.Rewrites {
		w := &c.tx.org.rules.Rewrites[i]
		hit, err := c.matches(w.Object, w.parsed)
		if err != nil || !hit {
			if err != nil {
				return err
			}
			continue
		}
		f, ok := c.obj.Field(w.Field)
		if !ok {
			continue
		}
		v, err := fromJSON(f, w.Value)
		if err != nil {
			return err
		}
		if c.values[f.Slot], err = checkText(f, v); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) validate() error {
	for i := range c.tx.org.rules.Validations {
		v := &c.tx.org.rules.Validations[i]
		hit, err := c.matches(v.Object, v.parsed)
		if err != nil {
			return err
		}
		if hit {
			return rowErr("FIELD_CUSTOM_VALIDATION_EXCEPTION", v.Fields, "%s", v.Message)
		}
	}
	return nil
}

// dueFlow is one flow run that a commit has set off.
type dueFlow struct {
	obj  *schema.Object
	id   string
	flow Flow
	user *User
}

func (o *Org) dueFlows(tx *Tx) []dueFlow {
	if len(o.rules.Flows) == 0 || tx.actor.System {
		return nil
	}
	var due []dueFlow
	for _, s := range tx.order {
		if s.data == nil || s.t.isDeleted(s.data) {
			continue
		}
		c := &change{tx: tx, t: s.t, obj: s.obj, id: s.id, values: decodeRow(s.data, s.obj.Slots())}
		for _, f := range o.rules.Flows {
			if hit, err := c.matches(f.Object, f.parsed); err == nil && hit {
				due = append(due, dueFlow{s.obj, s.id, f, tx.actor.User})
			}
		}
	}
	return due
}

// start runs the flow after its delay. A record that is gone or locked by
// then is left alone, as a failed flow interview would leave it.
func (d dueFlow) start(o *Org) {
	time.AfterFunc(time.Duration(d.flow.AfterMS)*time.Millisecond, func() {
		tx := o.Begin(&Actor{User: d.user, CallClient: "flow", System: true})
		defer tx.Rollback()
		if err := tx.Update(d.obj, d.id, Body{{d.flow.Field, d.flow.Value}}); err == nil {
			_ = tx.Commit() // fails only after an end, which this is not
		}
	})
}
