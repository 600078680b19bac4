package salesforce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/sandbox"
)

// rig is a sandbox org and a client of it, with the ledger and the token source
// of the product.
type rig struct {
	*salesforce.Client
	t      *testing.T
	org    *sandbox.Server
	ledger *budget.Ledger
}

// vault keeps one grant in memory.
type vault struct {
	mu    sync.Mutex
	grant auth.Grant
	creds auth.Credentials
}

func (v *vault) WithGrant(_ context.Context, _ uuid.UUID, fn func(auth.Grant, auth.Credentials) (auth.Grant, error)) (auth.Grant, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g, err := fn(v.grant, v.creds)
	if err == nil {
		v.grant = g
	}
	return g, err
}

type noSink struct{}

func (noSink) SaveCalls(context.Context, budget.Save) error { return nil }

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		_ = s.Close()
	})
	v := &vault{creds: auth.Credentials{
		Flow: auth.FlowClientCredentials, LoginURL: s.URL(), ClientID: s.Clients[0].ID, ClientSecret: s.Clients[0].Secret,
	}}
	ledger := budget.NewLedger(uuid.New(), noSink{}, nil)
	return &rig{t: t, org: s, ledger: ledger, Client: salesforce.New(salesforce.Config{
		Tokens: auth.NewSource(v, uuid.New(), hc), Meter: ledger, HTTP: hc,
		CallClient: "syncline", RetryBase: time.Millisecond, MaxRetries: 2,
	})}
}

// control calls the org's control plane.
func (r *rig) control(method, endpoint, body string) []byte {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.org.ControlURL(endpoint), strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		r.t.Fatalf("%s %s: %s %s %v", method, endpoint, resp.Status, b, err)
	}
	return b
}

// orgCalls is how many calls of ours the org counted.
func (r *rig) orgCalls() int64 {
	r.t.Helper()
	var report struct{ Totals map[string]int64 }
	if err := json.Unmarshal(r.control("GET", "calls", ""), &report); err != nil {
		r.t.Fatal(err)
	}
	return report.Totals[r.org.Clients[0].ID]
}

func accountLayout() *record.Layout {
	return record.NewLayout([]record.Column{
		{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}},
		{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text, Length: 255}},
		{Field: "External_ID__c", Name: "external_id__c", Type: record.Type{Kind: record.Text, Length: 255}},
		{Field: "SystemModstamp", Name: "systemmodstamp", Type: record.Type{Kind: record.Timestamp}},
	})
}

func accountBodies(n int) []json.RawMessage {
	var out []json.RawMessage
	for i := range n {
		out = append(out, json.RawMessage(fmt.Sprintf(`{"attributes":{"type":"Account"},"Name":"Account %d","External_ID__c":"x-%d"}`, i, i)))
	}
	return out
}

// The client and the sandbox org, end to end; at the end ledger and org agree
// on the number of calls.
func TestAgainstSandbox(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := salesforce.WithUse(t.Context(), "Account", "test")

	who, err := r.Identity(ctx)
	if err != nil || who.OrgID == "" || who.Username == "" {
		t.Fatalf("identity = %+v, %v", who, err)
	}
	if o, err := r.Organization(ctx); err != nil || len(o.ID) != 18 {
		t.Fatalf("organization = %+v, %v", o, err)
	}
	if obj, err := r.Describe(ctx, "account"); err != nil || obj.Field("External_ID__c") == nil {
		t.Fatalf("describe: %v", err)
	}
	if _, err := r.Describe(ctx, "Nothing__c"); !errors.Is(err, sobject.ErrUnknown) {
		t.Errorf("describe of nothing: %v", err)
	}
	if list, err := r.DescribeGlobal(ctx); err != nil || len(list) == 0 {
		t.Fatalf("%d objects, %v", len(list), err)
	}

	ids := r.writeAll(ctx)
	r.readAll(ctx, ids)
	r.askAround(ctx)

	if total, counted := r.ledger.Total(), r.orgCalls(); total != counted {
		t.Errorf("the ledger has %d calls, the org %d: %v", total, counted, r.ledger.Totals())
	}
	if u := r.ledger.Org(); u.Used == 0 || u.Max == 0 {
		t.Errorf("usage = %+v", u)
	}
}

