package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func twoAccounts(op Op) WriteRequest {
	return WriteRequest{Op: op, Object: "Account", ExternalIDField: "Ext__c", Records: []json.RawMessage{
		json.RawMessage(`{"attributes":{"type":"Account"},"Name":"a"}`),
		json.RawMessage(`{"attributes":{"type":"Account"},"Name":"b"}`),
	}, IDs: []string{"001000000000001AAA", "001000000000002AAA"}}
}

const twoResults = `[{"id":"001000000000001AAA","success":true,"errors":[],"created":true},
{"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found","fields":["Ext__c"]}]}]`

func TestWrite(t *testing.T) {
	t.Parallel()
	want := []Result{
		{ID: "001000000000001AAA", Success: true, Created: true, Errors: []RowError{}},
		{Errors: []RowError{{StatusCode: "DUPLICATE_VALUE", Message: "duplicate value found", Fields: []string{"Ext__c"}}}},
	}
	for _, tt := range []struct {
		op           Op
		method, path string
	}{
		{Insert, "POST", "/services/data/v64.0/composite/sobjects"},
		{Update, "PATCH", "/services/data/v64.0/composite/sobjects"},
		{Upsert, "PATCH", "/services/data/v64.0/composite/sobjects/Account/Ext__c"},
		{Delete, "DELETE", "/services/data/v64.0/composite/sobjects?allOrNone=false&ids=001000000000001AAA%2C001000000000002AAA"},
	} {
		t.Run(tt.op.String(), func(t *testing.T) {
			t.Parallel()
			var body []byte
			o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ = io.ReadAll(r.Body)
				_, _ = w.Write([]byte(twoResults))
			})
			w := twoAccounts(tt.op)
			w.AssignmentRule = "FALSE"
			var hooks atomic.Int32
			w.BeforeReply = func() { hooks.Add(1) }
			got, err := o.Write(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			r := o.seen[0]
			if r.Method != tt.method || r.URL.RequestURI() != tt.path || r.Header.Get("Sforce-Auto-Assign") != "FALSE" {
				t.Errorf("request = %s %s %v", r.Method, r.URL, r.Header)
			}
			wantBody := `{"allOrNone":false,"records":[{"attributes":{"type":"Account"},"Name":"a"},{"attributes":{"type":"Account"},"Name":"b"}]}`
			if tt.op == Delete {
				wantBody = ""
			}
			if string(body) != wantBody {
				t.Errorf("body = %s", body)
			}
			if hooks.Load() != 1 {
				t.Errorf("BeforeReply ran %d times", hooks.Load())
			}
		})
	}
}

// What a write that failed has told us: sent once at most, and whether it may
// have been committed.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	readThen := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			h(w, r)
		}
	}
	tests := []struct {
		name    string
		reply   http.HandlerFunc
		unknown bool
	}{
		{"no reply", hangUp, true},
		{"reply too late", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
		{"cut in the body", cutAfter(30, twoResults), true},
		{"one result too few", answer(200, `[{"id":"001000000000001AAA","success":true,"errors":[]}]`), true},
		{"a result without a verdict", answer(200, `[{},{}]`), true},
		{"HTML with 200", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }, true},
		{"500", answer(500, `[{"errorCode":"UNKNOWN_EXCEPTION","message":"An unexpected error occurred."}]`), true},
		{"502", answer(502, ``), true},
		{"503 as HTML", answer(503, `<html>`), true},
		{"503, refused", answer(503, `[{"errorCode":"SERVER_UNAVAILABLE","message":"temporarily unavailable"}]`), false},
		{"daily limit", answer(403, `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`), false},
		{"malformed", answer(400, `[{"errorCode":"JSON_PARSER_ERROR","message":"x"}]`), false},
		{"malformed, without a body", answer(400, ``), false},
		{"429", answer(429, ``), false},
		{"408", answer(408, ``), true},
		{"redirect", answer(302, ``), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, readThen(tt.reply), func(c *Config) {
				if tt.name == "reply too late" {
					c.WriteTimeout = 100 * time.Millisecond
				}
			})
			_, err := o.Write(t.Context(), twoAccounts(Insert))
			if err == nil || OutcomeUnknown(err) != tt.unknown {
				t.Errorf("error = %v, outcome unknown = %v, want %v", err, OutcomeUnknown(err), tt.unknown)
			}
			if o.requests() != 1 || o.book.charged() != 1 {
				t.Errorf("%d requests, %d charged, want 1", o.requests(), o.book.charged())
			}
		})
	}
}

