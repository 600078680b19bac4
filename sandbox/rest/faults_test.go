package rest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/sandbox/org"
)

func (f *fixture) fault(body string) { f.control("POST", "faults", body) }

func TestFaultsAnswerInsteadOfTheOrg(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fault(`{"kind":"status","status":403,"path":"/limits$","client":"product","skip":1,"count":1}`)
	want(t, f.call("GET", "/limits", ""), 200)
	want(t, f.call("GET", "/limits", ""), 403, "REQUEST_LIMIT_EXCEEDED")
	want(t, f.call("GET", "/limits", ""), 200)
	f.fault(`{"kind":"html","count":1}`)
	a := f.call("GET", "/limits", "")
	want(t, a, 503, "<html>")
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("content type %s", a.header.Get("Content-Type"))
	}
	f.fault(`{"kind":"status","status":429,"headers":{"Retry-After":"7"},"count":1}`)
	if a := f.call("GET", "/limits", ""); a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("%d, Retry-After %s", a.status, a.header.Get("Retry-After"))
	}
	f.fault(`{"kind":"session","end":true,"count":1}`)
	want(t, f.call("GET", "/limits", ""), 401)
	want(t, f.call("GET", "/limits", ""), 401)
	want(t, answer{200, nil, f.control("GET", "calls", "")}, 200, `"totals":{"product":2}`)
}

func TestDroppedConnections(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	account := mustObject(t, f, "Account")
	for kind, rows := range map[string]int{"drop_before": 0, "drop_after": 1} {
		f.fault(`{"kind":"` + kind + `","method":"POST","path":"/sobjects/Account$","count":1}`)
		before := f.org.Count(account)
		if a, err := f.do(f.token, "POST", "/services/data/v68.0/sobjects/Account", `{"Name":"x"}`); err == nil {
			t.Errorf("%s answered: %d %s", kind, a.status, a.body)
		}
		if n := f.org.Count(account) - before; n != rows {
			t.Errorf("%s created %d rows, want %d", kind, n, rows)
		}
	}
}

func TestLateRequestCommitsAfterTheClientGaveUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, early := range []string{"false", "true"} {
		f.fault(`{"kind":"late","delayMs":30,"earlyStamp":` + early + `,"method":"POST","count":1}`)
		before := f.org.Count(mustObject(t, f, "Account"))
		if _, err := f.do(f.token, "POST", "/services/data/v68.0/sobjects/Account", `{"Name":"late"}`); err == nil {
			t.Error("a late request must not be answered")
		}
		for range 100000 {
			if f.org.Count(mustObject(t, f, "Account")) > before {
				break
			}
			f.call("GET", "/limits", "")
		}
		if n := f.org.Count(mustObject(t, f, "Account")) - before; n != 1 {
			t.Errorf("early %s: %d rows, want 1", early, n)
		}
	}
}

func TestSpoiledBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fault(`{"kind":"cut_body","bytes":100,"path":"describe","count":1}`)
	if a, err := f.do(f.token, "GET", "/services/data/v68.0/sobjects/Account/describe", "", "Accept-Encoding", "identity"); err == nil || len(a.body) > 100 {
		t.Errorf("cut body came as %d bytes, %v", len(a.body), err)
	}
	f.fault(`{"kind":"cut_gzip","path":"describe","count":1}`)
	a := f.call("GET", "/sobjects/Account/describe", "", "Accept-Encoding", "gzip")
	zr, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(zr); err == nil {
		t.Error("the gzip stream should be cut")
	}
	f.fault(`{"kind":"slow_body","bytesPerSecond":1000,"path":"limits","count":1}`)
	want(t, f.call("GET", "/limits", "", "Accept-Encoding", "identity"), 200, "DailyApiRequests")
}

func TestShortTwiceAndStaleReplies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fault(`{"kind":"short_body","bytes":10,"path":"/limits$","count":1}`)
	if a := f.call("GET", "/limits", "", "Accept-Encoding", "identity"); len(a.body) != 10 || a.header.Get("Content-Length") != "10" {
		t.Errorf("short body came as %d bytes, Content-Length %s", len(a.body), a.header.Get("Content-Length"))
	}
	for _, kind := range []string{"twice", "stale"} {
		f.fault(`{"kind":"` + kind + `","path":"/limits$","count":1}`)
		a := f.call("GET", "/limits", "")
		want(t, a, 200, "DailyApiRequests")
		if a.header.Get("Connection") != "" {
			t.Errorf("%s says Connection: %s", kind, a.header.Get("Connection"))
		}
		want(t, f.call("GET", "/limits", ""), 200, "DailyApiRequests") // on a connection of its own
	}
}

