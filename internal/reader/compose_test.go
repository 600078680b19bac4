package reader_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/sandbox"
)

// crowd is a site with six mapped objects.
func crowd(t *testing.T) (*site, []*mapping.Table) {
	t.Helper()
	s := newSite(t, sandbox.Options{})
	tables := []*mapping.Table{
		s.account,
		s.Table("Contact", "", "LastName"), s.Table("Opportunity", "", "Name"), s.Table("Lead", "", "LastName"),
		s.Table("Case", "", "Subject"), s.Table("Task", "", "Subject"),
	}
	s.Insert("Contact", "LastName", "Ann")
	s.Insert("Lead", "LastName", "Bob", "Company", "Acme")
	s.load(tables...)
	return s, tables
}

func TestSeveralPollsTravelInOneCall(t *testing.T) {
	t.Parallel()
	s, tables := crowd(t)
	s.Sandbox.Org.Clock.Step(time.Hour)
	if _, err := s.Poll(t.Context(), s.fence, tables, now); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct{ mappings, calls int }{{6, 2}, {5, 1}, {2, 1}, {1, 1}} {
		s.Insert("Account", "Name", fmt.Sprint("a", i))
		s.Insert("Contact", "LastName", fmt.Sprint("c", i))
		calls := s.Calls()
		res, err := s.Poll(t.Context(), s.fence, tables[:tt.mappings], now)
		if err != nil {
			t.Fatal(err)
		}
		if n := int(s.Calls() - calls); n != tt.calls {
			t.Errorf("%d mappings: %d calls, want %d", tt.mappings, n, tt.calls)
		}
		if got := res.Mappings[0].Result.Inserted; got != 1 {
			t.Errorf("%d mappings: %d accounts", tt.mappings, got)
		}
		if got := s.count(fmt.Sprintf("name = 'a%d'", i)); got != "1" {
			t.Errorf("%s accounts", got)
		}
	}
	s.poll(now)
	if got := s.One(`SELECT count(*) FROM salesforce.contact`); got != "4" {
		t.Errorf("%s contacts", got)
	}
}

// What is wrong with one query concerns its mapping alone.
func TestOneOfSeveralPollsFails(t *testing.T) {
	t.Parallel()
	s, tables := crowd(t)
	tables[1].Mapping.Options.Filter = "No_Such_Field__c = 1"
	s.Insert("Account", "Name", "new")
	s.Insert("Lead", "LastName", "new", "Company", "Acme")
	res, err := s.Poll(t.Context(), s.fence, tables, now)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range res.Mappings {
		if (m.Err != nil) != (i == 1) || !m.Polled {
			t.Errorf("%s: %v", m.Object, m.Err)
		}
	}
	if s.count("name = 'new'") != "1" || s.One(`SELECT count(*) FROM salesforce.lead WHERE lastname = 'new'`) != "1" {
		t.Error("the others were not read")
	}
}

// The composed call is cut, refused, or gone: nothing is missed, and what has
// no answer is asked for again.
func TestComposedPollsUnderFaults(t *testing.T) {
	t.Parallel()
	s, tables := crowd(t)
	for i, fault := range []string{
		`{"kind":"cut_body","bytes":300,"path":"/composite","probability":1,"count":2}`,
		`{"kind":"html","path":"/composite","probability":1,"count":2}`,
		`{"kind":"status","status":400,"code":"UNKNOWN_EXCEPTION","path":"/composite","probability":1,"count":1}`,
	} {
		s.Fault(fault)
		s.Insert("Account", "Name", fmt.Sprint("f", i))
		for range 3 {
			if _, err := s.Poll(t.Context(), s.fence, tables, now); err != nil {
				t.Log(err)
			}
		}
		s.Faultless()
		if _, err := s.Poll(t.Context(), s.fence, tables, now); err != nil {
			t.Fatal(err)
		}
		if got := s.count(fmt.Sprintf("name = 'f%d'", i)); got != "1" {
			t.Errorf("fault %d: %s rows", i, got)
		}
	}
}
