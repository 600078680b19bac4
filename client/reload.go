package client

import "context"

// Reload has all records of a mapping read again and merged into its table.
// The mapping's progress tells how far it has come.
func (c *Client) Reload(ctx context.Context, ref, object string) error {
	return c.action(ctx, ref, object, "reload")
}
