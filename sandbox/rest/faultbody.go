package rest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// spoils says whether the fault touches the bytes of the reply.
func (f *fault) spoils() bool {
	if f == nil {
		return false
	}
	switch f.Kind {
	case faultSlowBody, faultCutBody, faultCutGzip, faultShort, faultTwice, faultStale:
		return true
	}
	return false
}

// write sends a spoiled reply.
func (f *fault) write(ctx context.Context, w http.ResponseWriter, status int, body []byte) {
	cut := min(f.Bytes, len(body))
	if f.Bytes == 0 {
		cut = len(body) / 2
	}
	switch f.Kind {
	case faultTwice:
		raw(w, status, body, 2)
		return
	case faultStale:
		raw(w, status, body, 1)
		return
	case faultCutGzip, faultShort:
		body = body[:cut]
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	switch f.Kind {
	case faultCutBody:
		_, _ = w.Write(body[:cut])
		flush(w)
		panic(http.ErrAbortHandler)
	case faultSlowBody:
		f.drip(ctx, w, body)
	default:
		_, _ = w.Write(body) // a client that went away is not the org's problem
	}
}

// raw takes the connection over, writes the reply so many times as if more
// could follow, and closes it. On HTTP/2, which can't do that, it drops the
// call.
func raw(w http.ResponseWriter, status int, body []byte, times int) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var b bytes.Buffer
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	for range times {
		fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
		_ = w.Header().Write(&b) // a bytes.Buffer takes everything
		b.WriteString("\r\n")
		b.Write(body)
	}
	_, _ = conn.Write(b.Bytes()) // as above
	_ = conn.Close()
}

func flush(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush() // best effort: the connection is going down
}

// drip sends a body in ten pieces a second.
func (f *fault) drip(ctx context.Context, w http.ResponseWriter, body []byte) {
	piece := max(f.BytesPerSecond/10, 1)
	for len(body) > 0 && ctx.Err() == nil {
		n := min(piece, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		flush(w)
		body = body[n:]
		if len(body) > 0 {
			pause(ctx, 100)
		}
	}
}

type connKey struct{}

// WithConn notes a request's connection in its context, for an http.Server's
// ConnContext. The fault drop_slow needs it.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

const (
	// defaultPatience is how far a reader may fall behind if the fault does not
	// say.
	defaultPatience = 5 * time.Second
	// sendPiece is how much is sent between two looks at the clock, sendBuffer
	// how much the kernel may take off our hands meanwhile.
	sendPiece, sendBuffer = 16 << 10, 16 << 10
)

// impatient is a reply that breaks off when it is read too slowly: when the
// time spent waiting for the reader is more than patience longer than the rate
// allows. What the network holds on its way is not seen.
type impatient struct {
	http.ResponseWriter
	rate     float64 // bytes a second
	patience time.Duration
	behind   time.Duration
	err      error
}

// impatience is the reply's writer under a fault that drops slow readers.
func (f *fault) impatience(w http.ResponseWriter, r *http.Request) *impatient {
	if c, ok := r.Context().Value(connKey{}).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = c.SetWriteBuffer(sendBuffer) // without it, a stall shows later
	}
	p := &impatient{ResponseWriter: w, rate: float64(f.BytesPerSecond), patience: time.Duration(f.DelayMS) * time.Millisecond}
	if p.patience == 0 {
		p.patience = defaultPatience
	}
	return p
}

// Write implements io.Writer.
func (p *impatient) Write(b []byte) (n int, err error) {
	control := http.NewResponseController(p.ResponseWriter)
	for len(b) > 0 && p.err == nil {
		piece := b[:min(len(b), sendPiece)]
		allowed := time.Duration(float64(len(piece)) / p.rate * float64(time.Second))
		begin := time.Now()
		if p.err = control.SetWriteDeadline(begin.Add(p.patience - p.behind + allowed)); p.err != nil {
			break
		}
		var k int
		if k, p.err = p.ResponseWriter.Write(piece); p.err == nil {
			p.err = control.Flush()
		}
		p.behind = max(0, p.behind+time.Since(begin)-allowed)
		n, b = n+k, b[k:]
	}
	return n, p.err
}

// end lets the connection go on if the reader was quick enough, and drops it
// otherwise.
func (p *impatient) end() {
	if p.err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Time{}) // fails on a connection that is gone
}
