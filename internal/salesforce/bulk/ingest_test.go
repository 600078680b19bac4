package bulk_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

func TestSheet(t *testing.T) {
	t.Parallel()
	s := bulk.NewSheet(bulk.Ingest{Op: salesforce.Upsert, ExternalIDField: "X__c"})
	for _, record := range []string{
		`{"attributes":{"type":"Contact"},"X__c":"x1","Name":"a \"b\", c","Account":{"E__c":"p"},"N":1.5,"B":true}`,
		`{"attributes":{"type":"Contact"},"X__c":"x2","Name":null,"T":"two\nlines","What":{"attributes":{"type":"Case"},"K__c":"7"}}`,
	} {
		if err := s.Add(json.RawMessage(record)); err != nil {
			t.Fatal(err)
		}
	}
	want := `"Account.E__c","B","Case:What.K__c","N","Name","T","X__c"` + "\n" +
		`"p","true",,"1.5","a ""b"", c",,"x1"` + "\n" + `,,"7",,"#N/A","two` + "\n" + `lines","x2"` + "\n"
	if diff := cmp.Diff(want, string(s.CSV())); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCSVCannotTell(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]bool{
		`{"Name":"x"}`:    true,
		`{"Name":""}`:     true,
		`{"Name":"#N/A"}`: false,
		`{"Name":"` + strings.Repeat("x", 32_001) + `"}`: false,
		`{"Name":"` + strings.Repeat("ü", 32_000) + `"}`: true,
		`{"Account":{"E__c":{"deep":1}}}`:                false,
		`{"Name":[1]}`:                                   false,
		`{`:                                              false,
	} {
		if got := bulk.Fits(json.RawMessage(record)); got != want {
			t.Errorf("%.40s: %v", record, got)
		}
	}
}

func TestFinder(t *testing.T) {
	t.Parallel()
	s := bulk.NewSheet(bulk.Ingest{Op: salesforce.Insert})
	for _, name := range []string{"a", "b", "a", "x\r\ny"} {
		body, _ := json.Marshal(map[string]string{"Name": name}) //nolint:errchkjson // a string
		if err := s.Add(body); err != nil {
			t.Fatal(err)
		}
	}
	f := s.Finder()
	for _, test := range []struct {
		name string
		at   int
		ok   bool
	}{{"b", 1, true}, {"a", 0, true}, {"x\ny", 3, true}, {"a", 2, true}, {"a", 0, false}, {"c", 0, false}} {
		at, ok := f.Find(f.Key(bulk.RowResult{Header: []string{"Other", "Name"}, Row: []string{"?", test.name}}))
		if at != test.at || ok != test.ok {
			t.Errorf("%q is row %d, %v", test.name, at, ok)
		}
	}
}

func TestIngestJob(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			seen = append(seen, r.Method+" "+r.Header.Get("Content-Type")+" "+string(b))
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const base = "/services/data/v64.0/jobs/ingest"
	c, m := newClient(t, "64.0", map[string]http.HandlerFunc{
		"POST " + base:                  note(200, "application/json", `{"id":"750A","state":"Open","object":"Contact"}`),
		"PUT " + base + "/750A/batches": note(201, "", ""),
		"PATCH " + base + "/750A":       note(200, "application/json", `{"id":"750A","state":"UploadComplete"}`),
		"GET " + base + "/750A":         note(200, "application/json", `{"id":"750A","state":"JobComplete","numberRecordsProcessed":3,"numberRecordsFailed":1}`),
		"GET " + base + "/750A/failedResults": note(200, "text/csv", `"sf__Id","sf__Error","X__c"`+"\n"+
			`"","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName,Name --","x1"`+"\n"),
		"GET " + base + "/750A/successfulResults": note(200, "text/csv", `"sf__Id","sf__Created","X__c"`+"\n"+`"003","true","x2"`+"\n"),
	})
	ctx := t.Context()
	job, err := c.CreateIngest(ctx, bulk.Ingest{Op: salesforce.Upsert, Object: "Contact", ExternalIDField: "X__c"})
	if err != nil || job.ID != "750A" || job.State != bulk.Open {
		t.Fatalf("%+v, %v", job, err)
	}
	if err := c.Upload(ctx, job.ID, []byte("X__c\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.Complete(ctx, job.ID, time.Now().Add(-time.Second), nil); err == nil {
		t.Error("started too late")
	}
	if err := c.Complete(ctx, job.ID, time.Now().Add(time.Minute), nil); err != nil {
		t.Fatal(err)
	}
	if job, err = c.IngestJob(ctx, job.ID); err != nil || job.Records != 3 || job.Refused != 1 {
		t.Errorf("%+v, %v", job, err)
	}
	var got []bulk.RowResult
	for _, kind := range []bulk.Kind{bulk.Refusals, bulk.Successful} {
		err = c.Results(ctx, job.ID, kind, func() func(bulk.RowResult) error {
			return func(r bulk.RowResult) error {
				r.Row = append([]string{}, r.Row...)
				got = append(got, r)
				return nil
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []bulk.RowResult{
		{Header: []string{"X__c"}, Row: []string{"x1"}, Error: salesforce.RowError{
			StatusCode: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [LastName]", Fields: []string{"LastName", "Name"}}},
		{Header: []string{"X__c"}, Row: []string{"x2"}, ID: "003", Created: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(seen) != 6 || !strings.HasPrefix(seen[1], "PUT text/csv X__c") || m.uses[salesforce.KindBulk] != 6 {
		t.Errorf("calls %q, charged %v", seen, m.uses)
	}
}
