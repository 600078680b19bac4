package pubsub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/internal/gen/eventbus"
)

// TestEveryFieldType decodes an event of an object that has a field of every
// type, and checks what its schema says of them.
func TestEveryFieldType(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type def = map[string]any
	list := []def{
		{"name": "S__c", "type": "string", "length": 80}, {"name": "A__c", "type": "textarea"}, {"name": "L__c", "type": "textarea", "length": 32000},
		{"name": "P__c", "type": "picklist", "values": []any{"x", "y"}},
		{"name": "M__c", "type": "multipicklist", "values": []any{"x", "y"}},
		{"name": "E__c", "type": "email"}, {"name": "T__c", "type": "phone"}, {"name": "U__c", "type": "url"}, {"name": "B__c", "type": "boolean"},
		{"name": "I__c", "type": "int", "digits": 8}, {"name": "D__c", "type": "double", "precision": 18, "scale": 2},
		{"name": "C__c", "type": "currency", "precision": 16, "scale": 2}, {"name": "R__c", "type": "percent", "precision": 5, "scale": 2},
		{"name": "Y__c", "type": "date"}, {"name": "Z__c", "type": "datetime"}, {"name": "H__c", "type": "time"},
		{"name": "X__c", "type": "reference", "referenceTo": []any{"Account"}, "relationshipName": "X__r"},
	}
	f.control("schema", def{"action": "load", "file": def{"objects": []any{def{"name": "Every__c", "keyPrefix": "a77", "fields": list}}}})
	f.control("events", def{"select": []string{"Every__c"}})
	parent := f.call("POST", "/sobjects/Account", `{"Name":"p"}`)
	long := strings.Repeat("line of text\n", 200)
	record := map[string]any{
		"S__c": "é\"x\"", "A__c": "a", "L__c": long, "P__c": "x", "M__c": "y;x", "E__c": "a@b.example", "T__c": "1", "U__c": "http://x", "B__c": true,
		"I__c": 7, "D__c": 1.25, "C__c": 350000000, "R__c": 75, "Y__c": "1699-12-31", "Z__c": "2026-11-22T14:35:00+02:00", "H__c": "14:35:00.000Z", "X__c": parent,
	}
	record["Y__c"] = "1970-01-02"
	body, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	id := f.call("POST", "/sobjects/Every__c", string(body))
	changed, err := json.Marshal(map[string]any{"L__c": long + "and one more"})
	if err != nil {
		t.Fatal(err)
	}
	f.call("PATCH", "/sobjects/Every__c/"+id, string(changed))
	got := f.next(f.earliest("/data/Every__ChangeEvent", 2), 2)
	want := map[string]any{
		"S__c": "é\"x\"", "A__c": "a", "L__c": strings.TrimSpace(long), "P__c": "x", "M__c": "x;y", "E__c": "a@b.example", "T__c": "1", "U__c": "http://x",
		"B__c": true, "I__c": int32(7), "D__c": 1.25, "C__c": 3.5e8, "R__c": 75.0, "Y__c": int64(86400000), "Z__c": int64(1795350900000),
		"H__c": int64(52500000), "X__c": parent,
	}
	for name, v := range want {
		if diff := cmp.Diff(v, got[0].fields[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if text, _ := got[1].fields["L__c"].(string); !strings.HasPrefix(text, "--- \n+++ \n@@ -") || len(got[1].header["diffFields"].([]any)) != 1 {
		t.Errorf("a long text changes by %q, %v", text, got[1].header["diffFields"])
	}
	checkDocs(t, f)
}

func checkDocs(t *testing.T, f *fixture) {
	t.Helper()
	info, err := f.client.GetTopic(f.ctx, request(f, &eventbus.TopicRequest{TopicName: "/data/Every__ChangeEvent"}))
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.client.GetSchema(f.ctx, request(f, &eventbus.SchemaRequest{SchemaId: info.Msg.GetSchemaId()}))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Name, Namespace string
		Fields          []struct{ Name, Doc string }
	}
	if err := json.Unmarshal([]byte(res.Msg.GetSchemaJson()), &schema); err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, fd := range schema.Fields {
		tag, id, _ := strings.Cut(fd.Doc, ":00N")
		docs[fd.Name] = tag
		if custom := strings.HasSuffix(fd.Name, "__c"); custom != (len(id) == 12) {
			t.Errorf("doc of %s is %q", fd.Name, fd.Doc)
		}
	}
	want := map[string]string{
		"ChangeEventHeader": "Data:ComplexValueType", "OwnerId": "ForeignKey:EntityId", "CreatedDate": "CreatedDate:DateTime", "LastModifiedDate": "Data:DateTime",
		"S__c": "Data:Text", "A__c": "Data:Text", "L__c": "Data:StringPlusClob", "P__c": "Data:DynamicEnum", "M__c": "Data:MultiEnum", "E__c": "Data:Email",
		"T__c": "Data:Phone", "U__c": "Data:Url", "B__c": "Data:Boolean", "I__c": "Data:Integer", "D__c": "Data:Double", "C__c": "Data:Currency",
		"R__c": "Data:Percent", "Y__c": "Data:DateOnly", "Z__c": "Data:DateTime", "H__c": "Data:TimeOnly", "X__c": "ForeignKey:EntityId",
		"Name": "Data:Text", "CreatedById": "ForeignKey:EntityId", "LastModifiedById": "ForeignKey:EntityId",
	}
	if diff := cmp.Diff(want, docs); diff != "" || schema.Name != "Every__ChangeEvent" || schema.Namespace != "com.sforce.eventbus" {
		t.Errorf("%s in %s; fields' docs differ (-want +got):\n%s", schema.Name, schema.Namespace, diff)
	}
}
