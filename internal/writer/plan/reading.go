package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

// reading is what an entry says, once it has been read.
type reading struct {
	// set are the values of mapped columns that it gives, old those before it.
	set, old []change
	// local are the values of the table's own columns that lookups are resolved
	// from, by name; oldLocal are those before it.
	local, oldLocal map[string]hstoretext.Pair
	err             error
}

// readingKey tells an entry from the one that stands in its place in a merge.
type readingKey struct {
	id     int32
	values *string
}

// read reads an entry of a mapped table, once.
func (p *planner) read(t *mapping.Table, e triggerlog.Entry) *reading {
	key := readingKey{e.ID, e.Values}
	if r := p.readings[key]; r != nil {
		return r
	}
	r := p.readNew(t, e)
	p.readings[key] = r
	return r
}

func (p *planner) readNew(t *mapping.Table, e triggerlog.Entry) *reading {
	r := &reading{}
	pairs, err := parsePairs(e.Values)
	if err == nil {
		err = p.known(t, pairs)
	}
	if err == nil {
		r.set, err = changesOf(t, pairs)
	}
	if err != nil {
		r.err = fmt.Errorf("column values: %w", err)
	}
	r.local = p.localOf(t, pairs)
	if pairs, err = parsePairs(e.Old); err != nil && r.err == nil {
		r.err = fmt.Errorf("column old: %w", err)
	}
	// The old row is not sent. A value in it that is not of its column's type,
	// since the type was changed later, touches nothing.
	r.old, _ = changesOf(t, pairs)
	r.oldLocal = p.localOf(t, pairs)
	return r
}

func (p *planner) localOf(t *mapping.Table, pairs []hstoretext.Pair) map[string]hstoretext.Pair {
	var out map[string]hstoretext.Pair
	for _, s := range p.resolvers(t) {
		if pair, ok := hstoretext.Get(pairs, s.Own); ok {
			if out == nil {
				out = map[string]hstoretext.Pair{}
			}
			out[s.Own] = pair
		}
	}
	return out
}

// known refuses keys that are no columns of the table, mapped or not.
func (p *planner) known(t *mapping.Table, pairs []hstoretext.Pair) error {
	columns := p.in.Columns[t.Name]
	if columns == nil {
		return nil
	}
	for _, pair := range pairs {
		if t.Layout.ByName(pair.Key) < 0 && !columns[pair.Key] {
			return fmt.Errorf("the table has no column %s", shortened(pair.Key))
		}
	}
	return nil
}

// shortened quotes a name that came from outside.
func shortened(name string) string {
	if len(name) > 63 {
		name = strings.ToValidUTF8(name[:63], "") + "…"
	}
	return strconv.Quote(name)
}

func parsePairs(hstore *string) ([]hstoretext.Pair, error) {
	if hstore == nil {
		return nil, nil
	}
	return hstoretext.Parse(*hstore)
}

// changesOf reads pairs into values of mapped columns, by position. Keys that
// are no mapped columns are left out; a value that is not of its column's type
// is an error that names the column.
func changesOf(t *mapping.Table, pairs []hstoretext.Pair) ([]change, error) {
	out := make([]change, 0, len(pairs))
	for _, p := range pairs {
		i := t.Layout.ByName(p.Key)
		if i < 0 || i == t.Layout.ID {
			continue
		}
		c := change{column: i}
		if !p.Null {
			var err error
			if c.value, err = t.Columns[i].Type.ParseText(p.Value); err != nil {
				return nil, fmt.Errorf("column %s: %w", p.Key, err)
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b change) int { return a.column - b.column })
	return out, nil
}

// isID says whether a text can be the Id of a record of this table.
func isID(t *mapping.Table, s string) bool {
	if len(s) != 15 && len(s) != 18 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return t.Describe == nil || t.Describe.KeyPrefix == "" || strings.HasPrefix(s, t.Describe.KeyPrefix)
}
