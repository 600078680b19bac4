package soql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/soql"
)

// TestDateLiterals names the first and the last day of each, counted from
// Sunday, 22 November 2026: both match, the days around them don't. A datetime
// field is held against the same days.
func TestDateLiterals(t *testing.T) {
	t.Parallel()
	for literal, days := range map[string]string{
		"YESTERDAY":                "2026-11-21 2026-11-21",
		"TODAY":                    "2026-11-22 2026-11-22",
		"TOMORROW":                 "2026-11-23 2026-11-23",
		"LAST_WEEK":                "2026-11-15 2026-11-21",
		"THIS_WEEK":                "2026-11-22 2026-11-28",
		"NEXT_WEEK":                "2026-11-29 2026-12-05",
		"LAST_MONTH":               "2026-10-01 2026-10-31",
		"THIS_MONTH":               "2026-11-01 2026-11-30",
		"NEXT_MONTH":               "2026-12-01 2026-12-31",
		"LAST_90_DAYS":             "2026-08-24 2026-11-22",
		"NEXT_90_DAYS":             "2026-11-23 2027-02-20",
		"LAST_QUARTER":             "2026-07-01 2026-09-30",
		"THIS_QUARTER":             "2026-10-01 2026-12-31",
		"NEXT_QUARTER":             "2027-01-01 2027-03-31",
		"LAST_YEAR":                "2025-01-01 2025-12-31",
		"THIS_YEAR":                "2026-01-01 2026-12-31",
		"NEXT_YEAR":                "2027-01-01 2027-12-31",
		"LAST_FISCAL_QUARTER":      "2026-07-01 2026-09-30",
		"NEXT_FISCAL_YEAR":         "2027-01-01 2027-12-31",
		"LAST_N_DAYS:3":            "2026-11-19 2026-11-22",
		"NEXT_N_DAYS:3":            "2026-11-23 2026-11-25",
		"N_DAYS_AGO:3":             "2026-11-19 2026-11-19",
		"LAST_N_WEEKS:2":           "2026-11-08 2026-11-21",
		"NEXT_N_WEEKS:2":           "2026-11-29 2026-12-12",
		"N_WEEKS_AGO:1":            "2026-11-15 2026-11-21",
		"LAST_N_MONTHS:2":          "2026-09-01 2026-10-31",
		"NEXT_N_MONTHS:2":          "2026-12-01 2027-01-31",
		"N_MONTHS_AGO:2":           "2026-09-01 2026-09-30",
		"LAST_N_QUARTERS:2":        "2026-04-01 2026-09-30",
		"NEXT_N_QUARTERS:1":        "2027-01-01 2027-03-31",
		"N_QUARTERS_AGO:3":         "2026-01-01 2026-03-31",
		"LAST_N_YEARS:2":           "2024-01-01 2025-12-31",
		"NEXT_N_YEARS:2":           "2027-01-01 2028-12-31",
		"N_YEARS_AGO:2":            "2024-01-01 2024-12-31",
		"LAST_N_FISCAL_QUARTERS:1": "2026-07-01 2026-09-30",
		"N_FISCAL_YEARS_AGO:1":     "2025-01-01 2025-12-31",
	} {
		t.Run(literal, func(t *testing.T) {
			t.Parallel()
			m := newMemory(t)
			var first, last time.Time
			for _, text := range strings.Fields(days) {
				day, err := time.Parse(time.DateOnly, text)
				if err != nil {
					t.Fatal(err)
				}
				first, last = last, day
			}
			for n, at := range []time.Time{first.Add(-time.Second), first, last.Add(24*time.Hour - time.Second), last.Add(24 * time.Hour)} {
				name := []string{"before", "first", "last", "after"}[n]
				m.add(t, "Account", n, "Name="+name, "Customer_Since__c="+at.Format(time.DateOnly), "SystemModstamp="+at.Format(time.RFC3339))
			}
			for condition, want := range map[string]string{
				"Customer_Since__c = ": "first,last", "SystemModstamp = ": "first,last", "Customer_Since__c != ": "before,after",
				"SystemModstamp < ": "before", "Customer_Since__c <= ": "before,first,last", "SystemModstamp > ": "after", "SystemModstamp >= ": "first,last,after",
			} {
				if got := names(m, m.run(t, "SELECT Id FROM Account WHERE "+condition+strings.ToLower(literal)+" ORDER BY Id").IDs); got != want {
					t.Errorf("%s%s finds %s, want %s", condition, literal, got, want)
				}
			}
		})
	}
}

