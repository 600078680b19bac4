package sobject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/sobject"
)

const invoice = `{
  "name": "Invoice__c", "label": "Invoice", "labelPlural": "Invoices", "keyPrefix": "a01",
  "custom": true, "queryable": true, "createable": true, "updateable": true, "deletable": true,
  "replicateable": true, "urls": {"sobject": "/x"}, "actionOverrides": [],
  "fields": [
    {"name": "Id", "type": "id", "soapType": "tns:ID", "length": 18, "defaultedOnCreate": true, "idLookup": true},
    {"name": "Amount__c", "type": "currency", "precision": 18, "scale": 2, "nillable": true, "createable": true,
     "updateable": true, "relationshipName": null, "compoundFieldName": null, "defaultValue": 3, "referenceTo": []},
    {"name": "Account__c", "type": "reference", "length": 18, "createable": true, "referenceTo": ["Account"],
     "relationshipName": "Account__r"},
    {"name": "Kind__c", "type": "picklist", "length": 255, "picklistValues": [
      {"active": true, "defaultValue": false, "label": "One", "validFor": null, "value": "one"}]}
  ],
  "childRelationships": [{"childSObject": "Line__c", "field": "Invoice__c", "relationshipName": null, "cascadeDelete": true,
     "deprecatedAndHidden": false, "junctionIdListNames": [], "restrictedDelete": false}]
}`

func TestDecode(t *testing.T) {
	t.Parallel()
	o, err := sobject.Decode(strings.NewReader(invoice))
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "Invoice__c" || o.KeyPrefix != "a01" || !o.Custom || !o.Replicateable || o.Undeletable {
		t.Errorf("object = %+v", o)
	}
	amount := o.Field("AMOUNT__C")
	if amount == nil || amount.Type != sobject.TypeCurrency || amount.Scale != 2 || amount.RelationshipName != "" {
		t.Errorf("Amount__c = %+v", amount)
	}
	if o.Field("Amount") != nil {
		t.Error("found a field that is not there")
	}
	if got := o.Lookups("account__R"); len(got) != 1 || got[0].Name != "Account__c" || !got[0].Required() {
		t.Errorf("Lookups = %+v", got)
	}
	if diff := cmp.Diff([]sobject.PicklistValue{{Value: "one", Label: "One", Active: true}}, o.Field("Kind__c").PicklistValues); diff != "" {
		t.Error(diff)
	}
	want := []sobject.ChildRelationship{{ChildObject: "Line__c", Field: "Invoice__c", CascadeDelete: true}}
	if diff := cmp.Diff(want, o.ChildRelationships); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty":     ``,
		"HTML":      `<html>Down for maintenance</html>`,
		"cut":       invoice[:200],
		"no name":   `{"fields":[{"name":"Id"}]}`,
		"no fields": `{"name":"Account"}`,
		"error":     `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`,
	} {
		if o, err := sobject.Decode(strings.NewReader(in)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, o)
		}
	}
}

func TestDecodeGlobal(t *testing.T) {
	t.Parallel()
	got, err := sobject.DecodeGlobal(strings.NewReader(`{"encoding":"UTF-8","maxBatchSize":200,"sobjects":[
		{"name":"Account","label":"Account","keyPrefix":"001","queryable":true},{"name":"AccountHistory","keyPrefix":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []sobject.Summary{{Name: "Account", Label: "Account", KeyPrefix: "001", Queryable: true}, {Name: "AccountHistory"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := sobject.DecodeGlobal(strings.NewReader(`{}`)); err == nil {
		t.Error("a reply without sobjects passed")
	}
}
