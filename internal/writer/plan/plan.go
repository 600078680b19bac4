package plan

import (
	"encoding/json"
	"time"

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
	// Columns are all columns of a table as it is now, mapped or not; a table
	// that is missing is not checked.
	Columns map[string]map[string]bool
	// Named are rows that entries name by a unique value in a relationship
	// column, by [Name].Key. They stand in Rows, as do the rows that are named by
	// a local id (see [Resolvers]); of those that are missing Related has the
	// deletes.
	Named map[string]Record
	// Inserts are the unsettled or failed inserts of such rows that have no sfid.
	Inserts map[Record]triggerlog.Entry
	// Braked are tables whose deletes wait for a person.
	Braked map[string]bool
	// ReadOnlySince is when tables that are read-only now were seen to be so
	// first, after they had been read-write.
	ReadOnlySince map[string]time.Time
	// Limit bounds each change set that is no bulk one; 0 means MaxRecords.
	Limit int
	// MaxSets bounds the number of such change sets; 0 means one. Ordered makes
	// one.
	MaxSets int
	// BulkFrom is the number of records from which those of one table and
	// operation make a bulk change set; 0 means never. BulkLimit bounds it.
	BulkFrom, BulkLimit int
	// NoBulk are tables whose records never make one.
	NoBulk map[string]bool
	// Lanes is how many calls may be under way at once; 0 means one.
	Lanes int
	// Locked are the parents that calls under way have locked, as
	// [ChangeSet.Parents] names them.
	Locked map[string]bool
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
	// Waiting is the number of entries that can't go yet, Waits those of them
	// whose reason people should know.
	Waiting int
	Waits   []Wait
	// Looked is the number of entries looked at; the rest come after Sets.
	Looked int
	// Locked says that some of those that can't go wait for a call that has
	// locked their parent.
	Locked bool
}

// ChangeSet is records of one table and one operation, no record twice: up to
// [MaxRecords], or, if Bulk, as many as one job takes. Records that share a
// parent stand together.
type ChangeSet struct {
	Table *mapping.Table
	Op    outbox.Op
	Items []Item
	Bulk  bool
	// Lane numbers the call that a change set belongs to, from 0; what is too much
	// for it goes after its reply. Change sets of different lanes have no parent in
	// common: sent at once, they don't lock each other out.
	Lane int
	// Parents are the records that Salesforce locks with those of the change set,
	// each once.
	Parents []string
}

// Item is one record of a change set.
type Item struct {
	Entry      triggerlog.Entry
	Sfid       string // of the record; "" for an insert and an upsert
	ExternalID string // in Postgres's text form, if the operation is an upsert
	// Body is the record as it is sent; nil for a delete.
	Body json.RawMessage
	// Recapture are columns that an insert goes without, since its parent waits
	// for it in turn. With the claim they are captured once more, as an update.
	Recapture []string
	// parents are what Salesforce locks with the record.
	parents []string
	// notes are what belongs to the record beside the call.
	conflicts []outbox.Conflict
	reread    []Reread
	group     *group // what Merged folded into it
}

// Wait is an entry that can't go yet, for a reason that people should know.
type Wait struct {
	Entry  triggerlog.Entry
	Reason string
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
	in.MaxSets, in.Lanes = 1, 1
	p := newPlanner(in, held)
	p.ordered = true
	for _, e := range in.Entries {
		if !p.takeOrdered(e) {
			break
		}
		p.plan.Looked++
	}
	return p.finish()
}

// planner is one run of an algorithm.
type planner struct {
	in    Input
	held  *Held
	inSet marks
	plan  *Plan
	// ordered says that one kind goes at a time.
	ordered bool
	// piles are the records that go next, by what a change set's items share.
	piles map[kind]*pile
	order []*pile
	// failed are inserts that failed in this plan, by row.
	failed map[Record]int32

	readings map[readingKey]*reading
	resolve  map[string][]Resolver
	inserts  map[Record]triggerlog.Entry
	cycles   *cycles
}

func newPlanner(in Input, held *Held) *planner {
	if in.Limit <= 0 || in.Limit > MaxRecords {
		in.Limit = MaxRecords
	}
	in.MaxSets, in.Lanes = max(1, in.MaxSets), max(1, in.Lanes)
	p := &planner{in: in, held: held, plan: &Plan{}, piles: map[kind]*pile{}, failed: map[Record]int32{},
		readings: map[readingKey]*reading{}, resolve: map[string][]Resolver{}}
	p.cycles = newCycles(p)
	return p
}

// takeOrdered puts one entry into its place; false if it must come after the
// set.
func (p *planner) takeOrdered(e triggerlog.Entry) bool {
	d := p.decide(e)
	f := footprint{own: keysOf(d.keys), refs: keysOf(d.needs)}
	blocked := p.blocked(e, d, f)
	switch {
	case blocked == byHeld:
		p.held.marks.own.add(f.own)
	case p.inSet.meet(f):
		return false
	case blocked == byParent:
		p.wait(e, e.ID, d, footprint{own: f.own})
	case d.item == nil:
		p.settle(e, d)
		return true
	case !p.join(e, d, nil):
		return false
	default:
		p.inSet.own.add(f.own)
		return true
	}
	p.plan.Waiting++
	return true
}

// block says what keeps an entry from going.
type block int

const (
	free     block = iota
	byHeld         // something that is open, or waits for its next attempt
	byParent       // its parent, or an entry that waits for one
)

func (p *planner) blocked(e triggerlog.Entry, d decision, f footprint) block {
	switch {
	case p.in.Paused[e.Table], d.held, p.held.holds(e, f):
		return byHeld
	case d.item != nil && len(d.waits) > 0:
		return byParent
	case d.done.Code == CodeInsertFailed:
		return free // whatever waits for that insert
	case p.held.blocks(e, f):
		return byParent
	default:
		return free
	}
}

// wait lets an entry wait for its parents, or behind one that does. First is the
// place in the log where it stands.
func (p *planner) wait(e triggerlog.Entry, first int32, d decision, f footprint) {
	p.held.waiting.add(f)
	if d.item == nil {
		return
	}
	for i, l := range d.waits {
		if insert, ok := p.insertOf(l.parent); !ok || insert.ID > first || !insert.Unsettled() {
			p.held.await(l.parent)
		}
		if i == 0 {
			p.plan.Waits = append(p.plan.Waits, Wait{Entry: e, Reason: l.why})
		}
	}
}

// settle files an entry that needs no call.
func (p *planner) settle(e triggerlog.Entry, d decision) {
	d.done.Entry = e
	p.plan.Done = append(p.plan.Done, d.done)
	p.plan.Ignored = append(p.plan.Ignored, d.ignored...)
	if d.done.State == triggerlog.Failed && e.Action == triggerlog.Insert {
		p.failed[Record{e.Table, e.RecordID}] = e.ID
	}
	p.plan.Conflicts = append(p.plan.Conflicts, d.conflicts...)
	p.plan.Reread = append(p.plan.Reread, d.reread...)
}
