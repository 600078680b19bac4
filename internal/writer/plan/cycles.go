package plan

import (
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// cycles finds rows that wait for each other: each names the next one, and none
// of them has reached Salesforce. One of them has to go without naming its
// parent, which a second update makes up for.
//
// It is Tarjan's search for strongly connected components, begun only at rows
// that have to wait, over the inserts that are in the log.
type cycles struct {
	p     *planner
	index map[Record]int
	low   map[Record]int
	stack []Record
	on    map[Record]bool
	// of is the component of each row that was visited, first the row that goes
	// without its parent, by component.
	of    map[Record]int
	first []Record
	edges map[Record][]link
}

func newCycles(p *planner) *cycles {
	return &cycles{p: p, index: map[Record]int{}, low: map[Record]int{}, on: map[Record]bool{}, of: map[Record]int{}, edges: map[Record][]link{}}
}

// breaks says whether the insert of a row is sent without a link, since its
// parent can't go before it.
func (c *cycles) breaks(child Record, l link) bool {
	if child == l.parent {
		return true
	}
	c.visit(child)
	c.visit(l.parent)
	n := c.of[child]
	return n == c.of[l.parent] && c.first[n] == child
}

func (c *cycles) visit(r Record) {
	if _, seen := c.index[r]; seen {
		return
	}
	c.index[r] = len(c.index)
	c.low[r] = c.index[r]
	c.stack, c.on[r] = append(c.stack, r), true
	for _, l := range c.waits(r) {
		if _, seen := c.index[l.parent]; !seen {
			c.visit(l.parent)
			c.low[r] = min(c.low[r], c.low[l.parent])
		} else if c.on[l.parent] {
			c.low[r] = min(c.low[r], c.index[l.parent])
		}
	}
	if c.low[r] == c.index[r] {
		c.close(r)
	}
}

// close takes a component off the stack and chooses who goes first.
func (c *cycles) close(root Record) {
	n := len(c.first)
	from := len(c.stack)
	for {
		from--
		r := c.stack[from]
		c.on[r], c.of[r] = false, n
		if r == root {
			break
		}
	}
	members := c.stack[from:]
	c.stack = c.stack[:from:from]
	c.first = append(c.first, c.choose(members, n))
}

// choose prefers the first in the log that Salesforce lets go without its
// parents and lets name them later.
func (c *cycles) choose(members []Record, n int) Record {
	var best Record
	bestID, bestFree := int32(0), false
	for _, r := range members {
		e, ok := c.p.insertOf(r)
		if !ok || e.State != triggerlog.New {
			continue
		}
		free := c.free(r, n)
		if bestID == 0 || free && !bestFree || free == bestFree && e.ID < bestID {
			best, bestID, bestFree = r, e.ID, free
		}
	}
	return best
}

func (c *cycles) free(r Record, n int) bool {
	t := c.p.in.Tables[r.Table]
	for _, l := range c.edges[r] {
		if of, ok := c.of[l.parent]; ok && of == n && !optional(&t.Columns[l.column]) {
			return false
		}
	}
	return true
}

func optional(c *mapping.Column) bool {
	return c.Updateable && (c.Field == nil || c.Relationship != "" || c.Field.Nillable)
}

// waits are the links for which a row's insert waits. One that is under way, or
// can't be read, waits for nothing.
func (c *cycles) waits(r Record) []link {
	if list, ok := c.edges[r]; ok {
		return list
	}
	var out []link
	e, ok := c.p.insertOf(r)
	t := c.p.in.Tables[r.Table]
	if ok && t != nil && e.State != triggerlog.Pending {
		if read := c.p.read(t, e); read.err == nil {
			_, all, _ := c.p.links(t, e, read)
			for _, l := range all {
				if l.waits {
					out = append(out, l)
				}
			}
		}
	}
	c.edges[r] = out
	return out
}
