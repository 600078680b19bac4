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

func wideQuery() string {
	return "SELECT Id, Name FROM Account WHERE Name IN ('" + strings.Repeat("x", maxPath) + "')"
}

func composed(body string, status string) string {
	return `{"compositeResponse":[{"body":` + body + `,"httpHeaders":{},"httpStatusCode":` + status + `,"referenceId":"page"}]}`
}

func TestLongQueryTravelsInComposite(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"body first":   composed(firstPage, "200"),
		"status first": `{"compositeResponse" : [ {"httpStatusCode":200, "httpHeaders":{"a":["b"]}, "body" : ` + firstPage + ` } ] } `,
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
				_, _ = io.WriteString(w, reply)
			})
			b := accounts()
			page, err := o.Query(t.Context(), wideQuery(), false, b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"Acme", "Böll & Söhne"}, names(b)); diff != "" || page.Total != 3 || page.Next == "" {
				t.Errorf("page %+v: %s", page, diff)
			}
			if r := o.seen[0]; r.Method != http.MethodPost || r.URL.Path != "/services/data/v64.0/composite" {
				t.Errorf("request = %s %s", r.Method, r.URL)
			}
			if len(sent.CompositeRequest) != 1 || sent.CompositeRequest[0].URL != o.queryPath(wideQuery(), false) {
				t.Errorf("sent %d sub-requests", len(sent.CompositeRequest))
			}
			if o.book.charged() != 1 || o.book.uses[0].Kind != KindComposite {
				t.Errorf("charged %v", o.book.uses)
			}
		})
	}
}

func TestCompositeFails(t *testing.T) {
	t.Parallel()
	refused := `[{"errorCode":"INVALID_FIELD","message":"No such column 'Foo'"}]`
	tests := []struct {
		name, reply string
		class       Class
		code        string
		requests    int
	}{
		{"refused", composed(refused, "400"), Redescribe, "INVALID_FIELD", 1},
		{"refused, status first", `{"compositeResponse":[{"httpStatusCode":400,"body":` + refused + `}]}`, Redescribe, "INVALID_FIELD", 1},
		{"failed inside", composed(`[{"errorCode":"UNKNOWN_EXCEPTION","message":"x"}]`, "500"), RetrySoon, "UNKNOWN_EXCEPTION", 3},
		{"cut in the page", composed(firstPage, "200")[:200], RetrySoon, CodeBadReply, 3},
		{"cut after the page", strings.TrimSuffix(composed(firstPage, "200"), "}]}"), RetrySoon, CodeBadReply, 3},
		{"another reply", firstPage, AskPerson, CodeBadReply, 1},
		{"no body", `{"compositeResponse":[{"httpStatusCode":200}]}`, AskPerson, CodeBadReply, 1},
		{"a null body", composed("null", "200"), AskPerson, CodeBadReply, 1},
		{"two replies", strings.TrimSuffix(composed(firstPage, "200"), "]}") + `,{}]}`, AskPerson, CodeBadReply, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, answer(200, tt.reply))
			b := accounts()
			_, err := o.Query(t.Context(), wideQuery(), false, b)
			if ClassOf(err) != tt.class || !IsCode(err, tt.code) || o.requests() != tt.requests || b.Len() != 0 {
				t.Errorf("error = %v (%v) after %d requests, %d rows", err, ClassOf(err), o.requests(), b.Len())
			}
		})
	}
}

// Whatever comes, unwrap ends, and what it takes for a page is the body that
// encoding/json finds.
func FuzzUnwrap(f *testing.F) {
	f.Add(composed(firstPage, "200"))
	f.Add(composed(`[{"errorCode":"X","message":"\"}]"}]`, "400"))
	f.Add(`{"compositeResponse":[{"httpStatusCode":1e999,"body":{"a":"\\\"}"}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var got []byte
		err := unwrap(&reply{body: iotest.OneByteReader(strings.NewReader(text))}, func(rep *reply) (err error) {
			got, err = io.ReadAll(rep.body)
			return err
		})
		if err != nil || !json.Valid(got) {
			return
		}
		var want struct {
			CompositeResponse []struct{ Body json.RawMessage }
		}
		if json.Unmarshal([]byte(text), &want) != nil || len(want.CompositeResponse) != 1 {
			return
		}
		if body := want.CompositeResponse[0].Body; string(body) != string(got) {
			t.Errorf("body = %s, want %s", got, body)
		}
	})
}
