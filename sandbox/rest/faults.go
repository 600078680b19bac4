package rest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// The kinds of faults.
const (
	faultStatus     = "status"      // reply with Status and an error array or Body
	faultHTML       = "html"        // 503 (or Status) with an HTML page
	faultSession    = "session"     // 401; End also ends the session for good
	faultDropBefore = "drop_before" // connection closed, nothing done
	faultDropAfter  = "drop_after"  // done, then connection closed without a reply
	faultLate       = "late"        // connection closed, done DelayMS later
	faultDelay      = "delay"       // handled DelayMS later
	faultSlowBody   = "slow_body"   // reply at BytesPerSecond
	faultDropSlow   = "drop_slow"   // connection closed when the reply is read slower than BytesPerSecond
	faultCutBody    = "cut_body"    // reply ends after Bytes, connection closed
	faultCutGzip    = "cut_gzip"    // complete HTTP reply, its gzip stream cut
	faultShort      = "short_body"  // complete HTTP reply that says it has Bytes bytes and has no more
	faultTwice      = "twice"       // the reply comes twice on the connection
	faultStale      = "stale"       // the connection ends after the reply without a word
	faultLoseRows   = "lose_rows"   // a page of Bulk results lacks its last Rows rows
	faultRowError   = "row_error"   // Rows records of a write fail with Code
	faultCutStream  = "cut_stream"  // a stream of events ends after Rows events
	faultJobFails   = "job_fails"   // the Bulk job started ends Failed after Rows rows
)

var faultKinds = []string{
	faultStatus, faultHTML, faultSession, faultDropBefore, faultDropAfter, faultLate, faultDelay, faultSlowBody,
	faultDropSlow, faultCutBody, faultCutGzip, faultShort, faultTwice, faultStale, faultLoseRows, faultRowError,
	faultJobFails, faultCutStream,
}

