package verify

import (
	"context"
	"sync/atomic"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// counted counts the calls that are made through it. Repeated attempts inside
// the client are the ledger's to count.
type counted struct {
	org   Org
	bulk  Bulk
	calls atomic.Int64
}

func (c *counted) query(ctx context.Context, soql string, all bool, b *record.Batch) (salesforce.Page, error) {
	c.calls.Add(1)
	return c.org.Query(ctx, soql, all, b)
}

func (c *counted) more(ctx context.Context, next string, b *record.Batch) (salesforce.Page, error) {
	c.calls.Add(1)
	return c.org.More(ctx, next, b)
}

func (c *counted) maps(ctx context.Context, soql string, all bool) ([]map[string]any, error) {
	c.calls.Add(1)
	return c.org.QueryMaps(ctx, soql, all)
}

func (c *counted) create(ctx context.Context, soql string, all bool) (bulk.Job, error) {
	c.calls.Add(1)
	return c.bulk.Create(ctx, soql, all)
}

func (c *counted) job(ctx context.Context, id string) (bulk.Job, error) {
	c.calls.Add(1)
	return c.bulk.Job(ctx, id)
}

func (c *counted) pages(ctx context.Context, id string, rows int) (bulk.Pages, error) {
	c.calls.Add(1)
	return c.bulk.Pages(ctx, id, rows)
}

func (c *counted) morePages(ctx context.Context, next string) (bulk.Pages, error) {
	c.calls.Add(1)
	return c.bulk.MorePages(ctx, next)
}

func (c *counted) readPage(ctx context.Context, link string, l *record.Layout, skip int, use func(*bulk.PageReader) error) error {
	c.calls.Add(1)
	return c.bulk.ReadPage(ctx, link, l, skip, use)
}

func (c *counted) drop(ctx context.Context, id string) error {
	c.calls.Add(1)
	return c.bulk.Delete(ctx, id)
}
