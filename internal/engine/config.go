package engine

import (
	"errors"
	"log/slog"
	"time"

	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// Settings are the engine's times. The zero value of each means its default;
// only tests give others, and all nodes of one control database must agree on
// TTL.
type Settings struct {
	// TTL is how old a node's heartbeat may be before others take its turns;
	// 15 s. The node itself stops at the same age. It writes one each TTL/3.
	TTL time.Duration
	// Guard is how often the guardian looks; 3 s.
	Guard time.Duration
	// Slice is how long a slice takes new work; 15 s. What is in flight may
	// last longer: a read 130 s, a write 610 s.
	Slice time.Duration
	// Hold is how long a turn may stay in hand, slice after slice, before it
	// goes back to the queue and any node may take it; 2 min.
	Hold time.Duration
	// HoldUpTo is the longest wait for which a turn that is not hot stays in
	// hand; 5 s, below which the queue would gain nothing.
	HoldUpTo time.Duration
	// Idle is how long a session stays open without a turn; 2 min.
	Idle time.Duration
	// SoftStop is how long turns get to end when the node stops; 6 s.
	SoftStop time.Duration
	// RetryMin and RetryMax bound the waits after trouble; 1 s and 60 s.
	RetryMin, RetryMax time.Duration
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&s.TTL, 15 * time.Second},
		{&s.Guard, 3 * time.Second},
		{&s.Slice, 15 * time.Second},
		{&s.Hold, 2 * time.Minute},
		{&s.HoldUpTo, 5 * time.Second},
		{&s.Idle, 2 * time.Minute},
		{&s.SoftStop, 6 * time.Second},
		{&s.RetryMin, time.Second},
		{&s.RetryMax, time.Minute},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	return s
}

// Config is what an engine needs.
type Config struct {
	// Store is the control store. It is not closed by the engine.
	Store *store.Store
	// Handlers do the work, by kind. A node runs the turns of the kinds that it
	// has handlers for; all nodes should have the same.
	Handlers map[string]Handler
	// Open opens sessions; see [NewOpener].
	Open Opener
	// NodeName is shown to people; it need not be unique.
	NodeName string
	// Version of the program, shown to people.
	Version string
	// MaxTurns bounds the turns in hand; 0 means the queue's default.
	MaxTurns int
	// PollOnly does without LISTEN on the control database.
	PollOnly bool
	Settings Settings
	// Metrics may be nil.
	Metrics *telemetry.Metrics
	Clock   clock.Clock
	Logger  *slog.Logger
}

func (c Config) check() error {
	switch {
	case c.Store == nil:
		return errors.New("engine: Store is missing")
	case c.Open == nil:
		return errors.New("engine: Open is missing")
	case len(c.Handlers) == 0:
		return errors.New("engine: no handler is given")
	}
	return nil
}
