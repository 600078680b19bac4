package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// meter counts calls by kind.
type meter struct {
	mu   sync.Mutex
	uses map[string]int
}

func (*meter) Begin(context.Context) func() { return func() {} }
func (*meter) Usage(int, int)               {}
func (m *meter) Charge(u salesforce.Use) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses[u.Kind]++
}

// newClient talks to a server with these handlers by "METHOD /path".
func newClient(t *testing.T, version string, handlers map[string]http.HandlerFunc) (*bulk.Client, *meter) {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range handlers {
		mux.HandleFunc(pattern, h)
	}
	srv := httptest.NewServer(mux)
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	m := &meter{uses: map[string]int{}}
	return bulk.New(salesforce.New(salesforce.Config{
		Version: version, Tokens: salesforce.StaticToken{Access: "00D!x", InstanceURL: srv.URL}, HTTP: hc, Meter: m,
		RetryBase: time.Millisecond, MaxRetries: 2,
	})), m
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const base = "/services/data/v64.0/jobs/query"

func TestJobs(t *testing.T) {
	t.Parallel()
	var sent string
	c, m := newClient(t, "", map[string]http.HandlerFunc{
		"POST " + base: func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			sent = string(b)
			reply(200, `{"id":"750x","object":"Account","state":"UploadComplete","createdDate":"2020-01-01T00:00:00.000+0000"}`)(w, r)
		},
		"GET " + base + "/{id}": reply(200, `{"id":"750x","object":"Account","state":"Failed","numberRecordsProcessed":7,"errorMessage":"InternalServerError: no"}`),
		"DELETE " + base + "/{id}": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
		},
		"PATCH " + base + "/{id}": reply(200, `{"id":"750x","state":"Aborted"}`),
	})
	job, err := c.Create(t.Context(), "SELECT Id FROM Account", true)
	if err != nil || job.ID != "750x" || job.State != bulk.UploadComplete || job.Err() != nil || job.Age < 365*24*time.Hour {
		t.Fatalf("%+v, %v", job, err)
	}
	want := `{"columnDelimiter":"COMMA","contentType":"CSV","lineEnding":"LF","operation":"queryAll","query":"SELECT Id FROM Account"}`
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	job, err = c.Job(t.Context(), "750x")
	var failed *bulk.JobError
	if err != nil || job.Records != 7 || !errors.As(job.Err(), &failed) || !strings.Contains(failed.Error(), "Failed: InternalServerError") {
		t.Errorf("%+v, %v", job, err)
	}
	if err := errors.Join(c.Abort(t.Context(), "750x"), c.Delete(t.Context(), "750x")); err != nil {
		t.Error(err)
	}
	if m.uses[salesforce.KindBulk] != 4 || len(m.uses) != 1 {
		t.Errorf("charged %v", m.uses)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, body string
		refused       bool
	}{
		{"", `[{"errorCode":"API_ERROR","message":"Selecting compound data not supported in Bulk Query"}]`, true},
		{"", `[{"errorCode":"INVALIDENTITY","message":"Entity 'CaseStatus' is not supported by the Bulk API."}]`, true},
		{"", `[{"errorCode":"EXCEEDEDQUOTA","message":"ApiBatchItems Limit exceeded"}]`, true},
		{"57.0", ``, true},
		{"", `[{"errorCode":"INVALID_FIELD","message":"No such column 'X'"}]`, false},
	} {
		c, _ := newClient(t, test.version, map[string]http.HandlerFunc{"POST " + base: reply(400, test.body)})
		if _, err := c.Create(t.Context(), "SELECT Id FROM X", false); err == nil || bulk.Refused(err) != test.refused {
			t.Errorf("%s %s: %v", test.version, test.body, err)
		}
	}
	c, _ := newClient(t, "", map[string]http.HandlerFunc{"GET " + base + "/{id}": reply(404, `[{"errorCode":"NOT_FOUND","message":"gone"}]`)})
	if _, err := c.Job(t.Context(), "750x"); !bulk.Gone(err) {
		t.Error(err)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	list := func(body string) (bulk.Pages, error) {
		c, _ := newClient(t, "", map[string]http.HandlerFunc{"GET " + base + "/{id}/resultPages": reply(200, body)})
		return c.Pages(t.Context(), "750x", 1000)
	}
	for body, want := range map[string]bulk.Pages{
		`{"resultPages":[{"resultUrl":"/a"},{"resultUrl":"services/b"}],"nextRecordsUrl":"/n","done":false}`: {Links: []string{"/a", "/services/b"}, Next: "/n"},
		`{"resultPages":[{"resultUrl":"/a"}],"nextRecordUrl":"/n","done":false}`:                             {Links: []string{"/a"}, Next: "/n"},
		`{"resultPages":[{"resultUrl":"/a"}],"nextRecordsUrl":null,"done":true}`:                             {Links: []string{"/a"}},
		`{"resultPages":[],"done":true}`: {},
	} {
		got, err := list(body)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", body, err, diff)
		}
	}
	for _, body := range []string{
		`{"resultPages":[{"resultUrl":"/a"}],"done":false}`, `{"resultPages":[],"nextRecordsUrl":"/n","done":false}`, `{"resultPages":[{}],"done":true}`,
	} {
		if got, err := list(body); err == nil {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

var layout = record.NewLayout([]record.Column{
	{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}},
	{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text}},
})

