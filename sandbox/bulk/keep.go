package bulk

import (
	"bufio"
	"compress/gzip"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// Shelf is where jobs are kept between runs, each as a file of its own.
type Shelf interface {
	// Names lists the files.
	Names() ([]string, error)
	// Put writes a file in one piece; Get reads one; Drop removes one.
	Put(name string, write func(io.Writer) error) error
	Get(name string, read func(io.Reader) error) error
	Drop(name string) error
}

// jobSuffix ends the name of a job's file.
const jobSuffix = ".job"

// storedJob is a job in a form that encoding/gob keeps. After it come, in the
// file, the outcomes of an ingest job or the snapshot of a query job.
type storedJob struct {
	No                                                   uint64
	ID, Type, Version, Operation, Object, State, Message string
	Format                                               Format
	Created, Modified                                    time.Time
	Chunked                                              bool
	Processed, Failed                                    int
	Spent                                                time.Duration

	User, OAuthClient, CallClient, Origin, Assign string
	AllowDuplicates                               bool

	Query    string
	All      bool
	Snapshot bool

	KeyField string
	Data     []byte
	Uploaded bool
	Header   []string
	Outcomes int
}

type storedOutcome struct {
	Values  []string
	ID      string
	Created bool
	Err     *org.RowError
	Done    bool
}

// Still runs fn while no job is between saving rows and noting that it has.
func (js *Jobs) Still(fn func() error) error {
	js.gate.Lock()
	defer js.gate.Unlock()
	return fn()
}

// Save brings a shelf up to date with the jobs: files of jobs that have not
// changed since the last Save stay as they are. It is called inside Still.
func (js *Jobs) Save(to Shelf) error {
	js.mu.Lock()
	jobs := map[string]*Job{}
	js.sweep()
	for id, j := range js.jobs {
		jobs[id+jobSuffix] = j
	}
	js.mu.Unlock()
	names, err := to.Names()
	if err != nil {
		return fmt.Errorf("save jobs: %w", err)
	}
	for _, name := range names {
		if jobs[name] == nil && strings.HasSuffix(name, jobSuffix) {
			if err := to.Drop(name); err != nil {
				return fmt.Errorf("save jobs: %w", err)
			}
		}
	}
	for name, j := range jobs {
		js.mu.Lock()
		if !j.changed {
			js.mu.Unlock()
			continue
		}
		s, rows, snap := j.stored(), []outcome(nil), (*org.Snapshot)(nil)
		if j.ingest != nil {
			rows = append(rows, j.ingest.outcomes...)
		}
		if j.query != nil {
			snap = j.query.snap
		}
		j.changed = false
		js.mu.Unlock()
		if err := to.Put(name, func(w io.Writer) error { return s.write(w, rows, snap) }); err != nil {
			js.update(func() { j.changed = true })
			return fmt.Errorf("save job %s: %w", s.ID, err)
		}
	}
	return nil
}

// stored is the job without its rows; the caller holds the lock of Jobs.
func (j *Job) stored() storedJob {
	s := storedJob{
		No: j.no, ID: j.ID, Type: j.Type, Version: j.Version, Operation: j.operation, Object: j.object, State: j.state, Message: j.message,
		Format: j.Format, Created: j.created, Modified: j.modified, Chunked: j.chunked,
		Processed: j.processed, Failed: j.failed, Spent: j.spent,
		User: j.actor.User.ID, OAuthClient: j.actor.OAuthClient, CallClient: j.actor.CallClient, Origin: j.actor.Origin,
		Assign: j.actor.Assign, AllowDuplicates: j.actor.AllowDuplicates,
	}
	if q := j.query; q != nil {
		s.Query, s.All, s.Snapshot = q.text, q.all, q.snap != nil
	}
	if in := j.ingest; in != nil {
		s.KeyField, s.Uploaded, s.Header, s.Outcomes = in.keyField, in.uploaded, in.header, len(in.outcomes)
		if !j.over() {
			s.Data = in.data
		}
	}
	return s
}

func (s *storedJob) write(w io.Writer, rows []outcome, snap *org.Snapshot) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	bw := bufio.NewWriterSize(zw, 1<<16)
	enc := gob.NewEncoder(bw)
	if err := enc.Encode(s); err != nil {
		return err
	}
	for i := range rows {
		o := &rows[i]
		if err := enc.Encode(storedOutcome{o.values, o.id, o.created, o.err, o.done}); err != nil {
			return err
		}
	}
	if snap != nil {
		if err := snap.Save(bw); err != nil {
			return err
		}
	}
	return errors.Join(bw.Flush(), zw.Close())
}

