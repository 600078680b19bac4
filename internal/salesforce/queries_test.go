package salesforce

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const onePage = `{"totalSize":1,"done":true,"records":[{"attributes":{"type":"Account"},"Id":"001000000000009AAA","Name":"a \"body\": {"}]}`

func TestQueriesTravelInOneCall(t *testing.T) {
	t.Parallel()
	refused := `[{"errorCode":"INVALID_FIELD","message":"No such column 'x'"}]`
	for name, reply := range map[string]string{
		"status behind the body": `{"compositeResponse":[{"body":` + firstPage + `,"httpHeaders":{},"httpStatusCode":200,"referenceId":"q0"},` +
			`{"body":` + refused + `,"httpHeaders":{},"httpStatusCode":400,"referenceId":"q1"},` +
			`{"body":` + onePage + `,"httpHeaders":{"x":["\"body\": y"]},"httpStatusCode":200,"referenceId":"q2"}]}`,
		"status before it, with spaces": `{ "compositeResponse" : [ { "httpStatusCode":200, "referenceId":"q0", "body" : ` + firstPage + ` } ,
			{"httpStatusCode":400,"httpHeaders":{"body":[1]},"body":` + refused + `},
			{"referenceId":"q2","body":` + onePage + `,"httpStatusCode":200}
		]
		}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent struct {
				CompositeRequest []struct{ Method, URL string }
			}
			o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
					t.Error(err)
				}
				_, _ = io.Copy(w, iotest.OneByteReader(strings.NewReader(reply)))
			})
			list := []Select{{"SELECT 1", false, accounts()}, {"SELECT x", true, accounts()}, {"SELECT 3", true, accounts()}}
			answers, err := o.Queries(t.Context(), list)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"Acme", "Böll & Söhne"}, names(list[0].Batch)); diff != "" || answers[0].Page.Total != 3 || answers[0].Page.Next == "" {
				t.Errorf("first %+v: %s", answers[0], diff)
			}
			if !IsCode(answers[1].Err, "INVALID_FIELD") || list[1].Batch.Len() != 0 {
				t.Errorf("second %+v", answers[1])
			}
			if diff := cmp.Diff([]string{`a "body": {`}, names(list[2].Batch)); diff != "" || !answers[2].Page.Done || answers[2].Err != nil {
				t.Errorf("third %+v: %s", answers[2], diff)
			}
			if len(sent.CompositeRequest) != 3 || sent.CompositeRequest[1].URL != o.queryPath("SELECT x", true) {
				t.Errorf("sent %+v", sent)
			}
			if o.book.charged() != 1 {
				t.Errorf("charged %v", o.book.uses)
			}
		})
	}
}

// TestComposedQueriesThatAreCut brings nothing and an error, wherever the body
// ends.
func TestComposedQueriesThatAreCut(t *testing.T) {
	t.Parallel()
	whole := `{"compositeResponse":[{"body":` + onePage + `,"httpStatusCode":200,"referenceId":"q0"},{"body":` + onePage + `,"httpStatusCode":200,"referenceId":"q1"}]}`
	for n := 0; n < len(whole); n += 7 {
		o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, whole[:n]) })
		list := []Select{{"SELECT 1", false, accounts()}, {"SELECT 2", false, accounts()}}
		if _, err := o.Queries(t.Context(), list); err == nil || list[0].Batch.Len()+list[1].Batch.Len() > 0 {
			t.Errorf("cut after %d bytes: %v, %d records", n, err, list[0].Batch.Len())
		}
	}
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, whole) })
	if _, err := o.Queries(t.Context(), []Select{{"SELECT 1", false, accounts()}, {"SELECT 2", false, accounts()}}); err != nil {
		t.Error(err)
	}
	if _, err := o.Queries(t.Context(), make([]Select, 6)); err == nil {
		t.Error("six queries went")
	}
}
