package rest

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type jobInfo struct {
	ID, State, Object, ErrorMessage string
	NumberRecordsProcessed          int
	NumberRecordsFailed             int
	APIVersion                      json.Number
}

func (f *fixture) jobInfo(a answer) jobInfo {
	f.t.Helper()
	var j jobInfo
	if err := json.Unmarshal([]byte(a.body), &j); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("job: %d %s", a.status, a.body)
	}
	return j
}

// queryJob creates a job and waits for its end.
func (f *fixture) queryJob(soql, more string) jobInfo {
	f.t.Helper()
	quoted, err := json.Marshal(soql)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.ended("query", f.jobInfo(f.call("POST", "/jobs/query", `{"operation":"query","query":`+string(quoted)+more+`}`)).ID)
}

func (f *fixture) ended(kind, id string) jobInfo {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		j := f.jobInfo(f.call("GET", "/jobs/"+kind+"/"+id, ""))
		if j.State == "JobComplete" || j.State == "Failed" || j.State == "Aborted" {
			return j
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("job %s is still %s", id, j.State)
		}
	}
}

// ingest runs an ingest job to its end.
func (f *fixture) ingest(def, data string) jobInfo {
	f.t.Helper()
	id := f.jobInfo(f.call("POST", "/jobs/ingest", def)).ID
	if a := f.call("PUT", "/jobs/ingest/"+id+"/batches", data, "Content-Type", "text/csv"); a.status != http.StatusCreated || a.body != "" {
		f.t.Fatalf("upload: %d %s", a.status, a.body)
	}
	if j := f.jobInfo(f.call("PATCH", "/jobs/ingest/"+id, `{"state":"UploadComplete"}`)); j.State != "UploadComplete" {
		f.t.Fatalf("job is %s", j.State)
	}
	return f.ended("ingest", id)
}

func (f *fixture) results(id, part string) [][]string {
	f.t.Helper()
	a := f.call("GET", "/jobs/ingest/"+id+"/"+part, "")
	if a.status != http.StatusOK {
		f.t.Fatalf("%s: %d %s", part, a.status, a.body)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

func TestBulkQuery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.create("Account", `{"Name":"Say \"hi\"","AnnualRevenue":350000000,"NumberOfEmployees":12,"Active__c":true,"Customer_Since__c":"2024-02-29","Last_Review__c":"2026-11-22T14:35:00Z","Description":"two\nlines"}`)
	f.create("Contact", `{"LastName":"Ito","AccountId":"`+parent+`"}`)

	j := f.queryJob("SELECT Name, AnnualRevenue, NumberOfEmployees, Active__c, Customer_Since__c, Last_Review__c, Description, Phone FROM Account", "")
	if j.State != "JobComplete" || j.NumberRecordsProcessed != 1 || j.Object != "Account" || j.APIVersion != "68.0" {
		t.Errorf("job %+v", j)
	}
	a := f.call("GET", "/jobs/query/"+j.ID+"/results", "")
	want(t, a, 200)
	wantCSV := `"Name","AnnualRevenue","NumberOfEmployees","Active__c","Customer_Since__c","Last_Review__c","Description","Phone"` + "\n" +
		`"Say ""hi""","3.5E8","12","true","2024-02-29","2026-11-22T14:35:00.000Z","two` + "\n" + `lines",""` + "\n"
	if diff := cmp.Diff(wantCSV, a.body); diff != "" {
		t.Errorf("results differ (-want +got):\n%s", diff)
	}
	if a.header.Get("Sforce-Locator") != "null" || a.header.Get("Sforce-NumberOfRecords") != "1" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
		t.Errorf("headers %v", a.header)
	}

	j = f.queryJob("SELECT Owner.Name, Id, Account.Name, Account.Owner.Username, LastName, Account_Name__c, Owner.Email FROM Contact", `,"columnDelimiter":"PIPE","lineEnding":"CRLF"`)
	a = f.call("GET", "/jobs/query/"+j.ID+"/results/", "")
	lines := strings.Split(a.body, "\r\n")
	if lines[0] != `"Owner.Name"|"Id"|"Account.Name"|"Account.Owner.Username"|"LastName"|"Account_Name__c"|"Owner.Email"` {
		t.Errorf("header line %s", lines[0])
	}
	if !strings.Contains(lines[1], `|"Say ""hi"""|"integration.user@sandbox.example"|"Ito"|"Say ""hi"""|`) {
		t.Errorf("row %s", lines[1])
	}
}

func TestBulkQueryPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "seed", `{"object":"Account","rows":25,"seed":1}`)
	j := f.queryJob("SELECT Id FROM Account", "")
	var got []string
	locator, pages := "", 0
	for {
		a := f.call("GET", "/jobs/query/"+j.ID+"/results?maxRecords=10&locator="+locator, "")
		lines := strings.Split(strings.TrimSpace(a.body), "\n")
		if lines[0] != `"Id"` {
			t.Fatalf("page without its header line: %s", a.body)
		}
		got = append(got, lines[1:]...)
		pages++
		if locator = a.header.Get("Sforce-Locator"); locator == "null" {
			break
		}
	}
	seen := map[string]bool{}
	for _, id := range got {
		seen[id] = true
	}
	if pages != 3 || len(seen) != 25 || len(got) != 25 {
		t.Errorf("%d pages with %d rows, %d different", pages, len(got), len(seen))
	}

	var list struct {
		ResultPages []struct{ ResultURL string }
		Next        string `json:"nextRecordsUrl"`
		Done        bool
	}
	a := f.call("GET", "/jobs/query/"+j.ID+"/resultPages?maxRecords=4", "")
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list.ResultPages) != 5 || list.Done {
		t.Fatalf("result pages: %v %s", err, a.body)
	}
	a = f.call("GET", list.ResultPages[4].ResultURL, "")
	if want := strings.Join(got[16:20], "\n"); !strings.Contains(a.body, want) {
		t.Errorf("fifth page %s, want %s", a.body, want)
	}
	a = f.call("GET", list.Next, "")
	if list.Next = ""; json.Unmarshal([]byte(a.body), &list) != nil || !list.Done || list.Next != "" {
		t.Errorf("last of the result pages: %s", a.body)
	}
	f.control("POST", "switches", `{"bulk":{"nextPageKey":"nextRecordUrl","pageRows":3}}`)
	want(t, f.call("GET", "/jobs/query/"+j.ID+"/resultPages", ""), 200, `"nextRecordUrl":"/services/data/v68.0/jobs/query/`)
	want(t, f.call("GET", "/services/data/v57.0/jobs/query/"+j.ID+"/resultPages", ""), 404)

	a = f.call("GET", "/jobs/query/"+j.ID+"/results?maxRecords=25", "", "Accept-Encoding", "gzip")
	zr, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zr)
	if err != nil || strings.Count(string(plain), "\n") != 4 {
		t.Errorf("gzipped page: %v %q", err, plain)
	}
}

