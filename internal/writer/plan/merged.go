package plan

import (
	"cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Merged plans by Merged Writes: the inserts and updates of one record that
// wait in the log are folded into the newest of them, the older ones are
// MERGED. A later change of a row whose insert failed takes that insert along,
// and so tries it again.
//
// The carrier holds all that it carries (Plan.Rewrites), so whatever becomes of
// it later, by hand or by another algorithm, nothing is missing. It takes the
// place of the oldest; apart from that the order is kept as in [Dependency].
func Merged(in Input, held *Held) *Plan {
	p := newPlanner(in, held)
	groups := p.fold()
	p.inserts = map[Record]triggerlog.Entry{}
	for _, g := range groups {
		if g.carrier.Action == triggerlog.Insert {
			p.inserts[Record{g.carrier.Table, g.carrier.RecordID}] = g.carrier
		}
	}
	p.takeGroups(groups)
	p.plan.Looked = len(in.Entries)
	return p.finish()
}

// group is the entries of one record that travel as one.
type group struct {
	all     []triggerlog.Entry // oldest first; the last one is the carrier
	carrier triggerlog.Entry   // as it will stand in the log
	retaken []int32            // FAILED entries that it takes along
	placed  bool
}

// fold groups entries, in the order of their oldest.
func (p *planner) fold() []*group {
	var out []*group
	last := map[Record]*group{}
	for _, e := range p.in.Entries {
		key := Record{e.Table, e.RecordID}
		if !p.foldable(e) {
			delete(last, key)
			out = append(out, &group{all: []triggerlog.Entry{e}, carrier: e})
			continue
		}
		g := last[key]
		if g == nil {
			g = &group{carrier: e, all: []triggerlog.Entry{e}}
			last[key], out = g, append(out, g)
			p.retake(g)
			continue
		}
		g.all = append(g.all, e)
		g.carrier = carry(g.carrier, e)
	}
	return out
}

// foldable says whether an entry can travel with others of its record: one that
// will fail by itself must not take them along.
func (p *planner) foldable(e triggerlog.Entry) bool {
	t := p.in.Tables[e.Table]
	if t == nil || t.Access != mapping.ReadWrite && !p.capturedBefore(t, e) || e.RecordID == 0 ||
		e.Action != triggerlog.Insert && e.Action != triggerlog.Update {
		return false
	}
	return p.read(t, e).err == nil
}

// retake puts an insert that failed, and the changes that went with it, before
// the first entry of a row that never reached Salesforce.
func (p *planner) retake(g *group) {
	first := g.all[0]
	row, here := p.in.Rows[Record{first.Table, first.RecordID}]
	if first.Action != triggerlog.Update || !here || row.Sfid != "" || first.Sfid != "" || p.failedInsert(first) == 0 {
		return
	}
	var before *triggerlog.Entry
	for _, o := range p.in.Related[Record{first.Table, first.RecordID}] {
		if o.ID >= first.ID || o.State != triggerlog.Failed || !p.foldable(o) {
			continue
		}
		g.retaken = append(g.retaken, o.ID)
		if before != nil {
			o = carry(*before, o)
		}
		before = &o
	}
	if before != nil {
		g.carrier = carry(*before, first)
	}
}

// carry is the newer of two entries with what the older one holds beside it.
func carry(older, newer triggerlog.Entry) triggerlog.Entry {
	out := newer
	out.Values = overlay(older.Values, newer.Values)
	out.Old, out.Sfid = older.Old, cmp.Or(newer.Sfid, older.Sfid)
	if older.Action == triggerlog.Insert || newer.Action == triggerlog.Insert {
		out.Action, out.Old = triggerlog.Insert, nil
	}
	return out
}

// overlay joins two hstore texts that can be read; the second wins.
func overlay(under, over *string) *string {
	var pairs []hstoretext.Pair
	for _, s := range []*string{over, under} {
		if s != nil {
			list, _ := hstoretext.Parse(*s) // see foldable
			pairs = append(pairs, list...)
		}
	}
	s := string(hstoretext.Append(nil, pairs)) // the first of a key counts
	return &s
}

// fileGroup notes what becomes of the entries that the carrier carries.
func (p *planner) fileGroup(g *group) {
	for _, e := range g.all[:len(g.all)-1] {
		p.plan.Done = append(p.plan.Done, Done{Entry: e, State: triggerlog.Merged})
	}
	if len(g.all)+len(g.retaken) > 1 {
		p.plan.Rewrites = append(p.plan.Rewrites, g.carrier)
	}
	p.plan.Retaken = append(p.plan.Retaken, g.retaken...)
}
