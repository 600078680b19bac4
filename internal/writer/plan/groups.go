package plan

import (
	"cmp"
	"slices"
)

// takeGroups puts groups into their places: those of a higher priority first,
// as far as they touch nothing that stands before them in the log.
func (p *planner) takeGroups(groups []*group) {
	levels := p.levels(groups)
	for _, level := range levels[:max(0, len(levels)-1)] {
		p.takeAbove(groups, level)
	}
	for _, g := range groups {
		if !g.placed {
			p.takeGroup(g)
		}
	}
}

func (p *planner) priority(g *group) int {
	if t := p.in.Tables[g.carrier.Table]; t != nil {
		return t.Mapping.Options.Priority
	}
	return 0
}

// levels are the priorities, the highest first.
func (p *planner) levels(groups []*group) []int {
	var out []int
	for _, g := range groups {
		if n := p.priority(g); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Compare(b, a) })
	return out
}

// takeAbove lets go what has at least this priority and is free. All else is
// looked at again.
func (p *planner) takeAbove(groups []*group, level int) {
	var before marks
	for _, g := range groups {
		if g.placed {
			continue
		}
		d := p.decide(g.carrier)
		f := p.footprintOf(g, d)
		if d.item == nil {
			continue
		}
		if p.priority(g) >= level && p.blockedGroup(g, d, f) == free && !p.inSet.meet(f) && !before.meet(f) && p.join(g.carrier, d, g) {
			p.inSet.add(f)
			g.placed = true
			continue
		}
		before.add(f)
	}
}

// takeGroup puts a group into its place.
func (p *planner) takeGroup(g *group) {
	d := p.decide(g.carrier)
	f := p.footprintOf(g, d)
	blocked := p.blockedGroup(g, d, f)
	switch {
	case blocked == byParent && !p.inSet.meet(f):
		p.wait(g.carrier, g.all[0].ID, d, f)
	case blocked != free, p.inSet.meet(f), d.item != nil && !p.join(g.carrier, d, g):
		p.held.marks.add(f)
	case d.item == nil:
		p.fileGroup(g)
		p.settle(g.carrier, d)
		return
	default:
		p.inSet.add(f)
		return
	}
	p.plan.Waiting += len(g.all)
}

func (p *planner) footprintOf(g *group, d decision) footprint {
	f := p.footprint(g.carrier, d)
	for _, e := range g.all[:len(g.all)-1] {
		f = f.with(p.footprint(e, decision{recapture: d.recapture}))
	}
	return f
}

func (p *planner) blockedGroup(g *group, d decision, f footprint) block {
	for _, e := range g.all {
		if p.held.holds(e, footprint{}) {
			return byHeld
		}
	}
	return p.blocked(g.carrier, d, f)
}
