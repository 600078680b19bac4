package rest

import (
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

func TestTooManyLongCalls(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.s.busy
	end, _ := b.begin(org.Switches{})
	b.mu.Lock()
	b.since[1000], b.since[1001] = time.Now().Add(-time.Minute), time.Now().Add(-time.Minute)
	b.mu.Unlock()
	want(t, f.call("GET", "/limits", ""), 200)
	f.control("POST", "switches", `{"maxLongCalls":2}`)
	want(t, f.call("GET", "/limits", ""), 403, "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
	f.control("POST", "switches", `{"longCallMs":120000}`)
	want(t, f.call("GET", "/limits", ""), 200)
	end()
}

func TestExplain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Account", `{"Name":"x","External_ID__c":"k"}`)
	want(t, f.call("GET", "/query?explain=SELECT+Id+FROM+Account+WHERE+External_ID__c+=+'k'", ""), 200,
		`"leadingOperationType":"Index"`, `"cardinality":1`, `"fields":["External_ID__c"]`, `"sobjectType":"Account"`)
	want(t, f.call("GET", "/query?explain=SELECT+Id+FROM+Account", ""), 200, `"leadingOperationType":"TableScan"`)
	want(t, f.call("GET", "/query?explain=SELECT+Nope+FROM+Account", ""), 400, "INVALID_FIELD")
}

func TestQueryColumns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call("GET", "/query?columns=true&q=SELECT+Id,AnnualRevenue,Owner.Name,(SELECT+LastName+FROM+Contacts)+FROM+Account", "")
	want(t, a, 200, `"entityName":"Account"`, `"idSelected":true`, `"groupBy":false`, `"keyPrefix":"001"`, `"columnName":"AnnualRevenue"`, `"numberType":true`,
		`"foreignKeyName":"OwnerId"`, `"columnName":"LastName"`)
	want(t, f.call("GET", "/query?columns=true&q=SELECT+COUNT(Id)+FROM+Account", ""), 200, `"aggregate":true`, `"columnName":"expr0"`)
}

func TestEventsPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"x"}`)
	f.call("PATCH", "/sobjects/Account/"+id, `{"Phone":"1"}`)
	a, err := f.do("", "GET", "/events", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, a, 200, "UPDATE", "CREATE", id, "Phone", "com/salesforce/api/rest/68.0")
}