// Load takes over the jobs of a shelf: those that are over with their results,
// the others go on where they were.
func (js *Jobs) Load(from Shelf) error {
	names, err := from.Names()
	if err != nil {
		return fmt.Errorf("load jobs: %w", err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, jobSuffix) {
			continue
		}
		if err := from.Get(name, js.loadJob); err != nil {
			return fmt.Errorf("load job %s: %w", strings.TrimSuffix(name, jobSuffix), err)
		}
	}
	return nil
}

func (js *Jobs) loadJob(r io.Reader) error {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	br := bufio.NewReaderSize(zr, 1<<16)
	dec := gob.NewDecoder(br)
	var s storedJob
	if err := dec.Decode(&s); err != nil {
		return err
	}
	user, ok := js.org.User(s.User)
	if !ok {
		return fmt.Errorf("its user %s is not there", s.User)
	}
	j := &Job{
		no: s.No, ID: s.ID, Type: s.Type, Version: s.Version, operation: s.Operation, object: s.Object, state: s.State, message: s.Message,
		Format: s.Format, created: s.Created, modified: s.Modified, chunked: s.Chunked,
		processed: s.Processed, failed: s.Failed, spent: s.Spent,
		actor: &org.Actor{
			User: user, OAuthClient: s.OAuthClient, CallClient: s.CallClient, Origin: s.Origin, Assign: s.Assign, AllowDuplicates: s.AllowDuplicates,
		},
	}
	if s.Type == TypeIngest {
		j.ingest = &ingestWork{object: s.Object, keyField: s.KeyField, data: s.Data, uploaded: s.Uploaded, header: s.Header}
		for range s.Outcomes {
			var o storedOutcome
			if err := dec.Decode(&o); err != nil {
				return err
			}
			j.ingest.outcomes = append(j.ingest.outcomes, outcome{o.Values, o.ID, o.Created, o.Err, o.Done})
		}
	} else if err := js.loadQuery(j, &s, br); err != nil {
		return err
	}
	js.resume(j)
	return nil
}

// loadQuery binds the query of a job anew. One that no longer fits the schema
// has failed.
func (js *Jobs) loadQuery(j *Job, s *storedJob, r io.Reader) error {
	work, err := js.prepare(j.actor, QueryRequest{Operation: s.Operation, Query: s.Query})
	if err != nil {
		j.query = &queryWork{text: s.Query, all: s.All}
		j.state, j.message = Failed, "the query no longer fits the schema: "+err.Error()
		return nil //nolint:nilerr // it is the job that fails
	}
	j.query = work
	if s.Snapshot {
		work.snap, err = js.org.LoadSnapshot(r)
	}
	return err
}

// resume puts a loaded job among the others and lets it go on.
func (js *Jobs) resume(j *Job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.jobs[j.ID] = j
	js.sequence = max(js.sequence, j.no)
	if j.Type == TypeQuery {
		js.queries = append(js.queries, j.created)
		slices.SortFunc(js.queries, time.Time.Compare)
	} else {
		for range batchesOf(len(j.ingest.outcomes)) {
			js.batches = append(js.batches, j.created)
		}
		slices.SortFunc(js.batches, time.Time.Compare)
	}
	if j.state == InProgress || j.state == UploadComplete {
		j.state = UploadComplete
		if j.query != nil {
			js.start(j, func() { js.runQuery(j, "") })
		} else {
			js.start(j, func() { js.runIngest(j, Fault{}) })
		}
	}
}
