package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/bulk"
	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/org"
)

const (
	minVersion = 31
	maxVersion = 68
	maxURL     = 16384
	maxBody    = 150 << 20
)

// Options of a server.
type Options struct {
	// Clients are the OAuth clients that may get tokens.
	Clients []Client
	// BaseURL is how clients reach the server, without a slash at the end; ""
	// takes scheme and host of each request.
	BaseURL string
	// ControlToken, if set, is what the control plane demands as a Bearer
	// token; without one it answers only to loopback addresses.
	ControlToken string
	// Certificate is what the ports with TLS show, nil for none; the control
	// plane hands it out for clients to trust.
	Certificate *x509.Certificate
}

// Server answers for an org over HTTP. It is safe for concurrent use.
type Server struct {
	org      *org.Org
	opt      Options
	clients  *clients
	signer   signer
	sessions *sessions
	faults   *faults
	calls    *calls
	shown    *shownTimes
	bulk     *bulk.Jobs
	bus      *events.Bus
	busy     *busy
}

// New makes the HTTP face of an org. Every client's RunAs must be a user of
// the org.
func New(o *org.Org, opt Options) (*Server, error) {
	s := &Server{
		org: o, opt: opt, clients: newClients(), signer: newSigner(),
		sessions: newSessions(o.Clock, o.ID()), faults: newFaults(), calls: newCalls(o.Clock),
		shown: &shownTimes{seen: map[string]shownTime{}}, bulk: bulk.New(o), bus: events.New(o), busy: newBusy(),
	}
	for _, c := range opt.Clients {
		if err := s.checkClient(c); err != nil {
			return nil, err
		}
		s.clients.put(c, false)
	}
	return s, nil
}

// call is one authenticated request on its way through the server; composite
// sub-requests are calls of their own under the same session.
type call struct {
	s       *Server
	ctx     context.Context
	method  string
	seg     []string // path below the version
	query   url.Values
	header  http.Header
	body    []byte
	version string // such as v68.0
	actor   *org.Actor
	session *session
	// tx is the transaction shared by the parts of an all-or-none composite.
	tx *org.Tx
	// rowFault makes rows of this call fail.
	rowFault *fault
	// jobFault is what befalls the Bulk job that this call starts.
	jobFault *fault
	// lostRows is how many rows a page of Bulk results lacks at its end.
	lostRows int
}

// reply is a complete answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	// stream, if set, writes the body instead: one too large to be held.
	stream func(ctx context.Context, w io.Writer) error
}

func jsonReply(status int, b []byte) *reply { return &reply{status: status, body: b} }

func emptyReply(status int) *reply { return &reply{status: status} }

func errorReply(err error) *reply {
	ce := asCallError(err)
	return jsonReply(ce.Status, ce.body())
}

// segments splits a path at slashes and unescapes its parts. Empty parts go,
// so doubled and trailing slashes do not matter.
func segments(escaped string) ([]string, error) {
	var seg []string
	for _, part := range strings.Split(escaped, "/") {
		if part == "" {
			continue
		}
		p, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf("path segment %q: %w", part, err)
		}
		seg = append(seg, p)
	}
	return seg, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.org.Clock.Now().Format(http.TimeFormat))
	if requestSize(r) > maxURL {
		writeRaw(w, http.StatusRequestURITooLong, "text/html;charset=UTF-8", []byte("<html><body><h1>Error 414 URI Too Long</h1></body></html>"))
		return
	}
	seg, err := segments(r.URL.EscapedPath())
	if err != nil {
		writeError(w, notFound())
		return
	}
	switch {
	case len(seg) == 0:
		s.page(w, r, nil)
	case seg[0] == "_sandbox":
		s.control(w, r, seg[1:])
	case seg[0] == "records":
		s.page(w, r, seg[1:])
	case seg[0] == eventsSegment && len(seg) == 1:
		s.page(w, r, seg)
	case seg[0] == "id" || seg[0] == ".well-known" || len(seg) > 1 && seg[0] == "services" && seg[1] == "oauth2":
		s.oauth(w, r, seg)
	case len(seg) >= 2 && seg[0] == "services" && seg[1] == "data":
		s.data(w, r, seg[2:])
	default:
		writeError(w, notFound())
	}
}

// requestSize is what Salesforce bounds by 16,384 bytes: URL and headers.
func requestSize(r *http.Request) int {
	n := len(r.RequestURI)
	for k, vs := range r.Header {
		for _, v := range vs {
			n += len(k) + len(v) + 4
		}
	}
	return n
}

