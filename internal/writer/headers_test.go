package writer

import (
	"slices"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/writer/plan"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestHeadersOfAMapping(t *testing.T) {
	t.Parallel()
	const rule = "01Q000000000001AAA"
	for _, tt := range []struct {
		option  string
		feature bool
		want    string
		bulk    bool // may records of Lead go as a Bulk job
	}{
		{"", false, "FALSE", true},
		{"", true, "", false},
		{"true", false, "TRUE", false},
		{"FALSE", true, "FALSE", true},
		{rule, false, rule, true},
	} {
		s := newSite(t, func(c *Config) { c.Connection.Features = map[string]bool{"use_assignment_rules": tt.feature} })
		table := *s.cfg.Tables["account"]
		table.Mapping.Options = mapping.Options{AssignmentRule: tt.option, AllowDuplicates: true}
		s.cfg.Tables["account"] = &table
		var got []salesforce.WriteRequest
		s.client.around = func(w salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
			got = append(got, w)
			return send()
		}
		s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'a')`)
		s.drain()
		if len(got) != 1 || got[0].AssignmentRule != tt.want || !got[0].AllowDuplicates {
			t.Errorf("%q, feature %v: %+v", tt.option, tt.feature, got)
		}
		if s.mayBulk(&table) {
			t.Error("a job can't let duplicates pass")
		}
		table.Object, table.Mapping.Options.AllowDuplicates = "Lead", false
		if s.mayBulk(&table) != tt.bulk {
			t.Errorf("%q, feature %v: Bulk %v", tt.option, tt.feature, !tt.bulk)
		}
		if in := s.ingest(&call{table: &table, op: "update", intents: []outbox.Intent{{Object: "Lead"}}}); (in.AssignmentRule == rule) != (tt.want == rule) {
			t.Errorf("%q: the job's rule is %q", tt.option, in.AssignmentRule)
		}
	}
}

func TestDuplicatesPassWhereAsked(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{false, true} {
		s := newSite(t, by(mapping.Dependency))
		s.must(s.org.Control().SetRules(t.Context(), org.Rules{Duplicates: []org.Duplicate{{Object: "Account", Fields: []string{"Name"}}}}))
		table := *s.cfg.Tables["account"]
		table.Mapping.Options.AllowDuplicates = allow
		s.cfg.Tables["account"] = &table
		s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'a')`)
		s.drain()
		s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'b')`)
		s.run(`INSERT INTO contact (lastname, external_id__c) VALUES ('C', 'c')`)
		s.drain()
		want := "FAILED|DUPLICATES_DETECTED\n"
		if allow {
			want = "INSERTED|-\n"
		}
		s.want("row", s.lines(`SELECT _hc_lastop, _hc_err::json ->> 'code' FROM account WHERE external_id__c = 'b'`), want)
		s.want("contact", s.lines(`SELECT _hc_lastop FROM contact`), "INSERTED\n")
		if !slices.Equal(s.client.together, []int{2}) {
			t.Errorf("composed calls of %v", s.client.together)
		}
	}
}

func TestTextsThatCSVCannotTellGoByCall(t *testing.T) {
	t.Parallel()
	s := newSite(t, bulkFrom(3, mapping.Dependency))
	item := func(body string) plan.Item { return plan.Item{Body: []byte(body)} }
	set := &plan.ChangeSet{Table: s.cfg.Tables["account"], Op: "update", Bulk: true, Items: []plan.Item{
		item(`{"Name":"a"}`), item(`{"Name":"#N/A"}`), item(`{"Name":"b"}`)}}
	var shape []bool
	for _, got := range s.jobSets([]*plan.ChangeSet{set}) {
		shape = append(shape, got.Bulk)
	}
	if !slices.Equal(shape, []bool{false, true}) {
		t.Errorf("change sets: Bulk %v", shape)
	}
}
