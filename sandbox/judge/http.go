package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Control reads a sandbox org over its control plane.
type Control struct {
	// URL is the org's base address.
	URL string
	// Client is used for the requests; nil: http.DefaultClient.
	Client *http.Client
	// Token is the control plane's token, "" if it asks for none.
	Token string
}

// Dump opens the state of one object; it fits Input.Dump.
func (c Control) Dump(ctx context.Context, object string) (io.ReadCloser, error) {
	return c.get(ctx, "dump?object="+url.QueryEscape(object))
}

// Writes opens the log of accepted writes from its beginning.
func (c Control) Writes(ctx context.Context) (io.ReadCloser, error) {
	return c.get(ctx, "writes?since=0")
}

func (c Control) get(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/_sandbox/"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the org: %w", err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the org: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 300))
		err = errors.Join(err, resp.Body.Close())
		return nil, errors.Join(fmt.Errorf("ask the org for %s: %s: %s", path, resp.Status, body), err)
	}
	return resp.Body, nil
}
