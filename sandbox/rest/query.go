package rest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

const (
	maxPage = 2000
	minPage = 200
)

// queryCall is /query and /queryAll, the first page or a later one.
func (c *call) queryCall(all bool) (*reply, error) {
	if c.method != http.MethodGet && c.method != http.MethodHead {
		return nil, methodNotAllowed(c.method, "GET,HEAD")
	}
	if len(c.seg) > 1 {
		return c.queryMore(c.seg[1])
	}
	if text := c.query.Get("explain"); text != "" {
		return c.explain(text)
	}
	text := c.query.Get("q")
	if text == "" {
		return nil, failf(http.StatusBadRequest, "MALFORMED_QUERY", "A query string has to be specified")
	}
	if c.query.Get("columns") == "true" {
		return c.queryColumns(text)
	}
	cur, err := c.s.org.Query(c.ctx, c.actor, text, all)
	if err != nil {
		return nil, err
	}
	cur.Rows = c.pageRows(cur)
	if cur.Bound.Aggregate {
		cur.Rows = maxPage
		if len(cur.Result.Rows) > maxPage {
			return nil, failf(http.StatusBadRequest, "EXCEEDED_ID_LIMIT",
				"Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch")
		}
	}
	return jsonReply(http.StatusOK, c.page(cur, 0)), nil
}

// pageRows is the hint of Sforce-Query-Options within Salesforce's bounds, and
// the cap of the org's switches.
func (c *call) pageRows(cur *org.Cursor) int {
	n := maxPage
	if hint, err := strconv.Atoi(headerOption(c.header.Get("Sforce-Query-Options"), "batchSize")); err == nil {
		n = min(max(hint, minPage), maxPage)
	}
	switches := c.s.org.Switches()
	if switches.ShrinkWidePages && longTexts(cur) >= 2 {
		n = minPage
	}
	if switches.PageRows > 0 {
		n = min(n, switches.PageRows)
	}
	return n
}

func longTexts(cur *org.Cursor) int {
	n := 0
	for _, col := range cur.Bound.Columns {
		if col.Field != nil && col.Field.LongText() {
			n++
		}
	}
	return n
}

func (c *call) queryMore(locator string) (*reply, error) {
	id, at, _ := strings.Cut(locator, "-")
	offset, err := strconv.Atoi(at)
	if err != nil || offset < 0 {
		offset = 0
	}
	cur, err := c.s.org.CursorByID(id)
	if err != nil || cur.UserID != c.actor.User.ID || offset > cur.Total {
		return nil, failf(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return jsonReply(http.StatusOK, c.page(cur, offset)), nil
}

// page renders the rows of a cursor from an offset on, with their present
// values. Rows that have been purged meanwhile are left out.
func (c *call) page(cur *org.Cursor, from int) []byte {
	rows := len(cur.Result.IDs)
	if cur.Bound.Aggregate {
		rows = len(cur.Result.Rows)
	}
	to := min(from+cur.Rows, rows)
	done := to >= rows
	b := fmt.Appendf(nil, `{"totalSize":%d,"done":%t`, cur.Total, done)
	if !done {
		if cur.ID == "" {
			c.s.org.KeepCursor(cur)
		}
		b = append(b, `,"nextRecordsUrl":`...)
		b = appendString(b, fmt.Sprintf("/services/data/%s/query/%s-%d", c.version, cur.ID, to))
	}
	b = append(b, `,"records":[`...)
	b = c.pageRecords(b, cur, from, to)
	return append(b, "]}"...)
}

func (c *call) pageRecords(b []byte, cur *org.Cursor, from, to int) []byte {
	_ = c.s.org.Read(c.actor, func(v *org.View) error { // the function can't fail
		rd := renderer{c.ctx, c.version, v}
		start := len(b)
		for i := from; i < to; i++ {
			mark := len(b)
			if mark > start {
				b = append(b, ',')
			}
			if cur.Bound.Aggregate {
				b = rd.aggregate(b, cur.Bound.Columns, cur.Result.Rows[i])
				continue
			}
			row, ok := v.ByID(cur.Bound.Object, cur.Result.IDs[i])
			if !ok {
				b = b[:mark]
				continue
			}
			b = rd.columns(b, cur.Bound, row, cur.Bound.Columns)
		}
		return nil
	})
	return b
}

// updated is getUpdated.
func (c *call) updated(obj *schema.Object) (*reply, error) {
	start, end, err := c.window()
	if err != nil {
		return nil, err
	}
	ids, covered, err := c.s.org.Updated(c.actor, obj, start, end)
	if err != nil {
		return nil, err
	}
	b := append([]byte(`{"ids":`), appendStrings(nil, ids)...)
	b = append(b, `,"latestDateCovered":`...)
	b = appendString(b, formatInstant(covered.Unix()))
	return jsonReply(http.StatusOK, append(b, '}')), nil
}

// deleted is getDeleted.
func (c *call) deleted(obj *schema.Object) (*reply, error) {
	start, end, err := c.window()
	if err != nil {
		return nil, err
	}
	list, earliest, covered, err := c.s.org.Deletions(c.actor, obj, start, end)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"deletedRecords":[`)
	for i, d := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"id":`...), d.ID)
		b = appendString(append(b, `,"deletedDate":`...), formatInstant(d.At.Unix()))
		b = append(b, '}')
	}
	b = appendString(append(b, `],"earliestDateAvailable":`...), formatInstant(earliest.Unix()))
	b = appendString(append(b, `,"latestDateCovered":`...), formatInstant(covered.Unix()))
	return jsonReply(http.StatusOK, append(b, '}')), nil
}

func (c *call) window() (start, end time.Time, err error) {
	if start, err = parseTime(c.query.Get("start")); err != nil {
		return start, end, err
	}
	end, err = parseTime(c.query.Get("end"))
	return start, end, err
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func decodeBase64(s string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("decode stored bytes: %w", err)
	}
	return data, nil
}
