package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/bulkcsv"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// MaxPages is how many pages one list names, and how many the org lets one
// read at once.
const MaxPages = 5

// Pages names some pages of a complete job.
type Pages struct {
	// Links are the pages' addresses. They hold as long as the job exists.
	Links []string
	// Next is the address of the list that follows; "" if this is the last.
	Next string
}

// Pages lists the first pages of a complete job, of at most rows records each
// as far as the org heeds that.
func (c *Client) Pages(ctx context.Context, id string, rows int) (Pages, error) {
	return c.MorePages(ctx, jobPath(id)+"/resultPages?"+url.Values{"maxRecords": {strconv.Itoa(rows)}}.Encode())
}

// MorePages reads the list that next, of the list before, points to.
func (c *Client) MorePages(ctx context.Context, next string) (Pages, error) {
	var list struct {
		Pages []struct {
			URL string `json:"resultUrl"`
		} `json:"resultPages"`
		Done bool `json:"done"`
		// The documentation spells the link both ways.
		Next  string `json:"nextRecordsUrl"`
		Other string `json:"nextRecordUrl"`
	}
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodGet, Path: next}
	if _, err := c.org.CallJSON(ctx, call, &list); err != nil {
		return Pages{}, fmt.Errorf("list pages of a query job: %w", err)
	}
	var out Pages
	for _, p := range list.Pages {
		if p.URL == "" {
			return Pages{}, errors.New("list pages of a query job: a page has no link")
		}
		out.Links = append(out.Links, rooted(p.URL))
	}
	if link := cmp.Or(list.Next, list.Other); link != "" && !list.Done {
		out.Next = rooted(link)
	}
	switch {
	case !list.Done && out.Next == "":
		return Pages{}, errors.New("list pages of a query job: the list is not done and has no link to the next one")
	case len(out.Links) == 0 && out.Next != "":
		return Pages{}, errors.New("list pages of a query job: the list is empty and more are announced")
	}
	return out, nil
}

// rooted gives a link without host its leading slash.
func rooted(link string) string {
	if strings.HasPrefix(link, "/") || strings.Contains(link, "://") {
		return link
	}
	return "/" + link
}

// PageReader gives the records of one page.
type PageReader struct {
	decoder *bulkcsv.Decoder
	total   int
	done    *int
}

// Total is the number of records of the page as the org says.
func (p *PageReader) Total() int { return p.total }

// Next appends records to b up to the limit. At the end of the page the error
// is io.EOF, and then the page had as many records as it should; b may have
// got its last ones. On any other error b is as it was before.
func (p *PageReader) Next(b *record.Batch, limit bulkcsv.Limit) (n int, err error) {
	before := b.Len()
	n, err = p.decoder.Next(b, limit)
	end := errors.Is(err, io.EOF)
	if err != nil && !end {
		return 0, err
	}
	if read := p.decoder.Rows(); read > p.total || end && read != p.total {
		b.Truncate(before)
		return 0, &ShortError{Announced: p.total, Read: read}
	}
	*p.done += n
	return n, err
}

// ReadPage reads a page, from behind its first skip records on. use is handed
// the page and reads it to io.EOF, which it need not return; when the line
// breaks, the page is asked for again and use is called again with a reader
// that goes on where the one before has ended. An error of use is found in the
// one returned.
//
// As long as use waits, the org waits, unless the client has a spool
// ([Client.Through]): a connection that the org gives up is made anew, a few
// times.
func (c *Client) ReadPage(ctx context.Context, link string, l *record.Layout, skip int, use func(*PageReader) error) error {
	done := skip
	decoder := bulkcsv.NewDecoder(l, nil)
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodGet, Path: link, Stream: true}
	err := c.org.Call(ctx, call, func(rep salesforce.Reply) error {
		total, err := strconv.Atoi(rep.Header.Get("Sforce-NumberOfRecords"))
		if err != nil {
			return errNoCount
		}
		if total < done {
			return &ShortError{Announced: total, Read: done}
		}
		body := c.spool.Body(rep.Body)
		defer body.Close()
		decoder.Reset(body)
		if err := decoder.Skip(done); err != nil {
			return err
		}
		if err := use(&PageReader{decoder: decoder, total: total, done: &done}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read a page of a query job: %w", err)
	}
	return nil
}
