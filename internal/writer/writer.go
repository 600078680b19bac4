package writer

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// Org is Salesforce; *salesforce.Client is one.
type Org interface {
	Write(ctx context.Context, w salesforce.WriteRequest) ([]salesforce.Result, error)
	// WriteAll makes several writes in one API call.
	WriteAll(ctx context.Context, list []salesforce.WriteRequest) ([]salesforce.Written, error)
	QueryMaps(ctx context.Context, soql string, all bool) ([]map[string]any, error)
	// Updated tells how far the org's past is complete.
	Updated(ctx context.Context, object string, start, end time.Time) (salesforce.Updated, error)
	// Skew is how far the org's clock is ahead of this machine's.
	Skew() time.Duration
}

// Journal is the memory of calls in the control store, which survives what
// happens to the target database and the other way round.
type Journal interface {
	// Sending notes the records of a call before it is made, and fails if
	// another turn has taken the fence.
	Sending(ctx context.Context, fence target.Fence, batch uuid.UUID, entries []JournalEntry) error
	// Accepted notes the answers. A second answer for a record is ignored.
	Accepted(ctx context.Context, batch uuid.UUID, results []JournalResult) error
	// NoteJob notes that a call goes as a Bulk job (job is ""), the job's id
	// before it gets any data, and again before it is started. It fails as
	// Sending does.
	NoteJob(ctx context.Context, fence target.Fence, batch uuid.UUID, job string) error
	// JobOf returns what was noted last of the Bulk job of a call.
	JobOf(ctx context.Context, connection, batch uuid.UUID) (JobNote, error)
	// Batch returns what is known of a call; nothing if it was never noted.
	Batch(ctx context.Context, connection, batch uuid.UUID) ([]JournalRow, error)
}

// JobNote is what the journal knows of the Bulk job of a call.
type JobNote struct {
	// Found says that a job was about to be made; ID is the org's, "" if it was
	// not known yet: then the job has no data.
	Found bool
	ID    string
	// Age is how long ago the job was last noted.
	Age time.Duration
}

// JournalEntry is one record of a call. LogID with TxID, CreatedAt and Hash
// names the trigger log entry also after its database went back in time.
type JournalEntry struct {
	Position  int
	LogID     int32
	TxID      int64
	CreatedAt time.Time
	Hash      []byte
	Mapping   uuid.UUID
	Op        string
}

// JournalResult is the answer for one record.
type JournalResult struct {
	Position int
	Sfid     string
	Success  bool
	Created  bool
	// Code and Message are Salesforce's, or one of this package's codes.
	Code, Message string
	// Fields are those that Salesforce named. The journal need not keep them.
	Fields []string
}

// JournalRow is what the journal knows of one record of a call.
type JournalRow struct {
	JournalEntry
	// Answered says whether Result holds an answer.
	Answered bool
	Result   JournalResult
}

// Codes that stand in the journal in place of Salesforce's.
const (
	// CodeNotSent: the call was never made, or the org refused it before it
	// looked at a record.
	CodeNotSent = "not_sent"
	// CodeSentAgain: the outcome was not known and the call was made again
	// under another number.
	CodeSentAgain = "sent_again"
)

// Observation is what one settled call amounted to, for metrics.
type Observation struct {
	Table *mapping.Table // nil if the mapping is gone
	Op    outbox.Op
	// Accepted, Failed and Retried count records.
	Accepted, Failed, Retried int
	// Conflicts were logged when the writes were planned; Op is "" then.
	Conflicts []outbox.Conflict
	// Latencies are the times from capture to acceptance of accepted records,
	// by the target database's clock.
	Latencies []time.Duration
}

// Config is what a Writer needs. Clock, Logger and Observe may be nil, Settings
// may be zero. Without Bulk everything goes by Collections.
type Config struct {
	Connection mapping.Connection
	// Schema holds the mapped tables.
	Schema  string
	DB      *target.DB
	Org     Org
	Bulk    BulkOrg
	Journal Journal
	// Tables are all mapped tables by name.
	Tables   map[string]*mapping.Table
	Clock    clock.Clock
	Logger   *slog.Logger
	Observe  func(Observation)
	Settings Settings
}

// Settings are the writer's numbers; zero fields take the default.
type Settings struct {
	// Attempts is how often a record is sent that Salesforce refuses for a
	// passing cause (a lock, load) before it counts as FAILED; 8.
	Attempts int
	// Backoff is the wait before the second attempt; it doubles up to 2
	// minutes. 1 s.
	Backoff time.Duration
	// Window is how many log entries are looked at in one transaction; 500, and
	// four times as many where the order is free.
	Window int
	// ProbeFinal is when an insert that can't be found did not arrive, counted
	// from the claim; [ProbeFinal].
	ProbeFinal time.Duration
	// ProbeEvery is the time between two searches for lost inserts; 20 s.
	ProbeEvery time.Duration
	// ArchiveQuiet is the age at which entries that need no sending are
	// archived (30 minutes), ArchiveFailed the age for failed ones (31 days),
	// ArchiveKeep how long the archive keeps entries after they were finished (30
	// days); failed ones stay in it as long again as they did in the log.
	ArchiveQuiet, ArchiveFailed, ArchiveKeep time.Duration
	// IntentKeep is how long accepted intents are kept for the reader; 1 h.
	IntentKeep time.Duration
}

