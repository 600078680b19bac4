package rest

import "testing"

func TestDuplicateRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "rules", `{"duplicates":[{"object":"Account","fields":["Name","BillingCity"]},{"object":"Lead","fields":["Email"],"block":true}]}`)
	first := f.create("Account", `{"Name":"Acme","BillingCity":"Bonn"}`)
	f.create("Account", `{"Name":"Acme"}`)
	f.create("Account", `{"Name":"Acme","BillingCity":"Ulm"}`)
	again := `{"Name":"ACME","BillingCity":"bonn"}`
	want(t, f.call("POST", "/sobjects/Account", again), 400, `"errorCode":"DUPLICATES_DETECTED"`, `"message":"Use one of these records?"`,
		`"duplicateRule":"Standard_Account_Duplicate_Rule"`, `"allowSave":true`, `"Id":"`+first+`"`)
	want(t, f.call("POST", "/composite/sobjects", `{"records":[{"attributes":{"type":"Account"},"Name":"Acme","BillingCity":"Bonn"}]}`), 200,
		`"statusCode":"DUPLICATES_DETECTED"`, `"duplicateResult":{`)
	want(t, f.call("POST", "/sobjects/Account", again, "Sforce-Duplicate-Rule-Header", "allowSave=true"), 201)
	want(t, f.call("PATCH", "/sobjects/Account/"+first, `{"Phone":"1"}`), 204)
	want(t, f.call("PATCH", "/sobjects/Account/"+first, `{"Name":"acme"}`), 400, "DUPLICATES_DETECTED")

	lead := `{"LastName":"x","Company":"y","Email":"a@example.com"}`
	f.create("Lead", lead)
	want(t, f.call("POST", "/sobjects/Lead", lead, "Sforce-Duplicate-Rule-Header", "allowSave=true"), 400, `"allowSave":false`)
	if a := f.call("POST", "/_sandbox/rules", `{"duplicates":[{"object":"Account","fields":["Nope"]}]}`); a.status != 400 {
		t.Errorf("a rule on an unknown field: %d", a.status)
	}
}
