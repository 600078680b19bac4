package salesforce

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// request is one call before it is sent. It can be sent several times.
type request struct {
	kind   string
	method string
	// path begins at the host: "/services/data/v64.0/query?q=…".
	path   string
	body   []byte
	header map[string]string
	// write: the call changes data. It is not repeated unless the org surely
	// did not handle it.
	write bool
	// stream: the reply may take long to read; see [Call].
	stream bool
	// sendBefore, if set, is checked when a connection is in hand and the request about to
	// be written.
	sendBefore time.Time
	// wrote is called once per attempt, when the reply begins to arrive and has
	// not been read.
	wrote func()
}

// reply is what the org answered with a 2xx.
type reply struct {
	status int
	header http.Header
	body   io.Reader
	// date is the org's clock when it answered; zero if it did not say.
	date time.Time
}

// attempt sends r once and hands a 2xx reply to use, which must read the body
// to the end of its JSON. Any failure is an *Error or ErrTooLate.
func (c *Client) attempt(ctx context.Context, tok Token, r request, use func(*reply) error) error {
	release, err := c.slot(ctx, r.stream)
	if err != nil {
		return err
	}
	defer release()
	if r.kind != kindFree {
		if err := c.allow(ctx, r.kind); err != nil {
			return err
		}
		defer c.meter.Begin(ctx)()
	}

	actx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	tr := &trace{wrote: r.wrote, until: r.sendBefore}
	req, err := c.build(httptrace.WithClientTrace(actx, tr.hooks()), tok, r)
	if err != nil {
		return err
	}
	if expired(r.sendBefore) {
		return ErrTooLate
	}
	timer := time.AfterFunc(c.replyTimeout(r), func() { cut(errReplyTimeout) })
	resp, err := c.http.Do(req)
	timer.Stop()
	if err != nil {
		n := tr.sent(false)
		c.charge(ctx, r.kind, n)
		if tr.wasLate() && n == 0 {
			return ErrTooLate
		}
		return noReply(ctx, actx, err, n > 0)
	}
	defer resp.Body.Close()
	c.account(ctx, r.kind, tr.sent(true), resp)
	tr.answered()
	line := newLineReader(resp.Body, c.cfg.StallTimeout, &c.wire, cut)
	return c.take(ctx, resp, line, use)
}

// allow asks whoever keeps the budget.
func (c *Client) allow(ctx context.Context, kind string) error {
	if c.cfg.Allow == nil {
		return nil
	}
	if err := c.cfg.Allow(ctx, useFrom(ctx, kind)); err != nil {
		return &Error{Code: CodeBudget, Class: RetryLater, Cause: err}
	}
	return nil
}

// slot waits for one of the client's places.
func (c *Client) slot(ctx context.Context, stream bool) (release func(), err error) {
	slots := c.slots
	if stream {
		slots = c.streams
	}
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, canceled(ctx, false)
	}
}

func (c *Client) replyTimeout(r request) time.Duration {
	if r.write {
		return c.cfg.WriteTimeout
	}
	return c.cfg.ReadTimeout
}

func expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// build makes the HTTP request.
func (c *Client) build(ctx context.Context, tok Token, r request) (*http.Request, error) {
	target, err := resolve(tok.InstanceURL, r.path)
	if err != nil {
		return nil, err
	}
	body := r.body
	zip := c.cfg.GzipRequests && len(body) > 1<<10
	if zip {
		if body, err = gzipped(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	if zip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	req.Header.Set("Authorization", "Bearer "+tok.Access)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	if r.stream && loopback(req.URL.Hostname()) {
		// On one machine compression costs more than it saves.
		req.Header.Set("Accept-Encoding", "identity")
	}
	if c.cfg.CallClient != "" {
		req.Header.Set("Sforce-Call-Options", "client="+c.cfg.CallClient)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	return req, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// resolve puts a path, or a link that the org returned, on the instance. A link
// to another host is refused: the session would go there.
func resolve(instance, link string) (string, error) {
	base, err := url.Parse(instance)
	if err != nil || base.Host == "" {
		return "", &Error{Code: CodeRefused, Class: AskPerson,
			Message: fmt.Sprintf("the org's address %q is not a URL such as https://acme.my.salesforce.com", instance)}
	}
	ref, err := url.Parse(link)
	if err != nil {
		return "", &Error{Code: CodeBadReply, Class: AskPerson, Message: "the org returned a link that is not a URL"}
	}
	if ref.Host != "" && (!strings.EqualFold(ref.Host, base.Host) || ref.Scheme != "" && ref.Scheme != base.Scheme) || ref.User != nil {
		return "", &Error{Code: CodeRefused, Class: AskPerson,
			Message: fmt.Sprintf("the org at %s returned a link to %s, which was not followed", base.Host, ref.Host)}
	}
	if !strings.HasPrefix(ref.Path, "/") {
		return "", &Error{Code: CodeBadReply, Class: AskPerson, Message: "the org returned a link without a path"}
	}
	return base.Scheme + "://" + base.Host + "/" + strings.TrimLeft(ref.RequestURI(), "/"), nil
}

func (c *Client) charge(ctx context.Context, kind string, n int) {
	if kind == kindFree {
		return
	}
	use := useFrom(ctx, kind)
	for range n {
		c.meter.Charge(use)
	}
}

// account books what a reply's headers tell: the call, the org's usage, its
// clock.
func (c *Client) account(ctx context.Context, kind string, n int, resp *http.Response) {
	if resp.StatusCode == http.StatusUnauthorized {
		n--
	}
	c.charge(ctx, kind, n)
	if used, limit, ok := limitInfo(resp.Header); ok {
		c.meter.Usage(used, limit)
	}
	if d := dateOf(resp); !d.IsZero() {
		c.skew.Store(int64(time.Until(d)))
	}
}

// dateOf reads the Date header; zero if there is none.
func dateOf(resp *http.Response) time.Time {
	d, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return d.UTC()
}
