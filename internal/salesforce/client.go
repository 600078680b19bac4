package salesforce

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// DefaultVersion is the API version that is asked for when Config names none.
const DefaultVersion = "64.0"

// Times that a call may take. They are Salesforce's own limits with a margin:
// whoever gives up before the org does learns nothing of what the org did.
const (
	// ReadTimeout is how long a read's first byte may take: a query runs 120 s
	// at most.
	ReadTimeout = 130 * time.Second
	// WriteTimeout is how long a write's first byte may take: a transaction
	// runs 10 minutes at most.
	WriteTimeout = 610 * time.Second
	// StallTimeout is how long a reply's body may pause, or crawl at less than
	// [stallFloor] bytes, before the connection counts as dead.
	StallTimeout = 60 * time.Second
)

// Defaults of Config.
const (
	DefaultMaxRetries    = 4
	DefaultMaxConcurrent = 10
	DefaultRetryBase     = 250 * time.Millisecond
	retryCap             = 10 * time.Second
	// longestWait is the longest wait that is sat out inside a call. What asks
	// for more goes back to the engine, which has other things to do meanwhile.
	longestWait = 30 * time.Second
)

// Config is what a client needs. Tokens is required, the rest has defaults.
type Config struct {
	// Version is the API version, "64.0".
	Version string
	// CallClient goes into Sforce-Call-Options as client=…, and comes back in
	// the origin of change events: it is how our own writes are known again.
	CallClient string
	Tokens     TokenSource
	// Meter hears of each call; nil counts nothing.
	Meter Meter
	// Allow, if set, says whether a call may be made; its error, in its own
	// words, is that of an org whose limit is used up.
	Allow func(ctx context.Context, use Use) error
	// HTTP is the client to send with, by [NewHTTPClient]; nil makes a strict
	// one. Redirects are never followed, whatever it says.
	HTTP   *http.Client
	Logger *slog.Logger
	// MaxRetries is how often a read is repeated inside one call; negative
	// means never.
	MaxRetries int
	// RetryBase is the first wait's upper end; it doubles up to 10 s.
	RetryBase time.Duration
	// MaxConcurrent bounds the calls that are under way at once. An org allows
	// 25 that last over 20 s (a developer's 5), for all applications together.
	MaxConcurrent int
	// GzipRequests compresses request bodies over 1 KiB.
	GzipRequests bool
	// ReadTimeout, WriteTimeout and StallTimeout replace the constants of the
	// same name, for tests of what happens when they pass.
	ReadTimeout, WriteTimeout, StallTimeout time.Duration
}

// Client talks to one org. It is safe for concurrent use and has nothing to
// close; idle connections belong to Config.HTTP.
type Client struct {
	cfg   Config
	http  *http.Client
	meter Meter
	log   *slog.Logger
	slots chan struct{}
	// streams are the slots of long downloads.
	streams chan struct{}
	root    string // "/services/data/v64.0"

	wire atomic.Int64 // bytes of bodies as received
	skew atomic.Int64 // nanoseconds that the org's clock is ahead
}

// New builds a client. It panics without Tokens: no call could ever be made.
func New(cfg Config) *Client {
	if cfg.Tokens == nil {
		panic("salesforce: Config.Tokens is missing")
	}
	setDefault(&cfg.Version, DefaultVersion)
	setDefault(&cfg.MaxRetries, DefaultMaxRetries)
	setDefault(&cfg.RetryBase, DefaultRetryBase)
	setDefault(&cfg.MaxConcurrent, DefaultMaxConcurrent)
	setDefault(&cfg.ReadTimeout, ReadTimeout)
	setDefault(&cfg.WriteTimeout, WriteTimeout)
	setDefault(&cfg.StallTimeout, StallTimeout)
	c := &Client{
		cfg: cfg, meter: cfg.Meter, log: cfg.Logger,
		slots: make(chan struct{}, cfg.MaxConcurrent), streams: make(chan struct{}, maxStreams),
		root: "/services/data/v" + cfg.Version,
	}
	if c.meter == nil {
		c.meter = nopMeter{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.http = neverRedirect(cfg.HTTP)
	return c
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// neverRedirect copies the client so that a 3xx comes back as a reply: a
// redirect would carry the session to wherever it points.
func neverRedirect(h *http.Client) *http.Client {
	if h == nil {
		return NewHTTPClient(DialPolicy{})
	}
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Version is the API version that requests ask for.
func (c *Client) Version() string { return c.cfg.Version }

// WireBytes is the number of body bytes received so far, as they came over the
// wire (compressed, where the org compresses).
func (c *Client) WireBytes() int64 { return c.wire.Load() }

// Skew is how far the org's clock is ahead of ours by the newest reply's Date
// header, exact to a second or so; 0 before the first reply.
func (c *Client) Skew() time.Duration { return time.Duration(c.skew.Load()) }
