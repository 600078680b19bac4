package plan

import (
	"slices"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// Dependency plans change sets that keep the order of the log only where
// entries touch each other:
//
//   - entries of one record;
//   - an entry and those of the records that it points to, before it or after
//     it: parents before children, children before their parent's end;
//   - entries that take or give up the same value of a unique field;
//   - a delete and an insert of one table that point to the same record of a
//     table that is mapped read-write.
//
// All others are free, and fill up to in.MaxSets change sets in one plan. An
// entry that touches one of this plan waits for its reply, since that one may
// have to be sent again. An entry that has to wait holds back those that touch
// it, and no others.
func Dependency(in Input, held *Held) *Plan {
	p := newPlanner(in, held)
	groups := make([]group, len(in.Entries))
	list := make([]*group, len(in.Entries))
	for i := range in.Entries {
		groups[i] = group{all: in.Entries[i : i+1 : i+1], carrier: in.Entries[i]}
		list[i] = &groups[i]
	}
	p.takeGroups(list)
	p.plan.Looked = len(in.Entries)
	return p.finish()
}

// footprint adds to what an entry is known by what Dependency keeps in order.
func (p *planner) footprint(e triggerlog.Entry, d decision) footprint {
	f := footprint{own: keysOf(d.keys), refs: keysOf(d.needs)}
	t := p.in.Tables[e.Table]
	if t == nil {
		return f
	}
	if row := p.in.Rows[Record{e.Table, e.RecordID}]; row.ExternalID != "" {
		f.own = append(f.own, keyOf(externalKey(t.Name, row.ExternalID)))
	}
	// What can't be read touches nothing: it fails for it, or is passed over.
	r := p.read(t, e)
	set := d.set
	if set == nil {
		set = slices.DeleteFunc(slices.Clone(r.set), func(c change) bool { return slices.Contains(d.recapture, t.Columns[c.column].Name) })
	}
	changed := make([]bool, len(t.Columns))
	for _, c := range set {
		changed[c.column] = true
	}
	for _, c := range r.old {
		if slices.Contains(d.recapture, t.Columns[c.column].Name) {
			continue
		}
		if c.column == t.Upsert || e.Action == triggerlog.Delete || changed[c.column] {
			f.own = appendUnique(f.own, t, c)
		}
		p.point(&f, t, e.Action, c)
	}
	for _, c := range set {
		f.own = appendUnique(f.own, t, c)
		p.point(&f, t, e.Action, c)
	}
	p.pointByRow(&f, t, e.Action, r, d.recapture)
	return f
}

// pointByRow adds the rows that are named by a local id, now or before, but for
// those of columns that the entry goes without.
func (p *planner) pointByRow(f *footprint, t *mapping.Table, a triggerlog.Action, r *reading, without []string) {
	for _, s := range p.resolvers(t) {
		now, changed := r.local[s.Own]
		before, had := r.oldLocal[s.Own]
		if s.Parent == nil || slices.Contains(without, s.Own) {
			continue
		}
		if changed && !now.Null {
			f.refs = append(f.refs, keyOf("row:"+s.Parent.Name+":"+now.Value))
		}
		if had && !before.Null && (changed || a == triggerlog.Delete) {
			f.refs = append(f.refs, keyOf("row:"+s.Parent.Name+":"+before.Value))
		}
		switch {
		case a == triggerlog.Delete && had && !before.Null:
			f.gone = append(f.gone, keyOf(t.Name+">row:"+s.Parent.Name+":"+before.Value))
		case a == triggerlog.Insert && changed && !now.Null:
			f.comes = append(f.comes, keyOf(t.Name+">row:"+s.Parent.Name+":"+now.Value))
		}
	}
}

// point adds the record that a column points to.
func (p *planner) point(f *footprint, t *mapping.Table, a triggerlog.Action, c change) {
	ref := refOf(p.in.Tables, t, c)
	if ref == "" {
		return
	}
	f.refs = append(f.refs, keyOf(ref))
	target := p.in.Tables[strings.ToLower(t.Columns[c.column].Target)]
	if target == nil || target.Access != mapping.ReadWrite {
		return // an owner or a record type, which nearly all rows share
	}
	switch a {
	case triggerlog.Delete:
		f.gone = append(f.gone, keyOf(t.Name+">"+ref))
	case triggerlog.Insert:
		f.comes = append(f.comes, keyOf(t.Name+">"+ref))
	case triggerlog.Update:
	}
}

// appendUnique adds the key of a value in a unique field. That of the unique
// identifier is also how a relationship column of a child names the record.
func appendUnique(dst []key, t *mapping.Table, c change) []key {
	col := &t.Columns[c.column]
	switch {
	case c.value == nil:
		return dst
	case c.column == t.Upsert:
		return append(dst, keyOf(externalKey(t.Name, text(col.Type, c.value))))
	case col.Relationship == "" && col.Field != nil && (col.Field.Unique || col.Field.ExternalID):
		return append(dst, keyOf(uniqueKey(t.Name, col.Field.Name, text(col.Type, c.value))))
	default:
		return dst
	}
}

// uniqueKey folds case, as most unique fields of Salesforce do.
func uniqueKey(table, field, value string) string {
	return "uni:" + table + ":" + strings.ToLower(field) + ":" + strings.ToLower(value)
}

// refOf is the key of the record that a lookup or relationship column points
// to; "" for any other column.
func refOf(tables map[string]*mapping.Table, t *mapping.Table, c change) string {
	col := &t.Columns[c.column]
	switch {
	case c.value == nil:
		return ""
	case col.Relationship != "":
		return externalRef(tables, col, text(col.Type, c.value))
	case col.Type.Kind == record.ID && c.column != t.Layout.ID:
		return sfidKey(text(col.Type, c.value))
	default:
		return ""
	}
}

func externalRef(tables map[string]*mapping.Table, col *mapping.Column, value string) string {
	parent := tables[strings.ToLower(col.Target)]
	switch {
	case parent == nil || col.Field == nil:
		return ""
	case parent.Upsert >= 0 && strings.EqualFold(parent.Columns[parent.Upsert].Path(), col.Field.Name):
		return externalKey(parent.Name, value)
	default:
		return uniqueKey(parent.Name, col.Field.Name, value)
	}
}

// Touch makes everything wait that touches these entries, whose outcome is not
// known. It is [Hold] as Dependency needs it.
func (h *Held) Touch(tables map[string]*mapping.Table, open []triggerlog.Entry) {
	p := newPlanner(Input{Tables: tables}, h)
	for _, e := range open {
		h.marks.add(p.footprint(e, decision{keys: appendKeys(nil, e.Table, e.RecordID, e.Sfid, "")}))
	}
}
