package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPathsAsClientsWriteThem: doubled and trailing slashes, names in any
// case, short ids, every way to send the token and the method.
func TestPathsAsClientsWriteThem(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"Acme"}`)
	for _, path := range []string{
		"//services/data/v65.0/sobjects/Account/" + id,
		"/services//data///v65.0/sobjects/Account/" + id + "/",
		"/services/data/v65.0/sobjects/aCCount/" + id[:15],
		"/services/data/v65.0/query/?q=SELECT+Id,Name+FROM+account+WHERE+id='" + id[:15] + "'",
	} {
		want(t, f.get(f.token, path), 200, `"Name":"Acme"`, `/services/data/v65.0/sobjects/Account/`+id)
	}
	for name, value := range map[string]string{"Authorization": "OAuth " + f.token, "X-SFDC-Session": f.token} {
		a, err := f.do("", "GET", "/services/data/v65.0/limits", "", name, value)
		if err != nil {
			t.Fatal(err)
		}
		want(t, a, 200)
	}
	want(t, f.call("POST", "/sobjects/Account/"+id, `{"Site":"a"}`, "X-HTTP-Method-Override", "PATCH"), 204)
	want(t, f.call("POST", "/sobjects/Account/"+id+"?_HttpMethod=PATCH", `{"Phone":"1"}`), 204)
	want(t, f.call("GET", "/sobjects/Account/"+id+"?fields=Site,phone", ""), 200, `"Site":"a"`, `"Phone":"1"`)
	head := f.call("HEAD", "/sobjects/Account/"+id, "")
	if head.status != 200 || head.body != "" || head.header.Get("Sforce-Limit-Info") == "" {
		t.Errorf("HEAD: %d %q %v", head.status, head.body, head.header)
	}
	want(t, f.call("POST", "/sobjects/Account/Id", `{"Name":"by no id"}`), 201, `"success":true`)
}

var versionLink = regexp.MustCompile(`services/data/(v\d+\.0)`)

// TestLinksCarryTheVersionOfTheRequest in every reply that has links.
func TestLinksCarryTheVersionOfTheRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"Acme","External_ID__c":"k"}`)
	f.create("Contact", `{"LastName":"L","AccountId":"`+id+`"}`)
	f.control("POST", "seed", `{"object":"Contact","rows":300,"seed":1}`)
	calls := []struct{ method, path, body string }{
		{"GET", "", ""},
		{"GET", "/sobjects", ""},
		{"GET", "/sobjects/Account", ""},
		{"GET", "/sobjects/Account/describe", ""},
		{"GET", "/sobjects/Account/" + id, ""},
		{"GET", "/sobjects/Account/External_ID__c/k", ""},
		{"GET", soqlPath("SELECT Id, Account.Name, Owner.Name FROM Contact"), ""},
		{"GET", soqlPath("SELECT Id, (SELECT Id FROM Contacts) FROM Account"), ""},
		{"POST", "/composite/sobjects/Account", `{"ids":["` + id + `"],"fields":["Name"]}`},
		{"POST", "/jobs/ingest", `{"object":"Account","operation":"insert"}`},
	}
	for _, version := range []string{"v39.0", "v45.0", "v59.0", "v68.0"} {
		for _, c := range calls {
			if c.method == "POST" && strings.HasPrefix(c.path, "/jobs") && version < "v41.0" {
				continue
			}
			a := f.call(c.method, "/services/data/"+version+c.path, c.body, "Sforce-Query-Options", "batchSize=200")
			links := versionLink.FindAllStringSubmatch(a.body, -1)
			if a.status >= 300 || len(links) == 0 {
				t.Errorf("%s %s: %d, %d links", c.method, c.path, a.status, len(links))
			}
			for _, l := range links {
				if l[1] != version {
					t.Errorf("%s %s of %s has a link to %s", c.method, c.path, version, l[1])
				}
			}
		}
	}
}