// TestFiveParents: a path leads over five lookups at most, in what is selected,
// in conditions and in the order.
func TestFiveParents(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	user := m.add(t, "User", 1, "Name=Ada")
	above := m.add(t, "Account", 1, "Name=a1", "OwnerId="+user)
	for n := 2; n <= 4; n++ {
		above = m.add(t, "Account", n, fmt.Sprintf("Name=a%d", n), "ParentId="+above)
	}
	contact := m.add(t, "Contact", 1, "Name=c", "AccountId="+above)
	m.add(t, "Contact", 2, "Name=alone")
	const five = "Account.Parent.Parent.Parent.Owner"
	for _, tail := range []string{"WHERE " + five + ".Name = 'ADA'", "WHERE " + five + ".Name != null", "ORDER BY " + five + ".Name DESC NULLS LAST LIMIT 1"} {
		res := m.run(t, "SELECT Id, "+five+".Name FROM Contact "+tail)
		if len(res.IDs) != 1 || res.IDs[0] != contact {
			t.Errorf("%s finds %v", tail, res.IDs)
		}
	}
	q, err := soql.Parse("SELECT Account.Parent.Parent.Parent.Parent.Owner.Name FROM Contact")
	if err != nil {
		t.Fatal(err)
	}
	_, err = soql.Bind(q, m.binder())
	if e, ok := errors.AsType[*soql.Error](err); !ok || e.Code != soql.CodeInvalidField {
		t.Errorf("six parents: %v", err)
	}
}

// TestTwoValuedLogic walks every comparison over a null, an equal and another
// value: != and NOT IN find the null, < and > do not, and NOT turns the whole
// round.
func TestTwoValuedLogic(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.add(t, "Account", 1, "Name=null")
	m.add(t, "Account", 2, "Name=low", "AnnualRevenue=1", "Industry=Energy", "Channels__c=Web")
	m.add(t, "Account", 3, "Name=high", "AnnualRevenue=2", "Industry=Retail", "Channels__c=Fax;Web")
	for where, want := range map[string]string{
		"AnnualRevenue = 1":                       "low",
		"AnnualRevenue != 1":                      "null,high",
		"AnnualRevenue <> 1":                      "null,high",
		"AnnualRevenue < 2":                       "low",
		"AnnualRevenue <= 2":                      "low,high",
		"AnnualRevenue > 0":                       "low,high",
		"AnnualRevenue >= 2":                      "high",
		"AnnualRevenue = null":                    "null",
		"AnnualRevenue != null":                   "low,high",
		"AnnualRevenue < null":                    "",
		"AnnualRevenue IN (1)":                    "low",
		"AnnualRevenue NOT IN (1)":                "null,high",
		"AnnualRevenue NOT IN (1, null)":          "high",
		"Industry LIKE '%'":                       "low,high",
		"(NOT Industry LIKE 'E%')":                "null,high",
		"Industry = ''":                           "null",
		"Industry != 'ENERGY'":                    "null,high",
		"Industry IN ('energy', '')":              "null,low",
		"Channels__c INCLUDES ('Web')":            "low,high",
		"Channels__c INCLUDES ('Web;Fax')":        "high",
		"Channels__c EXCLUDES ('Fax')":            "null,low",
		"Channels__c = 'Web'":                     "low",
		"Channels__c = null":                      "null",
		"NOT (AnnualRevenue > 0)":                 "null",
		"NOT (AnnualRevenue = 1 OR Name = 'x')":   "null,high",
		"Parent.AnnualRevenue != 1":               "null,low,high",
		"Parent.Name = null":                      "null,low,high",
		"AccountSource NOT IN ('a') AND Fax = ''": "null,low,high",
	} {
		if got := names(m, m.run(t, "SELECT Id FROM Account WHERE "+where+" ORDER BY Id").IDs); got != want {
			t.Errorf("%s finds %q, want %q", where, got, want)
		}
	}
}

// TestJoins: semi-joins and anti-joins over Ids and lookups, with conditions of
// their own, nested, and beside other conditions.
func TestJoins(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	one, two := m.add(t, "Account", 1, "Name=one", "Industry=Energy"), m.add(t, "Account", 2, "Name=two")
	m.add(t, "Account", 3, "Name=three")
	m.add(t, "Contact", 1, "Name=c1", "AccountId="+one, "LastName=x")
	m.add(t, "Contact", 2, "Name=c2", "AccountId="+two, "LastName=y")
	m.add(t, "Contact", 3, "Name=c3", "LastName=x")
	m.add(t, "Opportunity", 1, "Name=o1", "AccountId="+two)
	for query, want := range map[string]string{
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'X')":                                            "one",
		"SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact WHERE LastName = 'x')":                                        "two,three",
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND Id NOT IN (SELECT AccountId FROM Opportunity)":               "one",
		"SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Industry = 'Energy')":                                       "c1",
		"SELECT Id FROM Contact WHERE AccountId NOT IN (SELECT Id FROM Account WHERE Industry = 'Energy')":                                   "c2,c3",
		"SELECT Id FROM Contact WHERE AccountId IN (SELECT AccountId FROM Opportunity)":                                                      "c2",
		"SELECT Id FROM Contact WHERE Id IN (SELECT Id FROM Contact WHERE Account.Name = 'one')":                                             "c1",
		"SELECT Id FROM Account WHERE Name LIKE 't%' AND Id IN (SELECT AccountId FROM Opportunity WHERE Account.Name = 'two') ORDER BY Name": "two",
	} {
		if got := names(m, m.run(t, query).IDs); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
}
