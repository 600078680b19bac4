package plan

import (
	"encoding/json"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// MaxRecords is the greatest number of entries in one change set: what one
// Collections call takes.
const MaxRecords = 200

// Record names a row of a mapped table.
type Record struct {
	Table string
	ID    int32
}

// Row is what the planner must know of a row as it is now.
type Row struct {
	Sfid string
	// ExternalID is the value of the unique identifier in Postgres's text
	// form; "" if it is NULL or the mapping has none.
	ExternalID string
}

// Input is what is planned from.
type Input struct {
	// Entries are NEW, in log order.
	Entries []triggerlog.Entry
	// Tables are all mapped tables by name.
	Tables map[string]*mapping.Table
	// Paused are tables by name whose entries wait, mapped or not.
	Paused map[string]bool
	// Rows are the entries' rows as they are now; a row that is gone is missing.
	Rows map[Record]Row
	// Related are all entries of rows that are gone or have no sfid, in log
	// order and whatever their state.
	Related map[Record][]triggerlog.Entry
	// Bases are what is known of columns whose change is on its way.
	Bases map[Record][]outbox.Base
	// Limit bounds the change set; 0 means MaxRecords.
	Limit int
}

// Plan is what to do next. Every entry of the input that was looked at is in
// exactly one place: in Set, in Done, or counted by Waiting.
type Plan struct {
	// Set is the next call; nil if nothing is to be sent.
	Set *ChangeSet
	// Done are entries that are settled without a call.
	Done []Done
	// Ignored are deletes in state IGNORE of rows that came and went before
	// anything was sent.
	Ignored []int32
	// Conflicts are to be logged.
	Conflicts []outbox.Conflict
	// Reread are records whose row must take Salesforce's values.
	Reread []Reread
	// Waiting is the number of entries that can't go yet.
	Waiting int
	// Looked is the number of entries looked at; the rest come after Set.
	Looked int
}

// ChangeSet is what goes into one call.
type ChangeSet struct {
	Table *mapping.Table
	Op    outbox.Op
	Items []Item
}

// Item is one record of a change set.
type Item struct {
	Entry      triggerlog.Entry
	Sfid       string // of the record; "" for an insert and an upsert
	ExternalID string // in Postgres's text form, if the operation is an upsert
	// Body is the record as it is sent; nil for a delete.
	Body json.RawMessage
}

// Done is an entry that needs no call.
type Done struct {
	Entry triggerlog.Entry
	// State is FAILED, MERGED, IGNORED or READONLY.
	State triggerlog.State
	// Code and Message say why; "" for MERGED.
	Code, Message string
}

// Reread is a record that must be read again from Salesforce.
type Reread struct {
	Table  *mapping.Table
	Sfid   string
	Reason string
}

// Ordered plans the next change set by Ordered Writes. Held are the records
// that nothing may be sent for; the planner adds those of the entries that
// wait, so that the next page of entries can be planned with it.
//
// It stops at the first entry that can't join the change set: the next one
// goes after this one's reply. Only entries of records that are held are
// passed over; the others do not wait for them.
func Ordered(in Input, held *Held) *Plan {
	p := &planner{in: in, held: held, inSet: newKeys(), plan: &Plan{}, failed: map[Record]int32{}}
	if p.in.Limit <= 0 || p.in.Limit > MaxRecords {
		p.in.Limit = MaxRecords
	}
	for _, e := range in.Entries {
		if !p.take(e) {
			break
		}
		p.plan.Looked++
	}
	return p.plan
}

// planner is one run of Ordered.
type planner struct {
	in    Input
	held  *Held
	inSet keys
	kind  kind
	plan  *Plan
	// failed are inserts that failed in this plan, by row.
	failed map[Record]int32
}

// kind is what all items of a change set share.
type kind struct {
	table  string
	action triggerlog.Action
	op     outbox.Op
}

// take puts one entry into its place; false if it must come after the set.
func (p *planner) take(e triggerlog.Entry) bool {
	d := p.decide(e)
	switch {
	case p.in.Paused[e.Table], p.held.touches(e, d.keys, d.needs):
		p.held.add(d.keys)
		p.plan.Waiting++
		return true
	case p.inSet.anyOf(d.keys) || p.inSet.anyOf(d.needs):
		return false
	case d.item == nil:
		p.settle(e, d)
		return true
	}
	k := kind{table: e.Table, action: e.Action, op: d.op}
	if set := p.plan.Set; set != nil && (k != p.kind || len(set.Items) >= p.in.Limit) {
		return false
	}
	if p.plan.Set == nil {
		p.kind, p.plan.Set = k, &ChangeSet{Table: p.in.Tables[e.Table], Op: d.op}
	}
	p.plan.Set.Items = append(p.plan.Set.Items, *d.item)
	p.inSet.add(d.keys)
	p.note(d)
	return true
}

// settle files an entry that needs no call.
func (p *planner) settle(e triggerlog.Entry, d decision) {
	d.done.Entry = e
	p.plan.Done = append(p.plan.Done, d.done)
	p.plan.Ignored = append(p.plan.Ignored, d.ignored...)
	if d.done.State == triggerlog.Failed && e.Action == triggerlog.Insert {
		p.failed[Record{e.Table, e.RecordID}] = e.ID
	}
	p.note(d)
}

func (p *planner) note(d decision) {
	p.plan.Conflicts = append(p.plan.Conflicts, d.conflicts...)
	p.plan.Reread = append(p.plan.Reread, d.reread...)
}
