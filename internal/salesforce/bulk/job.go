package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/spool"
)

// State is how a job stands.
type State string

// The states of a job after its data is there. The last three are final.
const (
	UploadComplete State = "UploadComplete"
	InProgress     State = "InProgress"
	JobComplete    State = "JobComplete"
	Failed         State = "Failed"
	Aborted        State = "Aborted"
)

// Job is a job as the org tells of it.
type Job struct {
	ID     string
	Object string
	State  State
	// Records is the number of records of the whole result of a query, once the
	// state is JobComplete; of an ingest job, that of rows processed so far.
	Records int
	// Refused is how many rows an ingest job has refused so far.
	Refused int
	// Message says why a job failed.
	Message string
	// Date is the org's clock when it told, in whole seconds; zero if it did
	// not say. Age is how long ago the job was created, by that clock.
	Date time.Time
	Age  time.Duration
}

// Err is nil for a job that is running or complete, otherwise a [*JobError].
func (j Job) Err() error {
	if j.State == Failed || j.State == Aborted {
		return &JobError{Job: j}
	}
	return nil
}

// Client creates and reads jobs.
type Client struct {
	org   *salesforce.Client
	spool *spool.Spool
}

// New returns a client that sends through org.
func New(org *salesforce.Client) *Client { return &Client{org: org} }

// Through is the client with pages read through a spool: a page whose reader
// is held up goes to disk, and the org does not wait.
func (c *Client) Through(s *spool.Spool) *Client { return &Client{org: c.org, spool: s} }

// RecordCount is about how many records an object has, 0 where the org does
// not count them: enough to choose between Bulk and REST.
func (c *Client) RecordCount(ctx context.Context, object string) (int, error) {
	counts, err := c.org.RecordCount(ctx, object)
	return counts[object], err
}

// minVersion is the API version that has resultPages.
const minVersion = 58

const jobsPath = "/jobs/query"

// Create starts a job; all brings deleted and archived records too. An error
// for which [Refused] is true means that Bulk API does not take the query.
//
// The call is repeated when its reply is lost, and the job of the lost reply
// then ends by itself.
func (c *Client) Create(ctx context.Context, soql string, all bool) (Job, error) {
	if v, err := strconv.ParseFloat(c.org.Version(), 64); err != nil || v < minVersion {
		return Job{}, fmt.Errorf("create query job: %w", errVersion)
	}
	operation := "query"
	if all {
		operation = "queryAll"
	}
	job, err := c.send(ctx, http.MethodPost, jobsPath, map[string]string{
		"operation": operation, "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	})
	if err != nil {
		return Job{}, fmt.Errorf("create query job: %w", err)
	}
	return job, nil
}

// Job asks how a job stands.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	job, err := c.send(ctx, http.MethodGet, jobPath(id), nil)
	if err != nil {
		return Job{}, fmt.Errorf("ask for query job %s: %w", id, err)
	}
	return job, nil
}

// Abort ends a job that is running.
func (c *Client) Abort(ctx context.Context, id string) error {
	if _, err := c.send(ctx, http.MethodPatch, jobPath(id), map[string]string{"state": string(Aborted)}); err != nil {
		return fmt.Errorf("abort query job %s: %w", id, err)
	}
	return nil
}

// Delete drops a job that is over, and its results.
func (c *Client) Delete(ctx context.Context, id string) error {
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: http.MethodDelete, Path: jobPath(id)}
	if err := c.org.Call(ctx, call, nil); err != nil {
		return fmt.Errorf("delete query job %s: %w", id, err)
	}
	return nil
}

func jobPath(id string) string { return jobsPath + "/" + url.PathEscape(id) }

// send makes a call whose reply is a job.
func (c *Client) send(ctx context.Context, method, path string, body map[string]string) (Job, error) {
	call := salesforce.Call{Kind: salesforce.KindBulk, Method: method, Path: path}
	if body != nil {
		var err error
		if call.Body, err = json.Marshal(body); err != nil {
			return Job{}, fmt.Errorf("render request: %w", err)
		}
	}
	var info struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		State   State  `json:"state"`
		Created string `json:"createdDate"`
		Records int    `json:"numberRecordsProcessed"`
		Refused int    `json:"numberRecordsFailed"`
		Message string `json:"errorMessage"`
	}
	date, err := c.org.CallJSON(ctx, call, &info)
	if err != nil {
		return Job{}, err
	}
	if info.ID == "" || info.State == "" {
		return Job{}, fmt.Errorf("the reply has no id or no state: it is no job")
	}
	job := Job{ID: info.ID, Object: info.Object, State: info.State, Records: info.Records, Refused: info.Refused, Message: strings.TrimSpace(info.Message), Date: date}
	if created, err := time.Parse("2006-01-02T15:04:05.000-0700", info.Created); err == nil && !date.IsZero() {
		job.Age = max(0, date.Sub(created))
	}
	return job, nil
}

// The bounds of Backoff.
const (
	firstWait   = 50 * time.Millisecond
	steadyWait  = 2 * time.Second
	longestWait = 30 * time.Second
)

// Backoff is how long to wait before asking again for a job of this age that
// has been asked for n times in a row: twice as long each time up to 2 s, and
// a quarter of the job's age when that is more, up to 30 s. A job of ten
// minutes takes about 40 calls.
func Backoff(age time.Duration, n int) time.Duration {
	short := min(firstWait<<min(n, 10), steadyWait)
	return min(max(short, age/4), longestWait)
}