func TestBulkPageThatLacksRows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 3 {
		f.create("Account", fmt.Sprintf(`{"Name":"a%d"}`, i))
	}
	j := f.queryJob("SELECT Name FROM Account", "")
	f.fault(`{"kind":"lose_rows","rows":2,"path":"/results$","count":1}`)
	a := f.call("GET", "/jobs/query/"+j.ID+"/results", "")
	if lines := strings.Count(a.body, "\n"); lines != 2 || a.header.Get("Sforce-NumberOfRecords") != "3" {
		t.Errorf("%d lines, Sforce-NumberOfRecords %s", lines, a.header.Get("Sforce-NumberOfRecords"))
	}
}

// A reader that stalls is cut off, one that reads on is not. The reply has to
// be larger than what the network holds on its way.
func TestSlowReadersAreDropped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ended := make(chan struct{}, 1000)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		f.s.ServeHTTP(w, r)
	}))
	srv.Config.ConnContext = WithConn
	srv.Start()
	t.Cleanup(srv.Close)
	f.srv = srv
	if _, err := f.org.Seed(org.SeedPlan{Object: "Account", Rows: 10_000, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	j := f.queryJob("SELECT Id, Name, Description, BillingStreet, Phone, Website FROM Account", "")
	f.fault(`{"kind":"drop_slow","bytesPerSecond":100000000,"delayMs":60000,"path":"/results$","count":1}`)
	quick := f.call("GET", "/jobs/query/"+j.ID+"/results", "", "Accept-Encoding", "identity")
	want(t, quick, 200)
	f.fault(`{"kind":"drop_slow","bytesPerSecond":100000000,"delayMs":50,"path":"/results$"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/services/data/v68.0/jobs/query/"+j.ID+"/results", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	req.Header.Set("Accept-Encoding", "identity")
	for len(ended) > 0 {
		<-ended
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	<-ended // the stall: nothing is read until the org has given up
	got, err := io.ReadAll(res.Body)
	if err == nil || len(got) >= len(quick.body) {
		t.Errorf("%d of %d bytes, %v: want a cut connection", len(got), len(quick.body), err)
	}
}

func TestRowErrorFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fault(`{"kind":"row_error","rows":1,"count":1}`)
	row := `{"attributes":{"type":"Account"},"Name":"x"}`
	a := f.call("POST", "/composite/sobjects", `{"records":[`+row+`,`+row+`]}`)
	want(t, a, 200, `"statusCode":"UNABLE_TO_LOCK_ROW"`, `"success":true`)
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for body, words := range map[string]string{
		`{"kind":"nope"}`:                  `fault kind \"nope\" is unknown`,
		`{"kind":"status"}`:                "must be 200 to 599",
		`{"kind":"delay","path":"("}`:      "fault path",
		`{"kind":"delay","chance":1}`:      "unknown field",
		`{"kind":"delay","probability":2}`: "must be 0 to 1",
	} {
		want(t, f.call("POST", "/_sandbox/faults", body), http.StatusBadRequest, words)
	}
}

func TestGzipRequestAndReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	_, _ = zw.Write([]byte(`{"Name":"zipped"}`))
	_ = zw.Close()
	want(t, f.call("POST", "/sobjects/Account", buf.String(), "Content-Encoding", "gzip"), 201)
	a := f.call("GET", "/sobjects", "", "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Error("reply is not gzip")
	}
}

func TestControlPlaneNeedsItsToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.s.opt.ControlToken = "ctl"
	want(t, f.call("GET", "/_sandbox/calls", ""), 403)
	a, err := f.do("ctl", "GET", "/_sandbox/calls", "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, a, 200)
}

func TestLateVisibilityKeepsTheOldStamp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.control("POST", "switches", `{"lateVisibility":{"minMs":60000,"maxMs":60000,"probability":0,"seed":1,"replyEarly":true}}`)
	f.create("Account", `{"Name":"late"}`)
	want(t, f.call("GET", soqlPath("SELECT Id FROM Account"), ""), 200, `"totalSize":0`)
	f.control("POST", "clock", `{"seconds":3000}`)
	now := f.org.Clock.Now()
	q := "?start=" + now.Add(-2*60*60*1e9).Format("2006-01-02T15:04:05") + "%2B00:00&end=" + now.Format("2006-01-02T15:04:05Z")
	a := f.call("GET", "/sobjects/Account/updated/"+q, "")
	want(t, a, 200, `"ids":[]`)
	covered, err := parseTime(member(t, a, "latestDateCovered"))
	if err != nil || now.Sub(covered).Seconds() < 2999 {
		t.Errorf("latestDateCovered %s passes the open transaction (%v)", covered, err)
	}
}
