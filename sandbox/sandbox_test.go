package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestLoginCreateQuery(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.Clients[0].ID}, "client_secret": {s.Clients[0].Secret}}
	var token struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
	}
	call := func(method, path, body, contentType string) (int, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token.AccessToken)
		req.Header.Set("Content-Type", contentType)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, b
	}
	_, b := call("POST", "/services/oauth2/token", form.Encode(), "application/x-www-form-urlencoded")
	if err := json.Unmarshal(b, &token); err != nil {
		t.Fatal(err)
	}
	if token.InstanceURL != s.URL() {
		t.Errorf("instance_url %q, want %q", token.InstanceURL, s.URL())
	}
	status, b := call("POST", "/services/data/v68.0/sobjects/Account", `{"Name":"Acme","External_ID__c":"x-1","AnnualRevenue":350000000}`, "application/json")
	if status != http.StatusCreated {
		t.Fatalf("create: %d %s", status, b)
	}
	_, b = call("GET", "//services/data/v63.0//query/?q="+url.QueryEscape("SELECT Id, Name, AnnualRevenue, Owner.Name FROM Account WHERE External_ID__c = 'X-1'"), "", "")
	for _, want := range []string{`"totalSize":1`, `"Name":"Acme"`, `"AnnualRevenue":3.5E8`, `"Owner":{"attributes"`, `/services/data/v63.0/sobjects/Account/001`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("reply lacks %s: %s", want, b)
		}
	}
}

func TestControlClient(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sandbox.Start(ctx, sandbox.Options{ControlToken: "ctl"})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Control()
	if err := c.Seed(ctx, org.SeedPlan{Object: "Account", Rows: 10, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if calls, err := c.Calls(ctx); err != nil || len(calls) != 0 {
		t.Errorf("calls %v, %v", calls, err)
	}
	if err := c.SetSwitches(ctx, org.Switches{LateVisibility: org.LateVisibility{MaxMS: 5, Seed: 3}, PageRows: 7}); err != nil || s.Org.Switches().PageRows != 7 {
		t.Errorf("switches %+v, %v", s.Org.Switches(), err)
	}
	rules := org.Rules{Validations: []org.Validation{{Object: "Account", Condition: "Nope__c = 1", Message: "x"}}}
	if err := c.SetRules(ctx, rules); err == nil || !strings.Contains(err.Error(), "Nope__c") {
		t.Errorf("a rule on an unknown field: %v", err)
	}
	c.Token = "wrong"
	if _, err := c.Calls(ctx); err == nil {
		t.Error("a wrong token must be refused")
	}
}

func TestDataDirectory(t *testing.T) {
	t.Parallel()
	opt := sandbox.Options{DataDir: t.TempDir(), Seed: 1}
	first, err := sandbox.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Control().Seed(t.Context(), org.SeedPlan{Object: "Account", Rows: 20, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	dump := func(s *sandbox.Server) string {
		t.Helper()
		res, err := http.Get(s.ControlURL("dump?object=Account"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := dump(first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := sandbox.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if after := dump(second); after != before || strings.Count(after, "\n") != 20 || second.Org.ID() != first.Org.ID() {
		t.Errorf("the org has %d records after a restart, not the 20 of before", strings.Count(after, "\n"))
	}
}

// Bulk jobs and retained events come through a restart, and an open job goes
// on where it was.
func TestDataDirectoryKeepsJobsAndEvents(t *testing.T) {
	t.Parallel()
	opt := sandbox.Options{DataDir: t.TempDir(), Seed: 1}
	s, err := sandbox.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	token := login(t, s)
	call := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/services/data/v68.0"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, b, err)
		}
		return string(b)
	}
	job := func(path, body string) string {
		t.Helper()
		var info struct{ ID string }
		if err := json.Unmarshal([]byte(call("POST", path, body)), &info); err != nil {
			t.Fatal(err)
		}
		return path + "/" + info.ID
	}
	done := func(path string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(call("GET", path, ""), "JobComplete"); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is still not over", path)
			}
		}
	}
	if err := s.Control().Seed(t.Context(), org.SeedPlan{Object: "Account", Rows: 5, Seed: 1, Computed: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	written := job("/jobs/ingest", `{"object":"Account","operation":"insert"}`)
	call("PUT", written+"/batches", "Name,Rating\nfirst,Hot\n,Hot\n")
	call("PATCH", written, `{"state":"UploadComplete"}`)
	done(written)
	query := job("/jobs/query", `{"operation":"query","query":"SELECT Id, Name, Owner.Name FROM Account ORDER BY Name"}`)
	done(query)
	open := job("/jobs/ingest", `{"object":"Account","operation":"insert"}`)
	call("PUT", open+"/batches", "Name\nsecond\n")
	var id string
	for _, line := range strings.Split(call("GET", query+"/results", ""), "\n") {
		if strings.Contains(line, `"first"`) {
			id = line[1:19]
		}
	}
	call("PATCH", "/sobjects/Account/"+id, `{"Rating":null,"BillingCity":"Bonn"}`)

	state := func() []string {
		t.Helper()
		var bus any
		if err := s.Control().Do(t.Context(), http.MethodGet, "events?last=10", nil, &bus); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(bus)
		if err != nil {
			t.Fatal(err)
		}
		return []string{
			call("GET", written, ""), call("GET", written+"/successfulResults", ""), call("GET", written+"/failedResults", ""),
			call("GET", query+"/results?maxRecords=4", ""), string(b),
		}
	}
	before := state()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = sandbox.Start(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if !strings.Contains(before[4], "BillingAddress") {
		t.Errorf("events lack the update: %s", before[4])
	}
	call("PATCH", open, `{"state":"UploadComplete"}`)
	done(open)
	if found := call("GET", "/query?q="+url.QueryEscape("SELECT Name FROM Account WHERE Name = 'second'"), ""); !strings.Contains(found, `"totalSize":1`) {
		t.Errorf("the upload of before the restart: %s", found)
	}
}

func ptr[T any](v T) *T { return &v }

func login(t *testing.T, s *sandbox.Server) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.Clients[0].ID}, "client_secret": {s.Clients[0].Secret}}
	res, err := http.PostForm(s.URL()+"/services/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var v struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v.Token
}