// TestQueryPages: size of the pages, the locator's form, its owner.
func TestQueryPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "seed", `{"object":"Contact","rows":2500,"seed":1}`)
	var page struct {
		TotalSize int    `json:"totalSize"`
		Done      bool   `json:"done"`
		Next      string `json:"nextRecordsUrl"`
		Records   []any  `json:"records"`
	}
	for _, c := range []struct {
		hint string
		rows int
	}{{"", 2000}, {"batchSize=10000", 2000}, {"batchSize=500", 500}, {"batchSize=1", 200}, {"x", 2000}} {
		a := f.call("GET", soqlPath("SELECT Id FROM Contact"), "", "Sforce-Query-Options", c.hint)
		page.Next = ""
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		link := fmt.Sprintf(`^/services/data/v68\.0/query/0r8[0-9A-Za-z]{15}-%d$`, c.rows)
		if page.TotalSize != 2500 || page.Done || len(page.Records) != c.rows || !regexp.MustCompile(link).MatchString(page.Next) {
			t.Errorf("%q: %d of %d rows, next %s", c.hint, len(page.Records), page.TotalSize, page.Next)
		}
	}
	want(t, f.call("GET", soqlPath("SELECT Id, COUNT(LastName) n FROM Contact GROUP BY Id"), ""), 400, "EXCEEDED_ID_LIMIT")
	want(t, f.call("GET", soqlPath("SELECT Id, COUNT(LastName) n FROM Contact GROUP BY Id LIMIT 2000"), "", "Sforce-Query-Options", "batchSize=200"), 200, `"done":true`)
	a, err := f.do(f.demo, "GET", page.Next, "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, a, 400, "INVALID_QUERY_LOCATOR") // another user's
	f.control("POST", "clock", `{"seconds":172000}`)
	f.token = f.login("product", "s3cret")
	want(t, f.call("GET", page.Next, ""), 200, `"totalSize":2500`, `"done":true`)
	f.control("POST", "clock", `{"seconds":7000}`)
	want(t, f.call("GET", page.Next, ""), 400, "INVALID_QUERY_LOCATOR")
}

