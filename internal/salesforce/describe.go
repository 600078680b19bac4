package salesforce

import (
	"context"
	"fmt"
	"net/url"

	"github.com/synclinehq/syncline/internal/sobject"
)

// Describe reads an object's describe as the session's user sees it. An object
// that does not exist, or that the user may not see, gives an error that wraps
// sobject.ErrUnknown.
func (c *Client) Describe(ctx context.Context, object string) (*sobject.Object, error) {
	var out *sobject.Object
	err := c.read(ctx, KindDescribe, c.root+"/sobjects/"+url.PathEscape(object)+"/describe", func(rep *reply) (err error) {
		out, err = sobject.Decode(rep.body)
		return err
	})
	if IsCode(err, "NOT_FOUND", "INVALID_TYPE") {
		return nil, fmt.Errorf("describe %s: %w: %w", object, sobject.ErrUnknown, err)
	}
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", object, err)
	}
	return out, nil
}

// DescribeGlobal lists the objects that the session's user sees.
func (c *Client) DescribeGlobal(ctx context.Context) ([]sobject.Summary, error) {
	var out []sobject.Summary
	err := c.read(ctx, KindDescribe, c.root+"/sobjects", func(rep *reply) (err error) {
		out, err = sobject.DecodeGlobal(rep.body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	return out, nil
}
