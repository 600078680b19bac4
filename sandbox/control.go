package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
)

// Control is a client of a sandbox org's control plane, in this process or
// another one. docs/sandbox.md lists the endpoints and their bodies.
type Control struct {
	// URL of the org, such as http://127.0.0.1:40123.
	URL string
	// Token of the control plane, "" if the org was started without one.
	Token string
	// HTTP is the client to use; nil is http.DefaultClient.
	HTTP *http.Client
}

// Control is a client of the server's control plane.
func (s *Server) Control() Control { return Control{URL: s.url, Token: s.token} }

// Do sends body (any JSON value, nil for none) to an endpoint such as "faults"
// and decodes the reply into out, unless that is nil.
func (c Control) Do(ctx context.Context, method, endpoint string, body, out any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sandbox control %s %s: %w", method, endpoint, err)
		}
	}()
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+"/_sandbox/"+endpoint, send)
	if err != nil {
		return err
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%s: %s", res.Status, words)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// Seed adds made-up records.
func (c Control) Seed(ctx context.Context, plan org.SeedPlan) error {
	return c.Do(ctx, http.MethodPost, "seed", plan, nil)
}

// SetRules replaces the org's validation rules, rewrites and flows.
func (c Control) SetRules(ctx context.Context, rules org.Rules) error {
	return c.Do(ctx, http.MethodPost, "rules", rules, nil)
}

// SetSwitches replaces the org's switches.
func (c Control) SetSwitches(ctx context.Context, s org.Switches) error {
	return c.Do(ctx, http.MethodPost, "switches", s, nil)
}

// Calls is how many API calls each OAuth client has made, by client id.
func (c Control) Calls(ctx context.Context) (map[string]int, error) {
	var report struct {
		Totals map[string]int `json:"totals"`
	}
	if err := c.Do(ctx, http.MethodGet, "calls", nil, &report); err != nil {
		return nil, err
	}
	return report.Totals, nil
}