// writeAll inserts 450 accounts, upserts, updates and deletes some, and returns
// the Ids that are left.
func (r *rig) writeAll(ctx context.Context) []string {
	r.t.Helper()
	var ids []string
	write := func(w salesforce.WriteRequest) []salesforce.Result {
		r.t.Helper()
		w.Object = "Account"
		res, err := r.Write(ctx, w)
		if err != nil {
			r.t.Fatal(err)
		}
		return res
	}
	bodies := accountBodies(450)
	for from := 0; from < len(bodies); from += salesforce.MaxWrite {
		for i, res := range write(salesforce.WriteRequest{Op: salesforce.Insert, Records: bodies[from:min(from+salesforce.MaxWrite, len(bodies))]}) {
			if !res.Success {
				r.t.Fatalf("record %d: %v", i, res.Errors)
			}
			ids = append(ids, res.ID)
		}
	}
	up := write(salesforce.WriteRequest{Op: salesforce.Upsert, ExternalIDField: "External_ID__c", Records: []json.RawMessage{
		json.RawMessage(`{"attributes":{"type":"Account"},"Name":"Zürich","External_ID__c":"x-0"}`),
		json.RawMessage(`{"attributes":{"type":"Account"},"External_ID__c":"new"}`),
	}})
	if !up[0].Success || up[0].Created || up[0].ID != ids[0] {
		r.t.Errorf("upsert of a known record = %+v", up[0])
	}
	if up[1].Success || up[1].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" || up[1].Errors[0].Class() != salesforce.AskPerson {
		r.t.Errorf("upsert without a name = %+v", up[1])
	}
	del := write(salesforce.WriteRequest{Op: salesforce.Delete, IDs: []string{ids[449], ids[449][:15] + "XXX"}})
	if !del[0].Success {
		r.t.Errorf("delete = %+v", del)
	}
	return ids[:449]
}

// readAll reads the accounts by every way and finds the same.
func (r *rig) readAll(ctx context.Context, ids []string) {
	r.t.Helper()
	for name, soql := range map[string]string{
		"plain": "SELECT Id, Name, External_ID__c, SystemModstamp FROM Account ORDER BY Id",
		"long": "SELECT Id, Name, External_ID__c, SystemModstamp FROM Account WHERE Name != '" + strings.Repeat("x", 3900) +
			"' AND Name != '" + strings.Repeat("y", 3900) + "' AND Name != '" + strings.Repeat("z", 3900) + "' AND Name != '" + strings.Repeat("ä", 500) + "' ORDER BY Id",
	} {
		b := record.NewBatch(accountLayout())
		page, err := r.Query(ctx, soql, false, b)
		for err == nil && !page.Done {
			page, err = r.More(ctx, page.Next, b)
		}
		if err != nil || b.Len() != len(ids) || page.ServerDate.IsZero() {
			r.t.Fatalf("%s: %d rows of %d, %v", name, b.Len(), len(ids), err)
		}
		for i, id := range ids {
			if got := b.Value(i, 0).String(); got != id {
				r.t.Fatalf("%s: row %d is %s, want %s", name, i, got, id)
			}
		}
		if got := b.Value(0, 1).String(); got != "Zürich" {
			r.t.Errorf("%s: the name is %q", name, got)
		}
	}
	if n, err := r.Count(ctx, "SELECT COUNT() FROM Account", true); n != len(ids)+1 || err != nil {
		r.t.Errorf("count with deleted ones = %d, %v", n, err)
	}
	b := record.NewBatch(accountLayout())
	gone := "001000000000000AAA"
	missing, page, err := r.Retrieve(ctx, "Account", []string{ids[3], gone, ids[1]}, b)
	if err != nil || len(missing) != 1 || missing[0] != gone || page.Rows != 2 || b.Value(1, 0).String() != ids[1] {
		r.t.Errorf("retrieve: missing %v, %+v, %v", missing, page, err)
	}
}

