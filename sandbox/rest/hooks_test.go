package rest

import (
	"strings"
	"testing"

	"github.com/synclinehq/syncline/sandbox/org"
)

func TestATriggerTouchesTheParent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.create("Account", `{"Name":"p"}`)
	f.control("POST", "rules", `{"touches":[{"object":"Contact","condition":"Title != null","lookup":"AccountId","field":"Site","value":"touched"}],
		"validations":[{"object":"Account","condition":"Rating = 'Cold' AND Site = 'touched'","message":"No"}]}`)
	f.control("POST", "permissions", `{"user":"`+org.IntegrationUser+`","object":"Account","rights":{"noEdit":true}}`)
	site := func() string {
		return member(t, f.call("GET", "/sobjects/Account/"+parent+"?fields=Site", ""), "Site")
	}
	f.create("Contact", `{"LastName":"a","AccountId":"`+parent+`"}`)
	if site() != "" {
		t.Error("a record that does not match touched its parent")
	}
	f.create("Contact", `{"LastName":"b","Title":"x","AccountId":"`+parent+`"}`)
	f.create("Contact", `{"LastName":"no parent","Title":"x"}`)
	if site() != "touched" {
		t.Errorf("the parent's site is %q", site())
	}
	want(t, answer{200, nil, f.control("GET", "writes", "")}, 200, `"id":"`+parent+`","op":"update","fields":{"`)

	f.control("POST", "permissions", `{"user":"`+org.IntegrationUser+`","object":"Account","rights":{}}`)
	want(t, f.call("PATCH", "/sobjects/Account/"+parent, `{"Site":null,"Rating":"Cold"}`), 204)
	want(t, f.call("POST", "/sobjects/Contact", `{"LastName":"c","Title":"x","AccountId":"`+parent+`"}`), 400,
		"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "first error: FIELD_CUSTOM_VALIDATION_EXCEPTION, No")
	want(t, f.call("GET", soqlPath("SELECT Id FROM Contact WHERE LastName = 'c'"), ""), 200, `"totalSize":0`)

	f.control("POST", "rules", `{"touches":[{"object":"Account","lookup":"ParentId"}]}`)
	child := f.create("Account", `{"Name":"child","ParentId":"`+parent+`"}`)
	want(t, f.call("PATCH", "/sobjects/Account/"+parent, `{"ParentId":"`+child+`"}`), 400, "maximum trigger depth exceeded")
	for body, words := range map[string]string{
		`{"touches":[{"object":"Contact","lookup":"Title"}]}`:                    "has no lookup",
		`{"touches":[{"object":"Contact","lookup":"AccountId","field":"Nope"}]}`: "has no field",
	} {
		want(t, f.call("POST", "/_sandbox/rules", body), 400, words)
	}
}

// Every edit of the schema at run time shows in describes, queries and the
// schema of events.
func TestSchemaEditsAreFollowed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	schemaOf := func() string {
		topic, ok := f.s.bus.Topic("/data/AccountChangeEvent")
		if !ok {
			t.Fatal("no topic")
		}
		return topic.Layout.JSON
	}
	f.control("POST", "schema", `{"action":"add","object":"Account","def":{"name":"Run__c","label":"Run","type":"string","length":10}}`)
	f.create("Account", `{"Name":"x","Run__c":"7"}`)
	for _, step := range []struct{ edit, describe, field, value, event string }{
		{`{"action":"length","object":"Account","field":"Run__c","length":77}`, `"length":77,`, "Run__c", `"Run__c":"7"`, `"name":"Run__c","type":["null","string"]`},
		{`{"action":"rename","object":"Account","field":"Run__c","name":"Ran__c"}`, `"name":"Ran__c"`, "Ran__c", `"Ran__c":"7"`, `"name":"Ran__c"`},
		{`{"action":"retype","object":"Account","field":"Ran__c","def":{"name":"Ran__c","type":"double","precision":5,"scale":0}}`, `"soapType":"xsd:double"`, "Ran__c", `"Ran__c":7`, `"name":"Ran__c","type":["null","double"]`},
	} {
		before := schemaOf()
		f.control("POST", "schema", step.edit)
		want(t, f.call("GET", "/sobjects/Account/describe", ""), 200, step.describe)
		want(t, f.call("GET", soqlPath("SELECT "+step.field+" FROM Account"), ""), 200, step.value)
		if !strings.Contains(schemaOf(), step.event) {
			t.Errorf("%s: the schema of events lacks %s", step.edit, step.event)
		}
		if strings.Contains(step.edit, "length") != (before == schemaOf()) {
			t.Errorf("%s: schema of events changed: %t", step.edit, before != schemaOf())
		}
	}
	f.control("POST", "schema", `{"action":"drop","object":"Account","field":"Ran__c"}`)
	want(t, f.call("GET", soqlPath("SELECT Ran__c FROM Account"), ""), 400, "No such column 'Ran__c'")
	if a := f.call("GET", "/sobjects/Account/describe", ""); strings.Contains(a.body+schemaOf(), "Ran__c") {
		t.Error("a dropped field is still described")
	}
	f.control("POST", "schema", `{"action":"load","file":{"objects":[{"name":"Late__c","label":"Late","fields":[{"name":"Size__c","type":"double","precision":5,"scale":1}]}]}}`)
	f.create("Late__c", `{"Size__c":1.5}`)
	want(t, f.call("GET", soqlPath("SELECT Size__c FROM Late__c"), ""), 200, `"Size__c":1.5`)
	if _, ok := f.s.bus.Topic("/data/Late__ChangeEvent"); !ok {
		t.Error("a new object has no topic")
	}
}
