package salesforce

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// trace follows one round trip to tell what the org may have seen of it. The
// HTTP transport may try twice on its own (a kept connection had been closed);
// each try that was written counts.
type trace struct {
	mu    sync.Mutex
	tries []try
	wrote func()    // called once, when the reply begins to arrive
	until time.Time // if set, nothing is written any more from then on
	late  bool      // until had passed
}

// try is one writing of the request.
type try struct {
	// failed: it did not go out whole, so the org cannot have acted on it.
	failed bool
	// conn is nil if the connection is not one of ours; from is what had been
	// written to it before.
	conn *wireConn
	from int64
}

// mayHaveArrived is true unless it is certain that the request did not go out.
// WroteRequest alone does not tell: it fires before the last buffer is flushed.
func (t try) mayHaveArrived() bool {
	return !t.failed && (t.conn == nil || t.conn.written.Load() > t.from)
}

// wireConn counts what goes out.
type wireConn struct {
	net.Conn
	written atomic.Int64
}

func (c *wireConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// wireOf finds the counted connection below TLS.
func wireOf(conn net.Conn) *wireConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	w, _ := conn.(*wireConn)
	return w
}

// gotConn is the last moment before the request is written. Closing the
// connection is the one way to keep it from going out.
func (t *trace) gotConn(info httptrace.GotConnInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := try{failed: expired(t.until), conn: wireOf(info.Conn)}
	if a.conn != nil {
		a.from = a.conn.written.Load()
	}
	t.tries = append(t.tries, a)
	if a.failed {
		t.late = true
		_ = info.Conn.Close() // whatever it says, nothing can be written now
	}
}

func (t *trace) wasLate() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.late
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: t.gotConn,
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if n := len(t.tries); n > 0 && info.Err != nil {
				t.tries[n-1].failed = true
			}
		},
		GotFirstResponseByte: t.answered,
	}
}

// answered calls the hook of the request's owner, once.
func (t *trace) answered() {
	t.mu.Lock()
	f := t.wrote
	t.wrote = nil
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

// sent is the number of requests that reached the org or may have.
func (t *trace) sent(gotReply bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for i, a := range t.tries {
		if a.mayHaveArrived() || gotReply && i == len(t.tries)-1 {
			n++
		}
	}
	if n == 0 && gotReply {
		n = 1
	}
	return n
}
