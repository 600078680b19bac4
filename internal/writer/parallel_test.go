package writer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox/org"
)

// Calls wait for each other in the org: they get there only if all are under way
// at once.
func TestCallsGoInParallel(t *testing.T) {
	t.Parallel()
	for _, a := range []mapping.Algorithm{mapping.Dependency, mapping.Merged} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			const calls = 3
			s := newSite(t, func(c *Config) {
				c.Connection.Algorithm, c.Connection.Options.ParallelWrites, c.Connection.Options.BulkWritesFrom = a, calls, -1
			})
			s.run(`INSERT INTO account (name, external_id__c) SELECT 'A' || i, 'x' || i FROM generate_series(1, 3000) i`)
			s.run(`UPDATE account SET phone = '1' WHERE name = 'A1'`)
			m := newMeeting(t, calls)
			s.client.all = func(_ []salesforce.WriteRequest, send func() ([]salesforce.Written, error)) ([]salesforce.Written, error) {
				m.arrive()
				return send()
			}
			if p := s.drain(); p.Sent < 3000 || p.Failed != 0 {
				t.Errorf("progress %+v", p)
			}
			s.want("rows", s.lines(`SELECT count(DISTINCT sfid) FROM account`), "3000\n")
			s.want("org", s.inOrg(`SELECT Phone FROM Account WHERE External_ID__c = 'x1'`), `{"Phone":"1"}`+"\n")
			s.want("log", s.lines(`SELECT count(*) FROM _trigger_log WHERE state NOT IN ('SUCCESS', 'MERGED')`), "0\n")
		})
	}
}

// meeting holds those who come until all are there.
type meeting struct {
	ctx   context.Context
	mu    sync.Mutex
	left  int
	begun chan struct{}
}

func newMeeting(t *testing.T, n int) *meeting {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return &meeting{ctx: ctx, left: n, begun: make(chan struct{})}
}

func (m *meeting) arrive() {
	m.mu.Lock()
	if m.left--; m.left == 0 {
		close(m.begun)
	}
	m.mu.Unlock()
	select {
	case <-m.begun:
	case <-m.ctx.Done():
	}
}

// Ordered sends the next call after the answer to the one before.
func TestOrderedSendsOneCallAtATime(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Connection.Algorithm, c.Connection.Options.ParallelWrites, c.Connection.Options.BulkWritesFrom = mapping.Ordered, 8, 1
	})
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'A' || i, 'x' || i FROM generate_series(1, 600) i`)
	var mu sync.Mutex
	under, most := 0, 0
	s.client.around = func(_ salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		defer func() { mu.Lock(); under--; mu.Unlock() }()
		return send()
	}
	s.drain()
	if most != 1 || s.client.calls != 3 || len(s.bulk.calls) != 0 {
		t.Errorf("%d at once, %d calls, jobs %q", most, s.client.calls, s.bulk.calls)
	}
}

// One of several calls under way is refused for a used-up limit: the others are
// settled, nothing new is sent, and all goes on when the limit allows.
func TestOneOfTheCallsUnderWayIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) {
		c.Connection.Algorithm, c.Connection.Options.ParallelWrites, c.Connection.Options.BulkWritesFrom = mapping.Dependency, 3, -1
	})
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'A' || i, 'x' || i FROM generate_series(1, 6000) i`)
	s.fault(map[string]any{"kind": "status", "status": 403, "code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded.", "count": 1, "path": "/composite"})
	_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	if salesforce.ClassOf(err) != salesforce.RetryLater {
		t.Errorf("error %v", err)
	}
	if len(s.flights) != 0 {
		t.Errorf("%d calls are still under way", len(s.flights))
	}
	s.want("pending", s.lines(`SELECT count(*) FROM _trigger_log WHERE state = 'PENDING'`), "0\n")
	s.drain()
	s.allOnce("account")
}

// TestCallsUnderWayKeepTheirParents: the org holds a parent locked for longer
// than it lets another call wait for it. A call with a child of the same parent
// waits for the reply, one with another parent's goes at once.
func TestCallsUnderWayKeepTheirParents(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'a'), ('B', 'b')`)
	s.drain()
	s.org.Org.SetSwitches(org.Switches{LockWaitSeconds: 1, HoldMS: 1500})
	const sql = `INSERT INTO contact (lastname, %s) SELECT '%s', %s FROM account WHERE name = '%s'`
	s.run(fmt.Sprintf(sql, "accountid", "first", "sfid", "A"))
	m := newMeeting(t, 2)
	s.client.around = func(w salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		switch body := string(w.Records[0]); {
		case strings.Contains(body, "first"):
			s.run(fmt.Sprintf(sql, "account__external_id__c", "sister", "external_id__c", "A"))
			s.run(fmt.Sprintf(sql, "accountid", "cousin", "sfid", "B"))
			m.arrive()
		case strings.Contains(body, "cousin"):
			m.arrive()
		}
		return send()
	}
	if p := s.drain(); p.Sent != 3 || p.Retry != 0 {
		t.Errorf("progress %+v", p)
	}
	s.run(`UPDATE contact SET email = lastname || '@example.com'`)
	s.client.around = nil
	if p := s.drain(); p.Sent != 3 || p.Retry != 0 {
		t.Errorf("progress of updates that name no parent: %+v", p)
	}
	if err := m.ctx.Err(); err != nil {
		t.Errorf("the calls have not met: %v", err)
	}
}
