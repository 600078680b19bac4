package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// idleTimeout is shorter than what servers keep a connection for: a write
	// that goes out on one that is being closed has an unknown outcome.
	idleTimeout = 15 * time.Second
)

// DialPolicy says what may be called on a user's word. The zero value is the
// strict one: https to Salesforce's domains, on public addresses.
type DialPolicy struct {
	// AllowInsecure lifts every rule but that on redirects. For the demo and
	// for tests.
	AllowInsecure bool
	// AllowHosts are further domains that the operator allows, each with all
	// below it. It does not open private addresses.
	AllowHosts []string
	// AnyHost allows every public host: for webhooks and sign-in providers,
	// which are anywhere.
	AnyHost bool
	// Lookup resolves names; nil is the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// NewHTTPClient returns a client that keeps the policy on every request.
//
// It follows no redirect. It uses no proxy, not even one that the environment
// names: a proxy resolves names itself, so the check of addresses would say
// nothing. It speaks HTTP/1.1 only: with one connection per call, a download
// that stalls holds up nothing else, and it is plain whether a request was
// written. Bodies arrive as sent, compressed if the caller asked for that.
func NewHTTPClient(p DialPolicy) *http.Client {
	h1 := new(http.Protocols)
	h1.SetHTTP1(true)
	t := &http.Transport{
		Proxy:                 nil,
		DialContext:           p.DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   DefaultMaxConcurrent,
		DisableCompression:    true,
		Protocols:             h1,
	}
	return neverRedirect(&http.Client{Transport: &guard{policy: p, next: t}})
}

// guard checks each request's URL before anything is resolved.
type guard struct {
	policy DialPolicy
	next   *http.Transport
}

// RoundTrip refuses what the policy doesn't allow with an *AddressError.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.policy.CheckURL(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // the contract of RoundTripper; nothing was read
		}
		return nil, err
	}
	return g.next.RoundTrip(req)
}

// CloseIdleConnections lets http.Client reach the transport below.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// DialContext resolves the host, checks every address it has, and dials the
// checked addresses themselves, so that a second answer of the name server has
// no say. One closed address among the answers refuses the host: no org has
// one, and somebody who rebinds a name does.
func (p DialPolicy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs, err := p.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if !p.AllowInsecure {
		for _, ip := range addrs {
			if why := closedAddr(ip); why != "" {
				return nil, &AddressError{Host: host, Reason: "it resolves to " + why}
			}
		}
	}
	return dialFirst(ctx, network, addrs, port)
}

func (p DialPolicy) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	lookup := p.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("look up %s: no address", host)
	}
	return addrs, nil
}

// dialFirst tries the addresses in order; the time that is left is shared
// between those that are left.
func dialFirst(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 15 * time.Second}
	var errs []error
	for i, ip := range addrs {
		one, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok {
			one, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(addrs)-i))
		}
		conn, err := d.DialContext(one, network, net.JoinHostPort(ip.Unmap().String(), port))
		cancel()
		if err == nil {
			return &wireConn{Conn: conn}, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}
