package rest

import (
	"net/url"
	"strings"
	"testing"
)

func TestPageShowsAndEdits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"<b>Bold</b>","Description":"two\nlines"}`)
	get := func(path string) answer {
		t.Helper()
		a, err := f.do("", "GET", path, "")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	want(t, get("/"), 200, `<a href="/records/Account">Account</a>`)
	want(t, get("/records/Account?q=bold"), 200, id, "&lt;b&gt;Bold")
	want(t, get("/records/Account/"+id), 200, `value="&lt;b&gt;Bold&lt;/b&gt;"`)
	form := url.Values{"Name": {"Plain"}, "Description": {"two\r\nlines"}, "do": {"save"}}.Encode()
	post := func(form, origin string) answer {
		t.Helper()
		a, err := f.do("", "POST", "/records/Account/"+id, form, "Content-Type", "application/x-www-form-urlencoded", "Origin", origin)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	want(t, post(form, "http://evil.example"), 403)
	want(t, post(form, f.srv.URL), 200, "Saved.")
	a := f.call("GET", "/sobjects/Account/"+id+"?fields=Name,Description", "")
	want(t, a, 200, `"Name":"Plain"`, `"Description":"two\nlines"`)
	want(t, post("Name=&do=save", f.srv.URL), 200, "Required fields are missing: [Name]")
	want(t, post("do=delete", f.srv.URL), 303)
	want(t, get("/records/Account"), 200, `<a href="/records/Account/new">`)
	want(t, get("/records/Account/new"), 200, `name="Name" value=""`)
	create := func(form string) answer {
		t.Helper()
		a, err := f.do("", "POST", "/records/Account/new", form, "Content-Type", "application/x-www-form-urlencoded", "Origin", f.srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	want(t, create("Name=&Phone=1"), 200, "Required fields are missing: [Name]", `value="1"`)
	want(t, create("Name=By+hand&NumberOfEmployees=12&Active__c=true"), 303)
	want(t, f.call("GET", "/query?q="+url.QueryEscape("SELECT NumberOfEmployees, Active__c FROM Account WHERE Name = 'By hand'"), ""), 200, `"NumberOfEmployees":12`, `"Active__c":true`)
	want(t, get("/records/Account/new"), 200, `<select id="Active__c"`, `<option selected>false</option>`, `<datalist id="Rating-list"><option>Hot</option>`)
	f.fault(`{"kind":"status","status":503,"path":"/nowhere$","count":3}`)
	want(t, get("/"), 200, "status 503", "<code>/nowhere$</code>", "0 of 3", `<a href="/records/Case">Case</a>`)
	if _, err := f.do("", "POST", "/", "lift=1", "Content-Type", "application/x-www-form-urlencoded", "Origin", f.srv.URL); err != nil {
		t.Fatal(err)
	}
	if list := f.control("GET", "faults", ""); strings.Contains(list, "nowhere") {
		t.Errorf("faults after lifting: %s", list)
	}
	if !strings.Contains(f.control("GET", "writes", ""), `"oauthClient":"control"`) {
		t.Error("edits by hand should be told apart in the log")
	}
}
