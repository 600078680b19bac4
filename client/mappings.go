package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// MappingRemoval says how a mapping is deleted.
type MappingRemoval struct {
	// Confirm is the object's name.
	Confirm string
	// DropTable drops the table too; otherwise it stays without triggers.
	DropTable bool
	// Discard gives up changes that wait to be sent.
	Discard bool
}

// DeleteMapping removes a mapping.
func (c *Client) DeleteMapping(ctx context.Context, ref, object string, how MappingRemoval) error {
	q := url.Values{
		"confirm": {how.Confirm}, "drop_table": {strconv.FormatBool(how.DropTable)}, "discard": {strconv.FormatBool(how.Discard)},
	}
	return c.do(ctx, http.MethodDelete, conn(ref, "mappings", object), q, nil, nil)
}
