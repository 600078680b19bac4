package plan

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// kind is what all items of a change set share.
type kind struct {
	table string
	op    outbox.Op
}

// pile is the records of one kind that go next, in log order.
type pile struct {
	table *mapping.Table
	op    outbox.Op
	items []Item
}

const (
	setsPerCall = 5
	// perCall is how many records share a lane before another one is opened: what
	// one composite request takes.
	perCall = setsPerCall * MaxRecords
	// setsPerLane bounds the change sets of a lane to what two requests take,
	// since the second one goes after the reply to the first.
	setsPerLane = 2 * setsPerCall
)

// join puts an entry on the pile of its kind; false if there is no room for it.
// Setup objects and data objects never go together: Salesforce refuses that in
// one transaction.
func (p *planner) join(e triggerlog.Entry, d decision, g *group) bool {
	k := kind{table: e.Table, op: d.op}
	t := p.in.Tables[e.Table]
	var parents []string
	if p.in.MaxSets > 1 || p.in.BulkFrom > 0 {
		parents = p.lockedParents(t, e, d)
	}
	if slices.ContainsFunc(parents, func(name string) bool { return p.in.Locked[name] }) {
		p.plan.Locked = true
		return false
	}
	if len(p.order) > 0 && isSetup(p.order[0].table.Object) != isSetup(t.Object) || !p.room(k) {
		return false
	}
	pl := p.piles[k]
	if pl == nil {
		pl = &pile{table: t, op: d.op}
		p.piles[k], p.order = pl, append(p.order, pl)
	}
	item := *d.item
	item.parents, item.conflicts, item.reread, item.group = parents, d.conflicts, d.reread, g
	pl.items = append(pl.items, item)
	return true
}

// room says whether one more record of a kind can go. Where bulk change sets
// are made it may turn out later that some can't; they wait then.
func (p *planner) room(k kind) bool {
	pl := p.piles[k]
	if p.ordered && len(p.order) > 0 && pl == nil {
		return false
	}
	if p.in.BulkFrom > 0 {
		return pl == nil || len(pl.items) < p.in.BulkLimit
	}
	if pl != nil && len(pl.items)%p.in.Limit != 0 {
		return true
	}
	sets := 0
	for _, o := range p.order {
		sets += (len(o.items) + p.in.Limit - 1) / p.in.Limit
	}
	return sets < p.in.MaxSets
}

// finish makes change sets of the piles.
func (p *planner) finish() *Plan {
	var small []*pile
	for _, pl := range p.order {
		if p.in.BulkFrom > 0 && !p.in.NoBulk[pl.table.Name] && len(pl.items) >= p.in.BulkFrom {
			pl.sortByParent()
			p.add(&ChangeSet{Table: pl.table, Op: pl.op, Items: pl.items, Bulk: true})
		} else {
			small = append(small, pl)
		}
	}
	p.cut(small)
	return p.plan
}

// cut makes change sets of at most Limit records. Ordered makes one, in the
// order of the log.
func (p *planner) cut(piles []*pile) {
	total, sets := 0, 0
	for _, pl := range piles {
		total += len(pl.items)
	}
	lanes := min(p.in.Lanes, max(1, (total+perCall-1)/perCall))
	seed, next, perLane := maphash.MakeSeed(), 0, make([]int, lanes)
	for _, pl := range piles {
		if p.in.MaxSets > 1 {
			pl.sortByParent()
		}
		parts := pl.lanes(lanes, p.in.Limit, seed, &next)
		for lane, items := range parts {
			for chunk := range slices.Chunk(items, p.in.Limit) {
				if sets == p.in.MaxSets || perLane[lane] == setsPerLane {
					p.giveBack(chunk)
					continue
				}
				sets, perLane[lane] = sets+1, perLane[lane]+1
				p.add(&ChangeSet{Table: pl.table, Op: pl.op, Items: chunk, Lane: lane})
			}
		}
	}
}

