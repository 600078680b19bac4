package salesforce

import (
	"context"
	"fmt"
)

// Versions lists the API versions that the org offers, as "64.0", the oldest
// first. It is no API call.
func (c *Client) Versions(ctx context.Context) ([]string, error) {
	var list []struct {
		Version string `json:"version"`
	}
	if err := c.getJSON(ctx, kindFree, "/services/data/", &list); err != nil {
		return nil, fmt.Errorf("list API versions: %w", err)
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Version
	}
	return out, nil
}
