package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Codes of failures that are ours, in lower case so that none is taken for one
// of Salesforce's.
const (
	CodeInvalidEntry = "invalid_entry"
	CodeNotMapped    = "not_mapped"
	CodeNoRecord     = "no_record"
	CodeInsertFailed = "insert_failed"
	CodeNoParent     = "no_parent"
)

// decision is where one entry belongs: item is set if it is to be sent, else
// done says how it ends.
type decision struct {
	// keys name the record, needs those that it points to.
	keys, needs []string
	// set is what the entry sets, with the lookups that were resolved.
	set []change
	// waits are the parents without which it can't be sent.
	waits []link
	// recapture names the columns that a second update is made from.
	recapture []string
	// orphan says why the parent that it names will never be there.
	orphan string
	// held says that a person or the mapping keeps it back.
	held      bool
	op        outbox.Op
	item      *Item
	done      Done
	ignored   []int32
	conflicts []outbox.Conflict
	reread    []Reread
}

func (d decision) end(state triggerlog.State, code, format string, args ...any) decision {
	d.done = Done{State: state, Code: code, Message: fmt.Sprintf(format, args...)}
	return d
}

func (d decision) fail(code, format string, args ...any) decision {
	return d.end(triggerlog.Failed, code, format, args...)
}

func (p *planner) decide(e triggerlog.Entry) decision {
	row := p.in.Rows[Record{e.Table, e.RecordID}]
	d := decision{keys: appendKeys(nil, e.Table, e.RecordID, e.Sfid, "")}
	t := p.in.Tables[e.Table]
	switch {
	case t == nil:
		return d.fail(CodeNotMapped, "table %q is not mapped to a Salesforce object: map it and set the entry to NEW, or set it to IGNORED", e.Table)
	case t.Access != mapping.ReadWrite && !p.capturedBefore(t, e):
		return d.end(triggerlog.ReadOnly, "", "the mapping of %s is read-only", t.Object)
	case t.Access != mapping.ReadWrite && t.Mapping.Options.WhenReadOnly == mapping.DiscardThem:
		return d.end(triggerlog.ReadOnly, "", "the mapping of %s was made read-only before this change was sent", t.Object)
	case e.RecordID == 0 && e.Sfid == "":
		return d.fail(CodeInvalidEntry, "the entry names no record: record_id and sfid are both missing")
	case e.Sfid != "" && !isID(t, e.Sfid):
		return d.fail(CodeInvalidEntry, "sfid %s is no Id of a record of %s", shortened(e.Sfid), t.Object)
	}
	if row.Sfid != "" && row.Sfid != e.Sfid {
		d.keys = append(d.keys, sfidKey(row.Sfid))
	}
	d.held = t.Access != mapping.ReadWrite && t.Mapping.Options.WhenReadOnly == mapping.HoldThem
	r := p.read(t, e)
	if r.err != nil {
		return d.fail(CodeInvalidEntry, "%s", r.err)
	}
	if e.Action == triggerlog.Delete {
		return p.decideDelete(d, t, e)
	}
	changed, links, err := p.links(t, e, r)
	if err != nil {
		return d.fail(CodeInvalidEntry, "%s", err)
	}
	if t.Upsert >= 0 {
		d.keys = append(d.keys, externalKeys(t, changed, row)...)
	}
	d.needs = parents(t, p.in.Tables, changed)
	changed = p.parentsOf(&d, t, e, changed, links)
	d.set = changed
	switch e.Action {
	case triggerlog.Insert:
		d = p.decideInsert(d, t, e, changed)
	case triggerlog.Update:
		d = p.decideUpdate(d, t, e, changed)
	default:
		return d.fail(CodeInvalidEntry, "action %q is none of INSERT, UPDATE, DELETE", e.Action)
	}
	if d.done.State == triggerlog.Ignored && len(d.waits) > 0 {
		d.done, d.item = Done{}, &Item{Entry: e} // its only value is the parent's sfid
	}
	if (d.item != nil || d.done.State == triggerlog.Ignored) && d.orphan != "" {
		d.item = nil
		return d.fail(CodeNoParent, "%s", d.orphan)
	}
	return d
}

// turning is how long the triggers of a table may take to learn that its
// mapping is read-only.
const turning = time.Minute