// read collects the names of a page from behind skip on, three at a time.
func read(t *testing.T, c *bulk.Client, skip int) ([]string, error) {
	t.Helper()
	var names []string
	err := c.ReadPage(t.Context(), "/services/data/v64.0/page", layout, skip, func(p *bulk.PageReader) error {
		for b := record.NewBatch(layout); ; b.Reset() {
			_, err := p.Next(b, bulkcsv.Limit{Rows: 3, Bytes: 1 << 20})
			for i := range b.Len() {
				names = append(names, b.Value(i, 1).String())
			}
			if err != nil {
				return err
			}
		}
	})
	return names, err
}

func page(rows int) string {
	var b strings.Builder
	b.WriteString("\"Id\",\"Name\"\n")
	for i := range rows {
		fmt.Fprintf(&b, "\"001%012dAAA\",\"n%d\"\n", i, i)
	}
	return b.String()
}

func csvPage(announced, body string, cut int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv;charset=UTF-8")
		if announced != "" {
			w.Header().Set("Sforce-NumberOfRecords", announced)
		}
		if r.Header.Get("Accept") != "text/csv" {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		if cut > 0 {
			_, _ = io.WriteString(w, body[:cut])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, body)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	c, m := newClient(t, "", map[string]http.HandlerFunc{"GET /services/data/v64.0/page": csvPage("10", page(10), 0)})
	if names, err := read(t, c, 0); err != nil || len(names) != 10 {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := read(t, c, 8); err != nil || strings.Join(names, " ") != "n8 n9" {
		t.Errorf("behind 8 records: %v, %v", names, err)
	}
	if names, err := read(t, c, 10); err != nil || len(names) != 0 {
		t.Errorf("behind all: %v, %v", names, err)
	}
	if m.uses[salesforce.KindBulk] != 3 {
		t.Errorf("charged %v", m.uses)
	}
}

// A line that breaks in the middle of a page costs nothing but another call.
func TestPageGoesOnBehindABreak(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	calls := 0
	c, _ := newClient(t, "", map[string]http.HandlerFunc{"GET /services/data/v64.0/page": func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		cut := []int{0, 150, 220, 0}[min(calls, 3)]
		mu.Unlock()
		csvPage("10", page(10), cut)(w, r)
	}})
	names, err := read(t, c, 0)
	if err != nil || calls != 3 || strings.Join(names, " ") != "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9" {
		t.Errorf("%d calls, %v, %v", calls, names, err)
	}
}

func TestPagesThatAreNotWhole(t *testing.T) {
	t.Parallel()
	var short *bulk.ShortError
	for _, test := range []struct {
		announced string
		skip      int
		short     bool
	}{{"11", 0, true}, {"9", 0, true}, {"5", 6, true}, {"", 0, false}, {"many", 0, false}} {
		c, _ := newClient(t, "", map[string]http.HandlerFunc{"GET /services/data/v64.0/page": csvPage(test.announced, page(10), 0)})
		if _, err := read(t, c, test.skip); err == nil || errors.As(err, &short) != test.short {
			t.Errorf("announced %q: %v", test.announced, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	calls, age := 0, time.Duration(0)
	for ; age < 10*time.Minute; calls++ {
		age += bulk.Backoff(age, calls)
	}
	if calls < 10 || calls > 45 {
		t.Errorf("%d calls for a job of ten minutes", calls)
	}
	if got := bulk.Backoff(0, 0); got > 100*time.Millisecond {
		t.Errorf("first wait %v", got)
	}
}
