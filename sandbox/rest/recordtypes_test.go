package rest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/schema"
)

func TestRecordTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	infos := func(object string) (list []string) {
		var d schema.ObjectDescribe
		if err := json.Unmarshal([]byte(f.call("GET", "/sobjects/"+object+"/describe", "").body), &d); err != nil {
			t.Fatal(err)
		}
		for _, i := range d.RecordTypeInfos {
			name := i.DeveloperName
			if i.DefaultRecordTypeMapping {
				name += " (default)"
			}
			list = append(list, name)
		}
		return list
	}
	if diff := cmp.Diff([]string{"Master (default)"}, infos("Case")); diff != "" {
		t.Error(diff)
	}
	want(t, f.call("GET", soqlPath("SELECT RecordTypeId FROM Case"), ""), 400, "INVALID_FIELD")
	before := f.call("GET", "/sobjects/Case/describe", "").header.Get("Last-Modified")
	member := func(body string) string {
		var v struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		return v.ID
	}
	f.control("POST", "clock", `{"seconds":5}`)
	support := member(f.control("POST", "recordtypes", `{"object":"Case","name":"Support"}`))
	sales := member(f.control("POST", "recordtypes", `{"object":"Case","name":"Sales question"}`))
	other := member(f.control("POST", "recordtypes", `{"object":"Lead","name":"Partner"}`))
	want(t, f.call("GET", "/sobjects/Case/describe", "", "If-Modified-Since", before), 200, `"developerName":"Sales_question"`)
	if diff := cmp.Diff([]string{"Support (default)", "Sales_question", "Master"}, infos("Case")); diff != "" {
		t.Error(diff)
	}
	f.create("Case", `{"Subject":"a"}`)
	f.create("Case", `{"Subject":"b","RecordTypeId":"`+sales+`"}`)
	want(t, f.call("GET", soqlPath("SELECT Subject FROM Case WHERE RecordType.DeveloperName = 'Support'"), ""), 200, `"Subject":"a"`, `"totalSize":1`)
	want(t, f.call("POST", "/sobjects/Case", `{"Subject":"c","RecordTypeId":"`+other+`"}`), 400,
		"INVALID_CROSS_REFERENCE_KEY", "this ID value isn't valid for the user")
	want(t, f.call("PATCH", "/sobjects/RecordType/"+support, `{"IsActive":false}`), 204)
	if diff := cmp.Diff([]string{"Support", "Sales_question (default)", "Master"}, infos("Case")); diff != "" {
		t.Error(diff)
	}
	want(t, f.call("GET", soqlPath("SELECT Id FROM RecordType WHERE SobjectType = 'Case' AND IsActive = true"), ""), 200, `"totalSize":1`)
	want(t, f.call("POST", "/_sandbox/recordtypes", `{"object":"Case","name":"Support"}`), 400, "has \\\"Support\\\" already")
}
