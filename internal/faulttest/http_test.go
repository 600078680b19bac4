//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
)

// trial is a fault and how many calls it has to meet.
type trial struct {
	name  string
	fault map[string]any
	hits  int
	// apart: never two calls in a row. A second 401 is for a session that was
	// just made, and that is trouble with the authorisation.
	apart bool
}

const (
	writes  = "/composite/sobjects"
	queries = "/query"
)

// What a network and an org do to calls, one after the other, while both sides
// are edited. Rows without a unique identifier are not inserted here: where a
// call may not have arrived, that would be known only after ten minutes.
func TestFaultsOfHTTP(t *testing.T) {
	t.Parallel()
	trials := []trial{
		{name: "503 with HTML", fault: map[string]any{"kind": "html", "probability": 0.3}, hits: 6},
		{name: "401 for a query", fault: map[string]any{"kind": "session", "end": true, "path": queries}, hits: 3, apart: true},
		{name: "401 for a write", fault: map[string]any{"kind": "session", "end": true, "path": writes}, hits: 3, apart: true},
		{name: "connection closed before", fault: map[string]any{"kind": "drop_before", "probability": 0.2}, hits: 5},
		{name: "reply lost after the commit", fault: map[string]any{"kind": "drop_after", "path": writes, "probability": 0.4}, hits: 5},
		{name: "late", fault: map[string]any{"kind": "late", "path": writes, "delayMs": 1500, "holdMs": 300, "probability": 0.3}, hits: 4},
		{name: "body cut", fault: map[string]any{"kind": "cut_body", "probability": 0.3}, hits: 8},
		{name: "gzip cut", fault: map[string]any{"kind": "cut_gzip", "probability": 0.3}, hits: 8},
		{name: "slow body", fault: map[string]any{"kind": "slow_body", "bytesPerSecond": 4000, "probability": 0.5}, hits: 8},
		{name: "locked rows", fault: map[string]any{"kind": "row_error", "rows": 2, "path": writes, "probability": 0.6}, hits: 8},
		{name: "limit of requests", fault: map[string]any{"kind": "status", "status": 403, "code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}, hits: 3},
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
	t.Parallel()
	trials := []trial{
		{name: "reply lost after the commit", fault: map[string]any{"kind": "drop_after", "path": writes, "probability": 0.5}, hits: 6},
		{name: "body cut", fault: map[string]any{"kind": "cut_body", "path": writes, "probability": 0.5}, hits: 6},
		{name: "gzip cut", fault: map[string]any{"kind": "cut_gzip", "path": writes, "probability": 0.5}, hits: 4},
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

// What happens to the pages of a load while it runs.
func TestFaultsInLoad(t *testing.T) {
	t.Parallel()
	const pages = "/query/[^/]+$"
	trials := []trial{
		{name: "401 in mid page", fault: map[string]any{"kind": "session", "end": true, "path": pages}, hits: 2, apart: true},
		{name: "503 with HTML", fault: map[string]any{"kind": "html", "path": pages, "probability": 0.5}, hits: 2},
		{name: "body cut", fault: map[string]any{"kind": "cut_body", "path": pages, "probability": 0.5}, hits: 2},
		{name: "gzip cut", fault: map[string]any{"kind": "cut_gzip", "path": pages, "probability": 0.5}, hits: 2},
	}
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newSite(t, seed, options{rows: 1500, switches: org.Switches{PageRows: 20}})
		s.serve("node", 0).start()
		s.startTraffic(withoutKeys)
		eventually(t, time.Minute, "a load has begun", func(ctx context.Context) error {
			var n int
			if err := s.advance(ctx); err == nil {
				t.Fatal("all was loaded before anything could go wrong")
			}
			err := s.app.QueryRow(ctx, `SELECT count(*) FROM _syncline.mark WHERE phase = 'load' AND rows > 0`).Scan(&n)
			if err == nil && n == 0 {
				err = errors.New("no page yet")
			}
			return err
		})
		s.killed = true // the org does not count calls that a fault refused
		s.try(trials)
		s.must(s.ctl.Do(t.Context(), http.MethodPost, "expire", map[string]any{"locators": true}, nil))
		s.bringUp()
		s.edits.onward(20)
		s.judge()
	})
}

// try puts the faults in force one by one, each until it has met its calls.
func (s *site) try(trials []trial) {
	s.Helper()
	for _, tr := range trials {
		started := time.Now()
		f := map[string]any{"seed": s.seed}
		maps.Copy(f, tr.fault)
		if !tr.apart {
			s.meet(f, tr.name, tr.hits)
		} else {
			f["count"] = 1
			for range tr.hits {
				s.meet(f, tr.name, 1)
			}
		}
		s.Logf("%s: %v", tr.name, time.Since(started).Round(100*time.Millisecond))
	}
}

// meet puts a fault in force until it has met so many calls.
func (s *site) meet(f map[string]any, name string, hits int) {
	s.Helper()
	s.fault(f)
	kind, _ := f["kind"].(string)
	eventually(s.TB, 2*time.Minute, name+" meets calls", func(context.Context) error {
		if n := s.hits()[kind]; n < hits {
			return fmt.Errorf("%d of %d", n, hits)
		}
		return nil
	})
	s.noFaults()
	s.edits.onward(3)
}
