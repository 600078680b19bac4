package rest

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// Client is an OAuth client (an external client app) of the org.
type Client struct {
	ID string `json:"id"`
	// Secret is "" for a public client, which signs in by the web-server flow
	// with PKCE alone.
	Secret string `json:"secret,omitempty"`
	// Name is shown on the consent page and in the count of calls.
	Name string `json:"name,omitempty"`
	// RunAs is the username whose rights the client-credentials flow gives.
	RunAs string `json:"runAs"`
	// RedirectURIs that the web-server flow accepts; empty accepts any.
	RedirectURIs []string `json:"redirectUris,omitempty"`
	// RotateRefresh makes each refresh return a new refresh token and end the
	// old one.
	RotateRefresh bool `json:"rotateRefresh,omitempty"`
	// PublicKeyPEM (key or certificate) lets the client use the JWT bearer
	// flow for any user.
	PublicKeyPEM string `json:"publicKey,omitempty"`
}

// clients are the OAuth clients that may get tokens, by id. A client is never
// changed: another with its id takes its place.
type clients struct {
	mu    sync.RWMutex
	known map[string]*Client
	// added are the ids of those that came by the control plane.
	added map[string]bool
}

func newClients() *clients { return &clients{known: map[string]*Client{}, added: map[string]bool{}} }

func (c *clients) find(id string) *Client {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known[id]
}

func (c *clients) put(client Client, added bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[client.ID] = &client
	if added {
		c.added[client.ID] = true
	}
}

// extra are the clients that the server was not started with.
func (c *clients) extra() []Client {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []Client
	for id := range c.added {
		list = append(list, *c.known[id])
	}
	slices.SortFunc(list, func(a, b Client) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// checkClient says what is wrong with a client.
func (s *Server) checkClient(c Client) error {
	if c.ID == "" {
		return fmt.Errorf("client %q has no id", c.Name)
	}
	if _, ok := s.org.User(c.RunAs); !ok {
		return fmt.Errorf("client %s runs as %q, who is no user of the org", c.ID, c.RunAs)
	}
	if c.PublicKeyPEM == "" {
		return nil
	}
	if _, err := jwt.ParseRSAPublicKeyFromPEM([]byte(c.PublicKeyPEM)); err != nil {
		return errors.New("publicKey of client " + c.ID + " is neither an RSA public key nor a certificate in PEM form")
	}
	return nil
}

// ctlAddClient adds an OAuth client, or puts another in the place of one.
func (s *Server) ctlAddClient(_ http.ResponseWriter, r *http.Request) (any, error) {
	var c Client
	if err := readControl(r, &c); err != nil {
		return nil, err
	}
	if err := s.checkClient(c); err != nil {
		return nil, err
	}
	s.clients.put(c, true)
	return map[string]string{"id": c.ID}, nil
}

// ctlCertificate is the certificate of the ports with TLS in PEM form.
func (s *Server) ctlCertificate(w http.ResponseWriter, _ *http.Request) (any, error) {
	if s.opt.Certificate == nil {
		return nil, errors.New("the org has no port with TLS")
	}
	writeRaw(w, http.StatusOK, "application/x-pem-file", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.opt.Certificate.Raw}))
	return nil, nil
}
