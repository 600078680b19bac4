package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// BenchmarkPlan plans 100,000 entries at once: inserts and updates of accounts
// and contacts, each contact with an account. It reports time and memory per
// 1,000 entries.
func BenchmarkPlan(b *testing.B) {
	const n = 100_000
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, MaxSets: 5, Lanes: 4, BulkFrom: 2000, BulkLimit: 50_000}
	for i := range int32(n) {
		id := i/2 + 1
		switch {
		case i%2 == 0:
			in.Rows[at("account", id)] = plan.Row{Sfid: fmt.Sprintf("001%012dAAA", id), ExternalID: fmt.Sprint("x", id)}
			in.Entries = append(in.Entries, entry(fmt.Sprintf("%d UPDATE account %d name=>A%d, phone=>%d, born=>2026-11-22", i+1, id, id, id)))
		default:
			in.Rows[at("contact", id)] = plan.Row{}
			in.Entries = append(in.Entries, entry(fmt.Sprintf(`%d INSERT contact %d id=>%d, sfid=>NULL, name=>C%d, ext__c=>c%d, accountid=>001%012dAAA`,
				i+1, id, id, id, id, (id+n/4)%(n/2)+1)))
		}
	}
	for _, a := range []mapping.Algorithm{mapping.Ordered, mapping.Dependency, mapping.Merged} {
		b.Run(string(a), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := plan.Next(a, in, plan.Hold(nil))
				b.ReportMetric(float64(p.Looked-p.Waiting), "planned")
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(n/1000), "µs/1000")
		})
	}
}

func TestSets(t *testing.T) {
	t.Parallel()
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, MaxSets: 20, Lanes: 4, BulkFrom: 5000, BulkLimit: 50_000}
	fill := func(n int) {
		in.Entries = nil
		for i := range n {
			parent := fmt.Sprintf("001%012dAAA", i%(n/7))
			in.Entries = append(in.Entries, entry(fmt.Sprintf(`%d INSERT contact %d name=>C, accountid=>%s`, i+1, i+1, parent)))
		}
	}
	fill(3000)
	p := plan.Dependency(in, plan.Hold(nil))
	lane, count, runs := map[string]int{}, 0, 0
	last := ""
	for _, set := range p.Sets {
		if set.Bulk || len(set.Items) > plan.MaxRecords {
			t.Errorf("%d records, bulk %v", len(set.Items), set.Bulk)
		}
		for _, i := range set.Items {
			count++
			parent := string(i.Body[len(i.Body)-20:])
			if l, ok := lane[parent]; ok && l != set.Lane {
				t.Fatalf("children of %s in lanes %d and %d", parent, l, set.Lane)
			}
			lane[parent] = set.Lane
			if parent != last {
				runs++
			}
			last = parent
		}
	}
	if count != 3000 || len(lane) != runs || p.Waiting != 0 {
		t.Errorf("%d records of %d parents stand in %d groups, %d wait", count, len(lane), runs, p.Waiting)
	}
	fill(6000)
	if p = plan.Merged(in, plan.Hold(nil)); len(p.Sets) != 1 || !p.Sets[0].Bulk || len(p.Sets[0].Items) != 6000 {
		t.Errorf("%d change sets", len(p.Sets))
	}
	in.BulkFrom = 10_000
	if p = plan.Merged(in, plan.Hold(nil)); len(p.Sets) != 20 || p.Looked-p.Waiting > 4000 {
		t.Errorf("%d change sets, %d wait", len(p.Sets), p.Waiting)
	}
}

func TestSetupObjectsGoAlone(t *testing.T) {
	t.Parallel()
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, MaxSets: 5,
		Entries: entries(`1 INSERT userrole 1 name=>R`, `2 INSERT task 1 name=>T`, `3 INSERT userrole 2 name=>S`)}
	in.Tables["userrole"] = table("UserRole", "", mapping.ReadWrite, "Name")
	p := plan.Dependency(in, plan.Hold(nil))
	if len(p.Sets) != 1 || p.Sets[0].Table.Name != "userrole" || len(p.Sets[0].Items) != 2 || p.Waiting != 1 {
		t.Errorf("%v", show(p))
	}
}

func TestPriority(t *testing.T) {
	t.Parallel()
	for _, a := range []mapping.Algorithm{mapping.Dependency, mapping.Merged} {
		in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{}, MaxSets: 1, Limit: 2,
			Entries: entries(`1 INSERT task 1 name=>T`, `2 INSERT account 1 name=>A, ext__c=>x1`, `3 INSERT contact 1 name=>C`,
				`4 INSERT contact 2 name=>D, account__ext__c=>x1`, `5 INSERT contact 3 name=>E`)}
		in.Tables["contact"].Mapping.Options.Priority = 5
		in.Tables["task"].Mapping.Options.Priority = -1
		next := func() (ids []int32) {
			p := plan.Next(a, in, plan.Hold(nil))
			for _, i := range p.Sets[0].Items {
				ids = append(ids, i.Entry.ID)
			}
			return ids
		}
		if got := fmt.Sprint(next()); got != "[3 5]" {
			t.Errorf("%s: first %s", a, got)
		}
		in.Entries = append(in.Entries[:2:2], in.Entries[3])
		if got := fmt.Sprint(next()); got != "[2]" {
			t.Errorf("%s: what a higher one waits for is %s", a, got)
		}
	}
}

func TestWhatPeopleHold(t *testing.T) {
	t.Parallel()
	in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{at("account", 1): {Sfid: a1}}, MaxSets: 5,
		Entries: []triggerlog.Entry{entry(`1 DELETE account 9/` + a2), entry(`2 UPDATE account 1 name=>A`)}}
	in.Braked = map[string]bool{"account": true}
	p := plan.Dependency(in, plan.Hold(nil))
	if len(p.Sets) != 1 || p.Sets[0].Op != outbox.Update || p.Waiting != 1 {
		t.Errorf("braked: %v", show(p))
	}
}

func TestWhenAMappingTurnsReadOnly(t *testing.T) {
	t.Parallel()
	turned := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		when mapping.WhenReadOnly
		want []string
	}{
		{mapping.SendThem, []string{`1 update ` + a1 + ` "Id":"` + a1 + `","Name":"A"}`, `2 READONLY  the mapping of Account is read-only`}},
		{mapping.HoldThem, []string{`2 READONLY  the mapping of Account is read-only`, "1 wait"}},
		{mapping.DiscardThem, []string{`1 READONLY  the mapping of Account was made read-only before this change was sent`, `2 READONLY  the mapping of Account is read-only`}},
	} {
		for _, a := range []mapping.Algorithm{mapping.Ordered, mapping.Dependency, mapping.Merged} {
			in := plan.Input{Tables: tables(), Rows: map[plan.Record]plan.Row{at("account", 1): {Sfid: a1}, at("account", 2): {Sfid: a2}}, MaxSets: 5,
				Entries: entries(`1 UPDATE account 1 name=>A`, `2 UPDATE account 2 name=>B`), ReadOnlySince: map[string]time.Time{"account": turned}}
			in.Tables["account"].Access, in.Tables["account"].Mapping.Options.WhenReadOnly = mapping.ReadOnly, tt.when
			in.Entries[0].CreatedAt, in.Entries[1].CreatedAt = turned.Add(-time.Hour), turned.Add(time.Hour)
			if diff := cmp.Diff(tt.want, show(plan.Next(a, in, plan.Hold(nil)))); diff != "" {
				t.Errorf("%s, %s: %s", tt.when, a, diff)
			}
		}
	}
}
