package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// part is one reply in a composite's.
type part struct {
	Body      json.RawMessage   `json:"body"`
	Headers   map[string]string `json:"httpHeaders"`
	Status    int               `json:"httpStatusCode"`
	Reference string            `json:"referenceId"`
}

// composite sends sub-requests and gives their replies.
func (f *fixture) composite(allOrNone bool, requests ...string) []part {
	f.t.Helper()
	a := f.call("POST", "/composite", fmt.Sprintf(`{"allOrNone":%t,"collateSubrequests":false,"compositeRequest":[%s]}`, allOrNone, strings.Join(requests, ",")))
	var out struct {
		Parts []part `json:"compositeResponse"`
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 || len(out.Parts) != len(requests) {
		f.t.Fatalf("composite: %d %s", a.status, a.body)
	}
	return out.Parts
}

// sub is one sub-request; more is what follows the URL in its JSON.
func sub(reference, method, path, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"method":%q,"url":"/services/data/v68.0%s","referenceId":%q%s}`, method, path, reference, more)
}

// statuses are the replies' codes by reference.
func statuses(parts []part) map[string]int {
	m := map[string]int{}
	for _, p := range parts {
		m[p.Reference] = p.Status
	}
	return m
}

func TestCompositeReferences(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parts := f.composite(false,
		sub("acc", "POST", "/sobjects/Account", `"body":{"Name":"O'Neil & Söhne","External_ID__c":"x 1"}`),
		sub("con", "PATCH", "/sobjects/Contact/Id/@{none.id}", `"body":{}`),
		sub("many", "POST", "/composite/sobjects", `"body":{"records":[{"attributes":{"type":"Contact"},"LastName":"a","AccountId":"@{acc.id}"},{"attributes":{"type":"Contact"},"LastName":"b","AccountId":"@{acc.id}"}]}`),
		sub("all", "GET", "/query?q=SELECT+Id,Account.Name+FROM+Contact+WHERE+AccountId='@{acc.id}'+ORDER+BY+LastName", ""),
		sub("second", "GET", "/sobjects/Contact/@{all.records[1].Id}?fields=LastName", ""),
		sub("key", "GET", "/sobjects/Account/External_ID__c/x%201", ""),
		sub("gone", "DELETE", "/sobjects/Contact/@{many[0].id}", ""),
	)
	if diff := cmp.Diff(map[string]int{"acc": 201, "con": 400, "many": 200, "all": 200, "second": 200, "key": 200, "gone": 204}, statuses(parts)); diff != "" {
		t.Fatal(diff)
	}
	for i, words := range map[int]string{
		1: `"errorCode":"PROCESSING_HALTED"`, 3: `"totalSize":2`, 4: `"LastName":"b"`, 5: `O'Neil & Söhne`, 6: "null",
	} {
		if !strings.Contains(string(parts[i].Body), words) {
			t.Errorf("%s: %s", parts[i].Reference, parts[i].Body)
		}
	}
	if !strings.HasPrefix(parts[0].Headers["Location"], "/services/data/v68.0/sobjects/Account/001") {
		t.Errorf("headers %v", parts[0].Headers)
	}
}

// TestCompositeRollsBack: with allOrNone a failure takes back what came before
// it and halts what comes after.
func TestCompositeRollsBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parts := f.composite(true,
		sub("a", "POST", "/sobjects/Account", `"body":{"Name":"a"}`),
		sub("b", "POST", "/sobjects/Account", `"body":{}`),
		sub("c", "POST", "/sobjects/Account", `"body":{"Name":"c"}`),
	)
	for i, words := range []string{
		`[{"message":"The transaction was rolled back since another operation in the same transaction failed.","errorCode":"PROCESSING_HALTED"}]`,
		`[{"message":"Required fields are missing: [Name]","errorCode":"REQUIRED_FIELD_MISSING","fields":["Name"]}]`,
		`[{"message":"The transaction was rolled back since another operation in the same transaction failed.","errorCode":"PROCESSING_HALTED"}]`,
	} {
		if parts[i].Status != 400 || string(parts[i].Body) != words {
			t.Errorf("%s: %d %s", parts[i].Reference, parts[i].Status, parts[i].Body)
		}
	}
	want(t, f.call("GET", soqlPath("SELECT COUNT() FROM Account"), ""), 200, `"totalSize":0`)
}