func TestBulkQuerySnapshot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"Before"}`)
	gone := f.create("Account", `{"Name":"Gone"}`)
	j := f.queryJob("SELECT Name FROM Account ORDER BY Name", "")
	f.call("PATCH", "/sobjects/Account/"+id, `{"Name":"After"}`)
	f.control("POST", "records", `{"action":"purge","id":"`+gone+`"}`)
	a := f.call("GET", "/jobs/query/"+j.ID+"/results", "")
	if a.body != "\"Name\"\n\"Before\"\n\"Gone\"\n" {
		t.Errorf("results are not those of the job's run: %s", a.body)
	}
}

func TestBulkQueryRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]string{
		"SELECT COUNT() FROM Account":                            "API_ERROR",
		"SELECT Name, COUNT(Id) FROM Account GROUP BY Name":      "API_ERROR",
		"SELECT Id FROM Account OFFSET 5":                        "API_ERROR",
		"SELECT BillingAddress FROM Account":                     "Selecting compound data not supported in Bulk Query",
		"SELECT Id, (SELECT Id FROM Contacts) FROM Account":      "API_ERROR",
		"SELECT Body FROM Attachment":                            "API_ERROR",
		"SELECT Foo FROM Account":                                "INVALID_FIELD",
		"SELECT Id FROM Foo":                                     "INVALID_TYPE",
		"SELECT Id FRO Account":                                  "MALFORMED_QUERY",
		"":                                                       "MALFORMED_QUERY",
		"SELECT TYPEOF Owner WHEN User THEN Id END FROM Account": "",
		"SELECT CALENDAR_YEAR(CreatedDate) y FROM Account GROUP BY CALENDAR_YEAR(CreatedDate)": "API_ERROR",
	}
	for soql, code := range tests {
		quoted, _ := json.Marshal(soql)
		want(t, f.call("POST", "/jobs/query", `{"operation":"query","query":`+string(quoted)+`}`), 400, code)
	}
	want(t, f.call("POST", "/jobs/query", `{"operation":"insert","query":"SELECT Id FROM Account"}`), 400, "CLIENTINPUTERROR")
	want(t, f.call("POST", "/jobs/query", `{"operation":"query","query":"SELECT Id FROM Account","columnDelimiter":"DOT"}`), 400, "columnDelimiter")
	want(t, f.call("POST", "/jobs/query", `{`), 400, "JSON_PARSER_ERROR")
	want(t, f.call("GET", "/jobs/query/750000000000001AAA", ""), 404, "NOT_FOUND")

	j := f.queryJob("SELECT Id FROM Account", "")
	want(t, f.call("GET", "/services/data/v67.0/jobs/query/"+j.ID+"/results", ""), 409)
	want(t, f.call("GET", "/jobs/query/"+j.ID+"/results?locator=xyz", ""), 400, "INVALIDLOCATOR")
	want(t, f.call("GET", "/jobs/query/"+j.ID+"/results?maxRecords=0", ""), 400)
	want(t, f.call("PATCH", "/jobs/query/"+j.ID, `{"state":"Aborted"}`), 400, "INVALIDJOBSTATE")
	want(t, f.call("GET", "/jobs/ingest/"+j.ID, ""), 404)
}

func TestBulkQueryStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "switches", `{"bulk":{"queueMs":60000}}`)
	waiting := f.jobInfo(f.call("POST", "/jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`))
	if waiting.State != "UploadComplete" {
		t.Errorf("a new job is %s", waiting.State)
	}
	want(t, f.call("GET", "/jobs/query/"+waiting.ID+"/results", ""), 400, "INVALIDJOBSTATE")
	want(t, f.call("PATCH", "/jobs/query/"+waiting.ID, `{"state":"Aborted"}`), 200, `"state":"Aborted"`)
	want(t, f.call("GET", "/jobs/query", ""), 200, waiting.ID, `"done":true`)

	f.control("POST", "switches", `{"bulk":{"queueMs":0,"runMs":60000,"dailyQueryJobs":3}}`)
	running := f.jobInfo(f.call("POST", "/jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`)).ID
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if j := f.jobInfo(f.call("GET", "/jobs/query/"+running, "")); j.State == "InProgress" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("job never ran")
		}
	}
	want(t, f.call("DELETE", "/jobs/query/"+running, ""), 400, "INVALIDJOBSTATE")
	f.control("POST", "switches", `{"bulk":{"runMs":0}}`)
	f.control("POST", "faults", `{"kind":"job_fails","path":"/jobs/query$","message":"QUERY_TIMEOUT : Your query request was running for too long.","count":1}`)
	if j := f.queryJob("SELECT Id FROM Account", ""); j.State != "Failed" || !strings.Contains(j.ErrorMessage, "QUERY_TIMEOUT") {
		t.Errorf("job %+v", j)
	}
	want(t, f.call("POST", "/jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`), 400, "EXCEEDEDQUOTA")
	want(t, f.call("GET", "/limits", ""), 200, `"DailyBulkV2QueryJobs":{"Max":3,"Remaining":0}`)
	want(t, f.call("DELETE", "/jobs/query/"+waiting.ID, ""), 204)
	want(t, f.call("GET", "/jobs/query/"+waiting.ID, ""), 404)
	f.control("POST", "clock", `{"seconds":700000}`)
	f.token = f.login("product", "s3cret")
	want(t, f.call("GET", "/jobs/query/"+running, ""), 404)
}

func TestBulkQueryAllAndFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"Binned"}`)
	f.call("DELETE", "/sobjects/Account/"+id, "")
	made := f.jobInfo(f.call("POST", "/jobs/query", `{"operation":"queryAll","query":"SELECT Id, IsDeleted FROM Account"}`))
	j := f.ended("query", made.ID)
	want(t, f.call("GET", "/jobs/query/"+j.ID+"/results", ""), 200, `"`+id+`","true"`)
	empty := f.queryJob("SELECT Id FROM Account", "")
	if a := f.call("GET", "/jobs/query/"+empty.ID+"/results", ""); a.body != "\"Id\"\n" || a.header.Get("Sforce-NumberOfRecords") != "0" {
		t.Errorf("results of nothing: %q %v", a.body, a.header)
	}
	f.control("POST", "faults", `{"kind":"cut_body","path":"/results$","bytes":9,"count":1}`)
	if _, err := f.do(f.token, "GET", "/services/data/v68.0/jobs/query/"+j.ID+"/results", ""); err == nil {
		t.Error("a cut body must end the connection")
	}
}

func TestBulkInsert(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Account", `{"Name":"Parent","External_ID__c":"p-1"}`)
	data := "Id,LastName,Email,Account.External_ID__c,Newsletter__c,External_ID__c\r\n" +
		",\"O'Brien, \"\"Pat\"\"\",pat@example.com,p-1,1,c-1\r\n" +
		",NoParent,x@example.com,p-9,0,c-2\r\n" +
		",,x@example.com,#N/A,,c-3\r\n" +
		",Bad,not-an-address,,true,c-4\r\n" +
		",\"Two\r\nLines\",,,TRUE,c-5\r\n"
	j := f.ingest(`{"object":"Contact","operation":"insert","lineEnding":"CRLF","externalIdFieldName":"","contentType":"CSV"}`, data)
	if j.State != "JobComplete" || j.NumberRecordsProcessed != 5 || j.NumberRecordsFailed != 3 {
		t.Errorf("job %+v", j)
	}
	ok := f.results(j.ID, "successfulResults")
	if diff := cmp.Diff([]string{"sf__Id", "sf__Created", "Id", "LastName", "Email", "Account.External_ID__c", "Newsletter__c", "External_ID__c"}, ok[0]); diff != "" || len(ok) != 3 {
		t.Fatalf("successful results %q", ok)
	}
	if !strings.HasPrefix(ok[1][0], "003") || ok[1][1] != "true" || ok[1][3] != `O'Brien, "Pat"` {
		t.Errorf("successful row %q", ok[1])
	}
	want(t, f.call("GET", soqlPath("SELECT LastName, Account.Name, Newsletter__c FROM Contact WHERE Id = '"+ok[1][0]+"'"), ""),
		200, `"LastName":"O'Brien, \"Pat\""`, `"Name":"Parent"`, `"Newsletter__c":true`)
	bad := f.results(j.ID, "failedResults")
	if len(bad) != 4 || bad[0][1] != "sf__Error" {
		t.Fatalf("failed results %q", bad)
	}
	for i, code := range []string{
		"INVALID_FIELD:Foreign key external ID: p-9 not found for field External_ID__c in entity Account:AccountId --",
		"REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
		"INVALID_EMAIL_ADDRESS:Email: invalid email address: not-an-address:Email --",
	} {
		if bad[i+1][1] != code {
			t.Errorf("error %q, want %q", bad[i+1][1], code)
		}
	}
	if rest := f.results(j.ID, "unprocessedrecords"); len(rest) != 1 {
		t.Errorf("unprocessed %q", rest)
	}
}

