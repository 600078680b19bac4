package salesforce

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// org is a server that answers what a test says, with a client for it.
type org struct {
	*Client
	url  string
	book *book
	mu   sync.Mutex
	seen []*http.Request
}

// book is a meter and a token source that count.
type book struct {
	mu        sync.Mutex
	uses      []Use
	used, max int
	refreshes int
	url       string
	broken    error // what Refresh fails with
}

func (b *book) Begin(context.Context) func() { return func() {} }

func (b *book) Charge(u Use) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.uses = append(b.uses, u)
}

func (b *book) Usage(used, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used, b.max = used, limit
}

func (b *book) Token(context.Context) (Token, error) {
	return Token{Access: "00Dxx!old", InstanceURL: b.url}, nil
}

func (b *book) Refresh(context.Context, Token) (Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refreshes++
	if b.broken != nil {
		return Token{}, b.broken
	}
	return Token{Access: "00Dxx!new", InstanceURL: b.url}, nil
}

func (b *book) charged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.uses)
}

// newOrg starts a server with the handler; change may adjust the client.
func newOrg(t *testing.T, handler http.HandlerFunc, change ...func(*Config)) *org {
	t.Helper()
	o := &org{book: &book{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.seen = append(o.seen, r)
		o.mu.Unlock()
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Sforce-Limit-Info", "api-usage=18/15000")
		handler(w, r)
	}))
	o.url, o.book.url = srv.URL, srv.URL
	hc := NewHTTPClient(DialPolicy{AllowInsecure: true})
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	cfg := Config{
		Tokens: o.book, Meter: o.book, HTTP: hc, CallClient: "syncline-test",
		MaxRetries: 2, RetryBase: time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	o.Client = New(cfg)
	return o
}

func (o *org) requests() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen)
}

// answer replies with a status and a body.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// inTurn gives the first request to the first handler and so on; the last one
// takes the rest.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	}
}

// hangUp closes the connection without a reply.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cutAfter promises the whole body and breaks off after n bytes.
func cutAfter(n int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte(body[:n]))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