// TestCompositeHeaders: what a sub-request's httpHeaders ask for holds for it
// alone, also in one transaction.
func TestCompositeHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Account", `{"Name":"Acme"}`)
	f.control("POST", "rules", `{"duplicates":[{"object":"Account","fields":["Name"]}]}`)
	const allow = `"httpHeaders":{"Sforce-Duplicate-Rule-Header":"allowSave=true"}`
	for _, allOrNone := range []bool{false, true} {
		parts := f.composite(allOrNone, sub("a", "POST", "/sobjects/Account", `"body":{"Name":"Acme"},`+allow))
		if parts[0].Status != 201 {
			t.Errorf("allowed duplicate: %d %s", parts[0].Status, parts[0].Body)
		}
	}
	parts := f.composite(false,
		sub("a", "POST", "/sobjects/Account", `"body":{"Name":"Acme"},`+allow),
		sub("b", "POST", "/sobjects/Account", `"body":{"Name":"Acme"}`),
		sub("c", "PATCH", "/sobjects/Account/@{a.id}", `"body":{"Site":"x"},"httpHeaders":{"If-Unmodified-Since":"Tue, 10 Aug 2021 00:00:00 GMT"}`),
	)
	if diff := cmp.Diff(map[string]int{"a": 201, "b": 400, "c": 412}, statuses(parts)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(parts[1].Body), "DUPLICATES_DETECTED") {
		t.Errorf("second: %s", parts[1].Body)
	}
	parts = f.composite(true,
		sub("a", "POST", "/sobjects/Account", `"body":{"Name":"Acme"},`+allow),
		sub("b", "POST", "/sobjects/Account", `"body":{"Name":"Acme"}`),
	)
	if !strings.Contains(string(parts[1].Body), "DUPLICATES_DETECTED") {
		t.Errorf("the header of the first holds for the second: %s", parts[1].Body)
	}
}

// TestCompositeRefusals of whole requests, and of parts that no reply can hold.
func TestCompositeRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	many := func(n int, path string) string {
		var list []string
		for i := range n {
			list = append(list, sub(fmt.Sprint("r", i), "GET", path, ""))
		}
		return `{"compositeRequest":[` + strings.Join(list, ",") + `]}`
	}
	for body, words := range map[string]string{
		`{`:                        "JSON_PARSER_ERROR",
		`{}`:                       "INVALID_INPUT",
		many(26, "/limits"):        "LIMIT_EXCEEDED",
		many(6, "/query?q=SELECT"): "LIMIT_EXCEEDED",
		`{"compositeRequest":[` + sub("a", "GET", "/limits", "") + "," + sub("a", "GET", "/limits", "") + `]}`: "INVALID_INPUT",
	} {
		want(t, f.call("POST", "/composite", body), 400, words)
	}
	account := f.create("Account", `{"Name":"x"}`)
	attachment := f.create("Attachment", `{"Name":"a.bin","ParentId":"`+account+`","Body":"/wAB"}`)
	parts := f.composite(false,
		sub("bytes", "GET", "/sobjects/Attachment/"+attachment+"/Body", ""),
		sub("job", "POST", "/jobs/query", `"body":{"operation":"query","query":"SELECT Id FROM Account"}`),
		sub("inner", "POST", "/composite", `"body":{}`),
		sub("fine", "GET", "/limits", ""),
	)
	if diff := cmp.Diff(map[string]int{"bytes": 400, "job": 400, "inner": 400, "fine": 200}, statuses(parts)); diff != "" {
		t.Error(diff)
	}
}

// TestCollectionsByEveryVerb that the golden files don't show.
func TestCollectionsByEveryVerb(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := f.create("Account", `{"Name":"a"}`), f.create("Account", `{"Name":"b"}`)
	want(t, f.call("GET", "/composite/sobjects/Account?ids="+a+",001000000000000AAA,"+b[:15]+"&fields=Name", ""), 200,
		`"Name":"a"},null,{"attributes":`, `"Name":"b"`)
	up := f.call("PATCH", "/composite/sobjects/Account/Id", `{"records":[{"attributes":{"type":"Account"},"Id":"`+a+`","Site":"s"},{"attributes":{"type":"Account"},"Name":"new"}]}`)
	want(t, up, 200, `"id":"`+a+`","success":true,"errors":[],"created":false`, `"created":true`)
	rolled := f.call("PATCH", "/composite/sobjects/Account/External_ID__c", `{"allOrNone":true,"records":[`+
		`{"attributes":{"type":"Account"},"External_ID__c":"n","Name":"n"},{"attributes":{"type":"Account"},"External_ID__c":"m"}]}`)
	want(t, rolled, 200, `"statusCode":"ALL_OR_NONE_OPERATION_ROLLED_BACK"`, `"statusCode":"REQUIRED_FIELD_MISSING"`, `"created":true`)
	kept := f.call("DELETE", "/composite/sobjects?allOrNone=true&ids="+a+",001000000000000AAA", "")
	want(t, kept, 200, "ALL_OR_NONE_OPERATION_ROLLED_BACK")
	want(t, f.call("GET", "/sobjects/Account/"+a, ""), 200)
	want(t, f.call("DELETE", "/composite/sobjects?ids="+a+","+b, ""), 200, `[{"id":"`+a+`","success":true,"errors":[]},{"id":"`+b+`","success":true,"errors":[]}]`)
	for body, words := range map[string]string{
		`[]`:                         "JSON_PARSER_ERROR",
		`{"records":{}}`:             "INVALID_INPUT",
		`{"records":[1]}`:            "JSON_PARSER_ERROR",
		`{"records":[{"Name":"x"}]}`: "INVALID_INPUT",
		`{"records":[{"attributes":{"type":"Nope"},"Name":"x"}]}`: "INVALID_TYPE",
	} {
		want(t, f.call("POST", "/composite/sobjects", body), 400, `[{"message":`, `"errorCode":"`+words+`"`)
	}
	want(t, f.call("PUT", "/composite/sobjects", `{}`), 405)
}