// capturedBefore says whether an entry of a read-only table is from the time
// when it was read-write.
func (p *planner) capturedBefore(t *mapping.Table, e triggerlog.Entry) bool {
	since, ok := p.in.ReadOnlySince[t.Name]
	return ok && e.CreatedAt.Before(since.Add(turning))
}

// parentsOf sorts an entry's links: those without which it waits, and those
// that it goes without, since the rows wait for each other.
func (p *planner) parentsOf(d *decision, t *mapping.Table, e triggerlog.Entry, changed []change, links []link) []change {
	for _, l := range links {
		d.needs = append(d.needs, rowKey(l.parent.Table, l.parent.ID))
		switch {
		case l.gone:
			d.orphan = l.why
		case !l.waits:
		case e.Action == triggerlog.Insert && p.cycles.breaks(Record{e.Table, e.RecordID}, l):
			changed = without(changed, l.column)
			d.recapture = append(d.recapture, l.recapture)
		default:
			d.waits = append(d.waits, l)
		}
	}
	if len(d.recapture) > 0 { // what a record goes without it need not touch
		d.needs = except(parents(t, p.in.Tables, changed), d.keys)
	}
	return changed
}

// externalKeys are the values of the unique identifier that an entry concerns:
// the row's while it has no sfid, and one that the entry sets.
func externalKeys(t *mapping.Table, changed []change, row Row) []string {
	var out []string
	if row.Sfid == "" && row.ExternalID != "" {
		out = append(out, externalKey(t.Name, row.ExternalID))
	}
	for _, c := range changed {
		if c.column == t.Upsert && c.value != nil {
			out = append(out, externalKey(t.Name, text(t.Columns[c.column].Type, c.value)))
		}
	}
	return out
}

// decideInsert sends an insert as an upsert by the unique identifier where it
// has a value, so that it can be repeated (I6). NULLs are not sent: the row
// holds NULL in each column that the application did not set, and to send it
// would take the place of Salesforce's default.
func (p *planner) decideInsert(d decision, t *mapping.Table, e triggerlog.Entry, changed []change) decision {
	row, here := p.in.Rows[Record{e.Table, e.RecordID}]
	if del, ok := p.deleteAfter(e); ok && !here {
		if del.State == triggerlog.Ignore {
			d.ignored = append(d.ignored, del.ID)
		}
		return d.end(triggerlog.Merged, "", "")
	}
	sent, _ := choose(t, notNull(changed), createable)
	external := valueOf(t, changed)
	switch {
	case row.Sfid != "":
		// The record was there before: the reader knew it by its unique
		// identifier, or the application gave its Id.
		updatable, _ := choose(t, notNull(changed), updateable)
		return d.update(t, e, row.Sfid, updatable)
	case external != nil:
		return d.upsert(t, e, external, sent)
	default:
		d.op = outbox.Insert
		d.item = &Item{Entry: e, Body: body(t, "", sent), Recapture: d.recapture}
		return d
	}
}

// decideUpdate sends what the entry changed to the record that the row is now:
// the entry may have been captured before the sfid was known.
func (p *planner) decideUpdate(d decision, t *mapping.Table, e triggerlog.Entry, changed []change) decision {
	key := Record{e.Table, e.RecordID}
	row, here := p.in.Rows[key]
	sfid := row.Sfid
	if sfid == "" {
		sfid = e.Sfid
	}
	if !here {
		if del, ok := p.deleteAfter(e); ok {
			sfid = cmp.Or(sfid, del.Sfid)
			if sfid == "" || !frees(t, changed) {
				return d.end(triggerlog.Merged, "", "")
			}
		}
	}
	if sfid == "" {
		if id := p.failedInsert(e); id != 0 {
			return d.fail(CodeInsertFailed, "the insert of this row failed (log id %d): requeue it first, then this entry", id)
		}
	}
	sent, left := choose(t, changed, updateable)
	sent, settled := p.settleColumns(&d, t, e, sfid, sent)
	if len(left) > 0 || settled.takeTheirs {
		d.reread = reread(t, sfid, left)
	}
	switch {
	case len(sent) == 0 && settled.any:
		return d.end(triggerlog.Ignored, "", "Salesforce's value stands in each changed column")
	case len(sent) == 0 && len(left) > 0:
		return d.end(triggerlog.Ignored, "", "Salesforce does not let us write %s", names(t, left))
	case len(sent) == 0:
		return d.end(triggerlog.Ignored, "", "no mapped column was changed")
	case sfid != "":
		return d.update(t, e, sfid, sent)
	case row.ExternalID != "":
		external, err := t.Columns[t.Upsert].Type.ParseText(row.ExternalID)
		if err != nil {
			return d.fail(CodeInvalidEntry, "column %s: %s", t.Columns[t.Upsert].Name, err)
		}
		return d.upsert(t, e, external, sent)
	default:
		return d.fail(CodeNoRecord, "the row is not known in Salesforce: it has neither an sfid nor a value in a unique identifier")
	}
}

