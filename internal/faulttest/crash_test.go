//go:build unix

package faulttest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
)

// hit says at which hit a node dies, where the first is not the one that hurts.
var hit = map[crash.Name]string{
	crash.ReaderLoadInCopy:                ":2",
	crash.ReaderLoadAfterPageBeforeCommit: ":2",
	crash.ReaderLoadAfterCommit:           ":2",
	crash.ReaderPollAfterFetch:            ":3",
	crash.ReaderPollBeforeCommit:          ":3",
	crash.ReaderPollAfterCommit:           ":3",
	crash.WriterAfterClaimBeforeCommit:    ":4",
	crash.WriterAfterClaim:                ":4",
	crash.WriterAfterJournalSending:       ":4",
	crash.WriterAfterSendBeforeReply:      ":4",
	crash.WriterAfterReplyBeforeJournal:   ":4",
	crash.WriterAfterJournalAccepted:      ":4",
	crash.WriterBeforeSettleCommit:        ":4",
	crash.WriterAfterSettle:               ":4",
	crash.SchemaInDDL:                     ":5",
	crash.EngineAfterFenceControl:         ":4",
	crash.EngineAfterFenceTarget:          ":4",
}

// answered are the points at which the org has surely taken the write that is on
// its way. At every other one a node may die with an insert journalled and not
// sent; without a unique identifier it is certain only after ten minutes and a
// half that such an insert did not arrive.
var answered = map[crash.Name]bool{
	crash.WriterAfterSendBeforeReply:    true,
	crash.WriterAfterReplyBeforeJournal: true,
	crash.WriterAfterJournalAccepted:    true,
	crash.WriterBeforeSettleCommit:      true,
	crash.WriterAfterSettle:             true,
}

// ofJobs are the points that only Bulk jobs pass.
var ofJobs = map[crash.Name]bool{
	crash.WriterAfterJobCreated:  true,
	crash.WriterAfterJobNoted:    true,
	crash.WriterAfterJobUploaded: true,
	crash.WriterAfterJobStarted:  true,
	crash.WriterInJobSettle:      true,
}

// A node dies at a named point while edits flow on both sides, and is started
// again. Every point that the product has must be hit.
func TestEveryCrashPoint(t *testing.T) {
	t.Parallel()
	for _, point := range crash.Names() {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			eachSeed(t, func(t *testing.T, seed uint64) { dieAt(t, point, seed) })
		})
	}
}

func dieAt(t *testing.T, point crash.Name, seed uint64) {
	var o options
	if point == crash.ReaderLoadInCopy {
		o.rows, o.switches.PageRows = 700, 250 // fewer rows than 200 are applied without COPY
	}
	if point == crash.ReaderLoadAfterIndex {
		o.rows, o.switches.PageRows = 1100, 250 // an empty table gets its indexes after 1,000 rows or more
	}
	if ofJobs[point] {
		o.ours = map[string]any{"algorithm": "dependency", "options": map[string]any{"bulk_writes_from": 50}}
		o.rows = 1100 // more than are settled in one transaction
	}
	s := newSite(t, seed, o)
	n := s.serve("node", 0)
	env, report := armed(t, point, hit[point])
	n.start(env...)
	var more []func(*traffic)
	if answered[point] {
		more = append(more, withoutKeys)
	}
	// A row of the application in a table keeps its indexes where they are.
	if point == crash.ReaderLoadAfterIndex {
		s.bringUp()
	}
	edits := s.startTraffic(more...)
	s.bringUp()
	eventually(t, 90*time.Second, "death at "+string(point), func(ctx context.Context) error {
		if reports, err := crash.ReadReport(report); err != nil || len(reports) > 0 {
			return err
		}
		return s.provoke(ctx, point)
	})
	if !n.await(10*time.Second) && !s.killed {
		t.Fatal("the point was hit and the node lives")
	}
	reports, err := crash.ReadReport(report)
	if err != nil || len(reports) != 1 || reports[0].Point != point || reports[0].Action != "kill" {
		t.Errorf("crash report %+v, %v", reports, err)
	}
	edits.onward(15)
	s.killed = true
	s.revive()
	edits.onward(15)
	s.judge()
}

// provoke makes the product pass a point that time alone does not lead to. It
// returns an error until the node has died.
func (s *site) provoke(ctx context.Context, point crash.Name) error {
	if point == crash.AuthAfterRefreshBeforeStore {
		if err := s.ctl.Do(ctx, http.MethodPost, "expire", map[string]any{"sessions": true, "client": s.org.Clients[0].ID}, nil); err != nil {
			return err
		}
	}
	if ofJobs[point] { // there may be no table yet
		_, _ = s.app.Exec(ctx, `UPDATE account SET numberofemployees = coalesce(numberofemployees, 0) % 1000 + 1 WHERE sfid IS NOT NULL
			AND NOT EXISTS (SELECT FROM _trigger_log WHERE table_name = 'account' AND state IN ('NEW', 'PENDING') LIMIT 1 OFFSET 500)`)
	}
	return fmt.Errorf("%s was not hit", point)
}
