package client

import (
	"context"
	"net/http"
	"net/url"
)

// ConnectionChange changes settings of a connection; what is nil stays.
type ConnectionChange struct {
	Algorithm *string `json:"algorithm,omitempty" doc:"ordered, merged or dependency"`
	// Options are those of connection.syncline.options in a configuration file.
	Options map[string]any `json:"options,omitempty" doc:"Options by key, as connection.syncline.options of a configuration file has them; null takes one back to its default."`
}

// MappingChange changes settings of a mapping; what is nil stays.
type MappingChange struct {
	Access      *string `json:"access,omitempty" doc:"read_only or read_write"`
	Policy      *string `json:"conflict_policy,omitempty" doc:"last_writer, salesforce or postgres"`
	PollSeconds *int    `json:"sf_polling_seconds,omitempty"`
	// Options are those of connection.syncline.mappings in a configuration file.
	Options map[string]any `json:"options,omitempty" doc:"Options by key, as connection.syncline.mappings of a configuration file has them; null takes one back to its default."`
}

// ChangeConnection changes settings of a connection, which may be at work.
func (c *Client) ChangeConnection(ctx context.Context, ref string, ch ConnectionChange) (Connection, error) {
	return call[Connection](ctx, c, http.MethodPatch, conn(ref), nil, ch)
}

// ChangeMapping changes settings of a mapping, which may be at work.
func (c *Client) ChangeMapping(ctx context.Context, ref, object string, ch MappingChange) (Mapping, error) {
	return call[Mapping](ctx, c, http.MethodPatch, conn(ref, "mappings", object), nil, ch)
}

// The directions that can be paused by themselves.
const (
	Reads  = "reads"
	Writes = "writes"
)

// Pause stops a connection, or with an object's name one mapping, after what is
// in flight: both ways, or with a direction that one.
func (c *Client) Pause(ctx context.Context, ref, object string, direction ...string) error {
	return c.way(ctx, ref, object, "pause", direction)
}

// Resume ends a pause. Without a direction it ends those of single directions
// too.
func (c *Client) Resume(ctx context.Context, ref, object string, direction ...string) error {
	return c.way(ctx, ref, object, "resume", direction)
}

func (c *Client) way(ctx context.Context, ref, object, action string, direction []string) error {
	path := conn(ref, action)
	if object != "" {
		path = conn(ref, "mappings", object, action)
	}
	q := url.Values{}
	for _, d := range direction {
		set(q, "direction", d)
	}
	return c.do(ctx, http.MethodPost, path, q, nil, nil)
}
