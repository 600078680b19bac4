package apply

import "github.com/synclinehq/syncline/internal/record"

// places finds the record of a batch that a row belongs to: by sfid, and for a
// row that has none yet, by the unique identifier.
type places struct {
	bySfid     map[string]int
	byExternal map[string]int
	taken      map[int]bool // a row was found
	settled    map[int]bool // by its sfid
	sfid       map[int]string
	external   map[int]string
}

func newPlaces(a *Applier, b *record.Batch, m *matches) *places {
	p := &places{
		bySfid: m.last, byExternal: map[string]int{}, taken: map[int]bool{}, settled: map[int]bool{},
		sfid: map[int]string{}, external: map[int]string{},
	}
	for sfid, i := range m.last {
		p.sfid[i] = sfid
		if external := a.external(b, i); external != "" {
			p.byExternal[external] = i
			p.external[i] = external
		}
	}
	return p
}

// of finds the record of a row. A row with an sfid belongs to that record
// alone, whatever its unique identifier says.
func (p *places) of(sfid, external string) (int, bool) {
	if sfid != "" {
		i, ok := p.bySfid[sfid]
		return i, ok
	}
	i, ok := p.byExternal[external]
	if external == "" || p.taken[i] {
		return 0, false
	}
	return i, ok
}

func (p *places) take(i int, bySfid bool) {
	p.taken[i] = true
	p.settled[i] = p.settled[i] || bySfid
}

// left are the keys of the records that found no row with their sfid. One that
// found a row by its unique identifier is among them: another row may have the
// sfid, and be held by the application.
func (p *places) left() (sfids, externals []string) {
	for i, sfid := range p.sfid {
		if p.settled[i] {
			continue
		}
		sfids = append(sfids, sfid)
		if e, ok := p.external[i]; ok && !p.taken[i] {
			externals = append(externals, e)
		}
	}
	return sfids, externals
}
