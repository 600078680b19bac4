package bulk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// maxUpload is what 150 MB of base64 hold.
const maxUpload = 150_000_000 / 4 * 3

// IngestRequest is what an ingest job is created from.
type IngestRequest struct {
	Object              string `json:"object"`
	Operation           string `json:"operation"`
	ExternalIDFieldName string `json:"externalIdFieldName"`
	ContentType         string `json:"contentType"`
	ColumnDelimiter     string `json:"columnDelimiter"`
	LineEnding          string `json:"lineEnding"`
	AssignmentRuleID    string `json:"assignmentRuleId"`
}

// Fault is what a fault in force does to an ingest job. The zero value does
// nothing.
type Fault struct {
	// Row is the error of the i-th row of the upload, nil if it is spared.
	Row func(i int) error
	// Fail, if not "", ends the job as Failed with this message after After
	// rows; the rest stays unprocessed.
	Fail  string
	After int
}

func (f Fault) row(i int) error {
	if f.Row == nil {
		return nil
	}
	return f.Row(i)
}

// ingestWork is what an ingest job does and has.
type ingestWork struct {
	object   string
	keyField string
	data     []byte
	uploaded bool
	header   []string
	outcomes []outcome
}

// outcome is what became of one row.
type outcome struct {
	values  []string
	id      string
	created bool
	err     *org.RowError
	done    bool
}

