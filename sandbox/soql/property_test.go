package soql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// TestPlansFindWhatConditionsMatch runs random conditions: whatever access path
// is taken, the rows found are those that the condition matches one by one, in
// the order asked for.
func TestPlansFindWhatConditionsMatch(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	for n := 1; n <= 12; n++ {
		stamp := clock.Add(time.Duration(n/3) * time.Second).Format(time.RFC3339)
		m.add(t, "Account", n, fmt.Sprintf("Name=n%d", n%4), fmt.Sprintf("External_ID__c=e%d", n), "SystemModstamp="+stamp)
	}
	o, _ := m.catalog.Object("Account")
	rapid.Check(t, func(r *rapid.T) {
		where := condition(r, 3)
		order := rapid.SampledFrom([]string{"", "Id", "SystemModstamp, Id"}).Draw(r, "order")
		query := "SELECT Id FROM Account WHERE " + where
		if order != "" {
			query += " ORDER BY " + order + " LIMIT " + fmt.Sprint(rapid.IntRange(0, 15).Draw(r, "limit"))
		}
		q, err := soql.Parse(query)
		if err != nil {
			r.Fatalf("%s: %v", query, err)
		}
		b, err := soql.Bind(q, m.binder())
		if err != nil {
			r.Fatalf("%s: %v", query, err)
		}
		res, err := soql.Execute(r.Context(), b, m, soql.Options{})
		if err != nil {
			r.Fatal(err)
		}
		got, want := res.IDs, m.matching(r, o, where, order)
		if order == "" {
			slices.Sort(got)
		} else if len(want) > b.Limit {
			want = want[:b.Limit]
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%s (%s)\n got %v\nwant %v", query, res.Plan, got, want)
		}
	})
}

// matching tests every row by itself.
func (m *memory) matching(r *rapid.T, o *schema.Object, where, order string) []string {
	c, err := soql.ParseCondition(where)
	if err != nil {
		r.Fatal(err)
	}
	b, err := soql.BindCondition(c, "Account", m.binder())
	if err != nil {
		r.Fatal(err)
	}
	rows := m.Scan(o)
	if strings.HasPrefix(order, "System") {
		rows = m.ByStamp(o, 0)
	}
	var ids []string
	for row := range rows {
		if b.Match(m, row) {
			ids = append(ids, row.ID())
		}
	}
	return ids
}

// condition draws a condition over the fields that have an index, and one that
// has none.
func condition(r *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 2).Draw(r, "inner") > 0 {
		joint := rapid.SampledFrom([]string{" AND ", " OR "}).Draw(r, "joint")
		n := rapid.IntRange(1, 3).Draw(r, "parts")
		parts := make([]string, n)
		for i := range parts {
			parts[i] = "(" + condition(r, depth-1) + ")"
		}
		not := rapid.SampledFrom([]string{"", "", "", "NOT "}).Draw(r, "not")
		return not + "(" + strings.Join(parts, joint) + ")"
	}
	op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(r, "op")
	n := rapid.IntRange(0, 13).Draw(r, "n")
	switch rapid.IntRange(0, 4).Draw(r, "field") {
	case 0:
		return fmt.Sprintf("Id %s '001%012d'", op, n)
	case 1:
		return "SystemModstamp " + op + " " + clock.Add(time.Duration(n/3)*time.Second).Format(time.RFC3339)
	case 2:
		in := rapid.SampledFrom([]string{"IN", "NOT IN"}).Draw(r, "in")
		return fmt.Sprintf("External_ID__c %s ('E%d', 'e%d')", in, n, n/2)
	case 3:
		in := rapid.SampledFrom([]string{"IN", "NOT IN"}).Draw(r, "in")
		return fmt.Sprintf("Id %s ('001%012d', '001%012d')", in, n, n/2)
	}
	return fmt.Sprintf("Name %s 'N%d'", op, n%4)
}

// TestLimitedSortIsTheHeadOfTheFullOne: LIMIT changes how rows are sorted, not
// which come first.
func TestLimitedSortIsTheHeadOfTheFullOne(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	rapid.Check(t, func(r *rapid.T) {
		clear(m.rows)
		for n := range rapid.IntRange(0, 40).Draw(r, "rows") {
			m.add(t, "Account", n, fmt.Sprintf("Name=n%d", rapid.IntRange(0, 5).Draw(r, "name")))
		}
		order := rapid.SampledFrom([]string{"Name", "Name DESC", "Name, Id DESC", "Industry, Name DESC"}).Draw(r, "order")
		limit := rapid.IntRange(0, 12).Draw(r, "limit")
		all := m.run(t, "SELECT Id FROM Account ORDER BY "+order).IDs
		head := m.run(t, fmt.Sprintf("SELECT Id FROM Account ORDER BY %s LIMIT %d", order, limit)).IDs
		if !slices.Equal(head, all[:min(limit, len(all))]) {
			r.Fatalf("%s LIMIT %d:\n got %v\nfrom %v", order, limit, head, all)
		}
	})
}
