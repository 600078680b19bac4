package rest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fixture is a server with two clients, and a token of each.
type fixture struct {
	t     testing.TB
	srv   *httptest.Server
	s     *Server
	org   *org.Org
	token string
	demo  string
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	clock := &org.Clock{}
	c := schema.Standard(clock.Now)
	if err := schema.Demo(c); err != nil {
		t.Fatal(err)
	}
	o, err := org.New(org.Options{Catalog: c, Clock: clock, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(o, Options{Clients: []Client{
		{ID: "product", Secret: "s3cret", Name: "Product", RunAs: org.IntegrationUser},
		{ID: "demo", Secret: "other", RunAs: org.DemoUser, RotateRefresh: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	f := &fixture{t: t, srv: srv, s: s, org: o}
	f.token, f.demo = f.login("product", "s3cret"), f.login("demo", "other")
	return f
}

func (f *fixture) login(id, secret string) string {
	f.t.Helper()
	a := f.form(tokenEndpoint, "grant_type", "client_credentials", "client_id", id, "client_secret", secret)
	var v struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || v.Token == "" {
		f.t.Fatalf("login %s: %v %s", id, err, a.body)
	}
	return v.Token
}

// answer is a reply with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (f *fixture) do(token, method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.srv.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b)}, err
}

// call is do as the product, under v68.0, where the connection must hold.
func (f *fixture) call(method, path, body string, headers ...string) answer {
	f.t.Helper()
	if !strings.HasPrefix(path, "/services") && !strings.HasPrefix(path, "/_sandbox") {
		path = "/services/data/v68.0" + path
	}
	a, err := f.do(f.token, method, path, body, headers...)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (f *fixture) create(object, body string) string {
	f.t.Helper()
	a := f.call("POST", "/sobjects/"+object, body)
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != http.StatusCreated {
		f.t.Fatalf("create %s: %d %s", object, a.status, a.body)
	}
	return v.ID
}

func (f *fixture) control(method, path, body string) string {
	f.t.Helper()
	a := f.call(method, "/_sandbox/"+path, body)
	if a.status != http.StatusOK {
		f.t.Fatalf("control %s %s: %d %s", method, path, a.status, a.body)
	}
	return a.body
}

func soqlPath(q string) string { return "/query?q=" + url.QueryEscape(q) }

func want(t *testing.T, a answer, status int, parts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, p := range parts {
		if !strings.Contains(a.body, p) {
			t.Errorf("body lacks %s: %s", p, a.body)
		}
	}
}

var stampText = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(stampText.ReplaceAllString(got, "<time>")), "", "  "); err != nil {
		t.Fatalf("%s is not JSON: %v: %s", name, err, got)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(wanted), pretty.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestErrorsToTheLetter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acc := f.create("Account", `{"Name":"Acme","External_ID__c":"k1"}`)
	gone := f.create("Account", `{"Name":"Gone"}`)
	want(t, f.call("DELETE", "/sobjects/Account/"+gone, ""), 204)
	cases := []struct {
		name, method, path, body string
		status                   int
	}{
		{"not_found", "GET", "/sobjects/Account/001Hs0000000zzzAAA", "", 404},
		{"no_such_object", "GET", "/sobjects/Nope/describe", "", 404},
		{"deleted", "GET", "/sobjects/Account/" + gone, "", 404},
		{"malformed_query", "GET", soqlPath("SELEC Id FROM Account"), "", 400},
		{"invalid_field", "GET", soqlPath("SELECT Id, Foo FROM Account"), "", 400},
		{"invalid_type", "GET", soqlPath("SELECT Id FROM Nope"), "", 400},
		{"bad_locator", "GET", "/query/0r8000000000001AAA-2000", "", 400},
		{"unknown_column", "POST", "/sobjects/Account", `{"Name":"x","Foo":1}`, 400},
		{"required", "POST", "/sobjects/Account", `{}`, 400},
		{"broken_json", "POST", "/sobjects/Account", `{"Name":`, 400},
		{"wrong_type", "PATCH", "/sobjects/Account/" + acc, `{"Score__c":"abc"}`, 400},
		{"duplicate", "POST", "/sobjects/Account", `{"Name":"x","External_ID__c":"K1"}`, 400},
		{"id_in_upsert", "PATCH", "/sobjects/Account/External_ID__c/k1", `{"External_ID__c":"k1"}`, 400},
		{"no_such_key_field", "PATCH", "/sobjects/Account/Nope__c/k1", `{}`, 404},
		{"method", "PUT", "/sobjects/Account", `{}`, 405},
		{"too_many", "DELETE", "/composite/sobjects?ids=" + strings.Repeat(acc+",", 200) + acc, "", 400},
		{"old_version", "GET", "/services/data/v25.0/sobjects", "", 410},
		{"replication_window", "GET", "/sobjects/Account/updated?start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:30Z", "", 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := f.call(c.method, c.path, c.body)
			if a.status != c.status {
				t.Errorf("status %d, want %d", a.status, c.status)
			}
			golden(t, "error_"+c.name, a.body)
		})
	}
	a, err := f.do("00Dxx!nope", "GET", "/services/data/v68.0/sobjects", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, a, 401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)
	want(t, f.call("GET", "/query?q="+strings.Repeat("x", 17000), ""), 414)
}

func TestRecordLifeAndUpsert(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"A","External_ID__c":"a/b ü","BillingCity":"Bonn","BillingLatitude":50.7}`)
	a := f.call("GET", "/sobjects/account/"+id[:15]+"?fields=Name,BillingAddress,AnnualRevenue,IsDeleted", "")
	want(t, a, 200, `"BillingAddress":{"city":"Bonn"`, `"latitude":50.7`, `"AnnualRevenue":null`, `"IsDeleted":false`)
	path := "/sobjects/Account/External_ID__c/" + url.PathEscape("a/b ü")
	want(t, f.call("PATCH", path, `{"Name":"B"}`), 200, `"created":false`, id)
	want(t, f.call("PATCH", "/services/data/v45.0"+path, `{"Name":"C"}`), 204)
	want(t, f.call("PATCH", "/sobjects/Account/External_ID__c/new", `{"Name":"N"}`), 201, `"created":true`)
	want(t, f.call("GET", path, ""), 200, `"Name":"C"`)
	f.create("Contact", `{"LastName":"One","Email":"same@example.com"}`)
	f.create("Contact", `{"LastName":"Two","Email":"same@example.com"}`)
	want(t, f.call("PATCH", "/sobjects/Contact/Email/same@example.com", `{"LastName":"x"}`), 300, `["/services/data/v68.0/sobjects/Contact/003`)
	c := f.create("Contact", `{"LastName":"Child","Account":{"External_ID__c":"NEW"}}`)
	want(t, f.call("GET", soqlPath("SELECT Account.Name, Account_Name__c FROM Contact WHERE Id = '"+c+"'"), ""), 200, `"Name":"N"`, `"Account_Name__c":"N"`)
	want(t, f.call("DELETE", "/sobjects/Account/"+id, ""), 204)
	want(t, f.call("DELETE", "/sobjects/Account/"+id, ""), 404, "ENTITY_IS_DELETED")
	want(t, f.call("GET", "/queryAll?q="+url.QueryEscape("SELECT Id FROM Account WHERE IsDeleted = true"), ""), 200, id)
}

func TestPagesAreASnapshotOfIdsWithPresentValues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "seed", `{"object":"Account","rows":450,"seed":3}`)
	a := f.call("GET", soqlPath("SELECT Id, Name FROM Account ORDER BY Id"), "", "Sforce-Query-Options", "batchSize=200")
	want(t, a, 200, `"totalSize":450`, `"done":false`, "-200")
	var page struct {
		Next    string `json:"nextRecordsUrl"`
		Records []struct{ ID, Name string }
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Records) != 200 {
		t.Fatalf("%d rows on the first page", len(page.Records))
	}
	later := org.MakeID("001", 201)
	purged := org.MakeID("001", 202)
	want(t, f.call("PATCH", "/sobjects/Account/"+later, `{"Name":"Changed meanwhile"}`), 204)
	f.control("POST", "records", `{"action":"purge","id":"`+purged+`"}`)
	a = f.call("GET", page.Next, "")
	want(t, a, 200, "Changed meanwhile", `"totalSize":450`)
	if strings.Contains(a.body, purged) {
		t.Error("a purged record is still on the page")
	}
	f.control("POST", "switches", `{"shrinkWidePages":true}`)
	want(t, f.call("GET", soqlPath("SELECT Description, Profile_Notes__c FROM Account"), ""), 200, `"done":false`, "-200")
	want(t, f.call("GET", soqlPath("SELECT Description FROM Account"), ""), 200, `"done":true`)
	f.control("POST", "expire", `{"locators":true}`)
	want(t, f.call("GET", page.Next, ""), 400, "INVALID_QUERY_LOCATOR")
}

func TestCollections(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rec := func(more string) string { return `{"attributes":{"type":"Account"},` + more + `}` }
	body := `{"allOrNone":false,"records":[` + rec(`"Name":"A","External_ID__c":"a"`) + `,` + rec(`"Name":"B","Tier__c":"Tin"`) + `]}`
	a := f.call("POST", "/composite/sobjects/", body)
	want(t, a, 200)
	golden(t, "collections_create", a.body)
	all := strings.Replace(body, "false", "true", 1)
	all = strings.Replace(all, `"External_ID__c":"a"`, `"External_ID__c":"b"`, 1)
	a = f.call("POST", "/composite/sobjects", all)
	golden(t, "collections_all_or_none", a.body)
	a = f.call("PATCH", "/composite/sobjects/Account/External_ID__c", `{"records":[`+
		rec(`"External_ID__c":"a","Name":"A2"`)+`,`+rec(`"External_ID__c":"c","Name":"C"`)+`,`+
		rec(`"External_ID__c":"d","Name":"D"`)+`,`+rec(`"External_ID__c":"D","Name":"D"`)+`]}`)
	golden(t, "collections_upsert", a.body)
	id := org.MakeID("001", 1)
	a = f.call("PATCH", "/composite/sobjects", `{"records":[`+rec(`"id":"`+id+`","Site":"s"`)+`,`+rec(`"id":"`+id+`","Site":"t"`)+`,`+rec(`"id":"003Hs00000000001"`)+`]}`)
	golden(t, "collections_update", a.body)
	a = f.call("POST", "/composite/sobjects/Account", `{"ids":["`+id+`","001000000000000AAA"],"fields":["Name","Site"]}`)
	golden(t, "collections_retrieve", a.body)
	a = f.call("DELETE", "/composite/sobjects?ids="+id+",001x&allOrNone=false", "")
	golden(t, "collections_delete", a.body)
	var rows []string
	for i := range 22 {
		rows = append(rows, `{"attributes":{"type":"`+[]string{"Account", "Contact"}[i%2]+`"},"Name":"x","LastName":"x"}`)
	}
	want(t, f.call("POST", "/composite/sobjects", `{"records":[`+strings.Join(rows, ",")+`]}`), 400, "chunks")
	want(t, f.call("POST", "/composite/sobjects", `{"records":[`+rec(`"Name":"x","Score__c":"abc"`)+`]}`), 400, `"errorCode":"JSON_PARSER_ERROR"`)
	f.control("POST", "switches", `{"jsonErrorScope":"row"}`)
	want(t, f.call("POST", "/composite/sobjects", `{"records":[`+rec(`"Name":"x","Score__c":"abc"`)+`]}`), 200, `"statusCode":"JSON_PARSER_ERROR"`)
}

func TestComposite(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := `{"allOrNone":%t,"compositeRequest":[
	 {"method":"POST","url":"/services/data/v68.0/sobjects/Account","referenceId":"acc","body":{"Name":"Co"}},
	 {"method":"POST","url":"/services/data/v68.0/sobjects/Contact","referenceId":"con","body":{"LastName":"L","AccountId":"@{acc.id}"}},
	 {"method":"GET","url":"/services/data/v68.0/sobjects/Account/%s","referenceId":"get"}]}`
	a := f.call("POST", "/composite", fmt.Sprintf(body, false, "@{acc.id}?fields=Name"))
	want(t, a, 200)
	golden(t, "composite", a.body)
	a = f.call("POST", "/composite", fmt.Sprintf(body, true, "001000000000000AAA"))
	golden(t, "composite_rolled_back", a.body)
	if n := f.org.Count(mustObject(t, f, "Contact")); n != 1 {
		t.Errorf("%d contacts, want 1: the second composite must leave none", n)
	}
}

func mustObject(t testing.TB, f *fixture, name string) *schema.Object {
	t.Helper()
	obj, ok := f.org.Catalog.Object(name)
	if !ok {
		t.Fatalf("no object %s", name)
	}
	return obj
}

func TestQuotaCountsAndRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "switches", `{"dailyRequests":3}`)
	for i := range 3 {
		a := f.call("GET", "/limits", "")
		want(t, a, 200, `"DailyApiRequests":{"Max":3`)
		if got, w := a.header.Get("Sforce-Limit-Info"), fmt.Sprintf("api-usage=%d/3", i+1); got != w {
			t.Errorf("Sforce-Limit-Info %q, want %q", got, w)
		}
	}
	want(t, f.call("GET", "/limits", ""), 403, `"errorCode":"REQUEST_LIMIT_EXCEEDED"`, "TotalRequests Limit exceeded.")
	want(t, answer{200, nil, f.control("GET", "calls", "")}, 200, `"product":{"limits":3}`, `"refused":1`)
	f.control("POST", "clock", `{"seconds":90000}`)
	f.token = f.login("product", "s3cret")
	want(t, f.call("GET", "/limits", ""), 200)
}

func TestDescribeFollowsPermissionsAndSchema(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call("GET", "/sobjects/Account/describe", "")
	want(t, a, 200, `"name":"Tier__c"`)
	since := a.header.Get("Last-Modified")
	want(t, f.call("GET", "/sobjects/Account/describe", "", "If-Modified-Since", since), 304)
	f.control("POST", "permissions", `{"user":"`+org.IntegrationUser+`","object":"Account","field":"Tier__c","access":{"hidden":true}}`)
	a = f.call("GET", "/sobjects/Account/describe", "", "If-Modified-Since", since)
	want(t, a, 200)
	if strings.Contains(a.body, `"name":"Tier__c"`) {
		t.Error("hidden field is described")
	}
	want(t, f.call("GET", soqlPath("SELECT Tier__c FROM Account"), ""), 400, "No such column 'Tier__c'")
	want(t, f.call("POST", "/sobjects/Account", `{"Name":"x","Tier__c":"Gold"}`), 400, "No such column 'Tier__c' on sobject of type Account")
	f.control("POST", "schema", `{"action":"add","object":"Account","def":{"name":"Extra__c","type":"string","length":20}}`)
	f.create("Account", `{"Name":"x","Extra__c":"12"}`)
	f.control("POST", "schema", `{"action":"rename","object":"Account","field":"Extra__c","name":"More__c"}`)
	want(t, f.call("GET", soqlPath("SELECT More__c FROM Account"), ""), 200, `"More__c":"12"`)
	f.control("POST", "schema", `{"action":"retype","object":"Account","field":"More__c","def":{"name":"More__c","type":"double","precision":10,"scale":1}}`)
	want(t, f.call("GET", soqlPath("SELECT More__c FROM Account"), ""), 200, `"More__c":12.0`)
	f.control("POST", "permissions", `{"user":"`+org.IntegrationUser+`","object":"Account","rights":{"noRead":true}}`)
	want(t, f.call("GET", "/sobjects/Account/describe", ""), 404)
	want(t, f.call("GET", soqlPath("SELECT Id FROM Account"), ""), 400, "INVALID_TYPE")
}

func TestSharingHidesRowsOfOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Account", `{"Name":"of integration"}`)
	f.control("POST", "permissions", `{"user":"`+org.DemoUser+`","object":"Account","rights":{"ownOnly":true}}`)
	a, err := f.do(f.demo, "GET", "/services/data/v68.0"+soqlPath("SELECT Id FROM Account"), "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, a, 200, `"totalSize":0`)
}

func TestRulesRejectRewriteAndFlow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "rules", `{"validations":[{"object":"Account","condition":"Name LIKE 'bad%'","message":"No bad names","fields":["Name"]}],
	 "rewrites":[{"object":"Account","condition":"Site = 'raw'","field":"Site","value":"cooked"}],
	 "flows":[{"object":"Account","condition":"Rating = 'Hot'","field":"Rating","value":"Warm","afterMs":1}]}`)
	want(t, f.call("POST", "/sobjects/Account", `{"Name":"Bad one"}`), 400, `[{"message":"No bad names","errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","fields":["Name"]}]`)
	id := f.create("Account", `{"Name":"ok","Site":"raw","Rating":"Hot"}`)
	want(t, f.call("GET", "/sobjects/Account/"+id+"?fields=Site", ""), 200, `"Site":"cooked"`)
	deadline := 2000
	for range deadline {
		if strings.Contains(f.call("GET", "/sobjects/Account/"+id+"?fields=Rating", "").body, "Warm") {
			return
		}
	}
	t.Error("the flow never ran")
}

