package rest

import (
	"bytes"
	"testing"
)

func TestDumpAndRestoreState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"kept"}`)
	state := f.control("GET", "state", "")
	f.call("DELETE", "/sobjects/Account/"+id, "")
	other := f.create("Account", `{"Name":"later"}`)
	f.control("POST", "schema", `{"action":"drop","object":"Account","field":"Score__c"}`)
	f.control("POST", "state", state)
	want(t, f.call("GET", "/sobjects/Account/"+id+"?fields=Name,Score__c", ""), 200, `"Name":"kept"`)
	want(t, f.call("GET", "/sobjects/Account/"+other, ""), 404)
	if a := f.call("POST", "/_sandbox/state", "nonsense"); a.status != 400 {
		t.Errorf("a broken state: %d %s", a.status, a.body)
	}
}

func TestSessionsSurvive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var buf bytes.Buffer
	if err := f.s.SaveState(&buf); err != nil {
		t.Fatal(err)
	}
	token := f.token
	f.control("POST", "expire", `{"sessions":true}`)
	want(t, f.call("GET", "/limits", ""), 401)
	if err := f.s.LoadState(&buf); err != nil {
		t.Fatal(err)
	}
	f.token = token
	want(t, f.call("GET", "/limits", ""), 200)
}

// TestAddedClientsSurvive a restart, with their sessions.
func TestAddedClientsSurvive(t *testing.T) {
	t.Parallel()
	old, f := newFixture(t), newFixture(t)
	old.control("POST", "clients", `{"id":"mine","secret":"s","runAs":"demo.user@sandbox.example"}`)
	token := old.login("mine", "s")
	var buf bytes.Buffer
	if err := old.s.SaveState(&buf); err != nil {
		t.Fatal(err)
	}
	if err := f.s.LoadState(&buf); err != nil {
		t.Fatal(err)
	}
	want(t, f.get(token, "/services/data/v68.0/limits"), 200)
	f.login("mine", "s")
}
