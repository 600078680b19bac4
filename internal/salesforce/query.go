package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

// MaxRetrieve is the greatest number of Ids in one Retrieve.
const MaxRetrieve = 2000

// Page is what a reply says beside its records.
type Page struct {
	restjson.Page
	// ServerDate is the org's clock when it answered, in whole seconds; zero if
	// the reply had no Date. Bounds of later queries come from it, never from
	// our own clock.
	ServerDate time.Time
}

// Query starts a query and appends its first page to b; all also brings deleted
// and archived records. The SELECT list must be b's layout's. The body is
// streamed. On an error b holds what it held before.
func (c *Client) Query(ctx context.Context, soql string, all bool, b *record.Batch) (Page, error) {
	page, err := c.page(ctx, c.queryPath(soql, all), b)
	if err != nil {
		return Page{}, fmt.Errorf("query: %w", err)
	}
	return page, nil
}

// More appends the page that next, of the page before, points to. When the org
// no longer knows it ([CursorExpired]), the query has to be made again.
func (c *Client) More(ctx context.Context, next string, b *record.Batch) (Page, error) {
	page, err := c.page(ctx, next, b)
	if err != nil {
		return Page{}, fmt.Errorf("read next page: %w", err)
	}
	return page, nil
}

func (c *Client) page(ctx context.Context, path string, b *record.Batch) (Page, error) {
	var page Page
	before := b.Len()
	err := c.read(ctx, KindQuery, path, func(rep *reply) (err error) {
		b.Truncate(before)
		page.ServerDate = rep.date
		page.Page, err = restjson.NewDecoder(b.Layout).DecodePage(rep.body, b)
		return err
	})
	if err != nil {
		b.Truncate(before) // the reply may have been cut after its last record
	}
	return page, err
}

// Retrieve appends the records with these Ids, at most [MaxRetrieve], to b.
// Missing are the Ids that have no record, or none that the user may see.
// Page.Total is the number of records found; a retrieve has one page.
func (c *Client) Retrieve(ctx context.Context, object string, ids []string, b *record.Batch) (missing []string, page Page, err error) {
	if len(ids) == 0 || len(ids) > MaxRetrieve {
		return nil, Page{}, fmt.Errorf("retrieve %s: 1 to %d Ids are allowed, not %d", object, MaxRetrieve, len(ids))
	}
	body, err := retrieveBody(ids, b.Layout.Paths())
	if err != nil {
		return nil, Page{}, fmt.Errorf("retrieve %s: %w", object, err)
	}
	r := request{
		kind: KindRetrieve, method: http.MethodPost, body: body,
		path: c.root + "/composite/sobjects/" + url.PathEscape(object),
	}
	before := b.Len()
	err = c.do(ctx, r, func(rep *reply) error {
		b.Truncate(before)
		absent, err := restjson.NewDecoder(b.Layout).DecodeList(rep.body, b)
		if err != nil {
			return err
		}
		found := b.Len() - before
		if found+len(absent) != len(ids) {
			return fmt.Errorf("the reply has %d entries for %d Ids", found+len(absent), len(ids))
		}
		missing = make([]string, len(absent))
		for i, at := range absent {
			missing[i] = ids[at]
		}
		page = Page{Page: restjson.Page{Total: found, Done: true, Rows: found}, ServerDate: rep.date}
		return nil
	})
	if err != nil {
		b.Truncate(before)
		return nil, Page{}, fmt.Errorf("retrieve %d records of %s: %w", len(ids), object, err)
	}
	return missing, page, nil
}
