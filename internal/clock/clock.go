// Package clock tells the time to code whose decisions depend on it, so that a
// test of two nodes can give one of them a wrong clock.
//
// Only readings are skewed, as on a machine whose clock is off; durations pass
// as they pass. Code that only waits needs no Clock, and its tests use
// testing/synctest.
package clock

import (
	"context"
	"fmt"
	"time"
)

// SkewEnv names the environment variable that sets a process's clock wrong, by
// a duration such as 90s or -5m.
const SkewEnv = "SYNCLINE_CLOCK_SKEW"

// Clock reads the time.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now returns the current time.
func (System) Now() time.Time { return time.Now() }

// Skewed returns a clock that is offset ahead of the machine's (behind it when
// offset is negative).
func Skewed(offset time.Duration) Clock { return skewed(offset) }

type skewed time.Duration

func (s skewed) Now() time.Time { return time.Now().Add(time.Duration(s)) }

// FromEnv returns the clock that the environment asks for: the machine's,
// unless SYNCLINE_CLOCK_SKEW is set.
func FromEnv(getenv func(string) string) (Clock, error) {
	text := getenv(SkewEnv)
	if text == "" {
		return System{}, nil
	}
	offset, err := time.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("%s: want a duration such as 90s or -5m: %w", SkewEnv, err)
	}
	return Skewed(offset), nil
}

// Sleep waits for d, or until ctx ends; then it returns why the context ended.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
