package salesforce

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

func accounts() *record.Batch {
	return record.NewBatch(record.NewLayout([]record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}},
		{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text, Length: 255}},
	}))
}

func names(b *record.Batch) []string {
	var out []string
	for i := range b.Len() {
		out = append(out, b.Value(i, 1).String())
	}
	return out
}

const (
	firstPage = `{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v64.0/query/0r8xx-2","records":[
{"attributes":{"type":"Account","url":"/x"},"Id":"001000000000001AAA","Name":"Acme"},
{"attributes":{"type":"Account","url":"/x"},"Id":"001000000000002AAA","Name":"Böll & Söhne"}]}`
	lastPage = `{"totalSize":3,"done":true,"records":[
{"attributes":{"type":"Account","url":"/x"},"Id":"001000000000003AAA","Name":null}]}`
)

func TestQueryPages(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 22, 14, 35, 7, 0, time.UTC)
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		body := firstPage
		if strings.HasSuffix(r.URL.Path, "/0r8xx-2") {
			body = lastPage
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipOf(t, body))
	})
	ctx := WithUse(t.Context(), "Account", "load")
	b := accounts()
	page, err := o.Query(ctx, "SELECT Id, Name FROM Account WHERE Name != 'a+b'", true, b)
	if err != nil {
		t.Fatal(err)
	}
	want := Page{Page: restjson.Page{Total: 3, Next: "/services/data/v64.0/query/0r8xx-2", Rows: 2}, ServerDate: date}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Error(diff)
	}
	if page, err = o.More(ctx, page.Next, b); err != nil || !page.Done || page.Rows != 1 {
		t.Fatalf("second page = %+v, %v", page, err)
	}
	if diff := cmp.Diff([]string{"Acme", "Böll & Söhne", ""}, names(b)); diff != "" {
		t.Error(diff)
	}
	first := o.seen[0]
	if first.URL.Path != "/services/data/v64.0/queryAll" || first.URL.Query().Get("q") != "SELECT Id, Name FROM Account WHERE Name != 'a+b'" {
		t.Errorf("first request = %s", first.URL)
	}
	for header, want := range map[string]string{
		"Authorization": "Bearer 00Dxx!old", "Sforce-Call-Options": "client=syncline-test", "Accept-Encoding": "gzip",
	} {
		if got := first.Header.Get(header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
	use := Use{Kind: KindQuery, Mapping: "Account", Purpose: "load"}
	if diff := cmp.Diff([]Use{use, use}, o.book.uses); diff != "" {
		t.Error(diff)
	}
	if o.book.used != 18 || o.book.max != 15000 {
		t.Errorf("usage = %d of %d", o.book.used, o.book.max)
	}
	if o.WireBytes() >= int64(len(firstPage)+len(lastPage)) || o.WireBytes() == 0 {
		t.Errorf("wire bytes = %d, want fewer than the text has", o.WireBytes())
	}
	if off := (o.Skew() - time.Until(date)).Abs(); off > time.Minute {
		t.Errorf("skew = %v, which is off by %v", o.Skew(), off)
	}
}

// A page that fails leaves the batch as it was, wherever it breaks off.
func TestQueryIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for n := 0; n < len(firstPage); n += 17 {
		o := newOrg(t, inTurn(cutAfter(n, firstPage), answer(500, "")))
		b := accounts()
		b.Append([]record.Value{record.Value("001000000000009AAA"), record.Value("before")})
		if _, err := o.Query(t.Context(), "SELECT Id, Name FROM Account", false, b); ClassOf(err) != RetrySoon {
			t.Fatalf("cut after %d: error = %v", n, err)
		}
		if diff := cmp.Diff([]string{"before"}, names(b)); diff != "" {
			t.Fatalf("cut after %d: %s", n, diff)
		}
	}
}

func TestQueryRepeatsAWholePage(t *testing.T) {
	t.Parallel()
	o := newOrg(t, inTurn(cutAfter(len(firstPage)-5, firstPage), answer(200, firstPage)))
	b := accounts()
	if _, err := o.Query(t.Context(), "SELECT Id, Name FROM Account", false, b); err != nil || b.Len() != 2 {
		t.Fatalf("%d rows, %v", b.Len(), err)
	}
}

func TestQueryKeepsTheDecodersError(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, `{"totalSize":1,"done":true,"records":[{"Id":"001000000000001AAA"}]}`))
	_, err := o.Query(t.Context(), "SELECT Id, Name FROM Account", false, accounts())
	if _, ok := errors.AsType[*restjson.MissingError](err); !ok || ClassOf(err) != AskPerson || o.requests() != 1 {
		t.Fatalf("error = %v after %d requests", err, o.requests())
	}
}

func TestRetrieve(t *testing.T) {
	t.Parallel()
	var body []byte
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		_, _ = w.Write([]byte(`[{"attributes":{},"Id":"001000000000001AAA","Name":"Acme"},null]`))
	})
	b := accounts()
	missing, page, err := o.Retrieve(t.Context(), "Account", []string{"001000000000001AAA", "001000000000002AAA"}, b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"001000000000002AAA"}, missing); diff != "" || page.Rows != 1 || b.Len() != 1 {
		t.Errorf("missing %v, page %+v", missing, page)
	}
	var got map[string][]string
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"ids": {"001000000000001AAA", "001000000000002AAA"}, "fields": {"Id", "Name"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRetrieveChecksItsReply(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, `[]`))
	b := accounts()
	if _, _, err := o.Retrieve(t.Context(), "Account", []string{"001000000000001AAA"}, b); !IsCode(err, CodeBadReply) {
		t.Errorf("one entry too few: %v", err)
	}
	if _, _, err := o.Retrieve(t.Context(), "Account", nil, b); err == nil {
		t.Error("no Ids: no error")
	}
}

func TestQueryMapsFollowsPages(t *testing.T) {
	t.Parallel()
	o := newOrg(t, inTurn(answer(200, firstPage), answer(200, lastPage)))
	rows, err := o.QueryMaps(t.Context(), "SELECT Id, Name FROM Account", false)
	if err != nil || len(rows) != 3 || rows[1]["Name"] != "Böll & Söhne" || rows[0]["attributes"] != nil {
		t.Fatalf("rows = %v, %v", rows, err)
	}
}
