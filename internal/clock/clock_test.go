package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synclinehq/syncline/internal/clock"
)

func env(skew string) func(string) string {
	return func(name string) string { return map[string]string{clock.SkewEnv: skew}[name] }
}

func TestFromEnv(t *testing.T) {
	for skew, want := range map[string]time.Duration{"": 0, "90s": 90 * time.Second, "-5m": -5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c, err := clock.FromEnv(env(skew))
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(c.Now()); got != want {
				t.Errorf("skew %q: clock is off by %v, want %v", skew, got, want)
			}
			before := c.Now()
			time.Sleep(time.Second)
			if got := c.Now().Sub(before); got != time.Second {
				t.Errorf("skew %q: a second took %v", skew, got)
			}
		})
	}
	if _, err := clock.FromEnv(env("tomorrow")); err == nil {
		t.Error("no error for a skew that is no duration")
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := clock.Sleep(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("slept %v: %v", time.Since(start), err)
		}
		reason := errors.New("node stops")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		start = time.Now()
		if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, reason) || time.Since(start) != time.Second {
			t.Errorf("slept %v: %v", time.Since(start), err)
		}
		if err := clock.Sleep(ctx, 0); !errors.Is(err, reason) {
			t.Errorf("sleep on an ended context: %v", err)
		}
	})
}
