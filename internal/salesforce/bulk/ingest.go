package bulk

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// Open is the state of a job that waits for its data: nothing of it has been
// processed, and nothing will be until [Client.Complete].
const Open State = "Open"

const ingestPath = "/jobs/ingest"

// Ingest says what a job does with its rows.
type Ingest struct {
	Op     salesforce.Op
	Object string
	// ExternalIDField is the field that an upsert matches by.
	ExternalIDField string
	// AssignmentRule is the Id of the rule that runs for leads and cases; ""
	// runs none.
	AssignmentRule string
}

// CreateIngest opens a job that takes data. One whose reply is lost gets no
// data and does nothing, so the call is repeated. An error for which [Refused]
// is true means that Bulk API does not take the object, or not today.
func (c *Client) CreateIngest(ctx context.Context, in Ingest) (Job, error) {
	body := map[string]string{
		"operation": in.Op.String(), "object": in.Object, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	}
	if in.Op == salesforce.Upsert {
		body["externalIdFieldName"] = in.ExternalIDField
	}
	if in.AssignmentRule != "" {
		body["assignmentRuleId"] = in.AssignmentRule
	}
	job, err := c.send(ctx, http.MethodPost, ingestPath, body)
	if err != nil {
		return Job{}, fmt.Errorf("create a job to %s %s: %w", in.Op, in.Object, err)
	}
	return job, nil
}

// Upload hands a job its rows, once. It is not repeated: whether a second
// upload were taken can't be told.
func (c *Client) Upload(ctx context.Context, id string, rows []byte) error {
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodPut, Path: ingestJob(id) + "/batches", Body: rows, CSV: true, Once: true}
	if err := c.org.Call(ctx, call, nil); err != nil {
		return fmt.Errorf("upload %d bytes to job %s: %w", len(rows), id, err)
	}
	return nil
}

// Complete says that all data is there: the job begins. It is the one call of a
// job that changes records, and goes out before the given time or not at all.
// When its reply is lost, the job's state tells; beforeReply, which may be nil,
// is called when the request is out and its reply unread.
func (c *Client) Complete(ctx context.Context, id string, before time.Time, beforeReply func()) error {
	body, err := json.Marshal(map[string]string{"state": string(UploadComplete)})
	if err != nil {
		return fmt.Errorf("render request: %w", err)
	}
	call := salesforce.Call{
		Kind: salesforce.KindBulk, Method: http.MethodPatch, Path: ingestJob(id), Body: body, Once: true,
		SendBefore: before, BeforeReply: beforeReply,
	}
	if err := c.org.Call(ctx, call, nil); err != nil {
		return fmt.Errorf("start job %s: %w", id, err)
	}
	return nil
}

// IngestJob asks how a job stands.
func (c *Client) IngestJob(ctx context.Context, id string) (Job, error) {
	job, err := c.send(ctx, http.MethodGet, ingestJob(id), nil)
	if err != nil {
		return Job{}, fmt.Errorf("ask for job %s: %w", id, err)
	}
	return job, nil
}

// AbortIngest ends a job. What of it has been processed stays so.
func (c *Client) AbortIngest(ctx context.Context, id string) error {
	if _, err := c.send(ctx, http.MethodPatch, ingestJob(id), map[string]string{"state": string(Aborted)}); err != nil {
		return fmt.Errorf("abort job %s: %w", id, err)
	}
	return nil
}

func ingestJob(id string) string { return ingestPath + "/" + url.PathEscape(id) }

// Kind of results.
type Kind string

// What became of rows. Unprocessed ones are those that a job did not reach.
const (
	Successful  Kind = "successfulResults"
	Refusals    Kind = "failedResults"
	Unprocessed Kind = "unprocessedrecords"
)

// RowResult is what became of one row.
type RowResult struct {
	ID      string
	Created bool
	// Error is why the row was refused; its StatusCode is "" if it was not.
	Error salesforce.RowError
	// Row are the columns as they were uploaded, by name, in the order of the
	// header; valid until the next row.
	Header, Row []string
}

// Results reads the results of a job that is over, in no particular order. It
// calls start before the first row, and again when the list broke off and is
// read from its beginning; what start returns is handed each row.
func (c *Client) Results(ctx context.Context, id string, kind Kind, start func() func(RowResult) error) error {
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodGet, Path: ingestJob(id) + "/" + string(kind), Stream: true}
	err := c.org.Call(ctx, call, func(rep salesforce.Reply) error { return readResults(rep.Body, start()) })
	if err != nil {
		return fmt.Errorf("read %s of job %s: %w", kind, id, err)
	}
	return nil
}

func readResults(body io.Reader, use func(RowResult) error) error {
	r := csv.NewReader(body)
	r.ReuseRecord = true
	first, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return unfinished(err)
	}
	names := slices.Clone(first)
	own := slices.IndexFunc(names, func(n string) bool { return !strings.HasPrefix(n, "sf__") })
	if own < 0 {
		own = len(names)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unfinished(err)
		}
		res := RowResult{Header: names[own:], Row: row[own:]}
		for i, name := range names[:own] {
			switch name {
			case "sf__Id":
				res.ID = row[i]
			case "sf__Created":
				res.Created = strings.EqualFold(row[i], "true")
			case "sf__Error":
				res.Error = rowError(row[i])
			}
		}
		if err := use(res); err != nil {
			return err
		}
	}
}

// unfinished makes a text that breaks off inside a row worth reading again.
func unfinished(err error) error {
	if errors.Is(err, csv.ErrFieldCount) || errors.Is(err, csv.ErrQuote) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}

// rowError reads "CODE:message:FIELD1,FIELD2--".
func rowError(text string) salesforce.RowError {
	code, rest, ok := strings.Cut(text, ":")
	if !ok {
		return salesforce.RowError{StatusCode: "UNKNOWN_EXCEPTION", Message: text}
	}
	e := salesforce.RowError{StatusCode: code, Message: rest}
	at := strings.LastIndexByte(rest, ':')
	list, ended := strings.CutSuffix(strings.TrimSpace(rest), "--")
	if at < 0 || !ended {
		return e
	}
	e.Message = rest[:at]
	for f := range strings.SplitSeq(strings.TrimSpace(list[min(at+1, len(list)):]), ",") {
		if f = strings.TrimSpace(f); f != "" {
			e.Fields = append(e.Fields, f)
		}
	}
	return e
}
