package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/bulk"
	"github.com/synclinehq/syncline/sandbox/org"
)

// jobKind names the sort of a Bulk call for the count of calls.
func (c *call) jobKind() string {
	kind := "bulk_" + c.path(1)
	switch {
	case len(c.seg) > 3:
		return kind + "_" + c.path(3)
	case c.method == http.MethodPost:
		return kind + "_create"
	case c.method == http.MethodGet:
		return kind + "_poll"
	}
	return kind + "_change"
}

// jobs is /jobs/query and /jobs/ingest.
func (c *call) jobs() (*reply, error) {
	var kind string
	switch c.path(1) {
	case "query":
		kind = bulk.TypeQuery
	case "ingest":
		kind = bulk.TypeIngest
	default:
		return nil, notFound()
	}
	switch len(c.seg) {
	case 2:
		return c.jobList(kind)
	case 3:
		return c.job(kind, c.seg[2])
	case 4:
		if kind == bulk.TypeQuery {
			return c.queryResults(c.seg[2], c.seg[3])
		}
		return c.ingestPart(c.seg[2], c.seg[3])
	}
	return nil, notFound()
}

// bulkActor is the caller as an actor whose changes come by Bulk, where
// assignment rules are asked for by the job.
func (c *call) bulkActor() *org.Actor {
	a := *c.actor
	a.Assign = ""
	a.Origin = "com/salesforce/api/bulkapi/" + c.bare()
	return &a
}

func (c *call) jobList(kind string) (*reply, error) {
	switch c.method {
	case http.MethodGet:
		return c.listJobs(kind)
	case http.MethodPost:
		if kind == bulk.TypeQuery {
			return c.createQueryJob()
		}
		return c.createIngestJob()
	}
	return nil, methodNotAllowed(c.method, "GET,POST")
}

func (c *call) createQueryJob() (*reply, error) {
	var req bulk.QueryRequest
	if err := decodeJob(c.body, &req); err != nil {
		return nil, err
	}
	info, err := c.s.bulk.CreateQuery(c.bulkActor(), c.bare(), req, c.jobFault.jobMessage())
	if err != nil {
		return nil, err
	}
	return marshalReply(info)
}

func decodeJob(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s", err)
	}
	return nil
}

// createIngestJob opens a job, by JSON or by a multipart body that carries
// the upload too.
func (c *call) createIngestJob() (*reply, error) {
	var req bulk.IngestRequest
	def, data := c.body, []byte(nil)
	mediaType, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err == nil && strings.HasPrefix(mediaType, "multipart/") {
		if def, data, err = jobParts(c.body, params["boundary"]); err != nil {
			return nil, err
		}
	}
	if err := decodeJob(def, &req); err != nil {
		return nil, err
	}
	info, err := c.s.bulk.CreateIngest(c.bulkActor(), c.bare(), req, data, c.ingestFault())
	if err != nil {
		return nil, err
	}
	return marshalReply(info)
}

// maxPartChars bounds the upload inside a multipart request.
const maxPartChars = 100_000

// jobParts takes a multipart body apart: the job's definition first, then its
// upload.
func jobParts(body []byte, boundary string) (def, data []byte, err error) {
	bad := func(err error) error {
		return failf(http.StatusBadRequest, "CLIENTINPUTERROR", "multipart body can't be read: %s", err)
	}
	mr := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, bad(err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, bad(err)
		}
		if def == nil {
			def = b
		} else {
			data = b
		}
	}
	if len(data) > maxPartChars {
		return nil, nil, failf(http.StatusBadRequest, "CLIENTINPUTERROR", "the upload has %d bytes, more than the %d of a multipart request", len(data), maxPartChars)
	}
	if data == nil {
		return nil, nil, failf(http.StatusBadRequest, "CLIENTINPUTERROR", "the multipart request has no part with content")
	}
	return def, data, nil
}

// ingestFault is what the call's fault does to the job it starts.
func (c *call) ingestFault() bulk.Fault {
	f := bulk.Fault{Fail: c.jobFault.jobMessage()}
	if rows := c.rowFault; rows != nil {
		f.Row = rows.fail
	}
	if c.jobFault != nil {
		f.After = c.jobFault.Rows
	}
	return f
}

func (c *call) listJobs(kind string) (*reply, error) {
	after := c.query.Get("queryLocator")
	f := bulk.Filter{JobType: c.query.Get("jobType"), ConcurrencyMode: c.query.Get("concurrencyMode")}
	if text := c.query.Get("isPkChunkingEnabled"); text != "" {
		on := strings.EqualFold(text, "true")
		f.PKChunking = &on
	}
	list, more := c.s.bulk.List(kind, after, f)
	out := struct {
		Done    bool        `json:"done"`
		Records []bulk.Info `json:"records"`
		Next    *string     `json:"nextRecordsUrl"`
	}{!more, append([]bulk.Info{}, list...), nil}
	if more {
		next := fmt.Sprintf("/services/data/%s/jobs/%s?queryLocator=%s", c.version, c.seg[1], list[len(list)-1].ID)
		out.Next = &next
	}
	return marshalReply(out)
}