func (s *Server) baseURL(r *http.Request) string {
	if s.opt.BaseURL != "" {
		return s.opt.BaseURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// data serves /services/data.
func (s *Server) data(w http.ResponseWriter, r *http.Request, seg []string) {
	if len(seg) == 0 {
		writeRaw(w, http.StatusOK, "application/json;charset=UTF-8", versionList())
		return
	}
	if err := checkVersion(seg[0]); err != nil {
		writeError(w, err)
		return
	}
	ses, ok := s.authenticate(r)
	if !ok {
		writeError(w, badSession())
		return
	}
	user, ok := s.org.User(ses.UserID)
	if !ok {
		writeError(w, badSession())
		return
	}
	r.Header.Set(baseHeader, s.baseURL(r))
	c := &call{
		s: s, ctx: r.Context(), method: methodOf(r), seg: seg[1:], query: r.URL.Query(), header: r.Header,
		version: seg[0], session: ses,
		actor: &org.Actor{User: user, OAuthClient: ses.Client.ID, CallClient: callClient(r.Header)},
	}
	c.obey()
	c.actor.Origin = "com/salesforce/api/rest/" + c.bare()
	s.run(w, r, c)
}

// obey gives the call an actor of its own that saves as the call's headers
// ask.
func (c *call) obey() {
	a := *c.actor
	a.AllowDuplicates = strings.EqualFold(headerOption(c.header.Get("Sforce-Duplicate-Rule-Header"), "allowSave"), "true")
	a.Assign = assignment(c.header)
	c.actor = &a
}

// run takes a call through faults and quota to its handler and sends the
// reply.
func (s *Server) run(w http.ResponseWriter, r *http.Request, c *call) {
	path := "/services/data/" + c.version + "/" + strings.Join(c.seg, "/")
	end, ok := s.busy.begin(s.org.Switches())
	defer end()
	f := s.faults.match(c.method, path, c.session.Client)
	if s.before(w, c, f) {
		return
	}
	if err := c.readBody(r); err != nil {
		s.send(w, r, errorReply(err), nil)
		return
	}
	limit := s.org.Switches()
	daily := limit.Daily()
	if !s.calls.count(c.session.Client.ID, c.kind(), daily) {
		s.limitInfo(w, daily)
		s.send(w, r, errorReply(failf(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")), nil)
		return
	}
	if !ok {
		s.limitInfo(w, daily)
		s.send(w, r, errorReply(failf(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")), nil)
		return
	}
	if f != nil && f.Kind == faultLate {
		s.late(c, f)
	}
	c.rowFault, c.jobFault, c.lostRows = f.rows(), f.job(), f.lost()
	rep := c.handle()
	if f != nil && f.Kind == faultDropAfter {
		panic(http.ErrAbortHandler)
	}
	s.limitInfo(w, daily)
	s.send(w, r, rep, f)
}

func (s *Server) limitInfo(w http.ResponseWriter, daily int) {
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", s.calls.used(), daily))
}

func (s *Server) authenticate(r *http.Request) (*session, bool) {
	token := r.Header.Get("X-SFDC-Session")
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth")) {
		token = strings.TrimSpace(rest)
	}
	return s.sessions.check(token)
}

// methodOf honours the ways of clients that can't send PATCH.
func methodOf(r *http.Request) string {
	if r.Method == http.MethodPost {
		if m := r.Header.Get("X-HTTP-Method-Override"); m != "" {
			return strings.ToUpper(m)
		}
		if m := r.URL.Query().Get("_HttpMethod"); m != "" {
			return strings.ToUpper(m)
		}
	}
	return r.Method
}

// assignment is the assignment rule that a request asks for: the active one
// unless it says FALSE or names another.
func assignment(h http.Header) string {
	switch v := strings.TrimSpace(h.Get("Sforce-Auto-Assign")); strings.ToUpper(v) {
	case "FALSE":
		return ""
	case "", "TRUE":
		return org.AssignActive
	default:
		return v
	}
}

func callClient(h http.Header) string {
	return headerOption(h.Get("Sforce-Call-Options"), "client")
}

// headerOption reads one entry of "a=b, c=d".
func headerOption(header, name string) string {
	for _, part := range strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ';' }) {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// readBody reads and unpacks the request's body.
func (c *call) readBody(r *http.Request) error {
	var src io.Reader = http.MaxBytesReader(nil, r.Body, maxBody)
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		zr, err := gzip.NewReader(src)
		if err != nil {
			return failf(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "body is not gzip: %s", err)
		}
		src = io.LimitReader(zr, maxBody)
	}
	b, err := io.ReadAll(src)
	if err != nil {
		return failf(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "body could not be read: %s", err)
	}
	c.body = b
	return nil
}

// send writes a reply, compressed if the client takes that, and spoiled if a
// fault says so.
func (s *Server) send(w http.ResponseWriter, r *http.Request, rep *reply, f *fault) {
	if f != nil && f.Kind == faultDropSlow {
		slow := f.impatience(w, r)
		defer slow.end()
		w = slow
	}
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	if rep.stream != nil {
		if !f.spoils() {
			s.stream(w, r, rep)
			return
		}
		rep.body = whole(r.Context(), rep)
	}
	body := rep.body
	if len(body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	}
	if len(body) > 512 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = compress(body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		body = nil
	}
	if f.spoils() {
		f.write(r.Context(), w, rep.status, body)
		return
	}
	if rep.status != http.StatusNoContent && rep.status != http.StatusNotModified {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(body) // a client that went away is not the org's problem
}

// stream sends a reply that writes itself. Where that breaks off, so does the
// connection.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, rep *reply) {
	var to io.Writer = w
	end := func() error { return nil }
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		zw, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		to, end = zw, zw.Close
	}
	w.WriteHeader(rep.status)
	if r.Method == http.MethodHead {
		return
	}
	if err := errors.Join(rep.stream(r.Context(), to), end()); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// whole gathers the body of a reply that writes itself.
func whole(ctx context.Context, rep *reply) []byte {
	var buf bytes.Buffer
	_ = rep.stream(ctx, &buf) // the call has ended if this fails
	return buf.Bytes()
}

func compress(b []byte) []byte {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return b
	}
	_, _ = zw.Write(b) // a bytes.Buffer takes everything
	_ = zw.Close()
	return buf.Bytes()
}

// loopback says whether a request comes from this machine and names it as
// such: a page of another site that a browser was led to under a foreign host
// name does not.
func loopback(r *http.Request) bool {
	return isLocal(r.RemoteAddr) && isLocal(r.Host)
}

func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// parseTime reads the times of query parameters, where a plus sign often
// arrives as a space.
func parseTime(s string) (time.Time, error) {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "+")
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05.000-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, failf(http.StatusBadRequest, "INVALID_REPLICATION_DATE", "'%s' is not a date and time", s)
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }
