package rest

import (
	"fmt"
	"testing"
)

// What an imitation of Salesforce easily gets wrong.

// TestLifeAfterDelete: each way out of the org and back, with the stamps that a
// reader goes by.
func TestLifeAfterDelete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	control := func(body string) { t.Helper(); f.control("POST", "records", body) }
	account := f.create("Account", `{"Name":"A"}`)
	contact := f.create("Contact", `{"LastName":"C","AccountId":"`+account+`"}`)
	all := func(object, id string) answer {
		t.Helper()
		return f.call("GET", "/queryAll?q=SELECT+IsDeleted,SystemModstamp,MasterRecordId+FROM+"+object+"+WHERE+Id='"+id+"'", "")
	}
	stamps := map[string]bool{}
	fresh := func(what, id string) {
		t.Helper()
		stamp := stampText.FindString(all("Account", id).body)
		if stamp == "" || stamps[stamp] {
			t.Errorf("%s has the stamp %q of before", what, stamp)
		}
		stamps[stamp] = true
		f.control("POST", "clock", `{"seconds":2}`)
	}
	fresh("create", account)

	want(t, f.call("DELETE", "/sobjects/Account/"+account, ""), 204)
	for _, r := range []answer{all("Account", account), all("Contact", contact)} {
		want(t, r, 200, `"IsDeleted":true`)
	}
	want(t, f.call("GET", soqlPath("SELECT Id FROM Contact"), ""), 200, `"totalSize":0`)
	want(t, f.call("DELETE", "/sobjects/Account/"+account, ""), 404, "ENTITY_IS_DELETED")
	fresh("delete", account)

	control(`{"action":"undelete","id":"` + account + `"}`)
	for _, r := range []answer{all("Account", account), all("Contact", contact)} {
		want(t, r, 200, `"IsDeleted":false`)
	}
	fresh("undelete", account)

	winner := f.create("Account", `{"Name":"W"}`)
	control(`{"action":"merge","id":"` + winner + `","losers":["` + account + `"]}`)
	want(t, all("Account", account), 200, `"IsDeleted":true`, `"MasterRecordId":"`+winner+`"`)
	want(t, f.call("GET", soqlPath("SELECT AccountId FROM Contact"), ""), 200, `"AccountId":"`+winner+`"`)
	fresh("merge", account)

	control(`{"action":"purge","id":"` + account + `"}`)
	want(t, all("Account", account), 200, `"totalSize":0`)

	want(t, f.call("DELETE", "/sobjects/Account/"+winner, ""), 204)
	f.control("POST", "clock", `{"seconds":1300000}`) // longer than fifteen days
	f.token = f.login("product", "s3cret")
	want(t, all("Account", winner), 200, `"totalSize":0`)
	want(t, all("Contact", contact), 200, `"totalSize":0`)
}

// TestFormulasChangeWithoutAStamp: an edit of the parent shows in the child's
// formula, and nothing else of the child moves.
func TestFormulasChangeWithoutAStamp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	account := f.create("Account", `{"Name":"Before"}`)
	contact := f.create("Contact", `{"LastName":"C","AccountId":"`+account+`"}`)
	read := func() answer {
		return f.call("GET", soqlPath("SELECT Account_Name__c, SystemModstamp FROM Contact WHERE Id = '"+contact+"'"), "")
	}
	before := read()
	want(t, before, 200, `"Account_Name__c":"Before"`)
	f.control("POST", "clock", `{"seconds":60}`)
	want(t, f.call("PATCH", "/sobjects/Account/"+account, `{"Name":"After"}`), 204)
	after := read()
	want(t, after, 200, `"Account_Name__c":"After"`)
	if a, b := stampText.FindString(before.body), stampText.FindString(after.body); a != b || a == "" {
		t.Errorf("the stamp moved from %s to %s", a, b)
	}
	want(t, f.call("GET", soqlPath("SELECT Id FROM Contact WHERE Account_Name__c = 'After'"), ""), 200, `"totalSize":1`)
}