// lanes parts a pile so that no parent is in two lanes. Records without one
// fill whole change sets of the lanes in turn; next is the one after the last
// that was filled, so that the piles together fill all of them alike.
func (pl *pile) lanes(n, limit int, seed maphash.Seed, next *int) [][]Item {
	out := make([][]Item, n)
	if n == 1 {
		out[0] = pl.items
		return out
	}
	loose := 0
	for _, item := range pl.items {
		lane := (*next + loose/limit) % n
		if item.parent() == "" {
			loose++
		} else {
			lane = int(maphash.String(seed, item.parent()) % uint64(n))
		}
		out[lane] = append(out[lane], item)
	}
	*next = (*next + (loose+limit-1)/limit) % n
	return out
}

// sortByParent puts records of one parent together, where its first one is.
func (pl *pile) sortByParent() {
	first := make(map[string]int, len(pl.items))
	for i, item := range pl.items {
		if name := item.parent(); name != "" {
			if _, ok := first[name]; !ok {
				first[name] = i
			}
		}
	}
	if len(first) == 0 {
		return
	}
	place := make(map[int32]int, len(pl.items))
	for i, item := range pl.items {
		place[item.Entry.ID] = i
		if name := item.parent(); name != "" {
			place[item.Entry.ID] = first[name]
		}
	}
	slices.SortStableFunc(pl.items, func(a, b Item) int { return cmp.Compare(place[a.Entry.ID], place[b.Entry.ID]) })
}

func (p *planner) add(set *ChangeSet) {
	set.Parents = parentsOf(set.Items)
	p.plan.Sets = append(p.plan.Sets, set)
	for _, item := range set.Items {
		p.plan.Conflicts = append(p.plan.Conflicts, item.conflicts...)
		p.plan.Reread = append(p.plan.Reread, item.reread...)
		if item.group != nil {
			p.fileGroup(item.group)
		}
	}
}

// giveBack lets records wait for which there was no room in the end.
func (p *planner) giveBack(items []Item) {
	for _, item := range items {
		p.plan.Waiting++
		if item.group != nil {
			p.plan.Waiting += len(item.group.all) - 1
		}
	}
}

// parent is what keeps records together in one lane; "" if nothing.
func (i *Item) parent() string {
	if len(i.parents) == 0 {
		return ""
	}
	return i.parents[0]
}

func parentsOf(items []Item) []string {
	var out []string
	for _, item := range items {
		out = append(out, item.parents...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lockedParents are the records that an entry's record points to, or did before,
// and that Salesforce locks with it. Owners and record types are not.
func (p *planner) lockedParents(t *mapping.Table, e triggerlog.Entry, d decision) []string {
	var out []string
	for _, list := range [][]change{d.set, p.read(t, e).old} {
		for _, c := range list {
			if name := p.lockedParent(t, c); name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (p *planner) lockedParent(t *mapping.Table, c change) string {
	col := &t.Columns[c.column]
	switch {
	case c.value == nil || isSetup(col.Target):
		return ""
	case col.Relationship != "":
		if sfid := p.in.Rows[p.in.Named[refOf(p.in.Tables, t, c)]].Sfid; sfid != "" {
			return sfid
		}
		return "ext:" + strings.ToLower(col.Target) + ":" + strings.ToLower(text(col.Type, c.value))
	case col.Type.Kind == record.ID && c.column != t.Layout.ID:
		if id := text(col.Type, c.value); !slices.Contains(unlocked, id[:min(3, len(id))]) {
			return id
		}
	}
	return ""
}

// unlocked are the key prefixes of users, groups and record types.
var unlocked = []string{"005", "00G", "012"}

// isSetup says whether an object is one of those that Salesforce does not
// change in one transaction with others.
func isSetup(object string) bool {
	switch strings.ToLower(object) {
	case "user", "userrole", "userterritory", "userpackagelicense", "group", "groupmember", "queuesobject", "profile",
		"permissionset", "permissionsetassignment", "permissionsetgroup", "permissionsetgroupcomponent",
		"permissionsetlicenseassign", "fieldpermissions", "objectpermissions", "setupentityaccess", "recordtype",
		"territory", "territory2", "territory2model", "userterritory2association", "objectterritory2assignmentrule",
		"objectterritory2assignmentruleitem", "ruleterritory2association":
		return true
	}
	return false
}
