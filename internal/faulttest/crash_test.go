//go:build unix

package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/sandbox/org"
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

// chain is what one site goes through: its node dies at each of the points, one
// after the other, and is started again.
type chain struct {
	name    string
	options options
	// loading are the points on the way until all is loaded, in their order;
	// syncing those afterwards, in any order.
	loading, syncing []crash.Name
	// early: edits begin before anything is loaded.
	early bool
	edits []func(*traffic)
}

// chains have every point once. What the first load passes, a load of an empty
// table, calls and jobs each need a site of their own kind.
func chains() []chain {
	return []chain{
		{
			// Fewer rows than 200 are applied without COPY.
			name: "import and load", options: options{rows: 1500, switches: org.Switches{PageRows: 250}}, early: true,
			loading: []crash.Name{
				crash.StoreInMigration, crash.ImportAfterPlan, crash.SchemaInDDL, crash.SchemaAfterDDL,
				crash.EngineAfterFenceControl, crash.EngineAfterFenceTarget,
				crash.ReaderLoadInCopy, crash.ReaderLoadAfterPageBeforeCommit, crash.ReaderLoadAfterCommit,
			},
		},
		{
			// An empty table gets its indexes after 1,000 rows or more, if the
			// application has no row in it.
			name: "index and poll", options: options{rows: 1100, switches: org.Switches{PageRows: 250}},
			loading: []crash.Name{crash.ReaderLoadAfterIndex},
			syncing: []crash.Name{
				crash.ReaderPollAfterFetch, crash.ReaderPollBeforeCommit, crash.ReaderPollAfterCommit, crash.AuthAfterRefreshBeforeStore,
			},
		},
		{
			name: "claim",
			syncing: []crash.Name{
				crash.WriterAfterClaimBeforeCommit, crash.WriterAfterClaim, crash.WriterAfterJournalSending, crash.WriterInArchive,
			},
		},
		{
			// At these points the org has surely taken the write that is on its way.
			// At every other one a node may die with an insert journalled and not
			// sent; without a unique identifier it is certain only after ten minutes
			// and a half that such an insert did not arrive.
			name: "answered", edits: []func(*traffic){withoutKeys},
			syncing: []crash.Name{
				crash.WriterAfterSendBeforeReply, crash.WriterAfterReplyBeforeJournal, crash.WriterAfterJournalAccepted,
				crash.WriterBeforeSettleCommit, crash.WriterAfterSettle,
			},
		},
		{
			name: "job", options: options{
				ours: map[string]any{"algorithm": "dependency", "options": map[string]any{"bulk_writes_from": 50}},
				rows: 1100, // more than are settled in one transaction
			},
			syncing: jobPoints,
		},
	}
}

func TestChainsHaveEveryPoint(t *testing.T) {
	t.Parallel()
	var got []crash.Name
	for _, c := range chains() {
		got = append(append(got, c.loading...), c.syncing...)
	}
	slices.Sort(got)
	if diff := cmp.Diff(crash.Names(), got); diff != "" {
		t.Error(diff)
	}
}

// A node dies at a named point while edits flow on both sides, and is started
// again, to die at the next. Every point that the product has must be hit.
func TestEveryCrashPoint(t *testing.T) {
	t.Parallel()
	for _, c := range chains() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachSeed(t, c.play)
		})
	}
}

func (c chain) play(t *testing.T, seed uint64) {
	s := newSite(t, seed, c.options)
	n := s.serve("node", 0)
	if c.early {
		s.startTraffic(c.edits...)
	}
	for _, point := range c.loading {
		s.dieAt(n, point)
	}
	s.bringUp()
	if !c.early {
		n.kill() // with nothing of the application on its way
		s.startTraffic(c.edits...)
	}
	points := slices.Clone(c.syncing)
	rand.New(rand.NewPCG(seed, 5)).Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	for _, point := range points {
		s.dieAt(n, point)
		s.edits.onward(10)
	}
	s.revive()
	s.edits.onward(15)
	s.judge()
}

// dieAt starts the node and waits until it dies at the point.
func (s *site) dieAt(n *node, point crash.Name) {
	s.Helper()
	env, report := armed(s.TB, point, hit[point])
	n.start(env...)
	s.killed = true
	started := time.Now()
	eventually(s.TB, 90*time.Second, "death at "+string(point), func(ctx context.Context) error {
		if reports, err := crash.ReadReport(report); err != nil || len(reports) > 0 {
			return err
		}
		if err := s.advance(ctx); err != nil {
			return fmt.Errorf("%s was not hit; %w", point, err)
		}
		return s.provoke(ctx, point)
	})
	if !n.await(10 * time.Second) {
		s.Fatalf("%s was hit and the node lives", point)
	}
	reports, err := crash.ReadReport(report)
	if err != nil || len(reports) != 1 || reports[0].Point != point || reports[0].Action != "kill" {
		s.Errorf("crash report %+v, %v", reports, err)
	}
	s.Logf("%s: died after %v", point, time.Since(started).Round(100*time.Millisecond))
}

// provoke makes the product pass a point that time alone does not lead to. It
// returns an error until the node has died.
func (s *site) provoke(ctx context.Context, point crash.Name) error {
	if point == crash.AuthAfterRefreshBeforeStore {
		if err := s.ctl.Do(ctx, http.MethodPost, "expire", map[string]any{"sessions": true, "client": s.org.Clients[0].ID}, nil); err != nil {
			return err
		}
	}
	if slices.Contains(jobPoints, point) {
		_, err := s.app.Exec(ctx, `UPDATE account SET numberofemployees = coalesce(numberofemployees, 0) % 1000 + 1 WHERE sfid IS NOT NULL
			AND NOT EXISTS (SELECT FROM _trigger_log WHERE table_name = 'account' AND state IN ('NEW', 'PENDING') LIMIT 1 OFFSET 500)`)
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s was not hit", point)
}
