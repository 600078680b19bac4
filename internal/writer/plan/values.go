package plan

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/merge"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// change is a new value of one column, by its position in the table.
type change struct {
	column int
	value  record.Value
}

// changes reads an entry's hstore text into values of mapped columns.
func changes(t *mapping.Table, hstore *string) ([]change, error) {
	pairs, err := parsePairs(hstore)
	if err != nil {
		return nil, err
	}
	return changesOf(t, pairs)
}

// Changed gives the values that an entry sets, by column name and in
// Postgres's text form, nil for NULL. An entry that can't be read changes
// nothing.
func Changed(t *mapping.Table, e triggerlog.Entry) map[string]*string {
	list, err := changes(t, e.Values)
	if err != nil {
		return nil
	}
	out := make(map[string]*string, len(list))
	for _, c := range list {
		if e.Action != triggerlog.Insert || c.value != nil {
			out[t.Columns[c.column].Name] = textOf(t.Columns[c.column].Type, c.value)
		}
	}
	return out
}

// Agreed gives the values that an entry leaves both sides with, by column name:
// those in the body that Salesforce accepted, and those that it already held.
// Columns that a policy dropped are not among them.
func Agreed(t *mapping.Table, e triggerlog.Entry, body []byte, bases []outbox.Base) map[string]*string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields) // no body: nothing was sent
	list, err := changes(t, e.Values)
	if err != nil {
		return nil
	}
	out := map[string]*string{}
	for _, c := range list {
		col := &t.Columns[c.column]
		top, _, _ := strings.Cut(col.Path(), ".")
		_, sent := fields[top]
		for _, b := range bases {
			if !sent && b.Seen && b.RecordID == e.RecordID && b.Column == col.Name {
				theirs, known := parse(col.Type, b.Theirs)
				sent = known && col.Type.Same(theirs, c.value)
			}
		}
		if sent {
			out[col.Name] = textOf(col.Type, c.value)
		}
	}
	return out
}

func textOf(t record.Type, v record.Value) *string {
	if v == nil {
		return nil
	}
	s := text(t, v)
	return &s
}

func notNull(list []change) []change {
	return slices.DeleteFunc(slices.Clone(list), func(c change) bool { return c.value == nil })
}

func without(list []change, column int) []change {
	return slices.DeleteFunc(slices.Clone(list), func(c change) bool { return c.column == column })
}

// valueOf is the value that a list of changes gives the unique identifier; nil
// if none.
func valueOf(t *mapping.Table, list []change) record.Value {
	for _, c := range list {
		if c.column == t.Upsert {
			return c.value
		}
	}
	return nil
}

func names(t *mapping.Table, list []change) string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = t.Columns[c.column].Name
	}
	return strings.Join(out, ", ")
}

func createable(c *mapping.Column) bool { return c.Createable }
func updateable(c *mapping.Column) bool { return c.Updateable }

// choose parts what is sent from what Salesforce does not let us write. Of a
// lookup and the relationship columns that go through it only one is sent,
// since Salesforce refuses two: the relationship column, if it was changed to a
// value, else the lookup.
func choose(t *mapping.Table, list []change, may func(*mapping.Column) bool) (sent, left []change) {
	for _, c := range list {
		if may(&t.Columns[c.column]) {
			sent = append(sent, c)
		} else {
			left = append(left, c)
		}
	}
	winner := map[string]change{}
	for _, c := range sent {
		lookup := throughOf(t, c)
		if lookup == "" {
			continue
		}
		best, ok := winner[lookup]
		if !ok || rank(t, c) > rank(t, best) {
			winner[lookup] = c
		}
	}
	sent = slices.DeleteFunc(sent, func(c change) bool {
		lookup := throughOf(t, c)
		return lookup != "" && winner[lookup].column != c.column
	})
	return sent, left
}

// throughOf is the lookup that a column writes, in lower case: its own for a
// reference field, the one it goes through for a relationship column; "" for
// any other.
func throughOf(t *mapping.Table, c change) string {
	col := &t.Columns[c.column]
	switch {
	case col.Lookup != "":
		return strings.ToLower(col.Lookup)
	case col.Type.Kind == record.ID:
		return strings.ToLower(col.Path())
	default:
		return ""
	}
}

func rank(t *mapping.Table, c change) int {
	relationship := t.Columns[c.column].Relationship != ""
	switch {
	case c.value != nil && relationship:
		return 3
	case c.value != nil:
		return 2
	case !relationship:
		return 1
	default:
		return 0
	}
}

// verdicts is what became of the columns of an entry.
type verdicts struct{ any, takeTheirs bool }

// settleColumns decides on columns for which a value came in from Salesforce
// while the change was on its way. It returns those that are still sent.
func (p *planner) settleColumns(d *decision, t *mapping.Table, e triggerlog.Entry, sfid string, list []change) ([]change, verdicts) {
	var v verdicts
	bases := p.in.Bases[Record{e.Table, e.RecordID}]
	if len(bases) == 0 {
		return list, v
	}
	out := list[:0:0]
	for _, c := range list {
		col := &t.Columns[c.column]
		i := slices.IndexFunc(bases, func(b outbox.Base) bool { return b.Column == col.Name })
		if i < 0 {
			out = append(out, c)
			continue
		}
		verdict := merge.Settle(changeOf(col.Type, bases[i], c), merge.Policy(t.Mapping.PolicyOf(col.Path())))
		if verdict.Conflict {
			d.conflicts = append(d.conflicts, conflict(t, e, sfid, bases[i], c, verdict))
		}
		v.any = v.any || verdict.Action != merge.Send
		v.takeTheirs = v.takeTheirs || verdict.Action == merge.TakeTheirs
		if verdict.Action == merge.Send {
			out = append(out, c)
		}
	}
	return out, v
}

// changeOf joins the stored base with the change. A base that stands there is
// known, NULL included.
func changeOf(t record.Type, b outbox.Base, c change) merge.Change {
	out := merge.Change{Type: t, Ours: c.value, Seen: b.Seen}
	out.Base, out.HasBase = parse(t, b.Base)
	out.Theirs, _ = parse(t, b.Theirs)
	return out
}

func parse(t record.Type, s *string) (record.Value, bool) {
	if s == nil {
		return nil, true
	}
	v, err := t.ParseText(*s)
	return v, err == nil
}

func conflict(t *mapping.Table, e triggerlog.Entry, sfid string, b outbox.Base, c change, v merge.Verdict) outbox.Conflict {
	winner := "postgres"
	if v.Action == merge.TakeTheirs {
		winner = "salesforce"
	}
	policy := t.Mapping.PolicyOf(t.Columns[c.column].Path())
	return outbox.Conflict{
		Mapping: t.Mapping.ID, Table: t.Name, RecordID: e.RecordID, Sfid: sfid, Column: b.Column,
		Base: b.Base, Ours: textOf(t.Columns[c.column].Type, c.value), Theirs: b.Theirs,
		Winner: winner, Policy: string(policy), LogID: e.ID,
	}
}
