package rest

import (
	"encoding/json"
	"testing"
)

func TestDescribeOfChangeEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, name := range map[string]string{
		"/sobjects/AccountChangeEvent/describe":   "AccountChangeEvent",
		"/sobjects/Project__ChangeEvent/describe": "Project__ChangeEvent",
	} {
		a := f.call("GET", path, "")
		want(t, a, 200, `"name":"`+name+`"`, `"name":"ReplayId"`, `"name":"ChangeEventHeader"`, `"name":"External_ID__c"`)
		var d struct {
			Queryable bool `json:"queryable"`
			Fields    []struct {
				Name       string `json:"name"`
				Createable bool   `json:"createable"`
			} `json:"fields"`
		}
		if err := json.Unmarshal([]byte(a.body), &d); err != nil {
			t.Fatal(err)
		}
		for _, field := range d.Fields {
			if field.Createable || field.Name == "SystemModstamp" || field.Name == "Id" {
				t.Errorf("%s has the field %+v", name, field)
			}
		}
		if d.Queryable {
			t.Errorf("%s can be queried", name)
		}
	}
	want(t, f.call("GET", "/sobjects/AccountChangeEvent", ""), 200, `"objectDescribe"`)
	want(t, f.call("POST", "/sobjects/AccountChangeEvent", "{}"), 405)
	want(t, f.call("GET", "/sobjects/NopeChangeEvent/describe", ""), 404)
}
