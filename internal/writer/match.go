package writer

import (
	"slices"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
)

// group is lost inserts that sent the same: which of them a record comes from
// can't be told, and makes no difference.
type group struct {
	lost    []lostInsert
	matches []string // sfids of records that hold exactly what was sent
	mixed   bool     // a record matches another group too
}

// match pairs lost inserts with the records found.
//
//	as many records as inserts      all arrived
//	fewer, and more may still come  wait
//	fewer, and nothing can come     those arrived, the others never did
//	more, or any that is nearly     unclear: a person decides
//	what was sent
//
// It returns the sfids of those that arrived by intent, the intents of those
// that never did, and the log ids of those that are unclear.
func match(t *mapping.Table, lost []lostInsert, records []found) (arrived map[int64]string, never []outbox.Intent, unclear []int32) {
	groups := groupsOf(lost)
	strangers := 0
	for _, r := range records {
		var hits []*group
		for _, g := range groups {
			if holds(t, g.lost[0], r) {
				hits = append(hits, g)
			}
		}
		for _, g := range hits {
			g.matches = append(g.matches, r.sfid)
			g.mixed = g.mixed || len(hits) > 1
		}
		if len(hits) == 0 {
			strangers++
		}
	}
	arrived = map[int64]string{}
	for _, g := range groups {
		final := !slices.ContainsFunc(g.lost, func(l lostInsert) bool { return !l.final })
		n := len(g.matches)
		switch {
		case g.mixed || n > len(g.lost), final && n < len(g.lost) && strangers > 0:
			for _, l := range g.lost {
				if final {
					unclear = append(unclear, l.intent.LogID)
				}
			}
		case n == len(g.lost) || final:
			for i, l := range g.lost {
				if i < n {
					arrived[l.intent.ID] = g.matches[i]
				} else {
					never = append(never, l.intent)
				}
			}
		}
	}
	return arrived, never, unclear
}

func groupsOf(lost []lostInsert) []*group {
	var out []*group
	byBody := map[string]*group{}
	for _, l := range lost {
		g := byBody[l.intent.Body]
		if g == nil {
			g = &group{}
			byBody[l.intent.Body] = g
			out = append(out, g)
		}
		g.lost = append(g.lost, l)
	}
	return out
}

// holds says whether a record has every value that was sent.
func holds(t *mapping.Table, l lostInsert, r found) bool {
	for _, c := range t.Columns {
		sent, ok := l.fields[c.Path()]
		if !ok {
			continue
		}
		v, _ := dig(r.values, c.Path())
		if !c.Type.Same(sent, valueOf(c.Type, v)) {
			return false
		}
	}
	return true
}
