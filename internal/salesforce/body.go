package salesforce

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// stallFloor is the number of bytes that must come within StallTimeout of
// waiting. A line that brings one byte a second never falls silent, and never
// ends either.
const stallFloor = 1 << 10

var (
	errStalled      = errors.New("the reply's body stalled")
	errReplyTimeout = errors.New("no reply in time")
	errTrailing     = errors.New("the reply goes on after its JSON ended")
)

// lineReader reads a body off the wire, counts it, and cuts it off when it
// stalls. Only time spent waiting for the org counts: a slow consumer is not
// the org's fault.
type lineReader struct {
	body  io.Reader
	limit time.Duration
	timer *time.Timer
	wire  *atomic.Int64

	waited time.Duration
	got    int
	err    error // the first error that is not io.EOF
}

// newLineReader starts with the timer stopped; cut ends the request.
func newLineReader(body io.Reader, limit time.Duration, wire *atomic.Int64, cut func(error)) *lineReader {
	timer := time.AfterFunc(limit, func() { cut(errStalled) })
	timer.Stop()
	return &lineReader{body: body, limit: limit, timer: timer, wire: wire}
}

func (l *lineReader) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	start := time.Now()
	l.timer.Reset(l.limit)
	n, err := l.body.Read(p)
	l.timer.Stop()
	l.wire.Add(int64(n))
	l.waited += time.Since(start)
	l.got += n
	if err == nil && l.waited > l.limit {
		if l.got < stallFloor {
			err = errStalled
		}
		l.waited, l.got = 0, 0
	}
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// decoded undoes the body's Content-Encoding.
func decoded(h http.Header, line io.Reader) (io.Reader, error) {
	switch enc := h.Get("Content-Encoding"); enc {
	case "", "identity":
		return line, nil
	case "gzip":
		r, err := gzip.NewReader(line)
		if err != nil {
			return nil, fmt.Errorf("read gzip header of reply: %w", unexpected(err))
		}
		return r, nil
	default:
		return nil, fmt.Errorf("reply has the encoding %q, which was not asked for", enc)
	}
}

// unexpected turns an end that came too early into the error for that.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// isGzipError tells a damaged compressed stream.
func isGzipError(err error) bool {
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return true
	}
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}

// drain reads what is left after the JSON: white space only. It finds a cut
// gzip trailer, and lets the connection be used again.
func drain(r io.Reader) error {
	buf := make([]byte, 512)
	for {
		n, err := r.Read(buf)
		if len(bytes.TrimSpace(buf[:n])) > 0 {
			return errTrailing
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// decodeJSON reads one JSON value that is small enough to hold, and nothing
// after it.
func decodeJSON(r io.Reader, out any) error {
	dec := json.NewDecoder(r)
	if err := dec.Decode(out); err != nil {
		return unexpected(err)
	}
	return drain(io.MultiReader(dec.Buffered(), r))
}

// gzipped compresses a request body.
func gzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	return out.Bytes(), nil
}
