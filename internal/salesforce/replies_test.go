package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"
)

const countReply = `{"totalSize":7,"done":true,"records":[]}`

func gzipOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := gzipped([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asksToWait(value string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", value)
		h(w, r)
	}
}

func html(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><head><title>Edge is\n starting</title></head></html>"))
	}
}

func zipped(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b)
	}
}

// The catalogue, told by what the org answers: which class, and how many
// requests a read spends on it (MaxRetries is 2).
func TestBadReplies(t *testing.T) {
	t.Parallel()
	whole := gzipOf(t, countReply)
	broken := append([]byte(nil), whole...)
	broken[len(broken)-5] ^= 0xff // in the checksum
	tests := []struct {
		name     string
		reply    http.HandlerFunc
		class    Class
		code     string
		requests int
	}{
		{"daily limit", answer(403, `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`), RetryLater, "REQUEST_LIMIT_EXCEEDED", 1},
		{"too many at once", answer(403, `[{"message":"ConcurrentRequests (Concurrent API Requests) Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`), RetrySoon, "REQUEST_LIMIT_EXCEEDED", 3},
		{"api disabled", answer(403, `[{"message":"The REST API is not enabled for this Organization.","errorCode":"API_DISABLED_FOR_ORG"}]`), AskPerson, "API_DISABLED_FOR_ORG", 1},
		{"field gone", answer(400, `[{"errorCode":"INVALID_FIELD","message":"No such column 'Foo' on entity 'Account'."}]`), Redescribe, "INVALID_FIELD", 1},
		{"object gone", answer(400, `[{"errorCode":"INVALID_TYPE","message":"sObject type 'X' is not supported."}]`), Redescribe, "INVALID_TYPE", 1},
		{"cursor expired", answer(400, `[{"errorCode":"INVALID_QUERY_LOCATOR","message":"invalid query locator"}]`), RetrySoon, "INVALID_QUERY_LOCATOR", 1},
		{"query too slow", answer(400, `[{"errorCode":"QUERY_TIMEOUT","message":"Your query request was running for too long."}]`), RetrySoon, "QUERY_TIMEOUT", 1},
		{"wrong query", answer(400, `[{"errorCode":"MALFORMED_QUERY","message":"unexpected token: 'x'"}]`), AskPerson, "MALFORMED_QUERY", 1},
		{"unknown code, 400", answer(400, `[{"errorCode":"SOMETHING_NEW","message":"x"}]`), AskPerson, "SOMETHING_NEW", 1},
		{"unknown code, 500", answer(500, `[{"errorCode":"SOMETHING_NEW","message":"x"}]`), RetrySoon, "SOMETHING_NEW", 3},
		{"maintenance", answer(503, `[{"errorCode":"SERVER_UNAVAILABLE","message":"temporarily unavailable"}]`), RetryLater, "SERVER_UNAVAILABLE", 1},
		{"503 as HTML", html(503), RetrySoon, CodeHTTP, 3},
		{"420 as HTML", html(420), RetrySoon, CodeHTTP, 3},
		{"502 without a body", answer(502, ""), RetrySoon, CodeHTTP, 3},
		{"429, soon", asksToWait("0", answer(429, "")), RetrySoon, CodeHTTP, 3},
		{"429, in an hour", asksToWait("3600", answer(429, "")), RetryLater, CodeHTTP, 1},
		{"version retired", answer(410, `[{"errorCode":"UNSUPPORTED_API_VERSION","message":"gone"}]`), AskPerson, "UNSUPPORTED_API_VERSION", 1},
		{"query too long", answer(414, ""), RetrySoon, CodeHTTP, 1},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://evil.example/", 302) }, Reauthorize, CodeMoved, 1},
		{"HTML with 200", html(200), RetrySoon, CodeBadReply, 3},
		{"empty body with 200", answer(200, ""), RetrySoon, CodeBadReply, 3},
		{"JSON that ends early", answer(200, countReply[:20]), RetrySoon, CodeBadReply, 3},
		{"not JSON", answer(200, `nonsense`), AskPerson, CodeBadReply, 1},
		{"two replies in one", answer(200, countReply+countReply), RetrySoon, CodeBadReply, 3},
		{"connection cut in the body", cutAfter(20, countReply), RetrySoon, CodeBadReply, 3},
		{"gzip cut", zipped(whole[:len(whole)-10]), RetrySoon, CodeBadReply, 3},
		{"gzip without its checksum", zipped(whole[:len(whole)-8]), RetrySoon, CodeBadReply, 3},
		{"gzip damaged", zipped(broken), RetrySoon, CodeBadReply, 3},
		{"not gzip at all", zipped([]byte(countReply)), RetrySoon, CodeBadReply, 3},
		{"no reply", hangUp, RetrySoon, CodeNoReply, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, tt.reply)
			_, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error = %v, want *Error", err)
			}
			if e.Class != tt.class || e.Code != tt.code {
				t.Errorf("class, code = %v, %s (%v), want %v, %s", e.Class, e.Code, err, tt.class, tt.code)
			}
			if !e.Sent {
				t.Error("Sent = false")
			}
			if n := o.requests(); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			if n := o.book.charged(); n != tt.requests {
				t.Errorf("%d charged, want %d", n, tt.requests)
			}
		})
	}
}