func TestBulkUpdateUpsertDelete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"One","External_ID__c":"e-1","Phone":"1","Site":"s"}`)
	j := f.ingest(`{"object":"Account","operation":"update"}`, "Id,Phone,Site\n"+id[:15]+",,#N/A\n"+"001000000000009AAA,2,\nnonsense,2,\n")
	if j.NumberRecordsFailed != 2 {
		t.Errorf("job %+v", j)
	}
	want(t, f.call("GET", "/sobjects/Account/"+id+"?fields=Phone,Site", ""), 200, `"Phone":"1","Site":null`)

	j = f.ingest(`{"object":"Account","operation":"upsert","externalIdFieldName":"External_ID__c"}`,
		"External_ID__c,Name,AnnualRevenue\ne-1,Uno,12.5\ne-2,Dos,abc\ne-3,Tres,\ne-4,A,\nE-4,B,\n,C,\n")
	ok, bad := f.results(j.ID, "successfulResults"), f.results(j.ID, "failedResults")
	if len(ok) != 3 || ok[1][0] != id || ok[1][1] != "false" || ok[2][1] != "true" {
		t.Errorf("successful %q", ok)
	}
	var codes []string
	for _, row := range bad[1:] {
		codes = append(codes, row[1])
	}
	wantCodes := []string{
		"INVALID_TYPE_ON_FIELD_IN_RECORD:Annual Revenue: value not of required type: abc:AnnualRevenue --",
		"DUPLICATE_VALUE:Duplicate external id specified: e-4:External_ID__c --",
		"DUPLICATE_VALUE:Duplicate external id specified: E-4:External_ID__c --",
		"MISSING_ARGUMENT:External_ID__c not specified:External_ID__c --",
	}
	if diff := cmp.Diff(wantCodes, codes); diff != "" {
		t.Errorf("errors differ (-want +got):\n%s", diff)
	}

	j = f.ingest(`{"object":"Account","operation":"delete","columnDelimiter":"TAB"}`, "Id\n"+ok[2][0]+"\n")
	if j.NumberRecordsFailed != 0 {
		t.Errorf("delete %+v", j)
	}
	want(t, f.call("GET", "/sobjects/Account/"+ok[2][0], ""), 404, "ENTITY_IS_DELETED")
	f.ingest(`{"object":"Account","operation":"hardDelete"}`, "Id\n"+id+"\n")
	want(t, f.call("GET", "/queryAll?q=SELECT+Id+FROM+Account+WHERE+Id='"+id+"'", ""), 200, `"totalSize":0`)
	f.control("POST", "switches", `{"bulk":{"noHardDelete":true}}`)
	want(t, f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"hardDelete"}`), 400, "FEATURENOTENABLED")
}

