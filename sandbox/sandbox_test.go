package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