func TestDumpAndWrites(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create("Project__c", `{"Name":"P","Budget__c":12.5,"Start__c":"2026-11-22"}`)
	golden(t, "dump", strings.TrimSpace(f.control("GET", "dump?object=Project__c", "")))
	a := strings.TrimSpace(f.control("GET", "writes?since=0", ""))
	want(t, answer{200, nil, a}, 200, `{"seq":1,"at":"`, `"oauthClient":"product"`, `"op":"insert","fields":{`, `"Budget__c":12.5`)
	if got := f.control("GET", "writes?since=1", ""); got != "" {
		t.Errorf("writes after the last: %s", got)
	}
}

func FuzzBodies(f *testing.F) {
	fx := newFixture(f)
	f.Add("POST", "/sobjects/Account", `{"Name":"x"}`)
	f.Add("POST", "/composite/sobjects", `{"allOrNone":true,"records":[{"attributes":{"type":"Contact"},"LastName":"a","Account":{"External_ID__c":1}}]}`)
	f.Add("PATCH", "/composite/sobjects/Account/External_ID__c", `{"records":[{"External_ID__c":null},{}]}`)
	f.Add("POST", "/composite", `{"compositeRequest":[{"method":"GET","url":"/services/data/v68.0/limits","referenceId":"a"}]}`)
	f.Add("GET", "/query?q=SELECT+Id+FROM+Account", "")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.Parse("/services/data/v68.0" + path)
		if err != nil || len(path) > 2000 {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+fx.token)
		rec := httptest.NewRecorder()
		fx.s.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%s %s %q: %d %s", method, path, body, rec.Code, rec.Body)
		}
	})
}
