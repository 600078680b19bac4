package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New makes a client of the server at base, such as "http://127.0.0.1:8490".
// Calls last as long as their context lets them: a verification takes minutes.
func New(base, token string) *Client {
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Error is what the server answered instead of what was asked for.
type Error struct {
	// Status is the HTTP status.
	Status int `json:"status"`
	// Title is short and general, Detail says what was wrong here.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Fix is what to do about it, if that is known.
	Fix string `json:"fix"`
	// Errors are the single faults.
	Errors []Fault `json:"errors"`
	// RequestID finds the request in the server's log.
	RequestID string `json:"request_id"`
}

// Fault is one fault of several.
type Fault struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error gives all that the server said, faults one a line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if e.Detail == "" {
		b.WriteString(strings.TrimSpace(strconv.Itoa(e.Status) + " " + e.Title))
	}
	for _, f := range e.Errors {
		b.WriteString("\n  ")
		if f.Location != "" {
			b.WriteString(f.Location + ": ")
		}
		b.WriteString(f.Message)
	}
	if e.Fix != "" {
		b.WriteString("\n" + e.Fix)
	}
	return b.String()
}

// do sends a request with a JSON body, unless it is nil or a reader, and
// decodes the reply into out, unless it is nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, out any) error {
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server at %s: %w", c.base, reason(err))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 != 2 {
		return refusal(res)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out, err = io.ReadAll(res.Body)
	default:
		err = json.NewDecoder(res.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("read the server's reply to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		reader = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		reader = bytes.NewReader(text)
	}
	address := c.base + "/api/syncline/v1" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, fmt.Errorf("the server's address %q can't be used: %w", c.base, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json, application/problem+json")
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// reason drops the request's URL from an error of net/http, which says it twice.
func reason(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func refusal(res *http.Response) error {
	e := &Error{Status: res.StatusCode, Title: http.StatusText(res.StatusCode)}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || json.Unmarshal(text, e) != nil {
		e.Detail = fmt.Sprintf("The server answered %s, and not as Syncline does. Is the address right?", res.Status)
	}
	e.Status = res.StatusCode
	return e
}

func seg(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// only stands for the only connection there is.
const only = "-"

func conn(ref string, parts ...string) string {
	if ref == "" {
		ref = only
	}
	return seg(append([]string{"connections", ref}, parts...)...)
}

// Server says what answers, and who the token stands for.
func (c *Client) Server(ctx context.Context) (Server, error) {
	return call[Server](ctx, c, http.MethodGet, "/server", nil, nil)
}

// Nodes lists the processes that take turns.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return call[[]Node](ctx, c, http.MethodGet, "/nodes", nil, nil)
}

// Connections lists the connections that the token may see.
func (c *Client) Connections(ctx context.Context) ([]Connection, error) {
	return call[[]Connection](ctx, c, http.MethodGet, "/connections", nil, nil)
}

// Connection returns one connection.
func (c *Client) Connection(ctx context.Context, ref string) (Connection, error) {
	return call[Connection](ctx, c, http.MethodGet, conn(ref), nil, nil)
}

// CreateConnection tests database and org and stores the connection.
func (c *Client) CreateConnection(ctx context.Context, n NewConnection) (Connection, error) {
	return call[Connection](ctx, c, http.MethodPost, "/connections", nil, n)
}

// DeleteConnection removes a connection; confirm is its resource name. The
// tables stay unless dropTables.
func (c *Client) DeleteConnection(ctx context.Context, ref, confirm string, dropTables bool) error {
	q := url.Values{"confirm": {confirm}, "drop_tables": {strconv.FormatBool(dropTables)}}
	return c.do(ctx, http.MethodDelete, conn(ref), q, nil, nil)
}

// Status tells how a connection stands.
func (c *Client) Status(ctx context.Context, ref string) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, conn(ref, "status"), nil, nil)
}

// Mappings lists a connection's mappings.
func (c *Client) Mappings(ctx context.Context, ref string) ([]Mapping, error) {
	return call[[]Mapping](ctx, c, http.MethodGet, conn(ref, "mappings"), nil, nil)
}

// Mapping returns one mapping by its object's name.
func (c *Client) Mapping(ctx context.Context, ref, object string) (Mapping, error) {
	return call[Mapping](ctx, c, http.MethodGet, conn(ref, "mappings", object), nil, nil)
}

// Poll makes a connection's mappings due now.
func (c *Client) Poll(ctx context.Context, ref, object string) error {
	return c.action(ctx, ref, object, "poll")
}

func (c *Client) action(ctx context.Context, ref, object, action string) error {
	path := conn(ref, action)
	if object != "" {
		path = conn(ref, "mappings", object, action)
	}
	return c.do(ctx, http.MethodPost, path, nil, nil, nil)
}

// ExportConfig returns the configuration file.
func (c *Client) ExportConfig(ctx context.Context, ref string) ([]byte, error) {
	return call[[]byte](ctx, c, http.MethodGet, conn(ref, "config"), nil, nil)
}

// ImportConfig makes the mappings of a configuration file. With dryRun nothing
// is changed.
func (c *Client) ImportConfig(ctx context.Context, ref string, file io.Reader, dryRun bool) (Import, error) {
	q := url.Values{"dry_run": {strconv.FormatBool(dryRun)}}
	return call[Import](ctx, c, http.MethodPost, conn(ref, "config"), q, file)
}

// WriteErrors lists refused changes, newest first. Within 0 is 24 hours.
func (c *Client) WriteErrors(ctx context.Context, ref, object string, within time.Duration, limit int) ([]WriteError, error) {
	q := url.Values{}
	set(q, "mapping", object)
	if within > 0 {
		q.Set("within", strconv.FormatInt(int64(within/time.Second), 10))
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[[]WriteError](ctx, c, http.MethodGet, conn(ref, "write-errors"), q, nil)
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

// LogOptions choose events.
type LogOptions struct {
	// Mapping is an object's name.
	Mapping string
	Level   string
	Search  string
	// After is the id after which events are wanted, oldest first; below 0 the
	// newest are.
	After int64
	Limit int
}

// Events lists events, oldest first.
func (c *Client) Events(ctx context.Context, ref string, o LogOptions) ([]Event, error) {
	q := url.Values{"after": {strconv.FormatInt(o.After, 10)}}
	set(q, "mapping", o.Mapping)
	set(q, "level", o.Level)
	set(q, "search", o.Search)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return call[[]Event](ctx, c, http.MethodGet, conn(ref, "events"), q, nil)
}

// Audit lists administrative changes newest first, older than before (0 for the
// newest); with ref "" those of all connections and the server.
func (c *Client) Audit(ctx context.Context, ref string, before int64, limit int) ([]AuditEntry, error) {
	q := url.Values{"before": {strconv.FormatInt(before, 10)}}
	set(q, "connection", ref)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[[]AuditEntry](ctx, c, http.MethodGet, "/audit", q, nil)
}

// Tokens lists API tokens.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return call[[]Token](ctx, c, http.MethodGet, "/tokens", nil, nil)
}

// CreateToken makes an API token; Text of the answer can't be had again.
func (c *Client) CreateToken(ctx context.Context, n NewToken) (Token, error) {
	return call[Token](ctx, c, http.MethodPost, "/tokens", nil, n)
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, seg("tokens", id), nil, nil, nil)
}

// SignIn makes a single-use link to the dashboard with the token's own role.
func (c *Client) SignIn(ctx context.Context) (SignIn, error) {
	return call[SignIn](ctx, c, http.MethodPost, "/sign-in-links", nil, nil)
}

// call is do for replies of type T.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (T, error) {
	var out T
	err := c.do(ctx, method, path, query, body, &out)
	return out, err
}
