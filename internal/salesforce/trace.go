package salesforce

import (
	"net/http/httptrace"
	"sync"
)

// trace follows one round trip to tell what the org may have seen of it. The
// HTTP transport may try twice on its own (a kept connection had been closed);
// each try that was written counts.
type trace struct {
	mu    sync.Mutex
	tries []try
	wrote func() // called once, when the request was written in full
}

type try struct{ done, failed bool }

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.tries = append(t.tries, try{})
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				t.written()
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if n := len(t.tries); n > 0 {
				t.tries[n-1] = try{done: true, failed: info.Err != nil}
			}
		},
	}
}

// written calls the hook of the request's owner, once.
func (t *trace) written() {
	t.mu.Lock()
	f := t.wrote
	t.wrote = nil
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

// sent is the number of requests that reached the org or may have. A try whose
// writing was neither finished nor failed counts: it may have gone out whole.
func (t *trace) sent(gotReply bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for i, a := range t.tries {
		if !a.failed || gotReply && i == len(t.tries)-1 {
			n++
		}
	}
	if n == 0 && gotReply {
		n = 1
	}
	return n
}
