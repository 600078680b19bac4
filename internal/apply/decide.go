package apply

import (
	"fmt"
	"slices"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// plan is what to do with each record of a batch.
type plan struct {
	update  []staged // rows without a word from the log: take the record whole
	keep    []staged // rows that keep their status, with decided values
	insert  []staged
	remove  []staged
	later   []deferral      // left out, to be read again by Id
	refused []refused       // what the database did not take
	refuses map[string]bool // their sfids
	done    []string        // sfids that are settled by this batch
	theirs  []outbox.Base
	clashes []outbox.Conflict
	undo    []int32 // NEW deletes that Salesforce's change overrules
	passed  int
}

// staged is a row to write: its values in layout order.
type staged struct {
	id     int32
	values []record.Value
}

type deferral struct{ sfid, reason string }

func (a *Applier) decide(b *record.Batch, m *matches) (*plan, error) {
	p := &plan{}
	for i := range b.Len() {
		sfid := b.Value(i, a.table.Layout.ID).String()
		if m.last[sfid] != i {
			continue // the batch holds a newer version of it
		}
		if err := a.decideOne(p, m, i, sfid, a.external(b, i), b.Row(i, nil)); err != nil {
			return nil, fmt.Errorf("decide on %s %s: %w", a.table.Object, sfid, err)
		}
	}
	return p, nil
}

func (a *Applier) decideOne(p *plan, m *matches, i int, sfid, external string, values []record.Value) error {
	row, matched := m.rows[i]
	if m.busy[i] {
		p.postpone(sfid, "the application holds the row")
		return nil
	}
	if intent, ok := m.intents.of(row.id, sfid, external); ok {
		if intent.State != outbox.Settled {
			p.postpone(sfid, "a write of it is on its way")
			return nil
		}
		p.passed++
		return nil
	}
	deleted := a.table.Layout.Deleted >= 0 && values[a.table.Layout.Deleted].Bool()
	if !matched {
		return a.decideUnknown(p, m, sfid, values, deleted)
	}
	p.done = append(p.done, sfid)
	entries := m.byRecord[row.id]
	switch {
	case len(entries) == 0 && deleted && a.keepsDeleted():
		p.update = append(p.update, staged{row.id, a.freed(values)})
	case len(entries) == 0 && deleted:
		p.remove = append(p.remove, staged{row.id, values})
	case len(entries) == 0:
		p.update = append(p.update, staged{row.id, values})
	case deleted && a.keepsDeleted():
		p.keep = append(p.keep, staged{row.id, a.freed(values)})
		a.noteLostChange(p, row, sfid, entries)
	case deleted:
		p.remove = append(p.remove, staged{row.id, values})
		a.noteLostChange(p, row, sfid, entries)
	case !anyUnsettled(entries):
		// Its write failed; the status says so until somebody acts. A record
		// that has not changed since the row was read does not take the
		// refused values away: a person may still mend them (I5).
		if ours := m.current[row.id]; a.sameStamp(ours, values) {
			values = a.withRefused(entries, ours, values)
		}
		p.keep = append(p.keep, staged{row.id, values})
	default:
		return a.mergeRow(p, m, row, sfid, values, entries)
	}
	return nil
}

// keepsDeleted says whether the row of a deleted record stays, marked as such.
func (a *Applier) keepsDeleted() bool {
	return a.table.Mapping.Options.Deletes == mapping.KeepRow && a.table.Layout.Deleted >= 0
}

// freed is a deleted record without its unique values, which another may take
// from now on.
func (a *Applier) freed(values []record.Value) []record.Value {
	out := slices.Clone(values)
	for i, c := range a.table.Columns {
		if i != a.table.Layout.ID && (c.Unique || i == a.table.Upsert) {
			out[i] = nil
		}
	}
	return out
}

// withRefused is a record with the row's values of the columns that failed
// entries wanted to change. A stamp has whole seconds, so the other columns may
// have changed under the same one.
func (a *Applier) withRefused(entries []triggerlog.Entry, ours, theirs []record.Value) []record.Value {
	out := slices.Clone(theirs)
	for _, e := range entries {
		values, err := parseChange(a.table, e.Values)
		if err != nil {
			continue // nothing of it could be sent, or can be mended
		}
		for i, v := range values {
			if i != a.table.Layout.ID && (e.Action != triggerlog.Insert || v != nil) {
				out[i] = ours[i]
			}
		}
	}
	return out
}

// sameStamp says whether a row holds this very version of a record, or one of
// the same second.
func (a *Applier) sameStamp(ours, theirs []record.Value) bool {
	i := a.table.Layout.Stamp
	return i >= 0 && i < len(ours) && ours[i] != nil && ours[i].Equal(theirs[i])
}

// decideUnknown handles a record that no row stands for.
func (a *Applier) decideUnknown(p *plan, m *matches, sfid string, values []record.Value, deleted bool) error {
	if deleted {
		p.done = append(p.done, sfid)
		return nil
	}
	if del, ok := lastDelete(m.bySfid[sfid]); ok {
		return a.decideDeletedHere(p, m.bySfid[sfid], sfid, values, del)
	}
	for _, blind := range m.intents.blind {
		if a.mayBe(blind, values) {
			p.postpone(sfid, "it may be a create whose Id is not known yet")
			return nil
		}
	}
	p.done = append(p.done, sfid)
	p.insert = append(p.insert, staged{values: values})
	return nil
}

// decideDeletedHere handles a record that changed in Salesforce while its
// local delete is on its way: the row must not come back (I3) unless policy
// gives it to Salesforce and the delete has not been sent.
func (a *Applier) decideDeletedHere(p *plan, entries []triggerlog.Entry, sfid string, values []record.Value, del triggerlog.Entry) error {
	changed, err := a.changedSince(entries, del, values)
	if err != nil {
		return err
	}
	if !changed {
		return nil
	}
	winner := "postgres"
	if a.table.Mapping.Policy == mapping.SalesforceWins && del.State == triggerlog.New {
		winner = "salesforce"
		p.undo = append(p.undo, del.ID)
		p.insert = append(p.insert, staged{values: values})
	}
	p.clashes = append(p.clashes, a.rowConflict(del.RecordID, sfid, winner, del.ID))
	return nil
}

// changedSince says whether somebody edited the record in Salesforce since both
// sides last agreed on it: before the first of the unsettled entries. Columns
// that only the org sets (stamps, formulas) are no edit; our own earlier
// writes move those too.
func (a *Applier) changedSince(entries []triggerlog.Entry, del triggerlog.Entry, values []record.Value) (bool, error) {
	old := del.Old
	for _, e := range entries {
		if e.Unsettled() && e.Old != nil && e.RecordID == del.RecordID {
			old = e.Old
			break
		}
	}
	agreed, err := parseChange(a.table, old)
	if err != nil {
		return false, err
	}
	for i, c := range a.table.Columns {
		v, ok := agreed[i]
		if ok && (c.Createable || c.Updateable) && !c.Type.Same(v, values[i]) {
			return true, nil
		}
	}
	return false, nil
}

// noteLostChange logs that a local change can reach no record any more: it is
// gone in Salesforce, so the row goes too, whatever the policy.
func (a *Applier) noteLostChange(p *plan, row row, sfid string, entries []triggerlog.Entry) {
	if anyUnsettled(entries) {
		p.clashes = append(p.clashes, a.rowConflict(row.id, sfid, "salesforce", entries[len(entries)-1].ID))
	}
}

func (a *Applier) rowConflict(recordID int32, sfid, winner string, logID int32) outbox.Conflict {
	return outbox.Conflict{
		Mapping: a.table.Mapping.ID, Table: a.table.Name, RecordID: recordID, Sfid: sfid,
		Winner: winner, Policy: string(a.table.Mapping.Policy), LogID: logID,
	}
}

func (p *plan) postpone(sfid, reason string) { p.later = append(p.later, deferral{sfid, reason}) }

func anyUnsettled(entries []triggerlog.Entry) bool {
	for _, e := range entries {
		if e.Unsettled() {
			return true
		}
	}
	return false
}

func lastDelete(entries []triggerlog.Entry) (triggerlog.Entry, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Action == triggerlog.Delete && entries[i].Unsettled() {
			return entries[i], true
		}
	}
	return triggerlog.Entry{}, false
}
