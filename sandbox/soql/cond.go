package soql

import (
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// cond is a bound condition. Logic is two-valued: a comparison with null is
// false, and its negation true.
type cond interface{ test(v *view, row Row) bool }

type logic struct {
	or    bool
	parts []cond
}

func (l *logic) test(v *view, row Row) bool {
	for _, p := range l.parts {
		if p.test(v, row) == l.or {
			return l.or
		}
	}
	return !l.or
}

type not struct{ of cond }

func (n *not) test(v *view, row Row) bool { return !n.of.test(v, row) }

// valueRange is a half-open range [from, to) of dates or instants.
type valueRange struct{ from, to schema.Value }

type compare struct {
	left operand
	op   string
	// exact: text compares byte by byte.
	exact  bool
	values []schema.Value
	ranges []valueRange
	// set holds folded or exact texts when there are many.
	set map[string]bool
	// parts are the wanted selections of INCLUDES and EXCLUDES.
	parts   [][]string
	pattern *pattern
}

// manyValues is from where on a list of texts is looked up in a map.
const manyValues = 8

// prepare computes what every row needs.
func (c *compare) prepare() {
	switch c.op {
	case "LIKE":
		c.pattern = compilePattern(c.values[0].Str(), c.exact)
	case "INCLUDES", "EXCLUDES":
		for _, v := range c.values {
			c.parts = append(c.parts, strings.Split(v.Str(), ";"))
		}
	case "IN", "NOT IN":
		if len(c.values) < manyValues || c.left.typ().Kind() != schema.KindText {
			return
		}
		c.set = make(map[string]bool, len(c.values))
		for _, v := range c.values {
			c.set[c.key(v.Str())] = true
		}
	}
}

func (c *compare) key(s string) string {
	if c.exact {
		return s
	}
	return strings.ToLower(s)
}

func (c *compare) test(v *view, row Row) bool {
	val := c.left.value(v, row)
	switch c.op {
	case "=", "IN":
		return c.isIn(val)
	case "!=", "NOT IN":
		return !c.isIn(val)
	case "LIKE":
		return !val.IsNull() && c.pattern.match(val.Str())
	case "INCLUDES":
		return c.includes(val)
	case "EXCLUDES":
		return !c.includes(val)
	}
	return c.inequality(val)
}

func (c *compare) isIn(val schema.Value) bool {
	if c.set != nil {
		return c.set[c.key(val.Str())]
	}
	for _, r := range c.ranges {
		if !val.IsNull() && val.Compare(r.from) >= 0 && val.Compare(r.to) < 0 {
			return true
		}
	}
	for _, w := range c.values {
		if c.equal(val, w) {
			return true
		}
	}
	return false
}

func (c *compare) equal(a, b schema.Value) bool {
	if c.exact {
		return a == b
	}
	return a.EqualFold(b)
}

func (c *compare) inequality(val schema.Value) bool {
	if val.IsNull() {
		return false
	}
	if len(c.ranges) == 1 {
		r := c.ranges[0]
		switch c.op {
		case "<":
			return val.Compare(r.from) < 0
		case "<=":
			return val.Compare(r.to) < 0
		case ">":
			return val.Compare(r.to) >= 0
		default:
			return val.Compare(r.from) >= 0
		}
	}
	want := c.values[0]
	if want.IsNull() {
		return false
	}
	n := c.compareValues(val, want)
	switch c.op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

func (c *compare) compareValues(a, b schema.Value) int {
	if a.Kind() != schema.KindText || b.Kind() != schema.KindText {
		return a.Compare(b)
	}
	if c.exact {
		return strings.Compare(a.Str(), b.Str())
	}
	return schema.CompareFold(a.Str(), b.Str())
}

// includes tells whether the selections hold all parts of one of the values.
func (c *compare) includes(val schema.Value) bool {
	if val.IsNull() {
		return false
	}
	have := strings.Split(val.Str(), ";")
	for _, want := range c.parts {
		if holdsAll(have, want) {
			return true
		}
	}
	return false
}

func holdsAll(have, want []string) bool {
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || strings.EqualFold(h, w)
		}
		if !found {
			return false
		}
	}
	return true
}

// semiJoin is IN (SELECT …); anti turns it round.
type semiJoin struct {
	left operand
	sub  *Bound
	pick *access
	anti bool
}

func (s *semiJoin) test(v *view, row Row) bool {
	return s.ids(v)[s.left.value(v, row).Str()] != s.anti
}

// ids runs the sub-query once per evaluation.
func (s *semiJoin) ids(v *view) map[string]bool {
	if set, ok := v.sets[s]; ok {
		return set
	}
	set := make(map[string]bool)
	inner := &view{ctx: v.ctx, src: v.src, binder: v.binder}
	rows, _ := inner.run(s.sub, nil)
	for _, r := range rows {
		if id := s.pick.value(inner, r).Str(); id != "" {
			set[id] = true
		}
	}
	if inner.err != nil {
		v.err = inner.err
	}
	if v.sets == nil {
		v.sets = make(map[*semiJoin]map[string]bool)
	}
	v.sets[s] = set
	return set
}
