package apply

import (
	"encoding/json"
	"fmt"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/merge"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// dirty is a column whose local change is on its way.
type dirty struct {
	logID   int32
	base    record.Value
	hasBase bool
}

// mergeRow decides column by column for a row with unsettled changes: a
// changed column keeps the local value (I5) and remembers what came in, for
// the planner to settle; every other takes the record's.
func (a *Applier) mergeRow(p *plan, m *matches, row row, sfid string, values []record.Value, entries []triggerlog.Entry) error {
	changed, err := a.dirtyColumns(entries)
	if err != nil {
		return err
	}
	ours, ok := m.current[row.id]
	if !ok || len(ours) != len(values) {
		p.postpone(sfid, "the row changed while it was being read")
		return nil
	}
	known := m.bases[row.id]
	out := a.decideColumns(changed, ours, values)
	for i, d := range changed {
		c := a.table.Columns[i]
		theirs := outbox.Base{
			Table: a.table.Name, RecordID: row.id, Column: c.Name, LogID: d.logID,
			Theirs: text(c.Type, values[i]),
		}
		if _, ok := known[c.Name]; !ok && d.hasBase {
			theirs.Base = text(c.Type, d.base)
		}
		if !d.hasBase {
			if _, ok := known[c.Name]; !ok {
				continue // nothing was ever agreed on: there is nothing to compare with
			}
		}
		p.theirs = append(p.theirs, theirs)
	}
	p.keep = append(p.keep, staged{row.id, out})
	return nil
}

// decideColumns gives the row as it is to be written.
func (a *Applier) decideColumns(changed map[int]dirty, ours, theirs []record.Value) []record.Value {
	in := merge.Row{Local: merge.Updated, Columns: make([]merge.Column, len(theirs))}
	for i, c := range a.table.Columns {
		_, isDirty := changed[i]
		in.Columns[i] = merge.Column{Type: c.Type, Theirs: theirs[i], Ours: ours[i], Dirty: isDirty}
	}
	out := append([]record.Value(nil), theirs...)
	for i, action := range merge.Decide(in).Columns {
		if action == merge.Keep {
			out[i] = ours[i]
		}
	}
	return out
}

// dirtyColumns are the columns that unsettled entries change, by position.
// The base of each is its value before the first of them.
func (a *Applier) dirtyColumns(entries []triggerlog.Entry) (map[int]dirty, error) {
	out := map[int]dirty{}
	for _, e := range entries {
		if !e.Unsettled() || e.Action == triggerlog.Delete {
			continue
		}
		values, err := parseChange(a.table, e.Values)
		if err != nil {
			return nil, fmt.Errorf("trigger log entry %d: %w", e.ID, err)
		}
		old, err := parseChange(a.table, e.Old)
		if err != nil {
			return nil, fmt.Errorf("trigger log entry %d: %w", e.ID, err)
		}
		for i, v := range values {
			if _, ok := out[i]; ok || i == a.table.Layout.ID || (e.Action == triggerlog.Insert && v == nil) {
				continue
			}
			base, has := old[i]
			out[i] = dirty{logID: e.ID, base: base, hasBase: has}
		}
	}
	return out, nil
}

// parseChange reads hstore text into values by column position. Keys that are
// not mapped columns and values that the column's type refuses are left out:
// entries are untrusted, and the planner tells the person.
func parseChange(t *mapping.Table, s *string) (map[int]record.Value, error) {
	if s == nil {
		return nil, nil
	}
	pairs, err := hstoretext.Parse(*s)
	if err != nil {
		return nil, fmt.Errorf("read hstore: %w", err)
	}
	out := make(map[int]record.Value, len(pairs))
	for _, p := range pairs {
		i := t.Layout.ByName(p.Key)
		if i < 0 {
			continue
		}
		if p.Null {
			out[i] = nil
			continue
		}
		if v, err := t.Columns[i].Type.ParseText(p.Value); err == nil {
			out[i] = v
		}
	}
	return out, nil
}

func text(t record.Type, v record.Value) *string {
	if v == nil {
		return nil
	}
	s := string(t.AppendText(nil, v))
	return &s
}

// mayBe says whether an incoming record may be the one that a create without
// an external ID made. A trigger in the org may have changed some of what was
// sent, so one text that stands in the record is enough; a record that waits
// in vain is only late, one that is taken for another's is there twice.
func (a *Applier) mayBe(i outbox.Intent, values []record.Value) bool {
	var body map[string]any
	if err := json.Unmarshal([]byte(i.Body), &body); err != nil {
		return true
	}
	told := false
	for field, sent := range body {
		pos := a.table.Layout.ByField(field)
		s, isText := sent.(string)
		if pos < 0 || !isText || a.table.Columns[pos].Type.Kind != record.Text {
			continue // dates and Ids come back in another form; text decides
		}
		if a.table.Columns[pos].Type.Same(record.TextValue(s), values[pos]) {
			return true
		}
		told = true
	}
	return !told
}
