package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// keys are the names by which records are known: the row, the sfid, the value
// of the unique identifier. Two entries concern one record if they share one.
type keys map[string]bool

func newKeys() keys { return keys{} }

func (k keys) add(names []string) {
	for _, n := range names {
		k[n] = true
	}
}

func (k keys) anyOf(names []string) bool {
	for _, n := range names {
		if k[n] {
			return true
		}
	}
	return false
}

func rowKey(table string, id int32) string { return "row:" + table + ":" + strconv.Itoa(int(id)) }

// externalKey folds case: most unique fields of Salesforce do.
func externalKey(table, value string) string { return "ext:" + table + ":" + strings.ToLower(value) }

func sfidKey(sfid string) string { return "id:" + sfid }

func appendKeys(dst []string, table string, id int32, sfid, external string) []string {
	if id != 0 {
		dst = append(dst, rowKey(table, id))
	}
	if sfid != "" {
		dst = append(dst, sfidKey(sfid))
	}
	if external != "" {
		dst = append(dst, externalKey(table, external))
	}
	return dst
}

// parents are the keys of the records that an entry points to by their unique
// identifier: it goes after them.
func parents(t *mapping.Table, tables map[string]*mapping.Table, changed []change) []string {
	var out []string
	for _, c := range changed {
		col := &t.Columns[c.column]
		if col.Relationship == "" || c.value == nil {
			continue
		}
		parent := tables[strings.ToLower(col.Target)]
		if parent == nil || parent.Upsert < 0 || col.Field == nil ||
			!strings.EqualFold(parent.Columns[parent.Upsert].Path(), col.Field.Name) {
			continue
		}
		out = append(out, externalKey(parent.Name, text(col.Type, c.value)))
	}
	return out
}

func text(t record.Type, v record.Value) string { return string(t.AppendText(nil, v)) }

// footprint is what an entry touches. Two entries whose footprints meet keep
// the order of the log.
type footprint struct {
	// own are the names of the entry's record, and the values of unique fields
	// that it takes or gives up.
	own []string
	// refs are the records that it points to, or pointed to before.
	refs []string
	// gone and comes are where a delete and an insert of one table could stand
	// in each other's way: they point to the same record.
	gone, comes []string
}

// except leaves out a record's own names: it may point to itself.
func except(needs, own []string) []string {
	return slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return slices.Contains(own, n) })
}

// with joins two footprints.
func (f footprint) with(o footprint) footprint {
	return footprint{
		own: slices.Concat(f.own, o.own), refs: slices.Concat(f.refs, o.refs),
		gone: slices.Concat(f.gone, o.gone), comes: slices.Concat(f.comes, o.comes),
	}
}

// marks are the footprints of several entries.
type marks struct{ own, refs, gone, comes keys }

func newMarks() marks { return marks{newKeys(), newKeys(), newKeys(), newKeys()} }

func (m marks) add(f footprint) {
	m.own.add(f.own)
	m.refs.add(f.refs)
	m.gone.add(f.gone)
	m.comes.add(f.comes)
}

func (m marks) meet(f footprint) bool {
	return m.own.anyOf(f.own) || m.own.anyOf(f.refs) || m.refs.anyOf(f.own) ||
		m.gone.anyOf(f.comes) || m.comes.anyOf(f.gone)
}

// Held are the records that nothing may be sent for just now, and the entries
// that must not be taken.
type Held struct {
	marks   marks
	entries map[int32]bool
	// waiting are entries that wait for a parent, and those behind them; awaited
	// are these parents.
	waiting marks
	awaited map[Record]bool
	// within are others that hold too; they are only read.
	within []*Held
}

// Hold makes a Held of intents that are open or unknown. Their entries and all
// others of their records wait, whatever state somebody has set by hand.
func Hold(intents []outbox.Intent) *Held {
	h := &Held{marks: newMarks(), entries: map[int32]bool{}, waiting: newMarks(), awaited: map[Record]bool{}}
	for _, i := range intents {
		h.entries[i.LogID] = true
		h.marks.own.add(appendKeys(nil, i.Table, i.RecordID, i.Sfid, i.ExternalID))
	}
	return h
}

// Include makes everything wait that others hold. It keeps them.
func (h *Held) Include(others ...*Held) { h.within = append(h.within, others...) }

func (h *Held) holds(e triggerlog.Entry, f footprint) bool {
	if h.entries[e.ID] || h.marks.meet(f) {
		return true
	}
	return slices.ContainsFunc(h.within, func(o *Held) bool { return o.holds(e, f) })
}

// Entry keeps one entry, and with it all later ones of its record, from being
// taken: it waits for its next attempt.
func (h *Held) Entry(logID int32) { h.entries[logID] = true }

// blocks says whether an entry has to go after one that waits for its parent.
// The insert of such a parent goes before those that point to each other with
// it, else none of them would ever go.
func (h *Held) blocks(e triggerlog.Entry, f footprint) bool {
	if e.Action == triggerlog.Insert && h.awaited[Record{e.Table, e.RecordID}] {
		return h.waiting.own.anyOf(f.own) || h.waiting.gone.anyOf(f.comes)
	}
	return h.waiting.meet(f)
}

// Holds says whether an entry itself is kept from being taken.
func (h *Held) Holds(logID int32) bool {
	return h.entries[logID] || slices.ContainsFunc(h.within, func(o *Held) bool { return o.Holds(logID) })
}
