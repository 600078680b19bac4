package bulk

import (
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

const (
	keepFor      = 7 * 24 * time.Hour
	queriesADay  = 10_000
	batchesADay  = 15_000
	batchRecords = 10_000
	listPage     = 1000
)

// Jobs are the jobs of an org. It is safe for concurrent use.
type Jobs struct {
	org *org.Org
	// gate is held for reading while rows are saved and noted as such.
	gate sync.RWMutex

	mu       sync.Mutex
	jobs     map[string]*Job
	sequence uint64
	queries  []time.Time
	batches  []time.Time
}

// New makes an empty set of jobs for an org.
func New(o *org.Org) *Jobs { return &Jobs{org: o, jobs: map[string]*Job{}} }

// Reset forgets all jobs and quotas.
func (js *Jobs) Reset() {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.jobs {
		j.state = Aborted
	}
	js.jobs, js.queries, js.batches = map[string]*Job{}, nil, nil
}

// add gives a job its Id and stores it. The caller holds the lock.
func (js *Jobs) add(j *Job) {
	js.sequence++
	j.no, j.changed = js.sequence, true
	j.ID = org.MakeID("750", js.sequence)
	j.created = js.org.Clock.Now()
	j.modified = j.created
	js.jobs[j.ID] = j
}

// sweep drops jobs that nothing has happened to for long, and aborts those that
// still wait for an upload. The caller holds the lock.
func (js *Jobs) sweep() {
	before := js.org.Clock.Now().Add(-keepFor)
	for id, j := range js.jobs {
		switch {
		case j.state == Open && j.created.Before(before):
			js.abort(j)
		case j.state != Open && j.modified.Before(before):
			delete(js.jobs, id)
		}
	}
}

// find looks a job up. The caller holds the lock.
func (js *Jobs) find(kind, id string) (*Job, error) {
	js.sweep()
	full, _ := org.NormalizeID(id)
	j, ok := js.jobs[full]
	if !ok || j.Type != kind {
		return nil, notFound()
	}
	return j, nil
}

// Get finds a job of a type by its Id.
func (js *Jobs) Get(kind, id string) (*Job, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.find(kind, id)
}

// Info describes a job with its progress.
func (js *Jobs) Info(kind, id string) (Info, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(kind, id)
	if err != nil {
		return Info{}, err
	}
	return j.full(), nil
}

// Abort ends a job early.
func (js *Jobs) Abort(kind, id string) (Info, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(kind, id)
	if err != nil {
		return Info{}, err
	}
	if j.over() {
		return Info{}, &Error{"INVALIDJOBSTATE", "Aborting already Completed Job not allowed"}
	}
	js.abort(j)
	return j.info(), nil
}

// abort ends a job that is not over. The caller holds the lock.
func (js *Jobs) abort(j *Job) {
	if in := j.ingest; in != nil && in.uploaded && in.outcomes == nil {
		in.outcomes, _ = in.parse(j.Format) // an upload that can't be read has no rows to tell of
	}
	js.enter(j, Aborted)
}

// Delete drops a job and its data. A job must be over for that, or, for an
// ingest job, complete in its upload.
func (js *Jobs) Delete(kind, id string) error {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(kind, id)
	if err != nil {
		return err
	}
	if !j.over() && j.state != UploadComplete {
		return &Error{"INVALIDJOBSTATE", "InvalidJobState : Job must be in a terminal state or UploadComplete to be deleted"}
	}
	j.state = Aborted
	delete(js.jobs, j.ID)
	return nil
}

// enter changes a job's state. The caller holds the lock.
func (js *Jobs) enter(j *Job, state string) {
	j.state, j.changed = state, true
	j.modified = js.org.Clock.Now()
	switch state {
	case InProgress:
		j.started = time.Now()
	case JobComplete, Failed, Aborted:
		if !j.started.IsZero() {
			j.spent = time.Since(j.started)
		}
	}
}

// advance moves a job on unless it has been aborted or dropped.
func (js *Jobs) advance(j *Job, from, to string) bool {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j.state != from {
		return false
	}
	js.enter(j, to)
	return true
}

// fail ends a running job with a message.
func (js *Jobs) fail(j *Job, message string) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if !j.over() {
		j.message = message
		js.enter(j, Failed)
	}
}

func (js *Jobs) update(do func()) {
	js.mu.Lock()
	defer js.mu.Unlock()
	do()
}

// start runs a job in the background: after its time in the queue, work, and
// after the extra time in progress it is complete unless work has ended it.
func (js *Jobs) start(j *Job, work func()) {
	sw := js.org.Switches().Bulk
	time.AfterFunc(time.Duration(sw.QueueMS)*time.Millisecond, func() {
		if !js.advance(j, UploadComplete, InProgress) {
			return
		}
		work()
		if sw.RunMS == 0 {
			js.advance(j, InProgress, JobComplete)
			return
		}
		time.AfterFunc(time.Duration(sw.RunMS)*time.Millisecond, func() { js.advance(j, InProgress, JobComplete) })
	})
}

// Used is how much of the quotas of 24 hours is used up.
func (js *Jobs) Used() (queries, batches int) {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.queries, js.batches = js.recent(js.queries), js.recent(js.batches)
	return len(js.queries), len(js.batches)
}

// Quotas are the org's quotas of query jobs and ingest batches in 24 hours.
func Quotas(sw org.Switches) (queries, batches int) {
	queries, batches = queriesADay, batchesADay
	if sw.Bulk.DailyQueryJobs > 0 {
		queries = sw.Bulk.DailyQueryJobs
	}
	if sw.Bulk.DailyBatches > 0 {
		batches = sw.Bulk.DailyBatches
	}
	return queries, batches
}

func (js *Jobs) recent(list []time.Time) []time.Time {
	since := js.org.Clock.Now().Add(-24 * time.Hour)
	from := sort.Search(len(list), func(i int) bool { return list[i].After(since) })
	return list[from:]
}

// Filter picks jobs of a list; nil fields pick all.
type Filter struct {
	JobType         string
	ConcurrencyMode string
	PKChunking      *bool
}

func (f Filter) takes(j *Job) bool {
	return (f.JobType == "" || strings.EqualFold(f.JobType, j.Type) || f.JobType == "All") &&
		(f.ConcurrencyMode == "" || strings.EqualFold(f.ConcurrencyMode, "Parallel")) &&
		(f.PKChunking == nil || *f.PKChunking == j.chunked)
}

// List describes up to 1,000 jobs of a type, by Id, after one Id; more says
// that others follow.
func (js *Jobs) List(kind, after string, f Filter) (list []Info, more bool) {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.sweep()
	ids := make([]string, 0, len(js.jobs))
	for id, j := range js.jobs {
		if j.Type == kind && id > after && f.takes(j) {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	more = len(ids) > listPage
	for _, id := range ids[:min(len(ids), listPage)] {
		j := js.jobs[id]
		i := j.info()
		i.Progress = &Progress{JobType: j.Type}
		list = append(list, i)
	}
	return list, more
}
