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
	// Limit bounds each change set; 0 means MaxRecords.
	Limit int
	// MaxSets bounds the number of change sets; 0 means one. Ordered makes one.
	MaxSets int
}

// Plan is what to do next. Every entry of the input that was looked at is in
// exactly one place: in one of Sets, in Done, or counted by Waiting.
type Plan struct {
	// Sets go out next; none if nothing is to be sent. No two of them touch the
	// same records: they may go together or in any order.
	Sets []*ChangeSet
	// Done are entries that are settled without a call.
	Done []Done
	// Ignored are deletes in state IGNORE of rows that came and went before
	// anything was sent.
	Ignored []int32
	// Rewrites are entries that carry older ones, as they must stand in the log
	// from now on: action, old and values.
	Rewrites []triggerlog.Entry
	// Retaken are FAILED entries that another one carries now: MERGED.
	Retaken []int32
	// Conflicts are to be logged.
	Conflicts []outbox.Conflict
	// Reread are records whose row must take Salesforce's values.
	Reread []Reread
	// Waiting is the number of entries that can't go yet.
	Waiting int
	// Looked is the number of entries looked at; the rest come after Sets.
	Looked int
}

// ChangeSet is up to [MaxRecords] records of one table and one operation, no
// record twice.
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

// Next plans by an algorithm; [Ordered] if it is none.
func Next(a mapping.Algorithm, in Input, held *Held) *Plan {
	switch a {
	case mapping.Dependency:
		return Dependency(in, held)
	case mapping.Merged:
		return Merged(in, held)
	default:
		return Ordered(in, held)
	}
}

// Ordered plans the next change set by Ordered Writes. Held are the records
// that nothing may be sent for; the planner adds those of the entries that
// wait, so that the next page of entries can be planned with it.
//
// It stops at the first entry that can't join the change set: the next one
// goes after this one's reply. Only entries of records that are held are
// passed over; the others do not wait for them.
func Ordered(in Input, held *Held) *Plan {
	in.MaxSets = 1
	p := newPlanner(in, held)
	for _, e := range in.Entries {
		if !p.takeOrdered(e) {
			break
		}
		p.plan.Looked++
	}
	return p.plan
}

// planner is one run of an algorithm.
type planner struct {
	in    Input
	held  *Held
	inSet marks
	plan  *Plan
	// open are the change sets that still have room, by what their items share.
	open map[kind]*ChangeSet
	// failed are inserts that failed in this plan, by row.
	failed map[Record]int32
	// arrivals are the names of records whose insert is still to be placed, late
	// what touches records that go after one. For Merged.
	arrivals keys
	late     marks
}

func newPlanner(in Input, held *Held) *planner {
	if in.Limit <= 0 || in.Limit > MaxRecords {
		in.Limit = MaxRecords
	}
	in.MaxSets = max(1, in.MaxSets)
	return &planner{in: in, held: held, inSet: newMarks(), plan: &Plan{}, open: map[kind]*ChangeSet{}, failed: map[Record]int32{}}
}

// kind is what all items of a change set share.
type kind struct {
	table string
	op    outbox.Op
}

// takeOrdered puts one entry into its place; false if it must come after the
// set.
func (p *planner) takeOrdered(e triggerlog.Entry) bool {
	d := p.decide(e)
	f := footprint{own: d.keys, refs: d.needs}
	switch {
	case p.in.Paused[e.Table], p.held.touches(e, f):
		p.held.marks.own.add(d.keys)
		p.plan.Waiting++
		return true
	case p.inSet.meet(f):
		return false
	case d.item == nil:
		p.settle(e, d)
		return true
	case !p.join(e, d):
		return false
	}
	p.inSet.own.add(d.keys)
	return true
}

// join puts an entry into a change set; false if there is none with room for
// it. With one set at most, one of another kind has no room.
func (p *planner) join(e triggerlog.Entry, d decision) bool {
	k := kind{table: e.Table, op: d.op}
	set := p.open[k]
	if set == nil || len(set.Items) >= p.in.Limit {
		if len(p.plan.Sets) >= p.in.MaxSets {
			return false
		}
		set = &ChangeSet{Table: p.in.Tables[e.Table], Op: d.op}
		p.open[k], p.plan.Sets = set, append(p.plan.Sets, set)
	}
	set.Items = append(set.Items, *d.item)
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
