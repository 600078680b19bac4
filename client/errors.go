package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

func (f ErrorFilter) query() url.Values {
	q := url.Values{}
	set(q, "group", f.Group)
	set(q, "mapping", f.Mapping)
	set(q, "operation", f.Operation)
	set(q, "code", f.Code)
	if f.Within > 0 {
		q.Set("within", strconv.FormatInt(f.Within, 10))
	}
	if f.Archived {
		q.Set("archived", "true")
	}
	return q
}

// Errors puts failures together by cause, the most frequent first. The filter's
// IDs don't count.
func (c *Client) Errors(ctx context.Context, ref string, f ErrorFilter) ([]ErrorGroup, error) {
	return call[[]ErrorGroup](ctx, c, http.MethodGet, conn(ref, "errors"), f.query(), nil)
}

// ErrorEntries lists failed changes newest first, with a log id below before (0
// for the newest). The filter's IDs don't count.
func (c *Client) ErrorEntries(ctx context.Context, ref string, f ErrorFilter, before int32, limit int) ([]LogEntry, error) {
	q := f.query()
	q.Set("before", strconv.Itoa(int(before)))
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[[]LogEntry](ctx, c, http.MethodGet, conn(ref, "errors", "entries"), q, nil)
}

// UnreadRecords lists records that could not be stored in their row, newest
// first; of one group or one object, or all.
func (c *Client) UnreadRecords(ctx context.Context, ref, group, object string, limit int) ([]UnreadRecord, error) {
	q := url.Values{}
	set(q, "group", group)
	set(q, "mapping", object)
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[[]UnreadRecord](ctx, c, http.MethodGet, conn(ref, "errors", "unread"), q, nil)
}

// ErrorDetail tells all that is known of one entry of the trigger log.
func (c *Client) ErrorDetail(ctx context.Context, ref string, logID int32) (ChangeDetail, error) {
	return call[ChangeDetail](ctx, c, http.MethodGet, conn(ref, "errors", "entries", strconv.Itoa(int(logID))), nil, nil)
}

// RetryErrors sends failed changes again.
func (c *Client) RetryErrors(ctx context.Context, ref string, a ErrorAction) (ErrorOutcome, error) {
	return call[ErrorOutcome](ctx, c, http.MethodPost, conn(ref, "errors", "retry"), nil, a)
}

// IgnoreErrors ends failed changes.
func (c *Client) IgnoreErrors(ctx context.Context, ref string, a ErrorAction) (ErrorOutcome, error) {
	return call[ErrorOutcome](ctx, c, http.MethodPost, conn(ref, "errors", "ignore"), nil, a)
}

// EditErrors writes new values into the rows of failed changes and sends these
// again.
func (c *Client) EditErrors(ctx context.Context, ref string, a ErrorAction) (ErrorOutcome, error) {
	return call[ErrorOutcome](ctx, c, http.MethodPost, conn(ref, "errors", "edit"), nil, a)
}

// ResolveError answers for an insert whose outcome is not known.
func (c *Client) ResolveError(ctx context.Context, ref string, logID int32, r ErrorResolution) (Resolved, error) {
	return call[Resolved](ctx, c, http.MethodPost, conn(ref, "errors", "entries", strconv.Itoa(int(logID)), "resolve"), nil, r)
}

// History tells what became of a record, newest first, by the id of its row or
// its Id in Salesforce.
func (c *Client) History(ctx context.Context, ref, object, record string, limit int) ([]Happening, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[[]Happening](ctx, c, http.MethodGet, conn(ref, "mappings", object, "history", record), q, nil)
}

// Holds lists what the brake holds; with all also what was decided.
func (c *Client) Holds(ctx context.Context, ref string, all bool) ([]Hold, error) {
	return call[[]Hold](ctx, c, http.MethodGet, conn(ref, "holds"), url.Values{"all": {strconv.FormatBool(all)}}, nil)
}

// ReleaseHold lets a held deletion happen.
func (c *Client) ReleaseHold(ctx context.Context, ref string, id int64) error {
	return c.do(ctx, http.MethodPost, conn(ref, "holds", strconv.FormatInt(id, 10), "release"), nil, nil, nil)
}

// DiscardHold gives a held deletion up: the rows, or records, stay.
func (c *Client) DiscardHold(ctx context.Context, ref string, id int64) error {
	return c.do(ctx, http.MethodPost, conn(ref, "holds", strconv.FormatInt(id, 10), "discard"), nil, nil, nil)
}