func TestBulkTransactionsOfTwoHundred(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "faults", `{"kind":"row_error","method":"PATCH","path":"/jobs/ingest","rows":3,"count":1}`)
	f.control("POST", "switches", `{"bulk":{"resultOrder":"reverse"}}`)
	var b strings.Builder
	b.WriteString("Name;External_ID__c\n")
	for i := range 450 {
		fmt.Fprintf(&b, "Row %d;k-%d\n", i, i)
	}
	j := f.ingest(`{"object":"Account","operation":"insert","columnDelimiter":"SEMICOLON"}`, b.String())
	if j.NumberRecordsProcessed != 450 || j.NumberRecordsFailed != 3 {
		t.Errorf("job %+v", j)
	}
	a := f.call("GET", "/jobs/ingest/"+j.ID+"/successfulResults", "")
	if lines := strings.Split(a.body, "\n"); !strings.HasSuffix(lines[1], `"Row 449";"k-449"`) {
		t.Errorf("first of the results in reverse: %s", lines[1])
	}
	f.control("POST", "faults", `{"kind":"job_fails","method":"PATCH","path":"/jobs/ingest","rows":250,"count":1}`)
	j = f.ingest(`{"object":"Account","operation":"upsert","externalIdFieldName":"External_ID__c","columnDelimiter":"SEMICOLON"}`, b.String())
	a = f.call("GET", "/jobs/ingest/"+j.ID+"/unprocessedRecords", "")
	if j.State != "Failed" || j.NumberRecordsProcessed != 250 || strings.Count(a.body, "\n") != 201 {
		t.Errorf("job %+v with %d lines unprocessed", j, strings.Count(a.body, "\n"))
	}
	want(t, f.call("GET", "/limits", ""), 200, `"DailyBulkApiBatches":{"Max":15000,"Remaining":14998}`)
}

func TestBulkIngestRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want(t, f.call("POST", "/jobs/ingest", `{"object":"Nope","operation":"insert"}`), 400, "INVALIDENTITY")
	want(t, f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"upsert"}`), 400, "INVALIDJOB", "External ID was blank")
	want(t, f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"upsert","externalIdFieldName":"Phone"}`), 400, "INVALIDJOB")
	want(t, f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"merge"}`), 400, "CLIENTINPUTERROR")
	job := f.jobInfo(f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"insert"}`))
	want(t, f.call("GET", "/jobs/ingest/"+job.ID, ""), 200, `"state":"Open"`, `"contentUrl":"services/data/v68.0/jobs/ingest/`+job.ID+`/batches"`)
	want(t, f.call("GET", "/jobs/ingest/"+job.ID+"/failedResults", ""), 400, "INVALIDJOBSTATE")
	f.call("PUT", "/jobs/ingest/"+job.ID+"/batches", "Name\nx\n")
	want(t, f.call("PUT", "/jobs/ingest/"+job.ID+"/batches", "Name\ny\n"), 400, "INVALIDBATCH")
	want(t, f.call("PATCH", "/jobs/ingest/"+job.ID, `{"state":"JobComplete"}`), 400, "INVALIDJOBSTATE")
	want(t, f.call("PATCH", "/jobs/ingest/"+job.ID, `{"state":"Aborted"}`), 200, `"state":"Aborted"`)
	want(t, f.call("PATCH", "/jobs/ingest/"+job.ID, `{"state":"UploadComplete"}`), 400, "INVALIDJOBSTATE")
	want(t, f.call("GET", "/jobs/ingest/"+job.ID+"/unprocessedrecords", ""), 200, "\"Name\"\n\"x\"\n")

	for data, words := range map[string]string{
		"Name,Nope__c\nx,y\n":    "InvalidBatch : Field name not found : Nope__c",
		"Name\r\nx\r\n":          "LineEnding is invalid on user data. Current LineEnding setting is LF",
		"Name\n\"x\n":            "quote is not closed",
		"Name,Nope.Field\nx,y\n": "Field name not found : Nope.Field",
		"Name\n\xff\xfe\n":       "not valid UTF-8",
	} {
		if j := f.ingest(`{"object":"Account","operation":"insert"}`, data); j.State != "Failed" || !strings.Contains(j.ErrorMessage, words) {
			t.Errorf("upload %q: %s %q, want %q", data, j.State, j.ErrorMessage, words)
		}
	}
	if j := f.ingest(`{"object":"Account","operation":"update"}`, "Name\nx\n"); !strings.Contains(j.ErrorMessage, "Field name not found : Id") {
		t.Errorf("update without Id: %+v", j)
	}
}

