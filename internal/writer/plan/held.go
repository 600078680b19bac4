package plan

import (
	"math/rand/v2"
	"slices"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// footprint is what an entry touches. Two entries whose footprints meet keep
// the order of the log.
type footprint struct {
	// own are the names of the entry's record, and the values of unique fields
	// that it takes or gives up.
	own []key
	// refs are the records that it points to, or pointed to before.
	refs []key
	// gone and comes are where a delete and an insert of one table could stand
	// in each other's way: they point to the same record.
	gone, comes []key
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

func saltedMarks(salt uint64) marks {
	k := keys{salt: salt}
	return marks{k, k, k, k}
}

func (m *marks) add(f footprint) {
	m.own.add(f.own)
	m.refs.add(f.refs)
	m.gone.add(f.gone)
	m.comes.add(f.comes)
}

func (m *marks) meet(f footprint) bool {
	return m.own.anyOf(f.own) || m.own.anyOf(f.refs) || m.refs.anyOf(f.own) ||
		m.gone.anyOf(f.comes) || m.comes.anyOf(f.gone)
}

func (m *marks) absorb(o *marks) {
	m.own.absorb(&o.own)
	m.refs.absorb(&o.refs)
	m.gone.absorb(&o.gone)
	m.comes.absorb(&o.comes)
}

// meets is meet for all entries of another.
func (m *marks) meets(o *marks) bool {
	return m.own.meets(&o.own) || m.own.meets(&o.refs) || m.refs.meets(&o.own) ||
		m.gone.meets(&o.comes) || m.comes.meets(&o.gone)
}

// Held are the records that nothing may be sent for just now, and the entries
// that must not be taken. Its memory is bounded, however many entries wait: of
// very many it may hold back a few more than it must, another few each time.
type Held struct {
	marks   marks
	entries map[int32]bool
	// waiting are entries that wait for a parent, and those behind them; awaited
	// are those of the parents whose insert may come after them in the log.
	waiting marks
	awaited map[Record]bool
	// within are others that hold too; they are only read.
	within []*Held
	salt   uint64
}

// maxAwaited bounds the parents that may go before entries that stand before
// them; more of them have their turn when these are gone.
const maxAwaited = 1 << 18

// Hold makes a Held of intents that are open or unknown. Their entries and all
// others of their records wait, whatever state somebody has set by hand.
func Hold(intents []outbox.Intent) *Held {
	h := newHeld(rand.Uint64())
	for _, i := range intents {
		h.entries[i.LogID] = true
		h.marks.own.add(keysOf(appendKeys(nil, i.Table, i.RecordID, i.Sfid, i.ExternalID)))
	}
	return h
}

func newHeld(salt uint64) *Held {
	return &Held{entries: map[int32]bool{}, awaited: map[Record]bool{}, salt: salt, marks: saltedMarks(salt), waiting: saltedMarks(salt)}
}

// Next is a Held for the entries that come next in the log. It includes this
// one, which may absorb it.
func (h *Held) Next() *Held {
	n := newHeld(h.salt)
	n.Include(h)
	return n
}

// Include makes everything wait that others hold. It keeps them.
func (h *Held) Include(others ...*Held) { h.within = append(h.within, others...) }

// Absorb takes over what the planner has added to what Next returned: the
// entries that it let wait.
func (h *Held) Absorb(o *Held) {
	h.marks.absorb(&o.marks)
	h.waiting.absorb(&o.waiting)
	for r := range o.awaited {
		h.await(r)
	}
}

func (h *Held) await(r Record) {
	if len(h.awaited) < maxAwaited {
		h.awaited[r] = true
	}
}

// Meets says whether something waits here that touches what another holds.
func (h *Held) Meets(o *Held) bool { return h.marks.meets(&o.marks) || h.waiting.meets(&o.marks) }

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
	if e.Action == triggerlog.Insert && h.awaits(Record{e.Table, e.RecordID}) {
		return h.waits(func(m *marks) bool { return m.own.anyOf(f.own) || m.gone.anyOf(f.comes) })
	}
	return h.waits(func(m *marks) bool { return m.meet(f) })
}

func (h *Held) awaits(r Record) bool {
	return h.awaited[r] || slices.ContainsFunc(h.within, func(o *Held) bool { return o.awaits(r) })
}

func (h *Held) waits(meet func(*marks) bool) bool {
	return meet(&h.waiting) || slices.ContainsFunc(h.within, func(o *Held) bool { return o.waits(meet) })
}

// Holds says whether an entry itself is kept from being taken.
func (h *Held) Holds(logID int32) bool {
	return h.entries[logID] || slices.ContainsFunc(h.within, func(o *Held) bool { return o.Holds(logID) })
}