// TestASessionThatEndsInMidPage: the locator is read on with another session.
func TestASessionThatEndsInMidPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"a", "b", "c"} {
		f.create("Account", `{"Name":"`+name+`"}`)
	}
	f.control("POST", "switches", `{"pageRows":2}`)
	next := member(t, f.call("GET", soqlPath("SELECT Name FROM Account ORDER BY Name"), ""), "nextRecordsUrl")
	f.fault(`{"kind":"session","end":true,"path":"/query/","count":1}`)
	want(t, f.call("GET", next, ""), 401, "INVALID_SESSION_ID")
	want(t, f.call("GET", next, ""), 401, "INVALID_SESSION_ID")
	f.token = f.login("product", "s3cret")
	want(t, f.call("GET", next, ""), 200, `"Name":"c"`, `"done":true`, `"totalSize":3`)
}

// TestStatusesOfAnOverloadedOrg that are not Salesforce's own.
func TestStatusesOfAnOverloadedOrg(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range []int{420, 429, 503} {
		f.fault(fmt.Sprintf(`{"kind":"status","status":%d,"headers":{"Retry-After":"3"},"count":1}`, status))
		if a := f.call("GET", "/limits", ""); a.status != status || a.header.Get("Retry-After") != "3" {
			t.Errorf("%d with Retry-After %q, want %d", a.status, a.header.Get("Retry-After"), status)
		}
		want(t, f.call("GET", "/limits", ""), 200)
	}
}

// TestSchemaEditsEndWhatClientsHold: after each kind of edit a conditional
// describe answers in full, once, even within one second.
func TestSchemaEditsEndWhatClientsHold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const describe = "/sobjects/Account/describe"
	since := f.call("GET", describe, "").header.Get("Last-Modified")
	for _, edit := range []string{
		`{"action":"add","object":"Account","def":{"name":"New__c","type":"string","length":10}}`,
		`{"action":"length","object":"Account","field":"New__c","length":20}`,
		`{"action":"rename","object":"Account","field":"New__c","name":"Newer__c"}`,
		`{"action":"retype","object":"Account","field":"Newer__c","def":{"name":"Newer__c","type":"double","precision":5,"scale":0}}`,
		`{"action":"drop","object":"Account","field":"Newer__c"}`,
	} {
		want(t, f.call("GET", describe, "", "If-Modified-Since", since), 304)
		f.control("POST", "schema", edit)
		a := f.call("GET", describe, "", "If-Modified-Since", since)
		want(t, a, 200)
		if a.header.Get("Last-Modified") == since {
			t.Errorf("%s: Last-Modified stays %s", edit, since)
		}
		since = a.header.Get("Last-Modified")
	}
}

// TestLookupsToWhatTheOrgLacks stay empty, and say so.
func TestLookupsToWhatTheOrgLacks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Contact", `{"LastName":"C","IndividualId":null}`)
	want(t, f.call("GET", soqlPath("SELECT IndividualId FROM Contact WHERE IndividualId = null"), ""), 200, `"IndividualId":null`)
	want(t, f.call("GET", soqlPath("SELECT Individual.Name FROM Contact"), ""), 400, "INVALID_FIELD")
	want(t, f.call("POST", "/sobjects/Contact", `{"LastName":"C","IndividualId":"0PK000000000001"}`), 400, "FIELD_INTEGRITY_EXCEPTION")
	want(t, f.call("POST", "/sobjects/Contact", `{"LastName":"C","Individual":{"Name":"x"}}`), 400, "INVALID_FIELD")
	if j := f.ingest(`{"object":"Contact","operation":"insert"}`, "LastName,Individual.Name\nC,x\n"); j.State != "Failed" {
		t.Errorf("job %+v", j)
	}
	f.control("POST", "seed", `{"object":"Contact","rows":20,"seed":1}`)
	f.control("POST", "seed", `{"object":"Contact","rows":20,"seed":1,"computed":true}`)
	want(t, f.call("GET", soqlPath("SELECT COUNT() FROM Contact WHERE IndividualId != null"), ""), 200, `"totalSize":0`)
}