// TestBulkSizesOfRows are those of the Bulk API, whatever the fields hold.
func TestBulkSizesOfRows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wide := strings.Repeat(",Name", 5000)
	if j := f.ingest(`{"object":"Account","operation":"insert"}`, "Name"+wide+"\nx"+wide+"\n"); j.State != "Failed" || !strings.Contains(j.ErrorMessage, "5001 fields, more than 5000") {
		t.Errorf("5,001 columns: %s %q", j.State, j.ErrorMessage)
	}
	// Rows of 400,000 and of one character more, of two bytes each.
	columns := []string{"Name", "Phone", "Fax", "Site"}
	long := strings.Repeat("é", 100_000)
	full := strings.Join([]string{long, long, long, long}, ",")
	j := f.ingest(`{"object":"Account","operation":"insert"}`, strings.Join(columns, ",")+"\n"+full+"\n"+full+"é\nShort,1,2,3\n")
	bad := f.results(j.ID, "failedResults")
	if j.NumberRecordsFailed != 2 || len(bad) != 3 {
		t.Fatalf("job %+v with %d failed rows", j, len(bad)-1)
	}
	const tooLong = "STRING_TOO_LONG:the record is longer than 400000 characters:--"
	if bad[1][1] == tooLong || bad[2][1] != tooLong {
		t.Errorf("errors %q and %q; only the second row is too long for the Bulk API", bad[1][1], bad[2][1])
	}
}

// TestBulkJobsEndByThemselves: seven days after its creation a job that is open
// is aborted, and seven days after its end it is gone.
func TestBulkJobsEndByThemselves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open := f.jobInfo(f.call("POST", "/jobs/ingest", `{"object":"Account","operation":"insert"}`)).ID
	f.call("PUT", "/jobs/ingest/"+open+"/batches", "Name\nx\n")
	done := f.ingest(`{"object":"Account","operation":"insert"}`, "Name\ny\n").ID
	after := func(days string) {
		f.control("POST", "clock", `{"seconds":`+days+`}`)
		f.token = f.login("product", "s3cret")
	}
	after("604000") // not yet seven days
	want(t, f.call("GET", "/jobs/ingest/"+open, ""), 200, `"state":"Open"`)
	want(t, f.call("GET", "/jobs/ingest/"+done, ""), 200, `"state":"JobComplete"`)
	after("1000")
	want(t, f.call("GET", "/jobs/ingest/"+open, ""), 200, `"state":"Aborted"`)
	want(t, f.call("GET", "/jobs/ingest/"+open+"/unprocessedrecords", ""), 200, "\"Name\"\n\"x\"\n")
	want(t, f.call("GET", "/jobs/ingest/"+done, ""), 404, "NOT_FOUND")
	after("605000")
	want(t, f.call("GET", "/jobs/ingest/"+open, ""), 404, "NOT_FOUND")
}

func TestBulkMultipart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := "--B\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n" +
		`{"object":"Account","operation":"insert","contentType":"CSV","lineEnding":"LF"}` +
		"\r\n--B\r\nContent-Type: text/csv\r\nContent-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\nName\nParts\n\r\n--B--\r\n"
	made := f.jobInfo(f.call("POST", "/jobs/ingest", body, "Content-Type", "multipart/form-data; boundary=B"))
	if made.State != "UploadComplete" {
		t.Errorf("job is %s", made.State)
	}
	if j := f.ended("ingest", made.ID); j.NumberRecordsProcessed != 1 || j.NumberRecordsFailed != 0 {
		t.Errorf("job %+v", j)
	}
	want(t, f.call("POST", "/jobs/ingest", "--B--\r\n", "Content-Type", "multipart/form-data; boundary=B"), 400, "CLIENTINPUTERROR")
}