// TestConditionalCalls: 304 for what the client has, 412 for what has changed.
func TestConditionalCalls(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.create("Account", `{"Name":"Acme"}`)
	path := "/sobjects/Account/" + id
	stamp := f.call("GET", path, "").header.Get("Last-Modified")
	if _, err := http.ParseTime(stamp); err != nil {
		t.Fatalf("Last-Modified %q", stamp)
	}
	a := f.call("GET", path, "", "If-Modified-Since", stamp)
	if want(t, a, 304); a.body != "" {
		t.Errorf("304 with a body: %s", a.body)
	}
	want(t, f.call("PATCH", path, `{"Site":"a"}`, "If-Unmodified-Since", stamp), 204)
	f.control("POST", "clock", `{"seconds":5}`)
	want(t, f.call("PATCH", path, `{"Site":"b"}`), 204)
	want(t, f.call("PATCH", path, `{"Site":"c"}`, "If-Unmodified-Since", stamp), 412)
	want(t, f.call("DELETE", path, "", "If-Unmodified-Since", stamp), 412)
	want(t, f.call("GET", path, "", "If-Unmodified-Since", stamp), 412)
	want(t, f.call("GET", path, "", "If-Modified-Since", stamp), 200, `"Site":"b"`)
	want(t, f.call("DELETE", path, "", "If-Unmodified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), 204)

	for _, list := range []string{"/sobjects", "/sobjects/Account/describe"} {
		first := f.call("GET", list, "").header.Get("Last-Modified")
		want(t, f.call("GET", list, "", "If-Modified-Since", first), 304)
	}
	first := f.call("GET", "/sobjects", "").header.Get("Last-Modified")
	f.control("POST", "permissions", `{"user":"integration.user@sandbox.example","object":"Case","rights":{"noRead":true}}`)
	a = f.call("GET", "/sobjects", "", "If-Modified-Since", first)
	if want(t, a, 200); strings.Contains(a.body, `"name":"Case"`) {
		t.Error("an object that may not be read is listed")
	}
}

// TestReplication: getUpdated and getDeleted, their windows and watermarks.
func TestReplication(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	kept := f.create("Account", `{"Name":"kept"}`)
	gone := f.create("Account", `{"Name":"gone"}`)
	want(t, f.call("DELETE", "/sobjects/Account/"+gone, ""), 204)
	at := func(d time.Duration) string {
		return f.org.Clock.Now().Add(d).Format("2006-01-02T15:04:05") + "%2B00:00"
	}
	window := "/?start=" + at(-time.Hour) + "&end=" + at(time.Minute)
	a := f.call("GET", "/sobjects/Account/updated"+window, "")
	want(t, a, 200, `"ids":["`+kept+`"]`, `"latestDateCovered":"`)
	if stampText.FindString(a.body) == "" {
		t.Errorf("latestDateCovered is no REST time: %s", a.body)
	}
	want(t, f.call("GET", "/sobjects/Account/deleted"+window, ""), 200, `"deletedRecords":[{"id":"`+gone+`","deletedDate":"`, `"earliestDateAvailable":"`)
	for path, words := range map[string]string{
		"/sobjects/Account/updated?start=" + at(-31*24*time.Hour) + "&end=" + at(0): "INVALID_REPLICATION_DATE",
		"/sobjects/Account/deleted?start=" + at(-16*24*time.Hour) + "&end=" + at(0): "INVALID_REPLICATION_DATE",
		"/sobjects/Account/updated?start=" + at(-time.Second*59) + "&end=" + at(0):  "INVALID_REPLICATION_DATE",
		"/sobjects/Account/updated?start=x&end=" + at(0):                            "INVALID_REPLICATION_DATE",
	} {
		want(t, f.call("GET", path, ""), 400, words)
	}
	f.control("POST", "permissions", `{"user":"integration.user@sandbox.example","object":"Account","rights":{"ownOnly":true}}`)
	want(t, f.call("GET", "/sobjects/Account/updated"+window, ""), 200, kept)
}

// TestDescribeHasEveryAttribute that clients read.
func TestDescribeHasEveryAttribute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var d map[string]any
	if err := json.Unmarshal([]byte(f.call("GET", "/sobjects/Account/describe", "").body), &d); err != nil {
		t.Fatal(err)
	}
	has := func(what string, m map[string]any, names string) {
		t.Helper()
		for _, name := range strings.Split(names, ",") {
			if _, ok := m[name]; !ok {
				t.Errorf("%s lacks %s", what, name)
			}
		}
	}
	first := func(m map[string]any, name string) map[string]any {
		t.Helper()
		list, _ := m[name].([]any)
		if len(list) == 0 {
			t.Fatalf("%s is empty", name)
		}
		return list[0].(map[string]any)
	}
	const object = "name,label,labelPlural,keyPrefix,custom,customSetting,queryable,createable,updateable,deletable,undeletable,mergeable," +
		"replicateable,retrieveable,searchable,triggerable,layoutable,feedEnabled,mruEnabled,deprecatedAndHidden,associateEntityType," +
		"associateParentEntity,isInterface,isSubtype,hasSubtypes,urls"
	has("describe", d, object+",recordTypeInfos,childRelationships,supportedScopes,fields")
	has("child relationship", first(d, "childRelationships"),
		"cascadeDelete,childSObject,deprecatedAndHidden,field,junctionIdListNames,junctionReferenceTo,relationshipName,restrictedDelete")
	has("field", first(d, "fields"), "aggregatable,aiPredictionField,autoNumber,byteLength,calculated,calculatedFormula,cascadeDelete,caseSensitive,"+
		"compoundFieldName,controllerName,createable,custom,defaultValue,defaultValueFormula,defaultedOnCreate,dependentPicklist,deprecatedAndHidden,"+
		"digits,displayLocationInDecimal,encrypted,externalId,extraTypeInfo,filterable,filteredLookupInfo,formulaTreatNullNumberAsZero,groupable,"+
		"highScaleNumber,htmlFormatted,idLookup,inlineHelpText,label,length,mask,maskType,name,nameField,namePointing,nillable,permissionable,"+
		"picklistValues,polymorphicForeignKey,precision,queryByDistance,referenceTargetField,referenceTo,relationshipName,relationshipOrder,"+
		"restrictedDelete,restrictedPicklist,scale,searchPrefilterable,soapType,sortable,type,unique,updateable,writeRequiresMasterRead")
	var global map[string]any
	if err := json.Unmarshal([]byte(f.call("GET", "/sobjects", "").body), &global); err != nil {
		t.Fatal(err)
	}
	has("global describe", global, "encoding,maxBatchSize,sobjects")
	has("object of the global describe", first(global, "sobjects"), object)
}