func TestWriteIsRepeatedOnlyIfNotHandled(t *testing.T) {
	t.Parallel()
	o := newOrg(t, inTurn(answer(401, expiredSession), answer(200, twoResults)))
	if _, err := o.Write(t.Context(), twoAccounts(Insert)); err != nil || o.requests() != 2 {
		t.Errorf("expired session: %v after %d requests", err, o.requests())
	}
	if o.book.charged() != 1 {
		t.Errorf("%d charged, want 1: a 401 counts for nobody", o.book.charged())
	}
	o.book.url = "http://127.0.0.77:1" // nobody is there
	_, err := o.Write(t.Context(), twoAccounts(Insert))
	if !IsCode(err, CodeConnect) || OutcomeUnknown(err) {
		t.Errorf("no connection: %v, outcome unknown = %v", err, OutcomeUnknown(err))
	}
}

func TestWriteTooLate(t *testing.T) {
	t.Parallel()
	for _, op := range []Op{Insert, Delete} {
		o := newOrg(t, answer(200, twoResults))
		if _, err := o.Write(t.Context(), twoAccounts(op)); err != nil { // leaves a connection
			t.Fatal(err)
		}
		w := twoAccounts(op)
		w.SendBefore = time.Now().Add(-time.Second)
		if _, err := o.Write(t.Context(), w); !errors.Is(err, ErrTooLate) || OutcomeUnknown(err) {
			t.Errorf("%s: error = %v", op, err)
		}
		if o.requests() != 1 || o.book.charged() != 1 {
			t.Errorf("%s: %d requests went out after the first", op, o.requests()-1)
		}
	}
}

// The time runs out while the connection is being made, after the first check.
func TestWriteTooLateWhileConnecting(t *testing.T) {
	t.Parallel()
	for _, op := range []Op{Insert, Delete} {
		var o *org
		until := time.Now().Add(100 * time.Millisecond)
		o = newOrg(t, answer(200, twoResults), func(c *Config) {
			c.HTTP = NewHTTPClient(DialPolicy{AllowInsecure: true, Lookup: func(context.Context, string) ([]netip.Addr, error) {
				<-time.After(time.Until(until) + time.Millisecond)
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}})
		})
		o.book.url = strings.Replace(o.url, "127.0.0.1", "org.test", 1)
		w := twoAccounts(op)
		w.SendBefore = until
		hook := false
		w.BeforeReply = func() { hook = true }
		if _, err := o.Write(t.Context(), w); !errors.Is(err, ErrTooLate) {
			t.Errorf("%s: error = %v", op, err)
		}
		if o.requests() != 0 || o.book.charged() != 0 || hook {
			t.Errorf("%s: %d requests arrived, %d charged", op, o.requests(), o.book.charged())
		}
	}
}

// When BeforeReply runs, the org has done its work.
func TestBeforeReply(t *testing.T) {
	t.Parallel()
	var done atomic.Bool
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		done.Store(true)
		_, _ = w.Write([]byte(twoResults))
	})
	w := twoAccounts(Insert)
	w.BeforeReply = func() {
		if !done.Load() {
			t.Error("the request has not arrived")
		}
	}
	if _, err := o.Write(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

func TestWriteChecksItsRequest(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, twoResults))
	for name, w := range map[string]WriteRequest{
		"nothing":         {Op: Insert, Object: "Account"},
		"too much":        {Op: Insert, Object: "Account", Records: make([]json.RawMessage, MaxWrite+1)},
		"no operation":    {Object: "Account", Records: make([]json.RawMessage, 1)},
		"no upsert field": {Op: Upsert, Object: "Account", Records: make([]json.RawMessage, 1)},
	} {
		if _, err := o.Write(t.Context(), w); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if o.requests() != 0 {
		t.Errorf("%d requests went out", o.requests())
	}
}
