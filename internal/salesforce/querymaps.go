package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// maxMapRows bounds what QueryMaps holds at once.
const maxMapRows = 10_000

// mapPage is a page whose rows are small and few.
type mapPage struct {
	TotalSize      int              `json:"totalSize"`
	Done           bool             `json:"done"`
	NextRecordsURL string           `json:"nextRecordsUrl"`
	Records        []map[string]any `json:"records"`
}

// QueryMaps reads a small result whole, as JSON values by field name, without
// the "attributes": for probes, aggregates and the org's own records. A result
// of over 10,000 rows is an error.
func (c *Client) QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error) {
	path := c.queryPath(soql, all)
	var rows []map[string]any
	for {
		var page mapPage
		if err := c.getJSON(ctx, KindQuery, path, &page); err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		for _, r := range page.Records {
			delete(r, "attributes")
		}
		rows = append(rows, page.Records...)
		if page.Done {
			return rows, nil
		}
		if page.NextRecordsURL == "" || len(rows) > maxMapRows {
			return nil, fmt.Errorf("query: %d of %d rows came, which is not a small result", len(rows), page.TotalSize)
		}
		path = page.NextRecordsURL
	}
}

// Count runs a query of the form SELECT COUNT() FROM … and returns the count.
func (c *Client) Count(ctx context.Context, soql string, all bool) (int, error) {
	var page mapPage
	if err := c.getJSON(ctx, KindQuery, c.queryPath(soql, all), &page); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return page.TotalSize, nil
}

func (c *Client) queryPath(soql string, all bool) string {
	resource := "/query"
	if all {
		resource = "/queryAll"
	}
	return c.root + resource + "?q=" + url.QueryEscape(soql)
}

// retrieveBody is the request of [Client.Retrieve].
func retrieveBody(ids, fields []string) ([]byte, error) {
	b, err := json.Marshal(struct {
		IDs    []string `json:"ids"`
		Fields []string `json:"fields"`
	}{ids, fields})
	if err != nil {
		return nil, fmt.Errorf("render request: %w", err)
	}
	return b, nil
}