// frees says whether an update lets go of something that another record may
// wait for: a unique value, or the record that it pointed to. Then it is sent,
// though a delete follows.
func frees(t *mapping.Table, changed []change) bool {
	return slices.ContainsFunc(changed, func(c change) bool {
		f := t.Columns[c.column].Field
		return throughOf(t, c) != "" || c.column == t.Upsert || f != nil && (f.Unique || f.ExternalID)
	})
}

func reread(t *mapping.Table, sfid string, left []change) []Reread {
	if sfid == "" {
		return nil
	}
	reason := "Salesforce's change won over a local one"
	if len(left) > 0 {
		reason = "columns that can't be written were changed: " + names(t, left)
	}
	return []Reread{{Table: t, Sfid: sfid, Reason: reason}}
}

func (p *planner) decideDelete(d decision, t *mapping.Table, e triggerlog.Entry) decision {
	if e.Sfid == "" {
		return d.end(triggerlog.Ignored, "", "the record never reached Salesforce")
	}
	if t.Describe != nil && !t.Describe.Deletable {
		return d.fail(CodeInvalidEntry, "records of %s cannot be deleted through the API by this user", t.Object)
	}
	d.held = d.held || p.in.Braked[t.Name]
	d.op, d.item = outbox.Delete, &Item{Entry: e, Sfid: e.Sfid}
	return d
}

func (d decision) update(t *mapping.Table, e triggerlog.Entry, sfid string, sent []change) decision {
	if len(sent) == 0 {
		return d.end(triggerlog.Ignored, "", "the entry holds nothing that can be written to the record %s", sfid)
	}
	d.op, d.item = outbox.Update, &Item{Entry: e, Sfid: sfid, Body: body(t, sfid, sent), Recapture: d.recapture}
	return d
}

// upsert puts the unique identifier into the body: that is how Collections
// matches records.
func (d decision) upsert(t *mapping.Table, e triggerlog.Entry, external record.Value, sent []change) decision {
	sent = append([]change{{column: t.Upsert, value: external}}, without(sent, t.Upsert)...)
	d.op = outbox.Upsert
	d.item = &Item{Entry: e, ExternalID: text(t.Columns[t.Upsert].Type, external), Body: body(t, "", sent), Recapture: d.recapture}
	return d
}

// deleteAfter finds the delete that ended the row that e changed.
func (p *planner) deleteAfter(e triggerlog.Entry) (triggerlog.Entry, bool) {
	for _, o := range p.in.Related[Record{e.Table, e.RecordID}] {
		if o.Action == triggerlog.Delete && o.ID > e.ID {
			return o, true
		}
	}
	return triggerlog.Entry{}, false
}

// failedInsert is the log id of the row's insert, if it failed; 0 otherwise.
func (p *planner) failedInsert(e triggerlog.Entry) int32 {
	id := p.failed[Record{e.Table, e.RecordID}]
	for _, o := range p.in.Related[Record{e.Table, e.RecordID}] {
		if o.Action != triggerlog.Insert || o.ID >= e.ID {
			continue
		}
		switch o.State {
		case triggerlog.Failed:
			id = o.ID
		case triggerlog.Success:
			id = 0
		default:
		}
	}
	return id
}

// body renders a record. A checkbox has no third value and Salesforce refuses
// null for it: NULL is sent as false, which then comes back.
func body(t *mapping.Table, sfid string, sent []change) []byte {
	columns, values := make([]record.Column, len(sent)), make([]record.Value, len(sent))
	for i, c := range sent {
		columns[i], values[i] = t.Columns[c.column].Column, c.value
		if c.value == nil && columns[i].Type.Kind == record.Bool {
			values[i] = record.BoolValue(false)
		}
	}
	return restjson.AppendRecord(nil, t.Object, sfid, columns, values)
}
