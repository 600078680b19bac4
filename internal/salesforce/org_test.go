package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/sobject"
)

func TestOrgResources(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)
	start, end := moment.Add(-time.Hour), moment
	tests := []struct {
		name, path, reply string
		call              func(*Client) (any, error)
		want              any
	}{
		{
			"limits", "/services/data/v64.0/limits", `{"DailyApiRequests":{"Max":15000,"Remaining":14998}}`,
			func(c *Client) (any, error) { return c.Limits(t.Context()) },
			map[string]Limit{"DailyApiRequests": {Max: 15000, Remaining: 14998}},
		},
		{
			"record count", "/services/data/v64.0/limits/recordCount?sObjects=Account%2CContact", `{"sObjects":[{"count":3,"name":"Account"}]}`,
			func(c *Client) (any, error) { return c.RecordCount(t.Context(), "Account", "Contact") },
			map[string]int{"Account": 3},
		},
		{
			"identity", "/services/oauth2/userinfo", `{"user_id":"005A","organization_id":"00DA","preferred_username":"a@example.com"}`,
			func(c *Client) (any, error) { return c.Identity(t.Context()) },
			Identity{UserID: "005A", OrgID: "00DA", Username: "a@example.com"},
		},
		{
			"updated", "/services/data/v64.0/sobjects/Account/updated?end=2026-11-22T14%3A30%3A00%2B00%3A00&start=2026-11-22T13%3A30%3A00%2B00%3A00",
			`{"ids":["001A"],"latestDateCovered":"2026-11-22T14:30:00.000+0000"}`,
			func(c *Client) (any, error) { return c.Updated(t.Context(), "Account", start, end) },
			Updated{IDs: []string{"001A"}, LatestDateCovered: moment},
		},
		{
			"deleted", "/services/data/v64.0/sobjects/Account/deleted?end=2026-11-22T14%3A30%3A00%2B00%3A00&start=2026-11-22T13%3A30%3A00%2B00%3A00",
			`{"deletedRecords":[{"id":"001A","deletedDate":"2026-11-22T14:30:00.000+0000"}],"earliestDateAvailable":"2026-11-22T14:30:00.000Z","latestDateCovered":"2026-11-22T14:30:00.000+0000"}`,
			func(c *Client) (any, error) { return c.Deleted(t.Context(), "Account", start, end) },
			Deleted{Records: []DeletedRecord{{ID: "001A", At: moment}}, EarliestDateAvailable: moment, LatestDateCovered: moment},
		},
		{
			"objects", "/services/data/v64.0/sobjects", `{"sobjects":[{"name":"Account","label":"Account"}]}`,
			func(c *Client) (any, error) { return c.DescribeGlobal(t.Context()) },
			[]sobject.Summary{{Name: "Account", Label: "Account"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, answer(200, tt.reply))
			got, err := tt.call(o.Client)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if uri := o.seen[0].URL.RequestURI(); uri != tt.path {
				t.Errorf("path = %s, want %s", uri, tt.path)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, `{"name":"Account","fields":[{"name":"Id","type":"id"}]}`))
	obj, err := o.Describe(t.Context(), "Account")
	if err != nil || obj.Field("id") == nil {
		t.Fatalf("describe = %+v, %v", obj, err)
	}
	if p := o.seen[0].URL.Path; p != "/services/data/v64.0/sobjects/Account/describe" {
		t.Errorf("path = %s", p)
	}
	o = newOrg(t, answer(404, `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`))
	if _, err = o.Describe(t.Context(), "../limits"); !errors.Is(err, sobject.ErrUnknown) || !IsCode(err, "NOT_FOUND") {
		t.Errorf("error = %v", err)
	}
	if p := o.seen[0].URL.RequestURI(); p != "/services/data/v64.0/sobjects/..%2Flimits/describe" {
		t.Errorf("a name that is no name reached %s", p)
	}
}

func TestIdentityOfAnotherServer(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, `{}`))
	if _, err := o.Identity(t.Context()); ClassOf(err) != AskPerson {
		t.Errorf("error = %v", err)
	}
}

func TestTimestampRefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, s := range []string{`"yesterday"`, `5`, `"2026-11-22"`} {
		var ts Timestamp
		if err := json.Unmarshal([]byte(s), &ts); err == nil {
			t.Errorf("%s was read as %v", s, ts)
		}
	}
}

func TestTokensAreHidden(t *testing.T) {
	t.Parallel()
	tok := Token{Access: "00Dxx!secret", InstanceURL: "https://acme.my.salesforce.com"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", tok, "static", StaticToken(tok))
	for _, s := range []string{
		fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v", tok, tok, tok), fmt.Sprintf("%+v %#v", StaticToken(tok), StaticToken(tok)), log.String(),
	} {
		if strings.Contains(s, "secret") {
			t.Errorf("the session shows: %s", s)
		}
	}
}

func TestLimitInfo(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][2]int{
		"api-usage=18/15000": {18, 15000},
		"api-usage=18/15000; per-app-api-usage=17/250(appName=x)": {18, 15000},
		"per-app-api-usage=17/250(appName=x);api-usage=1/2":       {1, 2},
		"api-usage=18": {}, "": {}, "api-usage=x/y": {},
	} {
		used, limit, ok := limitInfo(map[string][]string{"Sforce-Limit-Info": {value}})
		if ok != (want != [2]int{}) || ok && [2]int{used, limit} != want {
			t.Errorf("%q: %d/%d %v", value, used, limit, ok)
		}
	}
}
