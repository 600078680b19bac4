package rest

import (
	"strings"
	"testing"
)

// TestLocationField: a custom location is two numbers and the compound of
// both, in describe, records and queries; renamed and dropped as one.
func TestLocationField(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "schema", `{"action":"add","object":"Account","def":{"name":"Site_Place__c","type":"location"}}`)
	d := f.call("GET", "/sobjects/Account/describe", "")
	want(t, d, 200, `"name":"Site_Place__Latitude__s"`, `"compoundFieldName":"Site_Place__c"`, `"soapType":"urn:location"`)
	id := f.create("Account", `{"Name":"x","Site_Place__Latitude__s":50.5,"Site_Place__Longitude__s":-7}`)
	const place = `"Site_Place__c":{"latitude":50.5,"longitude":-7.0}`
	want(t, f.call("GET", "/sobjects/Account/"+id, ""), 200, place, `"Site_Place__Latitude__s":50.5`)
	want(t, f.call("GET", soqlPath("SELECT Site_Place__c FROM Account WHERE Site_Place__Latitude__s > 50"), ""), 200, place)
	want(t, f.call("PATCH", "/sobjects/Account/"+id, `{"Site_Place__c":{"latitude":1}}`), 400)
	f.control("POST", "schema", `{"action":"rename","object":"Account","field":"Site_Place__c","name":"Spot__c"}`)
	want(t, f.call("GET", soqlPath("SELECT Spot__c, Spot__Longitude__s FROM Account"), ""), 200, `"Spot__c":{"latitude":50.5,"longitude":-7.0},"Spot__Longitude__s":-7.0`)
	if a := f.call("POST", "/_sandbox/schema", `{"action":"retype","object":"Account","field":"Spot__c","def":{"name":"Spot__c","type":"string"}}`); a.status != 400 {
		t.Errorf("a compound field changes its type: %d %s", a.status, a.body)
	}
	f.control("POST", "schema", `{"action":"drop","object":"Account","field":"Spot__c"}`)
	if d := f.call("GET", "/sobjects/Account/describe", ""); strings.Contains(d.body, "Spot__") {
		t.Error("members of a dropped field are described")
	}
}
