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

// perCall is how many records share a lane before another one is opened: what
// one composite request takes.
const perCall = 5 * MaxRecords

// join puts an entry on the pile of its kind; false if there is no room for it.
// Setup objects and data objects never go together: Salesforce refuses that in
// one transaction.
func (p *planner) join(e triggerlog.Entry, d decision, g *group) bool {
	k := kind{table: e.Table, op: d.op}
	t := p.in.Tables[e.Table]
	if len(p.order) > 0 && isSetup(p.order[0].table.Object) != isSetup(t.Object) || !p.room(k) {
		return false
	}
	pl := p.piles[k]
	if pl == nil {
		pl = &pile{table: t, op: d.op}
		p.piles[k], p.order = pl, append(p.order, pl)
	}
	item := *d.item
	item.parent, item.conflicts, item.reread, item.group = "", d.conflicts, d.reread, g
	if p.in.MaxSets > 1 || p.in.BulkFrom > 0 {
		item.parent = lockedParent(t, d.set)
		if d.op == outbox.Delete {
			item.parent = lockedParent(t, p.read(t, e).old)
		}
	}
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
	seed, next := maphash.MakeSeed(), 0
	for _, pl := range piles {
		if p.in.MaxSets > 1 {
			pl.sortByParent()
		}
		parts := pl.lanes(lanes, p.in.Limit, seed, &next)
		for lane, items := range parts {
			for chunk := range slices.Chunk(items, p.in.Limit) {
				if sets++; sets > p.in.MaxSets {
					p.giveBack(chunk)
					continue
				}
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
		if item.parent == "" {
			loose++
		} else {
			lane = int(maphash.String(seed, item.parent) % uint64(n))
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
		if _, ok := first[item.parent]; !ok && item.parent != "" {
			first[item.parent] = i
		}
	}
	if len(first) == 0 {
		return
	}
	place := make(map[int32]int, len(pl.items))
	for i, item := range pl.items {
		place[item.Entry.ID] = i
		if item.parent != "" {
			place[item.Entry.ID] = first[item.parent]
		}
	}
	slices.SortStableFunc(pl.items, func(a, b Item) int { return cmp.Compare(place[a.Entry.ID], place[b.Entry.ID]) })
}

func (p *planner) add(set *ChangeSet) {
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

// lockedParent is the first record that a record points to and that Salesforce
// locks with it. Owners and record types are not.
func lockedParent(t *mapping.Table, set []change) string {
	for _, c := range set {
		col := &t.Columns[c.column]
		if c.value == nil {
			continue
		}
		switch {
		case col.Relationship != "" && !isSetup(col.Target):
			return "ext:" + strings.ToLower(col.Target) + ":" + strings.ToLower(text(col.Type, c.value))
		case col.Type.Kind == record.ID && c.column != t.Layout.ID:
			if id := text(col.Type, c.value); !isSetup(col.Target) && !slices.Contains(unlocked, id[:min(3, len(id))]) {
				return id
			}
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
