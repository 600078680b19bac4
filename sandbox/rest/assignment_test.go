package rest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/sandbox/org"
)

func TestAssignmentRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo, _ := f.org.User(org.DemoUser)
	own, _ := f.org.User(org.IntegrationUser)
	queue := f.create("Group", `{"Name":"Web leads","Type":"Queue"}`)
	f.control("POST", "rules", `{"assignments":[
		{"name":"Leads","object":"Lead","entries":[{"condition":"LeadSource = 'Web'","owner":"`+queue+`"},{"condition":"","owner":"`+org.DemoUser+`"}]},
		{"name":"Night","object":"Lead","inactive":true,"entries":[{"condition":"","owner":"`+queue+`"}]}]}`)
	rules := f.call("GET", soqlPath("SELECT Id, Name, Active, SobjectType FROM AssignmentRule ORDER BY Name DESC"), "")
	night := regexp.MustCompile(`01Q\w{15}`).FindString(strings.ReplaceAll(rules.body, "/", " "))
	want(t, rules, 200, `"totalSize":2`, `"SobjectType":"Lead"`)

	owner := func(id string) string {
		return member(t, f.call("GET", "/sobjects/Lead/"+id+"?fields=OwnerId", ""), "OwnerId")
	}
	lead := func(source string) string { return `{"LastName":"x","Company":"y","LeadSource":"` + source + `"}` }
	with := func(header string) string {
		t.Helper()
		a := f.call("POST", "/sobjects/Lead", lead("Other"), "Sforce-Auto-Assign", header)
		want(t, a, 201)
		return owner(member(t, a, "id"))
	}
	web := f.create("Lead", lead("Web"))
	for name, pair := range map[string][2]string{
		"first entry that fits":   {owner(web), queue},
		"last entry":              {with("TRUE"), demo.ID},
		"switched off":            {with("FALSE"), own.ID},
		"another rule by its Id":  {with(night), queue},
		"another rule, 15 places": {with(night[:15]), queue},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: owner %s, want %s", name, pair[0], pair[1])
		}
	}
	want(t, f.call("POST", "/sobjects/Lead", lead("Web"), "Sforce-Auto-Assign", "01Q000000000999AAA"), 400, "INVALID_CROSS_REFERENCE_KEY")
	want(t, f.call("PATCH", "/sobjects/Lead/"+web, `{"LeadSource":"Other"}`, "Sforce-Auto-Assign", "FALSE"), 204)
	if owner(web) != queue {
		t.Error("an update with FALSE assigned")
	}

	sub := func(ref, headers string) string {
		return `{"method":"POST","url":"/services/data/v68.0/sobjects/Lead","referenceId":"` + ref + `","httpHeaders":{` + headers + `},"body":` + lead("Composite") + `}`
	}
	for _, all := range []string{"true", "false"} {
		a := f.call("POST", "/composite", `{"allOrNone":`+all+`,"compositeRequest":[`+sub("a", `"Sforce-Auto-Assign":"FALSE"`)+`,`+sub("b", "")+`]}`)
		ids := regexp.MustCompile(`"id":"(\w{18})"`).FindAllStringSubmatch(a.body, -1)
		if len(ids) != 2 || owner(ids[0][1]) != own.ID || owner(ids[1][1]) != demo.ID {
			t.Errorf("composite, allOrNone %s: %s", all, a.body)
		}
	}

	j := f.ingest(`{"object":"Lead","operation":"insert","contentType":"CSV"}`, "LastName,Company\nBulk,y\n")
	if got := owner(f.results(j.ID, "successfulResults")[1][0]); got != own.ID {
		t.Errorf("Bulk without a rule: owner %s", got)
	}
	j = f.ingest(`{"object":"Lead","operation":"insert","contentType":"CSV","assignmentRuleId":"`+night+`"}`, "LastName,Company\nBulk,y\n")
	if got := owner(f.results(j.ID, "successfulResults")[1][0]); got != queue {
		t.Errorf("Bulk with a rule: owner %s", got)
	}
	want(t, f.call("GET", "/jobs/ingest/"+j.ID, ""), 200, `"assignmentRuleId":"`+night+`"`)

	for body, words := range map[string]string{
		`{"assignments":[{"name":"x","object":"Contact","entries":[{"owner":"` + org.DemoUser + `"}]}]}`: "must be one of Account, Case, Lead",
		`{"assignments":[{"name":"x","object":"Lead","entries":[{"owner":"nobody"}]}]}`:                  "is no user and no queue",
		`{"assignments":[{"name":"x","object":"Lead","entries":[]}]}`:                                    "entries are empty",
	} {
		if a := f.call("POST", "/_sandbox/rules", body); a.status != 400 || !strings.Contains(a.body, words) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	f.control("POST", "rules", `{}`)
	want(t, f.call("GET", soqlPath("SELECT Id FROM AssignmentRule"), ""), 200, `"totalSize":0`)
}
