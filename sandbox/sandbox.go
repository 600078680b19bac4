package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/pubsub"
	"github.com/synclinehq/syncline/sandbox/rest"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// The OAuth clients of an org that is started without any.
const (
	ProductClientID = "sandbox-product"
	DemoClientID    = "sandbox-demo"
	// CLIClientID is the public client as which Salesforce's command line signs
	// in by a browser.
	CLIClientID = "PlatformCLI"
)

// Client is an OAuth client of the org.
type Client = rest.Client

// Options of a sandbox org. The zero value is an org with the demo's custom
// fields, on a free port.
type Options struct {
	// Addr to listen on; "" is 127.0.0.1 with a free port. TLSAddr is the same
	// over TLS, for clients that know no other way, with the certificate of the
	// Pub/Sub API.
	Addr, TLSAddr string
	// PubSubAddr and PubSubTLSAddr are where the Pub/Sub API listens, in plain
	// text and with a certificate of its own; "" is 127.0.0.1 with a free port.
	PubSubAddr, PubSubTLSAddr string
	// Name of the organisation.
	Name string
	// Seed decides what the org draws by chance.
	Seed uint64
	// ClockOffset is how far the org's clock is from the machine's.
	ClockOffset time.Duration
	// Clients that may get tokens; empty gives ProductClientID, running as the
	// integration user, DemoClientID, running as the demo user, and CLIClientID.
	Clients []Client
	// BaseURL under which clients reach the server, if it is not the address
	// that they put into the Host header.
	BaseURL string
	// ControlToken, if set, opens the control plane from anywhere.
	ControlToken string
	// DataDir, if set, is where the org is kept between runs: it is written when
	// the server closes and once a minute while it changes. Then Name, Catalog
	// and ClockOffset count only for a directory that is still empty.
	DataDir string
	// Catalog replaces the standard schema with the demo's fields.
	Catalog func(now func() time.Time) (*schema.Catalog, error)
}

// Server is a running sandbox org.
type Server struct {
	// Org is the org's state, for tests in the same process.
	Org *org.Org
	// Clients are the OAuth clients, with their secrets.
	Clients []Client

	url   string
	token string
	// faces are the servers of REST, Pub/Sub, Pub/Sub over TLS and REST over TLS.
	faces  []*face
	cert   tls.Certificate
	keeper *keeper
	closed sync.Once
	err    error
}

// Start opens the port and serves until Close, or until ctx ends. When it
// returns, the org answers.
func Start(ctx context.Context, opt Options) (*Server, error) {
	o, err := findOrg(opt)
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	if len(opt.Clients) == 0 {
		opt.Clients = defaultClients()
	}
	cert, err := pubsub.SelfSigned()
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	handler, err := rest.New(o, rest.Options{Clients: opt.Clients, BaseURL: opt.BaseURL, ControlToken: opt.ControlToken, Certificate: cert.Leaf})
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	s := &Server{Org: o, Clients: opt.Clients, token: opt.ControlToken, cert: cert}
	if opt.DataDir != "" {
		if s.keeper, err = keep(ctx, opt.DataDir, o, handler); err != nil {
			return nil, fmt.Errorf("start sandbox: %w", err)
		}
	}
	if err := s.listen(ctx, opt, handler); err != nil {
		return nil, errors.Join(fmt.Errorf("start sandbox: %w", err), s.Close())
	}
	s.url = "http://" + s.faces[0].addr
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// listen opens the ports and begins to serve.
func (s *Server) listen(ctx context.Context, opt Options, handler *rest.Server) error {
	bus := http.NewServeMux()
	bus.Handle(pubsub.New(handler, s.Org.Switches))
	for _, f := range []struct {
		addr    string
		handler http.Handler
		cert    *tls.Certificate
	}{{opt.Addr, handler, nil}, {opt.PubSubAddr, bus, nil}, {opt.PubSubTLSAddr, bus, &s.cert}, {opt.TLSAddr, handler, &s.cert}} {
		face, err := open(ctx, f.addr, f.handler, f.cert)
		if err != nil {
			return err
		}
		s.faces = append(s.faces, face)
	}
	return nil
}

// findOrg loads the org of the data directory, or makes a new one.
func findOrg(opt Options) (*org.Org, error) {
	clock := &org.Clock{}
	if opt.DataDir != "" {
		o, found, err := loadOrg(opt.DataDir, org.Options{Clock: clock, Seed: opt.Seed})
		if found || err != nil {
			return o, err
		}
	}
	clock.Step(opt.ClockOffset)
	return newOrg(opt, clock)
}

func newOrg(opt Options, clock *org.Clock) (*org.Org, error) {
	catalog := opt.Catalog
	if catalog == nil {
		catalog = demoCatalog
	}
	c, err := catalog(clock.Now)
	if err != nil {
		return nil, fmt.Errorf("build schema: %w", err)
	}
	return org.New(org.Options{Catalog: c, Clock: clock, Seed: opt.Seed, Name: opt.Name})
}

func demoCatalog(now func() time.Time) (*schema.Catalog, error) {
	c := schema.Standard(now)
	return c, schema.Demo(c)
}

// defaultClients are fixed and public: the org listens on this machine and
// holds made-up data.
func defaultClients() []Client {
	return []Client{
		{ID: ProductClientID, Secret: "sandbox-product-secret", Name: "Product", RunAs: org.IntegrationUser},
		{ID: DemoClientID, Secret: "sandbox-demo-secret", Name: "Demo", RunAs: org.DemoUser},
		{ID: CLIClientID, Name: "Salesforce CLI", RunAs: org.DemoUser},
	}
}

// URL is how clients reach the org, such as http://127.0.0.1:40123.
func (s *Server) URL() string { return s.url }

// TLSURL is how clients reach the org over TLS.
func (s *Server) TLSURL() string { return "https://" + s.faces[3].addr }

// PubSubAddr is host and port of the Pub/Sub API in plain text (h2c).
func (s *Server) PubSubAddr() string { return s.faces[1].addr }

// PubSubTLSAddr is host and port of the Pub/Sub API over TLS.
func (s *Server) PubSubTLSAddr() string { return s.faces[2].addr }

// PubSubCertificate is the certificate that the TLS ports show, for clients to
// trust.
func (s *Server) PubSubCertificate() *x509.Certificate { return s.cert.Leaf }

// ControlURL is the address of an endpoint of the control plane, such as
// "seed".
func (s *Server) ControlURL(endpoint string) string { return s.url + "/_sandbox/" + endpoint }

// Close ends the server at once, open calls with it, and saves the org if it
// has a data directory. It may be called twice.
func (s *Server) Close() error {
	s.closed.Do(func() {
		var errs []error
		for _, f := range s.faces {
			errs = append(errs, f.close())
		}
		if s.keeper != nil {
			errs = append(errs, s.keeper.close())
		}
		if err := errors.Join(errs...); err != nil {
			s.err = fmt.Errorf("close sandbox: %w", err)
		}
	})
	return s.err
}
