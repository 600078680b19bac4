package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Op is what a write does.
type Op uint8

// The operations of Collections.
const (
	Insert Op = iota + 1
	Update
	Upsert
	Delete
)

var opNames = [...]string{"unknown operation", "insert", "update", "upsert", "delete"}

// String names the operation.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return opNames[0]
}

// MaxWrite is the greatest number of records in one write.
const MaxWrite = 200

// WriteRequest is one Collections call: up to [MaxWrite] records of one object,
// each of which is accepted or refused by itself.
type WriteRequest struct {
	Op     Op
	Object string
	// ExternalIDField is the field that an upsert matches by; "Id" upserts by
	// Id.
	ExternalIDField string
	// Records are whole record bodies with their "attributes", for every
	// operation but Delete.
	Records []json.RawMessage
	// IDs are the records to delete.
	IDs []string
	// SendBefore, if set, is checked right before the request is written, with
	// a connection in hand; once it has passed, [ErrTooLate] is returned and
	// nothing was sent.
	SendBefore time.Time
	// AssignmentRule says whether assignment rules of leads and cases run: TRUE,
	// FALSE, or the Id of a rule; "" leaves it to the org, which runs the active
	// one.
	AssignmentRule string
	// AllowDuplicates saves records that a duplicate rule only warns of.
	AllowDuplicates bool
	// BeforeReply, if set, is called when the request has been written in full
	// and the first byte of its reply is there, of which nothing has been read:
	// the org is done, and we don't know of it. It may run on another goroutine,
	// and has returned before Write does. Without a reply it is not called.
	BeforeReply func()
}

// Result is the outcome of one record.
type Result struct {
	ID      string
	Success bool
	// Created tells an upsert's insert from its update.
	Created bool
	Errors  []RowError
}

// RowError is why Salesforce refused one record.
type RowError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

// Class is what one does about the error.
func (e RowError) Class() Class { return RowClass(e.StatusCode, e.Message) }

// Error gives Salesforce's code and words.
func (e RowError) Error() string { return e.StatusCode + ": " + e.Message }

// Write sends one request and returns one result per record, in order. It is
// never repeated, unless the org surely did not handle it: no connection came
// about, or the session was refused. Ask [OutcomeUnknown] about its error.
func (c *Client) Write(ctx context.Context, w WriteRequest) ([]Result, error) {
	r, n, err := c.writeCall(w)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", w.Op, w.Object, err)
	}
	var out []Result
	err = c.do(ctx, r, func(rep *reply) (err error) {
		out, err = decodeResults(rep.body, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s %d records of %s: %w", w.Op, n, w.Object, err)
	}
	return out, nil
}

// writeCall lays out the HTTP request and counts the records.
func (c *Client) writeCall(w WriteRequest) (request, int, error) {
	r := request{
		kind: KindCollections, write: true, sendBefore: w.SendBefore, wrote: w.BeforeReply,
		path: c.root + "/composite/sobjects", header: map[string]string{},
	}
	if w.AssignmentRule != "" {
		r.header["Sforce-Auto-Assign"] = w.AssignmentRule
	}
	if w.AllowDuplicates {
		r.header["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
	}
	n := len(w.Records)
	switch w.Op {
	case Insert:
		r.method = http.MethodPost
	case Update:
		r.method = http.MethodPatch
	case Upsert:
		if w.ExternalIDField == "" {
			return r, 0, errors.New("an upsert needs ExternalIDField")
		}
		r.method = http.MethodPatch
		r.path += "/" + url.PathEscape(w.Object) + "/" + url.PathEscape(w.ExternalIDField)
	case Delete:
		n = len(w.IDs)
		r.method = http.MethodDelete
		r.path += "?allOrNone=false&ids=" + url.QueryEscape(strings.Join(w.IDs, ","))
	default:
		return r, 0, fmt.Errorf("unknown operation %d", w.Op)
	}
	if n == 0 || n > MaxWrite {
		return r, 0, fmt.Errorf("a write carries 1 to %d records, not %d", MaxWrite, n)
	}
	if w.Op != Delete {
		r.body = writeBody(w.Records)
	}
	return r, n, nil
}

func writeBody(records []json.RawMessage) []byte {
	size := 40
	for _, rec := range records {
		size += len(rec) + 1
	}
	b := append(make([]byte, 0, size), `{"allOrNone":false,"records":[`...)
	for i, rec := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, rec...)
	}
	return append(b, "]}"...)
}

// decodeResults reads the list of results, which must have n entries: with one
// too few, no result could be put to its record.
func decodeResults(body io.Reader, n int) ([]Result, error) {
	var list []struct {
		ID      *string    `json:"id"`
		Success *bool      `json:"success"`
		Created bool       `json:"created"`
		Errors  []RowError `json:"errors"`
	}
	if err := decodeJSON(body, &list); err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	if len(list) != n {
		return nil, fmt.Errorf("the reply has %d results for %d records", len(list), n)
	}
	out := make([]Result, n)
	for i, e := range list {
		if e.Success == nil || !*e.Success && len(e.Errors) == 0 {
			return nil, fmt.Errorf("result %d says neither success nor why not", i+1)
		}
		out[i] = Result{Success: *e.Success, Created: e.Created, Errors: e.Errors}
		if e.ID != nil {
			out[i].ID = *e.ID
		}
	}
	return out, nil
}