// fault is one fault in force: which calls it meets and what it does to them.
type fault struct {
	ID     int    `json:"id"`
	Kind   string `json:"kind"`
	Method string `json:"method,omitempty"`
	// Path is a regular expression over the request's path, without doubled
	// and trailing slashes.
	Path string `json:"path,omitempty"`
	// Client is the id or name of an OAuth client; "" meets all.
	Client string `json:"client,omitempty"`
	// Skip lets so many matching calls pass first; Count is how many are met
	// then, 0 is all.
	Skip        int     `json:"skip,omitempty"`
	Count       int     `json:"count,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`

	Status  int               `json:"status,omitempty"`
	Body    string            `json:"body,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	End     bool              `json:"end,omitempty"`
	DelayMS int               `json:"delayMs,omitempty"`
	// HoldMS is how long a late call keeps its connection before closing it.
	HoldMS int `json:"holdMs,omitempty"`
	// EarlyStamp makes a late call take its stamps on arrival.
	EarlyStamp     bool `json:"earlyStamp,omitempty"`
	Bytes          int  `json:"bytes,omitempty"`
	BytesPerSecond int  `json:"bytesPerSecond,omitempty"`
	Rows           int  `json:"rows,omitempty"`

	Seen int `json:"seen"`
	Hits int `json:"hits"`

	path *regexp.Regexp
	rand *rand.Rand
}

// faults are those in force, in the order of their coming.
type faults struct {
	mu   sync.Mutex
	list []*fault
	last int
}

func newFaults() *faults { return &faults{} }

// add checks a fault and puts it in force.
func (fs *faults) add(f fault) (fault, error) {
	if !slices.Contains(faultKinds, f.Kind) {
		return f, fmt.Errorf("fault kind %q is unknown, must be one of %s", f.Kind, strings.Join(faultKinds, ", "))
	}
	if (f.Kind == faultDropSlow || f.Kind == faultSlowBody) && f.BytesPerSecond <= 0 {
		return f, fmt.Errorf("fault %s needs bytesPerSecond", f.Kind)
	}
	if f.Kind == faultStatus && (f.Status < 200 || f.Status > 599) {
		return f, fmt.Errorf("fault status is %d, must be 200 to 599", f.Status)
	}
	if f.Probability < 0 || f.Probability > 1 {
		return f, fmt.Errorf("fault probability is %v, must be 0 to 1", f.Probability)
	}
	path, err := regexp.Compile(f.Path)
	if err != nil {
		return f, fmt.Errorf("fault path: %w", err)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.last++
	f.ID, f.path, f.rand = fs.last, path, rand.New(rand.NewPCG(f.Seed, uint64(fs.last)))
	kept := f
	fs.list = append(fs.list, &kept)
	return f, nil
}

func (fs *faults) all() []fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]fault, 0, len(fs.list))
	for _, f := range fs.list {
		out = append(out, *f)
	}
	return out
}

// remove lifts a fault, or all with id 0.
func (fs *faults) remove(id int) int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var kept []*fault
	for _, f := range fs.list {
		if id != 0 && f.ID != id {
			kept = append(kept, f)
		}
	}
	n := len(fs.list) - len(kept)
	fs.list = kept
	return n
}

// match finds the first fault that meets a call and counts the hit. The
// result is a copy, nil if none does.
func (fs *faults) match(method, path string, client *Client) *fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		if !f.meets(method, path, client) {
			continue
		}
		f.Seen++
		if f.Seen <= f.Skip || f.Count > 0 && f.Hits >= f.Count {
			continue
		}
		if f.Probability > 0 && f.rand.Float64() >= f.Probability {
			continue
		}
		f.Hits++
		hit := *f
		return &hit
	}
	return nil
}

func (f *fault) meets(method, path string, client *Client) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, method) {
		return false
	}
	if f.Client != "" && (client == nil || f.Client != client.ID && f.Client != client.Name) {
		return false
	}
	return f.path.MatchString(path)
}

// before does what a fault does instead of or ahead of handling; true means
// that the call is over.
func (s *Server) before(w http.ResponseWriter, c *call, f *fault) bool {
	if f == nil {
		return false
	}
	switch f.Kind {
	case faultStatus, faultHTML, faultSession:
		if f.Kind == faultSession && f.End {
			s.sessions.end(c.session.Token)
		}
		f.answer(w)
		return true
	case faultDropBefore:
		panic(http.ErrAbortHandler)
	case faultDelay:
		pause(c.ctx, f.DelayMS)
	}
	return false
}

func pause(ctx context.Context, ms int) {
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// answer gives the canned reply of a fault.
func (f *fault) answer(w http.ResponseWriter) {
	for k, v := range f.Headers {
		w.Header().Set(k, v)
	}
	ce := badSession()
	if f.Kind != faultSession {
		ce = failf(f.Status, f.Code, "%s", f.Message)
	}
	if f.Kind == faultHTML {
		if ce.Status == 0 {
			ce.Status = http.StatusServiceUnavailable
		}
		page := f.Body
		if page == "" {
			page = "<html><head><title>Service Unavailable</title></head><body><h1>We are down for maintenance.</h1></body></html>"
		}
		writeRaw(w, ce.Status, "text/html;charset=UTF-8", []byte(page))
		return
	}
	if f.Body != "" {
		writeRaw(w, ce.Status, "application/json;charset=UTF-8", []byte(f.Body))
		return
	}
	if ce.Code == "" {
		ce.Code, ce.Message = defaultError(ce.Status)
	}
	writeError(w, ce)
}

func defaultError(status int) (code, message string) {
	switch status {
	case http.StatusUnauthorized:
		return "INVALID_SESSION_ID", "Session expired or invalid"
	case http.StatusForbidden:
		return "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."
	case http.StatusTooManyRequests:
		return "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
	case http.StatusServiceUnavailable:
		return "SERVER_UNAVAILABLE", "We are temporarily unavailable"
	}
	return "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1"
}

// late lets the client go and does the call's work afterwards.
func (s *Server) late(c *call, f *fault) {
	detached := *c
	detached.ctx = context.WithoutCancel(c.ctx)
	delay := time.Duration(f.DelayMS+f.HoldMS) * time.Millisecond
	if f.EarlyStamp {
		actor := *c.actor
		actor.CommitDelay = delay
		detached.actor = &actor
		go detached.handle()
	} else {
		time.AfterFunc(delay, func() { detached.handle() })
	}
	pause(c.ctx, f.HoldMS)
	panic(http.ErrAbortHandler)
}

// rows is the fault as the writes of a call see it, nil if it is none of
// theirs.
func (f *fault) rows() *fault {
	if f == nil || f.Kind != faultRowError {
		return nil
	}
	return f
}

// job is the fault as the Bulk job that a call starts sees it, nil if it is
// none of that.
func (f *fault) job() *fault {
	if f == nil || f.Kind != faultJobFails {
		return nil
	}
	return f
}

// jobMessage is what a job says that the fault makes fail, "" without one.
func (f *fault) jobMessage() string {
	switch {
	case f == nil:
		return ""
	case f.Message != "":
		return f.Message
	}
	return "InternalServerError : Unable to complete the job; it has been tried 15 times"
}

// fail is the error of the i-th record of a write, nil if it is spared.
func (f *fault) fail(i int) error {
	if f == nil || i >= max(f.Rows, 1) {
		return nil
	}
	code, message := f.Code, f.Message
	if code == "" {
		code, message = "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records"
	}
	return &org.RowError{Code: code, Message: message}
}

// lost is how many rows of a page of Bulk results the fault takes.
func (f *fault) lost() int {
	if f == nil || f.Kind != faultLoseRows {
		return 0
	}
	return max(f.Rows, 1)
}
