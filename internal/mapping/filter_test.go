package mapping_test

import (
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
)

func TestConditionsThatAFilterTakes(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		"",
		"Name = 'a'",
		"Industry IN ('Energy', 'Media') AND AnnualRevenue >= 1000000.5",
		"NOT (Type = 'Partner' OR Type = null)",
		"NOT NOT Active__c = true",
		"Owner.Profile.Name LIKE 'Sales%'",
		"CreatedDate > LAST_N_DAYS:30 AND LastModifiedDate < 2026-01-01T00:00:00+01:00",
		"CloseDate != 2026-01-01",
		"Area__c INCLUDES ('West;East', 'North') OR Area__c EXCLUDES ('South')",
		"Amount > USD5000 AND Rate <> -1.5e+3",
		"CALENDAR_YEAR(convertTimezone(CreatedDate)) = 2026",
		"DISTANCE(Loc__c, GEOLOCATION(37.775, -122.418), 'mi') < 20",
		"Id IN (SELECT AccountId FROM Contact WHERE LastName = 'x' LIMIT 5)",
		"Id NOT IN (SELECT AccountId FROM Opportunity)",
		`Name = 'O\'Hara -- no comment /* here */ ORDER BY' `,
		"Order.Name = 'x' AND Group__c = 'all'",
		"ns__Field__c\n\t= 'x'",
		strings.Repeat("(", 50) + "A = 1" + strings.Repeat(")", 50),
	} {
		if err := mapping.CheckFilter(filter); err != nil {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

func TestWhatAFilterRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ filter, want string }{
		{"   ", "it ends where a field is wanted"},
		{"Name", "an operator such as"},
		{"Name =", "it ends where a value is wanted"},
		{"Name = 'a", "the text in quotes does not end"},
		{`Name = 'a\'`, "the text in quotes does not end"},
		{`Name = 'a\q'`, "a backslash stands before nothing that it may"},
		{"(Name = 'a'", "it ends where ) is wanted"},
		{"Name = 'a')", "AND, OR or the end is wanted"},
		{"Name = 'a') OR (Name = 'b'", "AND, OR or the end is wanted"},
		{"Name = 'a' ORDER BY Name", "at ORDER (character 12)"},
		{"Name = 'a' LIMIT 1", "AND, OR or the end is wanted"},
		{"(Name = 'a' LIMIT 1)", ") is wanted"},
		{"LIMIT = 1", "only a condition may stand here"},
		{"Name = FROM", "only a condition may stand here"},
		{"WHERE Name = 'a'", "only a condition may stand here"},
		{"SELECT Id FROM Account", "only a condition may stand here"},
		{"Name = 'a' -- b", "a comment is not allowed"},
		{"Name = 'a' /* b */", "has no meaning"},
		{"Name = 'a' // b", "has no meaning"},
		{"Name = :name", "has no meaning"},
		{"Name = 'a'; DELETE", "has no meaning"},
		{`Name = "a"`, "has no meaning"},
		{"Name = 'a\x00'", "a control character"},
		{"Name = 'a\xff'", "not valid UTF-8"},
		{"Id IN (SELECT AccountId FROM Contact", "it ends where ) is wanted"},
		{"Id IN ('a' 'b')", ") or a comma is wanted"},
		{"Id IN ()", "a value is wanted"},
		{"Id NOT 'a'", "IN is wanted"},
		{"1 = 1", "a field is wanted"},
		{"A = 1 AND", "it ends where a field is wanted"},
		{"A = 1 B = 2", "AND, OR or the end is wanted"},
		{strings.Repeat("(", 51) + "A = 1" + strings.Repeat(")", 51), "it nests more than 50"},
		{"Name = '" + strings.Repeat("a", 4000) + "'", "4000 is the most"},
	}
	for _, tt := range tests {
		err := mapping.CheckFilter(tt.filter)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.filter, err, tt.want)
		}
	}
}

// FuzzCheckFilter holds what a query relies on: a filter that is taken can
// stand in parentheses, and nothing of it gets out of them.
func FuzzCheckFilter(f *testing.F) {
	for _, seed := range []string{
		"Name = 'a'", "NOT (A = 1 OR B IN (SELECT C FROM D))", `A LIKE '\'%'`, "F(A, 'x') > -1", "A = 1) OR (B = 2", "A = 'x' LIMIT 1", "''", "A=LAST_N_DAYS:3",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		if filter == "" || mapping.CheckFilter(filter) != nil {
			return
		}
		outside, depth := bare(filter), 0
		for _, c := range outside {
			switch c {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth < 0 {
				t.Fatalf("%q closes a parenthesis that it did not open", filter)
			}
		}
		if depth != 0 || strings.Contains(outside, "'") {
			t.Fatalf("%q leaves something open", filter)
		}
		for _, joined := range []string{"(" + filter + ")", "NOT (" + filter + ")", "(" + filter + ") AND (" + filter + ")"} {
			if len(joined) < 2000 && depthOf(outside) < 40 {
				if err := mapping.CheckFilter(joined); err != nil {
					t.Fatalf("%q is taken, %q is not: %v", filter, joined, err)
				}
			}
		}
		for _, clause := range []string{" ORDER BY Id", " LIMIT 1", " -- x"} {
			if mapping.CheckFilter(filter+clause) == nil {
				t.Fatalf("%q is taken", filter+clause)
			}
		}
	})
}

// bare drops the texts in quotes.
func bare(s string) string {
	var b strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch {
		case in && s[i] == '\\':
			i++
		case in && s[i] == '\'':
			in = false
		case in:
		case s[i] == '\'':
			in = true
		default:
			b.WriteByte(s[i])
		}
	}
	if in {
		b.WriteByte('\'')
	}
	return b.String()
}

func depthOf(s string) int { return strings.Count(s, "(") }