// ProbeFinal is how long after its claim an insert can still arrive: the 30
// seconds until it must be sent, 10 minutes that a transaction may run, and a
// margin of 30 seconds.
const ProbeFinal = outbox.SendWithin + 10*time.Minute + 30*time.Second

// resendAfter is how long after its claim a call of another turn may be made
// again: the other one can't start its own then.
const resendAfter = outbox.SendWithin + 2*time.Second

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (s Settings) withDefaults() Settings {
	s.Attempts = or(s.Attempts, 8)
	s.Backoff = or(s.Backoff, time.Second)
	s.Window = or(s.Window, 500)
	s.ProbeFinal = or(s.ProbeFinal, ProbeFinal)
	s.ProbeEvery = or(s.ProbeEvery, 20*time.Second)
	s.ArchiveQuiet = or(s.ArchiveQuiet, 30*time.Minute)
	s.ArchiveFailed = or(s.ArchiveFailed, 31*24*time.Hour)
	s.ArchiveKeep = or(s.ArchiveKeep, 30*24*time.Hour)
	s.IntentKeep = or(s.IntentKeep, time.Hour)
	return s
}

// Writer sends one connection's changes. One goroutine uses it at a time: that
// of the turn. Between turns it remembers only when to try again; all that
// counts is in the two databases.
type Writer struct {
	cfg   Config
	set   Settings
	db    *target.DB
	log   *triggerlog.Log
	box   *outbox.Outbox
	clock clock.Clock
	out   *slog.Logger

	// mu guards what calls under way share, from attempts to left.
	mu sync.Mutex
	// attempts and notBefore are of entries that are tried again, by log id.
	attempts  map[int32]int
	notBefore map[int32]time.Time
	// limit bounds change sets after a call that was refused as a whole.
	limit int
	// own are the calls that this writer has made itself, whose outcome it
	// waits for; visit says when open intents are looked at again.
	own   map[uuid.UUID]bool
	visit time.Time
	// noBulk are tables that go by Collections until then; left are calls whose
	// Bulk job does not tell all outcomes.
	noBulk map[string]time.Time
	left   map[uuid.UUID]bool
	// jobPace is how fast the org does jobs.
	jobPace jobPace

	// jobs are the Bulk jobs that are open, by call; flights is what is under
	// way. Only the goroutine of the turn knows them.
	jobs    map[uuid.UUID]*job
	flights map[*flight]bool
	// bulkPage says that the page of entries is long enough for Bulk jobs,
	// bulkSince when it was read, bulkAt when the database is asked again
	// whether so many wait.
	bulkPage          bool
	bulkSince, bulkAt time.Time
	// bulkSize bounds such a page, idleUntil is when the log is looked through
	// again after that took idleCost and was in vain.
	bulkSize  int
	idleUntil time.Time
	idleCost  time.Duration
	// looked is the number of entries that the newest claim looked at, or had
	// passed over before; look is the way through the log that it went on with.
	looked int
	look   *look
	// held are tables whose entries wait.
	held map[string]bool
	// holding is what open calls keep waiting.
	holding map[uuid.UUID]holding
	// readOnlySince are tables that were read-write once.
	readOnlySince map[string]time.Time
	// braking is what is known of each table's deletes.
	braking map[string]*braking
}

// New makes a writer. It connects to nothing.
func New(cfg Config) *Writer {
	w := &Writer{
		cfg: cfg, set: cfg.Settings.withDefaults(), db: cfg.DB, clock: cfg.Clock, out: cfg.Logger,
		log: triggerlog.In(cfg.Schema), box: outbox.Of(cfg.Connection.ID),
		attempts: map[int32]int{}, notBefore: map[int32]time.Time{}, own: map[uuid.UUID]bool{},
		bulkSize: bulkWindow, noBulk: map[string]time.Time{}, left: map[uuid.UUID]bool{},
		jobs: map[uuid.UUID]*job{}, flights: map[*flight]bool{}, holding: map[uuid.UUID]holding{},
		limit: plan.MaxRecords,
	}
	if w.clock == nil {
		w.clock = clock.System{}
	}
	if w.out == nil {
		w.out = slog.New(slog.DiscardHandler)
	}
	if w.cfg.Observe == nil {
		w.cfg.Observe = func(Observation) {}
	}
	return w
}

// Hold makes entries of these tables wait, and of no others: those of mappings
// that are paused, or that can't be resolved at the moment. An entry of a table
// that is neither in Config.Tables nor held is FAILED as not mapped.
func (w *Writer) Hold(tables ...string) {
	held := make(map[string]bool, len(tables))
	for _, t := range tables {
		held[t] = true
	}
	if !maps.Equal(held, w.held) {
		w.lookAgain()
	}
	w.held = held
}
