package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// restRecords reads the records by queries, in the order of Ids, so that it can
// go on behind any of them. Where there are many, a Bulk job takes over.
func (j *job) restRecords(ctx context.Context, more func() bool) (through bool, err error) {
	r := &restReader{job: j, batch: record.NewBatch(j.view.Layout)}
	for more() {
		page, err := r.page(ctx)
		if err != nil {
			return false, fmt.Errorf("read the org: %w", err)
		}
		if j.prefersBulk(page) {
			done, err := j.startBulk(ctx)
			if err != nil || done {
				return false, err
			}
		}
		if err := j.compare(ctx, r.batch); err != nil {
			return false, err
		}
		if n := r.batch.Len(); n > 0 {
			j.place.After = r.batch.Value(n-1, j.view.Layout.ID).String()
		}
		if page.Done {
			return true, nil
		}
	}
	return false, nil
}

// prefersBulk says whether so many records follow that a Bulk job is cheaper.
func (j *job) prefersBulk(p salesforce.Page) bool {
	return j.bulk != nil && !j.place.REST && j.place.After == "" && j.options.BulkFrom >= 0 && p.Total >= j.options.BulkFrom
}

// restReader reads the pages of one query after the other.
type restReader struct {
	*job
	batch       *record.Batch
	next        string
	read, total int
}

// page reads the next page into the batch and checks that nothing is missing.
func (r *restReader) page(ctx context.Context) (salesforce.Page, error) {
	page, err := r.fetch(ctx)
	if err != nil {
		return page, err
	}
	last := r.place.After
	for i := range r.batch.Len() {
		id := r.batch.Value(i, r.view.Layout.ID).String()
		if id <= last {
			return page, fmt.Errorf("the org sent %s after %s, which is not the order of Ids that was asked for", id, last)
		}
		last = id
	}
	r.read += r.batch.Len()
	if page.Done = page.Done || page.Next == ""; !page.Done && r.batch.Len() == 0 {
		return page, errors.New("the org sent an empty page and announced more")
	}
	if r.read > r.total || page.Done && r.read != r.total {
		return page, &ShortError{Announced: r.total, Read: r.read}
	}
	r.next = page.Next
	return page, nil
}

func (r *restReader) fetch(ctx context.Context) (salesforce.Page, error) {
	r.batch.Reset()
	if r.next != "" {
		page, err := r.more(ctx, r.next, r.batch)
		if !salesforce.CursorExpired(err) {
			return page, err
		}
		r.batch.Reset()
	}
	var conditions []string
	if r.place.After != "" {
		conditions = append(conditions, "Id > '"+r.place.After+"'")
	}
	page, err := r.query(ctx, r.soql(r.view, conditions...)+" ORDER BY Id", r.all(), r.batch)
	r.read, r.total = 0, page.Total
	if r.place.After == "" {
		r.place.Total = int64(page.Total)
	}
	return page, err
}