// CreateIngest opens an ingest job. data, if not nil, is a complete upload
// that came with the request, and starts the job.
func (js *Jobs) CreateIngest(a *org.Actor, version string, req IngestRequest, data []byte, fault Fault) (Info, error) {
	format, err := ParseFormat(req.ColumnDelimiter, req.LineEnding)
	if err != nil {
		return Info{}, &Error{"CLIENTINPUTERROR", err.Error()}
	}
	if req.ContentType != "" && req.ContentType != "CSV" {
		return Info{}, &Error{"CLIENTINPUTERROR", fmt.Sprintf("contentType is %q, must be CSV", req.ContentType)}
	}
	obj, err := js.checkIngest(a, req)
	if err != nil {
		return Info{}, err
	}
	if req.AssignmentRuleID != "" {
		actor := *a
		actor.Assign = req.AssignmentRuleID
		a = &actor
	}
	j := &Job{
		Type: TypeIngest, Version: version, Format: format, actor: a, operation: req.Operation, object: obj.Name,
		state: Open, ingest: &ingestWork{object: obj.Name, keyField: req.ExternalIDFieldName},
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	if err := js.batchQuota(); err != nil {
		return Info{}, err
	}
	js.add(j)
	if data != nil {
		j.ingest.data, j.ingest.uploaded = data, true
		js.ready(j, fault)
	}
	return j.info(), nil
}

func (js *Jobs) checkIngest(a *org.Actor, req IngestRequest) (*schema.Object, error) {
	if !slices.Contains([]string{"insert", "update", "upsert", "delete", "hardDelete"}, req.Operation) {
		return nil, &Error{"CLIENTINPUTERROR", fmt.Sprintf("operation is %q, must be insert, update, upsert, delete or hardDelete", req.Operation)}
	}
	obj, ok := js.org.Catalog.Object(req.Object)
	if !ok || !a.CanRead(obj) {
		return nil, &Error{"INVALIDENTITY", fmt.Sprintf("Unable to find object: %s", req.Object)}
	}
	if !obj.Createable && !obj.Updateable && !obj.Deletable {
		return nil, &Error{"INVALIDENTITY", fmt.Sprintf("Entity '%s' is not supported by the Bulk API.", obj.Name)}
	}
	if req.Operation == "hardDelete" && js.org.Switches().Bulk.NoHardDelete {
		return nil, &Error{"FEATURENOTENABLED", "hardDelete operation requires special user profile permission, please contact your system administrator"}
	}
	if req.Operation != "upsert" {
		return obj, nil
	}
	f, ok := obj.Field(req.ExternalIDFieldName)
	switch {
	case req.ExternalIDFieldName == "":
		return nil, &Error{"INVALIDJOB", "InvalidJob : External ID was blank for " + obj.Name + ". An External ID must be specified for upsert."}
	case !ok || !a.CanSee(obj, f) || !f.ExternalID && !f.IDLookup && f.Type != schema.TypeID:
		return nil, &Error{"INVALIDJOB", "InvalidJob : Field name provided, " + req.ExternalIDFieldName + " does not match an External ID, Salesforce Id, or indexed field for " + obj.Name}
	}
	return obj, nil
}

// batchQuota refuses when the day's batches are used up. The caller holds the
// lock.
func (js *Jobs) batchQuota() error {
	_, daily := Quotas(js.org.Switches())
	if js.batches = js.recent(js.batches); len(js.batches) >= daily {
		return &Error{"EXCEEDEDQUOTA", fmt.Sprintf("ApiBatchItems Limit exceeded: %d batches in 24 hours", daily)}
	}
	return nil
}

// Upload takes the CSV of an open ingest job, once.
func (js *Jobs) Upload(id string, data []byte) error {
	if len(data) > maxUpload {
		return &Error{"CLIENTINPUTERROR", fmt.Sprintf("The upload has %d bytes, more than %d", len(data), maxUpload)}
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(TypeIngest, id)
	if err != nil {
		return err
	}
	if j.state != Open || j.ingest.uploaded {
		return &Error{"INVALIDBATCH", "InvalidBatch : Found multiple contents for job: <" + j.ID + ">, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job."}
	}
	j.ingest.data, j.ingest.uploaded, j.changed = data, true, true
	j.modified = js.org.Clock.Now()
	return nil
}

// Complete declares an upload complete and starts the job.
func (js *Jobs) Complete(id string, fault Fault) (Info, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(TypeIngest, id)
	if err != nil {
		return Info{}, err
	}
	if j.state != Open {
		return Info{}, &Error{"INVALIDJOBSTATE", "InvalidJobState : Closing already " + strings.ToLower(j.state) + " Job not allowed"}
	}
	js.ready(j, fault)
	return j.info(), nil
}

// ready queues a job whose upload is complete. The caller holds the lock.
func (js *Jobs) ready(j *Job, fault Fault) {
	js.enter(j, UploadComplete)
	js.start(j, func() { js.runIngest(j, fault) })
}

// runIngest reads the upload and saves its rows. What can't be read at all
// fails the job.
func (js *Jobs) runIngest(j *Job, fault Fault) {
	kept := j.ingest.outcomes // of an earlier run
	rows, err := j.ingest.parse(j.Format)
	if err != nil {
		js.fail(j, "InvalidBatch : "+err.Error())
		return
	}
	js.update(func() { j.ingest.outcomes = append(kept, rows[min(len(kept), len(rows)):]...) })
	obj, ok := js.org.Catalog.Object(j.object)
	if !ok {
		js.fail(j, "InvalidEntity : Unable to find object: "+j.object)
		return
	}
	s := &saver{js: js, job: j, obj: obj, fault: fault}
	if err := s.columns(); err != nil {
		js.fail(j, "InvalidBatch : "+err.Error())
		return
	}
	if len(kept) == 0 {
		js.charge(len(rows))
	}
	s.run()
}

// parse reads the whole upload into rows that have no outcome yet.
func (w *ingestWork) parse(f Format) ([]outcome, error) {
	if err := checkUTF8(w.data); err != nil {
		return nil, err
	}
	if err := checkLineEnd(w.data, f); err != nil {
		return nil, err
	}
	r := newReader(w.data, f)
	header, ok, err := r.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, nil
	}
	w.header = header
	var rows []outcome
	for {
		values, ok, err := r.next()
		if err != nil || !ok {
			return rows, err
		}
		rows = append(rows, outcome{values: values})
	}
}

func batchesOf(rows int) int { return (rows + batchRecords - 1) / batchRecords }

// charge counts the batches of an upload against the day's quota.
func (js *Jobs) charge(rows int) {
	js.mu.Lock()
	defer js.mu.Unlock()
	now := js.org.Clock.Now()
	for range batchesOf(rows) {
		js.batches = append(js.batches, now)
	}
}