// job is one job: its description, its change of state, its end.
func (c *call) job(kind, id string) (*reply, error) {
	switch c.method {
	case http.MethodGet:
		return jobReply(c.s.bulk.Info(kind, id))
	case http.MethodPatch:
		var change struct {
			State string `json:"state"`
		}
		if err := decodeJob(c.body, &change); err != nil {
			return nil, err
		}
		switch {
		case change.State == bulk.Aborted:
			return jobReply(c.s.bulk.Abort(kind, id))
		case change.State == bulk.UploadComplete && kind == bulk.TypeIngest:
			return jobReply(c.s.bulk.Complete(id, c.ingestFault()))
		}
		return nil, failf(http.StatusBadRequest, "INVALIDJOBSTATE", "InvalidJobState : state %q can't be set", change.State)
	case http.MethodDelete:
		if err := c.s.bulk.Delete(kind, id); err != nil {
			return nil, err
		}
		return emptyReply(http.StatusNoContent), nil
	}
	return nil, methodNotAllowed(c.method, "DELETE,GET,PATCH")
}

func jobReply(info bulk.Info, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	return marshalReply(info)
}

const csvType = "text/csv;charset=UTF-8"

// queryResults is /jobs/query/{id}/results and /resultPages.
func (c *call) queryResults(id, part string) (*reply, error) {
	if c.method != http.MethodGet && c.method != http.MethodHead {
		return nil, methodNotAllowed(c.method, "GET,HEAD")
	}
	limit, err := c.maxRecords()
	if err != nil {
		return nil, err
	}
	switch part {
	case "results":
		return c.resultPage(id, limit)
	case "resultPages":
		if c.versionNumber() >= 58 {
			return c.resultPages(id, limit)
		}
	}
	return nil, notFound()
}

func (c *call) maxRecords() (int, error) {
	text := c.query.Get("maxRecords")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, failf(http.StatusBadRequest, "CLIENTINPUTERROR", "maxRecords is %q, must be a number above 0", text)
	}
	return n, nil
}

func (c *call) resultPage(id string, limit int) (*reply, error) {
	res, err := c.s.bulk.Results(id, c.bare(), c.query.Get("locator"), limit)
	if err != nil {
		return nil, err
	}
	locator := res.Locator
	if locator == "" {
		locator = "null"
	}
	rows := res.Rows()
	res.To -= min(c.lostRows, rows)
	return &reply{
		status: http.StatusOK,
		header: http.Header{
			"Content-Type":           {csvType},
			"Sforce-Locator":         {locator},
			"Sforce-NumberOfRecords": {strconv.Itoa(rows)},
		},
		stream: func(ctx context.Context, w io.Writer) error { return res.Write(ctx, c.s.org, w) },
	}, nil
}

func (c *call) resultPages(id string, limit int) (*reply, error) {
	pages, next, err := c.s.bulk.ResultPages(id, c.bare(), c.query.Get("locator"), limit)
	if err != nil {
		return nil, err
	}
	link := func(part, locator string) string {
		q := url.Values{"locator": {locator}}
		if limit > 0 {
			q.Set("maxRecords", strconv.Itoa(limit))
		}
		return "/services/data/" + c.version + "/jobs/query/" + id + "/" + part + "?" + q.Encode()
	}
	type page struct {
		URL string `json:"resultUrl"`
	}
	list := []page{}
	for _, locator := range pages {
		list = append(list, page{link("results", locator)})
	}
	key := c.s.org.Switches().Bulk.NextPageKey
	if key == "" {
		key = "nextRecordsUrl"
	}
	out := map[string]any{"resultPages": list, "done": next == "", key: nil}
	if next != "" {
		out[key] = link("resultPages", next)
	}
	return marshalReply(out)
}

// ingestPart is the upload of an ingest job, or its results of one kind.
func (c *call) ingestPart(id, part string) (*reply, error) {
	if part == "batches" {
		if c.method != http.MethodPut {
			return nil, methodNotAllowed(c.method, "PUT")
		}
		if err := c.s.bulk.Upload(id, c.body); err != nil {
			return nil, err
		}
		return emptyReply(http.StatusCreated), nil
	}
	kind, ok := map[string]bulk.ResultKind{
		"successfulresults": bulk.Successful, "failedresults": bulk.Unsuccessful, "unprocessedrecords": bulk.Unprocessed,
	}[strings.ToLower(part)]
	if !ok {
		return nil, notFound()
	}
	if c.method != http.MethodGet && c.method != http.MethodHead {
		return nil, methodNotAllowed(c.method, "GET,HEAD")
	}
	write, err := c.s.bulk.WriteResults(id, kind)
	if err != nil {
		return nil, err
	}
	return &reply{
		status: http.StatusOK, header: http.Header{"Content-Type": {csvType}},
		stream: func(_ context.Context, w io.Writer) error { return write(w) },
	}, nil
}
