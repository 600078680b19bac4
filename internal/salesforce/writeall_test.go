package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func written(parts ...string) string {
	return `{"compositeResponse":[` + strings.Join(parts, ",") + `]}`
}

func part(id, status, body string) string {
	return `{"body":` + body + `,"httpHeaders":{},"httpStatusCode":` + status + `,"referenceId":"` + id + `"}`
}

func TestWriteAll(t *testing.T) {
	t.Parallel()
	var sent struct {
		AllOrNone        bool
		CompositeRequest []struct {
			Method, URL, ReferenceID string
			HTTPHeaders              map[string]string
			Body                     json.RawMessage
		}
	}
	halted := `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(written(part("w0", "200", twoResults), part("w1", "403", halted), part("w2", "500", `null`), part("w3", "200", `[]`))))
	})
	var hooks atomic.Int32
	insert, remove := twoAccounts(Insert), twoAccounts(Delete)
	insert.BeforeReply = func() { hooks.Add(1) }
	insert.AssignmentRule = "FALSE"
	got, err := o.WriteAll(t.Context(), []WriteRequest{insert, remove, twoAccounts(Upsert), twoAccounts(Update)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Results) != 2 || !got[0].Results[0].Success || got[0].Results[1].Errors[0].StatusCode != "DUPLICATE_VALUE" {
		t.Errorf("results = %+v", got[0])
	}
	for i, unknown := range []bool{false, false, true, true} {
		if failed := got[i].Err != nil; failed != (i > 0) || OutcomeUnknown(got[i].Err) != unknown {
			t.Errorf("write %d: error %v, outcome unknown: %v", i, got[i].Err, OutcomeUnknown(got[i].Err))
		}
	}
	if ClassOf(got[1].Err) != RetryLater {
		t.Errorf("class of %v is %v", got[1].Err, ClassOf(got[1].Err))
	}
	var urls []string
	for _, s := range sent.CompositeRequest {
		urls = append(urls, s.ReferenceID+" "+s.Method+" "+s.URL)
	}
	want := []string{
		"w0 POST /services/data/v64.0/composite/sobjects",
		"w1 DELETE /services/data/v64.0/composite/sobjects?allOrNone=false&ids=001000000000001AAA%2C001000000000002AAA",
		"w2 PATCH /services/data/v64.0/composite/sobjects/Account/Ext__c",
		"w3 PATCH /services/data/v64.0/composite/sobjects",
	}
	if diff := cmp.Diff(want, urls); diff != "" || sent.AllOrNone {
		t.Error(diff)
	}
	if sent.CompositeRequest[0].HTTPHeaders["Sforce-Auto-Assign"] != "FALSE" || len(sent.CompositeRequest[1].Body) > 0 {
		t.Errorf("sent %+v", sent.CompositeRequest)
	}
	if hooks.Load() != 1 || o.book.charged() != 1 || o.requests() != 1 {
		t.Errorf("hooks %d, charged %d, requests %d", hooks.Load(), o.book.charged(), o.requests())
	}
}

func TestWriteAllFailsAsOne(t *testing.T) {
	t.Parallel()
	whole := written(part("w0", "200", twoResults), part("w1", "200", twoResults))
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		unknown bool
	}{
		"refused":         {answer(400, `[{"errorCode":"JSON_PARSER_ERROR","message":"x"}]`), false},
		"no reply":        {hangUp, true},
		"cut":             {cutAfter(200, whole), true},
		"one reply":       {answer(200, written(part("w0", "200", twoResults))), true},
		"replies swapped": {answer(200, written(part("w1", "200", twoResults), part("w0", "200", twoResults))), true},
		"HTML":            {answer(503, `<html>maintenance</html>`), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, tt.handler)
			_, err := o.WriteAll(t.Context(), []WriteRequest{twoAccounts(Insert), twoAccounts(Update)})
			if err == nil || OutcomeUnknown(err) != tt.unknown || o.requests() != 1 {
				t.Errorf("error %v, outcome unknown: %v, %d requests", err, OutcomeUnknown(err), o.requests())
			}
		})
	}
}

func TestWriteAllIsNotSent(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, "{}"))
	late, reference := twoAccounts(Insert), twoAccounts(Insert)
	late.SendBefore = time.Now().Add(-time.Second)
	reference.Records[1] = json.RawMessage(`{"Name":"@{w0.id}"}`)
	for name, list := range map[string][]WriteRequest{
		"none": {}, "six": make([]WriteRequest, 6), "late": {twoAccounts(Update), late}, "reference": {twoAccounts(Update), reference},
		"no records": {twoAccounts(Update), {Op: Insert, Object: "Account"}},
	} {
		if _, err := o.WriteAll(t.Context(), list); err == nil || OutcomeUnknown(err) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if o.requests() != 0 {
		t.Errorf("%d requests went out", o.requests())
	}
}
