package soql

import (
	"iter"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

type orderKey struct {
	by              operand
	desc, nullsLast bool
}

// keyed is a row with the values of its sort keys.
type keyed struct {
	row  Row
	keys []schema.Value
}

// sort orders rows by the keys, computed once per row.
func (v *view) sort(order []orderKey, rows []Row) {
	if len(order) == 0 || len(rows) < 2 {
		return
	}
	list := make([]keyed, len(rows))
	keys := make([]schema.Value, len(rows)*len(order))
	for i, r := range rows {
		list[i] = keyed{r, v.keys(order, r, keys[i*len(order):(i+1)*len(order)])}
	}
	sortKeyed(order, list)
	for i := range list {
		rows[i] = list[i].row
	}
}

func (v *view) keys(order []orderKey, row Row, into []schema.Value) []schema.Value {
	for i, o := range order {
		into[i] = o.by.value(v, row)
	}
	return into
}

func sortKeyed(order []orderKey, list []keyed) {
	slices.SortStableFunc(list, func(a, b keyed) int { return compareKeys(order, a.keys, b.keys) })
}

func compareKeys(order []orderKey, a, b []schema.Value) int {
	for i, o := range order {
		if n := o.compare(a[i], b[i]); n != 0 {
			return n
		}
	}
	return 0
}

// maxTop is the greatest LIMIT for which only the first rows are kept in order.
const maxTop = 10_000

// first is the first n rows in order: the rows of sort, cut off, without keeping
// those that can't be among them.
func (v *view) first(order []orderKey, rows iter.Seq[Row], n int) []Row {
	if n == 0 {
		return nil
	}
	var best []keyed
	full := false // best[n-1] is the last that counts
	scratch := make([]schema.Value, len(order))
	for r := range rows {
		v.keys(order, r, scratch)
		if full && compareKeys(order, scratch, best[n-1].keys) >= 0 {
			continue
		}
		if best = append(best, keyed{r, slices.Clone(scratch)}); len(best) == 2*n {
			sortKeyed(order, best)
			clear(best[n:])
			best, full = best[:n], true
		}
	}
	sortKeyed(order, best)
	list := make([]Row, min(n, len(best)))
	for i := range list {
		list[i] = best[i].row
	}
	return list
}

// compare puts nulls where the query wants them, whatever the direction.
func (o orderKey) compare(a, b schema.Value) int {
	if a.IsNull() || b.IsNull() {
		if a.IsNull() && b.IsNull() {
			return 0
		}
		n := 1
		if a.IsNull() {
			n = -1
		}
		if o.nullsLast {
			n = -n
		}
		return n
	}
	var n int
	if t := o.by.typ(); t == schema.TypeID || t == schema.TypeReference {
		n = strings.Compare(a.Str(), b.Str())
	} else {
		n = a.Compare(b)
	}
	if o.desc {
		return -n
	}
	return n
}
