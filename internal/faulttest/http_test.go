//go:build unix

package faulttest

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// trial is a fault and how many calls it has to meet.
type trial struct {
	name  string
	fault map[string]any
	hits  int
}

const (
	writes  = "/composite/sobjects"
	queries = "/query"
)

// What a network and an org do to calls, one after the other, while both sides
// are edited. Rows without a unique identifier are not inserted here: where a
// call may not have arrived, that would be known only after ten minutes.
func TestFaultsOfHTTP(t *testing.T) {
	trials := []trial{
		{"503 with HTML", map[string]any{"kind": "html", "probability": 0.3}, 4},
		{"401 in mid page", map[string]any{"kind": "session", "end": true, "path": queries, "probability": 0.3}, 4},
		{"401 for a write", map[string]any{"kind": "session", "end": true, "path": writes, "probability": 0.3}, 3},
		{"connection closed before", map[string]any{"kind": "drop_before", "probability": 0.2}, 4},
		{"reply lost after the commit", map[string]any{"kind": "drop_after", "path": writes, "probability": 0.4}, 3},
		{"late", map[string]any{"kind": "late", "path": writes, "delayMs": 1500, "holdMs": 300, "probability": 0.3}, 3},
		{"body cut", map[string]any{"kind": "cut_body", "probability": 0.3}, 4},
		{"gzip cut", map[string]any{"kind": "cut_gzip", "probability": 0.3}, 4},
		{"slow body", map[string]any{"kind": "slow_body", "bytesPerSecond": 4000, "probability": 0.5}, 4},
		{"locked rows", map[string]any{"kind": "row_error", "rows": 2, "path": writes, "probability": 0.6}, 4},
		{"limit of requests", map[string]any{"kind": "status", "status": 403, "code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}, 3},
	}
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{})
		s.serve("node", 0).start()
		s.startTraffic()
		s.bringUp()
		s.killed = true // the org does not count calls that a fault refused
		s.try(trials)
		s.judge()
	})
}

// Replies are lost of writes that the org carried out, of rows with a unique
// identifier and without.
func TestLostRepliesWithoutIdentifier(t *testing.T) {
	trials := []trial{
		{"reply lost after the commit", map[string]any{"kind": "drop_after", "path": writes, "probability": 0.5}, 5},
		{"body cut", map[string]any{"kind": "cut_body", "path": writes, "probability": 0.5}, 5},
		{"gzip cut", map[string]any{"kind": "cut_gzip", "path": writes, "probability": 0.5}, 3},
	}
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{})
		s.serve("node", 0).start()
		s.startTraffic(withoutKeys)
		s.bringUp()
		s.try(trials)
		s.judge()
	})
}

// try puts the faults in force one by one, each until it has met its calls.
func (s *site) try(trials []trial) {
	s.Helper()
	for _, tr := range trials {
		f := map[string]any{"seed": s.seed}
		for k, v := range tr.fault {
			f[k] = v
		}
		started := time.Now()
		s.fault(f)
		kind := f["kind"].(string)
		eventually(s.TB, 2*time.Minute, tr.name+" meets calls", func(context.Context) error {
			if n := s.hits()[kind]; n < tr.hits {
				return fmt.Errorf("%d of %d", n, tr.hits)
			}
			return nil
		})
		s.noFaults()
		s.Logf("%s: %v", tr.name, time.Since(started).Round(100*time.Millisecond))
	}
}