func TestReadRecovers(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]http.HandlerFunc{
		"503":      answer(503, "<html>"),
		"cut":      cutAfter(10, countReply),
		"no reply": hangUp,
		"bad gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		},
		"lock, 400": answer(400, `[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"x"}]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, inTurn(first, answer(200, countReply)))
			n, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
			if n != 7 || err != nil {
				t.Fatalf("count = %d, %v", n, err)
			}
		})
	}
}

func TestConnectFails(t *testing.T) {
	t.Parallel()
	o := newOrg(t, answer(200, countReply))
	o.book.url = "http://127.0.0.77:1" // nobody is there
	_, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != CodeConnect || e.Class != RetrySoon || e.Sent {
		t.Fatalf("error = %#v", err)
	}
	if o.book.charged() != 0 {
		t.Errorf("%d calls charged that never went out", o.book.charged())
	}
}

const expiredSession = `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`

func TestSessionIsRenewedOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		reply     http.HandlerFunc
		broken    error
		refreshes int
		requests  int
		class     Class // 0 for success
	}{
		{"expired", inTurn(answer(401, expiredSession), answer(200, countReply)), nil, 1, 2, 0},
		{"expired for good", answer(401, expiredSession), nil, 1, 2, Reauthorize},
		{"not for REST", answer(401, `[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]`), nil, 0, 1, AskPerson},
		{"not attached", answer(401, `[{"message":"Connected app is not attached to Agent","errorCode":"INVALID_SESSION_ID"}]`), nil, 0, 1, AskPerson},
		{"401 without text", answer(401, ``), nil, 1, 2, Reauthorize},
		{"token revoked", answer(401, expiredSession), &Error{Status: 400, Code: "invalid_grant", Class: Reauthorize}, 1, 1, Reauthorize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, tt.reply)
			o.book.broken = tt.broken
			_, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
			if got := ClassOf(err); got != tt.class || (err != nil) != (tt.class != 0) {
				t.Errorf("error = %v (%v), want class %v", err, got, tt.class)
			}
			if o.book.refreshes != tt.refreshes || o.requests() != tt.requests {
				t.Errorf("%d refreshes and %d requests, want %d and %d", o.book.refreshes, o.requests(), tt.refreshes, tt.requests)
			}
		})
	}
}

func TestCallerEndsCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := newOrg(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := o.Count(ctx, "SELECT COUNT() FROM Account", false)
	if !errors.Is(err, context.Canceled) || o.requests() != 1 {
		t.Fatalf("error = %v after %d requests, want context.Canceled after 1", err, o.requests())
	}
}

func TestSlowOrg(t *testing.T) {
	t.Parallel()
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stalls := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(countReply[:10]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	drips := func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	for name, tt := range map[string]struct {
		reply http.HandlerFunc
		code  string
	}{
		"no reply": {silent, CodeTimeout}, "stalls": {stalls, CodeBadReply}, "one byte at a time": {drips, CodeBadReply},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrg(t, tt.reply, func(c *Config) {
				c.StallTimeout, c.MaxRetries = 50*time.Millisecond, -1
				if tt.code == CodeTimeout {
					c.ReadTimeout = 50 * time.Millisecond
				}
			})
			_, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
			if !IsCode(err, tt.code) || ClassOf(err) != RetrySoon {
				t.Fatalf("error = %v, want %s", err, tt.code)
			}
		})
	}
}

func TestLinksStayOnTheInstance(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"https://evil.example/services/data/v64.0/query/0r8-2000",
		"//evil.example/query/0r8-2000",
		"http://user@127.0.0.1/query",
		"query/0r8-2000",
	} {
		body, _ := json.Marshal(map[string]any{"totalSize": 9, "done": false, "nextRecordsUrl": link, "records": []any{}})
		o := newOrg(t, answer(200, string(body)))
		if _, err := o.QueryMaps(t.Context(), "SELECT Id FROM Account", false); ClassOf(err) != AskPerson || o.requests() != 1 {
			t.Errorf("link %s: error = %v after %d requests", link, err, o.requests())
		}
	}
}

func TestRowClass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code, message string
		want          Class
	}{
		{"UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", RetrySoon},
		{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: execution of AfterUpdate caused by: System.DmlException: Update failed. first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access", RetrySoon},
		{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.LimitException: Apex CPU time limit exceeded", RetrySoon},
		{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException: Attempt to de-reference a null object", AskPerson},
		{"FIELD_CUSTOM_VALIDATION_EXCEPTION", "Name must not be x", AskPerson},
		{"DUPLICATE_VALUE", "duplicate value found", AskPerson},
		{"INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: CreatedDate.", Redescribe},
		{"ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back", RetrySoon},
		{"REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", RetryLater},
		{"A_CODE_OF_TOMORROW", "", AskPerson},
	}
	for _, tt := range tests {
		if got := RowClass(tt.code, tt.message); got != tt.want {
			t.Errorf("RowClass(%s, %.30s) = %v, want %v", tt.code, tt.message, got, tt.want)
		}
	}
}