// askAround calls what is left.
func (r *rig) askAround(ctx context.Context) {
	r.t.Helper()
	if l, err := r.Limits(ctx); err != nil || l["DailyApiRequests"].Max == 0 {
		r.t.Errorf("limits = %v, %v", l, err)
	}
	if n, err := r.RecordCount(ctx, "Account"); err != nil || n["Account"] == 0 {
		r.t.Errorf("record count = %v, %v", n, err)
	}
	now := time.Now().Add(r.Skew())
	up, err := r.Updated(ctx, "Account", now.Add(-time.Hour), now.Add(2*time.Minute))
	if err != nil || up.LatestDateCovered.IsZero() {
		r.t.Errorf("updated: %+v, %v", up, err)
	}
	del, err := r.Deleted(ctx, "Account", now.Add(-time.Hour), now.Add(2*time.Minute))
	if err != nil || del.LatestDateCovered.IsZero() {
		r.t.Errorf("deleted: %+v, %v", del, err)
	}
	b := record.NewBatch(accountLayout())
	if _, err := r.Query(ctx, "SELECT Id, Foo__c FROM Account", false, b); salesforce.ClassOf(err) != salesforce.Redescribe {
		r.t.Errorf("unknown field: %v", err)
	}
	if _, err := r.More(ctx, "/services/data/v64.0/query/0r8000000000000AAA-2000", b); !salesforce.CursorExpired(err) {
		r.t.Errorf("unknown cursor: %v", err)
	}
}

// Faults of the org: reads get over them, writes tell what is known.
func TestSandboxFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	fault := func(body string) {
		t.Helper()
		r.control("DELETE", "faults", "")
		r.control("POST", "faults", body)
	}
	insert := func(n int) error {
		_, err := r.Write(t.Context(), salesforce.WriteRequest{
			Op: salesforce.Insert, Object: "Account", Records: accountBodies(n + 1)[n:],
		})
		return err
	}
	if err := insert(0); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"html", "session", "drop_before", "drop_after", "cut_body", "cut_gzip"} {
		fault(fmt.Sprintf(`{"kind":%q,"path":"/sobjects/Account/describe","count":1,"bytes":300}`, kind))
		if _, err := r.Describe(t.Context(), "Account"); err != nil {
			t.Errorf("read under %s: %v", kind, err)
		}
	}
	for i, tt := range []struct {
		kind             string
		fails, committed bool
	}{
		{"drop_before", true, false},
		{"drop_after", true, true},
		{"cut_body", true, true},
		{"html", true, false},
		{"session", false, true},
	} {
		fault(fmt.Sprintf(`{"kind":%q,"path":"/composite/sobjects","count":1,"bytes":5}`, tt.kind))
		err := insert(i + 1)
		if (err != nil) != tt.fails || salesforce.OutcomeUnknown(err) != tt.fails {
			t.Errorf("write under %s: error = %v, outcome unknown = %v", tt.kind, err, salesforce.OutcomeUnknown(err))
		}
		n, err := r.Count(t.Context(), fmt.Sprintf("SELECT COUNT() FROM Account WHERE External_ID__c = 'x-%d'", i+1), false)
		if err != nil || (n == 1) != tt.committed || n > 1 {
			t.Errorf("write under %s: %d records, %v", tt.kind, n, err)
		}
	}
	if total, counted := r.ledger.Total(), r.orgCalls(); total < counted {
		t.Errorf("the ledger has %d calls, fewer than the org's %d", total, counted)
	}
}

func TestSandboxKnowsItsClients(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	defer hc.CloseIdleConnections()
	_, err := auth.ClientCredentials(t.Context(), hc, r.org.URL(), r.org.Clients[0].ID, "wrong")
	if salesforce.ClassOf(err) != salesforce.Reauthorize || bytes.Contains([]byte(err.Error()), []byte("wrong")) {
		t.Errorf("error = %v", err)
	}
}
