package bulk

import (
	"encoding/json"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// The states of a job.
const (
	Open           = "Open"
	UploadComplete = "UploadComplete"
	InProgress     = "InProgress"
	JobComplete    = "JobComplete"
	Failed         = "Failed"
	Aborted        = "Aborted"
)

// The types of jobs.
const (
	TypeQuery  = "V2Query"
	TypeIngest = "V2Ingest"
)

// Job is one job. What never changes is exported; the rest belongs to Jobs.
type Job struct {
	ID      string
	Type    string
	Version string // of the API, such as 68.0
	Format  Format
	actor   *org.Actor
	created time.Time
	no      uint64 // running number, of which the Id is made

	operation string
	object    string
	chunked   bool // PK chunking is possible

	// Under the lock of Jobs:
	state     string
	modified  time.Time
	message   string
	processed int
	failed    int
	started   time.Time
	spent     time.Duration
	// changed says that a kept file of the job is out of date.
	changed bool

	query  *queryWork
	ingest *ingestWork
}

// queryWork is what a query job does and has.
type queryWork struct {
	text    string
	bound   *soql.Bound
	all     bool
	columns []column
	snap    *org.Snapshot
}

// Info is a job as the API shows it.
type Info struct {
	ID              string      `json:"id"`
	Operation       string      `json:"operation"`
	Object          string      `json:"object"`
	CreatedByID     string      `json:"createdById"`
	CreatedDate     string      `json:"createdDate"`
	SystemModstamp  string      `json:"systemModstamp"`
	State           string      `json:"state"`
	ExternalIDField string      `json:"externalIdFieldName,omitempty"`
	AssignmentRule  string      `json:"assignmentRuleId,omitempty"`
	ConcurrencyMode string      `json:"concurrencyMode"`
	ContentType     string      `json:"contentType"`
	APIVersion      json.Number `json:"apiVersion"`
	ContentURL      string      `json:"contentUrl,omitempty"`
	LineEnding      string      `json:"lineEnding"`
	ColumnDelimiter string      `json:"columnDelimiter"`
	*Progress
}

// Progress is the part of Info that a job's creation does not show yet.
type Progress struct {
	JobType                 string `json:"jobType"`
	NumberRecordsProcessed  int    `json:"numberRecordsProcessed"`
	NumberRecordsFailed     *int   `json:"numberRecordsFailed,omitempty"`
	Retries                 int    `json:"retries"`
	TotalProcessingTime     int64  `json:"totalProcessingTime"`
	APIActiveProcessingTime *int64 `json:"apiActiveProcessingTime,omitempty"`
	ApexProcessingTime      *int64 `json:"apexProcessingTime,omitempty"`
	IsPkChunkingSupported   *bool  `json:"isPkChunkingSupported,omitempty"`
	ErrorMessage            string `json:"errorMessage,omitempty"`
}

const timeLayout = "2006-01-02T15:04:05.000+0000"

// info is the job's description; the caller holds the lock of Jobs.
func (j *Job) info() Info {
	i := Info{
		ID: j.ID, Operation: j.operation, Object: j.object, CreatedByID: j.actor.User.ID,
		CreatedDate: j.created.Format(timeLayout), SystemModstamp: j.modified.Format(timeLayout), State: j.state,
		ConcurrencyMode: "Parallel", ContentType: "CSV", APIVersion: json.Number(j.Version),
		LineEnding: j.Format.LineEndName(), ColumnDelimiter: j.Format.DelimiterName(),
	}
	if j.ingest != nil {
		i.ExternalIDField, i.AssignmentRule = j.ingest.keyField, j.actor.Assign
		if j.state == Open {
			i.ContentURL = "services/data/v" + j.Version + "/jobs/ingest/" + j.ID + "/batches"
		}
	}
	return i
}

// full is info with the progress; the caller holds the lock of Jobs.
func (j *Job) full() Info {
	i := j.info()
	ms := j.spent.Milliseconds()
	i.Progress = &Progress{JobType: j.Type, NumberRecordsProcessed: j.processed, TotalProcessingTime: ms, ErrorMessage: j.message}
	if j.Type == TypeQuery {
		i.IsPkChunkingSupported = &j.chunked
		return i
	}
	var apex int64
	failed := j.failed
	i.NumberRecordsFailed, i.APIActiveProcessingTime, i.ApexProcessingTime = &failed, &ms, &apex
	return i
}

func (j *Job) over() bool {
	return j.state == JobComplete || j.state == Failed || j.state == Aborted
}

// Error is why a call on a job is refused, in Salesforce's words.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes of this package that stand for more than a bad request.
const (
	CodeNotFound = "NOT_FOUND"
	CodeVersion  = "INVALIDVERSION"
)

func notFound() *Error { return &Error{CodeNotFound, "The requested resource does not exist"} }

func unsupported(what string) *Error {
	return &Error{"API_ERROR", what + " not supported in Bulk Query"}
}

func chunkable(obj *schema.Object) bool {
	return obj.Custom || obj.Replicateable
}
