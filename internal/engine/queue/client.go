package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// Defaults of [Config].
const (
	// DefaultMaxWorkers bounds the turns that one node runs at a time. A turn
	// mostly waits for the org or the database, so this is far above the CPUs.
	DefaultMaxWorkers = 100
	// DefaultFetchPoll is how often a node looks for due jobs that nothing
	// announced (a snooze that ended, a lost notification).
	DefaultFetchPoll = 200 * time.Millisecond
	// DefaultFetchCooldown is the shortest time between two looks.
	DefaultFetchCooldown = 20 * time.Millisecond
	// DefaultSoftStop is how long running turns get to end by themselves when
	// the node stops; then their contexts are cancelled.
	DefaultSoftStop = 7 * time.Second
	// DefaultRetryAfter is the wait after a fault of the program. It is constant:
	// River's own policy grows to hours.
	DefaultRetryAfter = 5 * time.Second
	// offsetEvery is how often the node compares its clock with the database's.
	offsetEvery = 30 * time.Second
	// finishedKept is how long ended jobs stay for a look.
	finishedKept = time.Hour
	// queueName is the River queue of all turns.
	queueName = "turns"
)

// Config is what a client needs. Zero durations and counts take the defaults.
type Config struct {
	// Pool is the control database; it is not closed by the client.
	Pool *pgxpool.Pool
	// Schema holds River's tables.
	Schema string
	// ID names the node to River; it must be unique among running nodes.
	ID string
	// Run runs a job.
	Run Func
	// Settled, if set, is called after a snooze was stored. Until then the job
	// counts as running and [Client.Wake] leaves it alone; a wake that came in
	// between is found by looking again here. Calls can be lost when thousands
	// come at once. It must not block.
	Settled func(id int64, job Job)

	MaxWorkers    int
	FetchPoll     time.Duration
	FetchCooldown time.Duration
	SoftStop      time.Duration
	RetryAfter    time.Duration
	// PollOnly does without LISTEN, for a control database behind PgBouncer in
	// transaction mode. New and woken jobs then wait up to FetchPoll.
	PollOnly bool
	// NoLeader keeps this node from leading River's chores.
	NoLeader bool
	Logger   *slog.Logger
}

func (c Config) withDefaults() Config {
	c.MaxWorkers = orElse(c.MaxWorkers, DefaultMaxWorkers)
	c.FetchPoll = orElse(c.FetchPoll, DefaultFetchPoll)
	c.FetchCooldown = min(orElse(c.FetchCooldown, DefaultFetchCooldown), c.FetchPoll)
	c.SoftStop = orElse(c.SoftStop, DefaultSoftStop)
	c.RetryAfter = orElse(c.RetryAfter, DefaultRetryAfter)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func orElse[T int | time.Duration](v, other T) T {
	if v <= 0 {
		return other
	}
	return v
}

// Client inserts, wakes and runs jobs on one node.
type Client struct {
	cfg   Config
	river *river.Client[pgx.Tx]
	jobs  string // river_job, qualified and quoted
	topic string // channel on which River hears of due jobs

	// offset is the database's clock minus this node's. River computes the end
	// of a snooze by the node's clock and compares it with the database's.
	offset atomic.Int64
	cancel context.CancelFunc
	chores sync.WaitGroup
}

// New makes a client. It does not touch the database.
func New(cfg Config) (*Client, error) {
	if cfg.Pool == nil || cfg.Run == nil || cfg.Schema == "" {
		return nil, errors.New("queue: Pool, Schema and Run are required")
	}
	cfg = cfg.withDefaults()
	c := &Client{
		cfg:   cfg,
		jobs:  pgx.Identifier{cfg.Schema, "river_job"}.Sanitize(),
		topic: cfg.Schema + ".river_insert",
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{client: c}); err != nil {
		return nil, fmt.Errorf("add worker: %w", err)
	}
	rc, err := river.NewClient(riverpgxv5.New(cfg.Pool), &river.Config{
		ID:                          cfg.ID,
		Schema:                      cfg.Schema,
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{queueName: {MaxWorkers: cfg.MaxWorkers}},
		FetchPollInterval:           cfg.FetchPoll,
		FetchCooldown:               cfg.FetchCooldown,
		JobTimeout:                  -1, // also keeps the rescuer away from turns
		MaxAttempts:                 math.MaxInt16,
		RetryPolicy:                 constantRetry{cfg.RetryAfter},
		SoftStopTimeout:             cfg.SoftStop,
		PollOnly:                    cfg.PollOnly,
		LeaderElectionDisabled:      cfg.NoLeader,
		CompletedJobRetentionPeriod: finishedKept,
		CancelledJobRetentionPeriod: finishedKept,
		Logger:                      cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("make River client: %w", err)
	}
	c.river = rc
	return c, nil
}

// Start begins to take jobs. It goes on after ctx ends: only Stop stops it.
func (c *Client) Start(ctx context.Context) error {
	if err := c.tune(ctx); err != nil {
		return err
	}
	if err := c.measureOffset(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	events, unsubscribe := c.river.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: 10_000,
		Kinds:    []river.EventKind{river.EventKindJobSnoozed},
	})
	if err := c.river.Start(run); err != nil {
		unsubscribe()
		cancel()
		return fmt.Errorf("start River: %w", err)
	}
	c.chores.Go(func() { c.forwardSettled(run, events); unsubscribe() })
	c.chores.Go(func() { c.followClock(run) })
	return nil
}

// Stop takes no new jobs and waits for the running ones; after SoftStop their
// contexts are cancelled, at once when ctx ends before that. A job that was cut
// short is available to other nodes.
func (c *Client) Stop(ctx context.Context) error {
	if c.cancel == nil {
		return nil
	}
	err := c.river.Stop(ctx)
	if err != nil {
		err = c.river.StopAndCancel(context.WithoutCancel(ctx))
	}
	c.cancel()
	c.chores.Wait()
	if err != nil {
		return fmt.Errorf("stop River: %w", err)
	}
	return nil
}

// MaxWorkers is how many jobs this node runs at a time.
func (c *Client) MaxWorkers() int { return c.cfg.MaxWorkers }

func (c *Client) forwardSettled(ctx context.Context, events <-chan *river.Event) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			if c.cfg.Settled == nil {
				continue
			}
			if job, err := decode(e.Job); err == nil {
				c.cfg.Settled(e.Job.ID, job)
			}
		}
	}
}

// constantRetry is River's retry policy without growth.
type constantRetry struct{ after time.Duration }

// NextRetry implements river.ClientRetryPolicy.
func (p constantRetry) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(p.after) }
