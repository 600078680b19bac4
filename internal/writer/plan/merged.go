package plan

import (
	"cmp"
	"slices"

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
	p.arrivals = newKeys()
	groups := p.fold()
	for _, g := range groups {
		if g.carrier.Action == triggerlog.Insert {
			p.arrivals.add(p.decide(g.carrier).keys)
		}
	}
	if late := p.takeGroups(groups); len(late) > 0 {
		if len(p.plan.Sets)+len(p.plan.Done) == 0 {
			// They wait for each other, and nothing else will come between:
			// Salesforce has the last word.
			p.arrivals = newKeys()
			late = p.takeGroups(late)
		}
		for _, g := range late {
			p.plan.Waiting += len(g.all)
		}
	}
	p.plan.Looked = len(in.Entries)
	return p.plan
}

// group is the entries of one record that travel as one.
type group struct {
	all     []triggerlog.Entry // oldest first; the last one is the carrier
	carrier triggerlog.Entry   // as it will stand in the log
	retaken []int32            // FAILED entries that it takes along
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
	if t == nil || t.Access != mapping.ReadWrite || e.RecordID == 0 ||
		e.Action != triggerlog.Insert && e.Action != triggerlog.Update {
		return false
	}
	_, err := changes(t, e.Values)
	return err == nil
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

// takeGroups puts each group into its place, and returns those that go after
// the insert of a parent that comes later in the log.
func (p *planner) takeGroups(groups []*group) (late []*group) {
	p.late = newMarks()
	for _, g := range groups {
		d := p.decide(g.carrier)
		f := p.footprint(g.carrier, d)
		for _, e := range g.all[:len(g.all)-1] {
			f = f.with(p.footprint(e, decision{}))
		}
		if p.arrivals.anyOf(except(d.needs, d.keys)) {
			late = append(late, g)
			p.late.own.add(f.own)
			continue
		}
		p.arrivals.remove(d.keys)
		p.takeGroup(g, d, f)
	}
	return late
}

// except leaves out a record's own names: it may point to itself.
func except(needs, own []string) []string {
	return slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return slices.Contains(own, n) })
}

func (p *planner) takeGroup(g *group, d decision, f footprint) {
	waits := p.in.Paused[g.carrier.Table] || p.inSet.meet(f) || p.late.meet(f)
	for _, e := range g.all {
		waits = waits || p.held.touches(e, f)
	}
	if !waits && d.item != nil {
		waits = !p.join(g.carrier, d)
	}
	if waits {
		p.held.marks.add(f)
		p.plan.Waiting += len(g.all)
		return
	}
	for _, e := range g.all[:len(g.all)-1] {
		p.plan.Done = append(p.plan.Done, Done{Entry: e, State: triggerlog.Merged})
	}
	if len(g.all)+len(g.retaken) > 1 {
		p.plan.Rewrites = append(p.plan.Rewrites, g.carrier)
	}
	p.plan.Retaken = append(p.plan.Retaken, g.retaken...)
	if d.item == nil {
		p.settle(g.carrier, d)
		return
	}
	p.inSet.add(f)
}
