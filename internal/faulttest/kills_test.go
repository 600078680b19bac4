//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/sandbox"
)

// KillsEnv says how often nodes are killed in all by TestKills; 6 if it says
// nothing. `make kills` asks for 500.
const KillsEnv = "SYNCLINE_KILLS"

// way is how a site writes.
type way struct {
	name string
	ours map[string]any // connection.syncline of the configuration
}

// ways are the algorithms, each by calls, by jobs above a few changes, and with
// inserts as jobs.
func ways() []way {
	var out []way
	for _, o := range []struct {
		name    string
		options map[string]any
	}{
		{"calls", map[string]any{"bulk_writes_from": -1}},
		{"jobs", map[string]any{"bulk_writes_from": 3}},
		{"creates by job", map[string]any{"bulk_writes_from": -1, "creates": "job"}},
	} {
		for _, algorithm := range []string{"ordered", "merged", "dependency"} {
			out = append(out, way{algorithm + ", " + o.name, map[string]any{"algorithm": algorithm, "options": o.options}})
		}
	}
	return out
}

// lethal are the points that a node passes again and again while it syncs.
var lethal = []crash.Name{
	crash.ReaderPollAfterFetch, crash.ReaderPollBeforeCommit, crash.ReaderPollAfterCommit,
	crash.WriterAfterClaimBeforeCommit, crash.WriterAfterClaim, crash.WriterAfterJournalSending,
	crash.WriterAfterSendBeforeReply, crash.WriterAfterReplyBeforeJournal, crash.WriterAfterJournalAccepted,
	crash.WriterBeforeSettleCommit, crash.WriterAfterSettle,
	crash.EngineAfterFenceControl, crash.EngineAfterFenceTarget,
}

// jobPoints are passed by nodes that write through Bulk jobs.
var jobPoints = []crash.Name{
	crash.WriterAfterJobCreated, crash.WriterAfterJobNoted, crash.WriterAfterJobUploaded,
	crash.WriterAfterJobStarted, crash.WriterInJobSettle,
}

// nuisances are in force between two kills, at times.
var nuisances = []map[string]any{
	{"kind": "html", "probability": 0.15},
	{"kind": "drop_before", "probability": 0.1},
	{"kind": "drop_after", "path": "/composite|/ingest", "probability": 0.3},
	{"kind": "late", "path": "/composite", "delayMs": 1500, "holdMs": 300, "probability": 0.3},
	{"kind": "cut_body", "probability": 0.15},
	{"kind": "row_error", "rows": 2, "path": "/composite|/ingest", "probability": 0.4},
	{"kind": "session", "end": true, "count": 1},
}

// toll is what all sites together went through, and what was found.
type toll struct {
	kills, unknown, local, other         atomic.Int64
	lost, doubled, disorder, differences atomic.Int64

	mu     sync.Mutex
	points map[crash.Name]int // deaths at named points
}

func (l *toll) String() string {
	atPoints := 0
	for _, n := range l.points {
		atPoints += n
	}
	return fmt.Sprintf(`%d kills, %d of them at %d of %d named points
%d changes in Postgres, %d in the org; %d unknown outcomes answered from the org's log
%d lost, %d duplicated, %d out of order, %d sites with differences`,
		l.kills.Load(), atPoints, len(l.points), len(lethal)+len(jobPoints), l.local.Load(), l.other.Load(), l.unknown.Load(),
		l.lost.Load(), l.doubled.Load(), l.disorder.Load(), l.differences.Load())
}

// add counts what a site went through when its test ends, however it does.
func (l *toll) add(s *site) {
	for sum, n := range map[*atomic.Int64]*atomic.Int64{
		&l.lost: &s.wrong.lost, &l.doubled: &s.wrong.doubled, &l.disorder: &s.wrong.disorder, &l.differences: &s.wrong.differences,
		&l.local: &s.edits.local, &l.other: &s.edits.other,
	} {
		sum.Add(n.Load())
	}
}

// A node is killed again and again, at random moments and at named points, while
// both sides are edited and the org is in a bad mood, in every way of writing.
// Nothing is lost, doubled or out of order.
func TestKills(t *testing.T) {
	t.Parallel()
	kills, err := strconv.Atoi(os.Getenv(KillsEnv))
	if err != nil {
		kills = 6
	}
	list := ways()
	if kills < len(list) {
		list = []way{list[0], list[4], list[8]} // each algorithm and each form once
	}
	if kills >= 100 {
		list = slices.Concat(list, list) // shorter for the same number
	}
	sum := toll{points: map[crash.Name]int{}}
	t.Cleanup(func() { t.Log(&sum) })
	for i, w := range list {
		n := (kills + len(list) - 1 - i) / len(list)
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			eachSeed(t, func(t *testing.T, seed uint64) { killAgainAndAgain(t, w, seed+uint64(i)<<40, n, &sum) })
		})
	}
}

func killAgainAndAgain(t *testing.T, w way, seed uint64, kills int, sum *toll) {
	ours := maps.Clone(w.ours)
	ours["mappings"] = resolving
	s := newSite(t, seed, options{ours: ours})
	n := s.serve("node", 0)
	n.start()
	s.bringUp()
	s.addFamilyColumns()
	s.startTraffic(withoutKeys, withFamilies)
	t.Cleanup(func() { sum.add(s) })
	s.killed = true
	points := lethal
	if strings.Contains(w.name, "job") {
		points = slices.Concat(lethal, jobPoints, jobPoints)
	}
	r := rand.New(rand.NewPCG(seed, 4))
	for i := range kills {
		s.Logf("kill %d of %d: %s", i+1, kills, s.killOnce(n, r, points, sum))
	}
	s.noFaults()
	s.revive()
	s.edits.end()
	sum.unknown.Add(int64(s.answer(n)))
	s.judge()
	s.inOrder()
	s.kept()
	s.failures()
}

// killOnce ends a node once more, some time after it has begun to work again,
// and says how.
func (s *site) killOnce(n *node, r *rand.Rand, points []crash.Name, sum *toll) string {
	s.Helper()
	var (
		armedAt crash.Name
		report  string
	)
	if r.IntN(2) == 0 {
		armedAt = points[r.IntN(len(points))]
		var env []string
		env, report = armed(s.TB, armedAt, fmt.Sprintf(":%d", 1+r.IntN(4)))
		if n.alive() {
			n.kill()
		}
		n.start(env...)
	}
	s.revive()
	s.noFaults()
	nuisance := "no fault"
	if r.IntN(2) == 0 {
		f := map[string]any{"seed": r.Uint64() >> 1}
		maps.Copy(f, nuisances[r.IntN(len(nuisances))])
		s.fault(f)
		nuisance = fmt.Sprint(f["kind"])
	}
	s.awaitWork(n)
	n.await(time.Duration(r.IntN(4000)) * time.Millisecond)
	n.kill()
	sum.kills.Add(1)
	if report != "" {
		if list, err := crash.ReadReport(report); err == nil && len(list) > 0 {
			sum.mu.Lock()
			defer sum.mu.Unlock()
			sum.points[armedAt]++
			return fmt.Sprintf("at %s, %s", armedAt, nuisance)
		}
	}
	return "at a random moment, " + nuisance
}

// awaitWork waits until the node, or its death, has made the org see calls.
func (s *site) awaitWork(n *node) {
	s.Helper()
	before, err := s.ctl.Calls(s.Context())
	s.must(err)
	eventually(s.TB, time.Minute, "the node works", func(ctx context.Context) error {
		now, err := s.ctl.Calls(ctx)
		switch {
		case err != nil:
			return err
		case !n.alive(), now[sandbox.ProductClientID] > before[sandbox.ProductClientID]+3:
			return nil
		}
		return errors.New("no call yet")
	})
}

// countOthers counts what is on its way beside inserts without a unique
// identifier and the children that wait for these.
const countOthers = `WITH RECURSIVE
	family AS (SELECT 'account' AS table_name, id, parent_row AS parent FROM account UNION ALL SELECT 'contact', id, account_row FROM contact),
	waiting AS (
		SELECT table_name::text, record_id FROM _syncline.intent WHERE state IN ('open', 'unknown') AND op = 'insert' AND external_id IS NULL
		UNION SELECT f.table_name, f.id FROM waiting w JOIN family f ON w.table_name = 'account' AND f.parent = w.record_id)
	SELECT (SELECT count(*) FROM _syncline.intent WHERE state = 'open' AND (op <> 'insert' OR external_id IS NOT NULL))
		+ (SELECT count(*) FROM _trigger_log l WHERE state IN ('NEW', 'PENDING')
			AND NOT EXISTS (SELECT FROM waiting w WHERE w.table_name = l.table_name AND w.record_id = l.record_id))`

// answer answers for inserts of which the product can't know yet whether they
// arrived, from the org's log of accepted writes. Those that did arrive must
// have been found by the product itself.
func (s *site) answer(n *node) int {
	s.Helper()
	s.awaitNone("on their way beside inserts that can't be found", func(ctx context.Context) (others int, err error) {
		err = s.app.QueryRow(ctx, countOthers).Scan(&others)
		return others, err
	})
	var lost int
	s.must(s.app.QueryRow(s.Context(), `SELECT count(*) FROM _syncline.intent WHERE state IN ('open', 'unknown')`).Scan(&lost))
	if lost == 0 {
		return 0
	}
	// The product gets half a minute for what did arrive: a search each 20 s.
	_ = soon(s.Context(), 32*time.Second, func(ctx context.Context) error {
		var now int
		if err := s.app.QueryRow(ctx, `SELECT count(*) FROM _syncline.intent WHERE state IN ('open', 'unknown')`).Scan(&now); err != nil || now > 0 {
			return errors.New("some wait")
		}
		return nil
	})
	n.kill() // what follows is not to meet a search
	answered := s.sendAgain()
	s.revive()
	return answered
}

// sendAgain makes inserts NEW that never arrived. Other calls that the kill
// broke off the product makes again by itself.
func (s *site) sendAgain() (n int) {
	s.Helper()
	arrived := map[string]bool{}
	for _, w := range s.org.Org.WritesSince(0, 0) {
		for _, f := range w.Fields {
			if w.Op == "insert" && (f.Field.Name == "Name" || f.Field.Name == "LastName") {
				arrived[f.Value.Str()] = true
			}
		}
	}
	rows, err := s.app.Query(s.Context(), `SELECT i.log_id, coalesce(i.body::json ->> 'Name', i.body::json ->> 'LastName') FROM _syncline.intent i
		WHERE i.state IN ('open', 'unknown') AND i.op = 'insert' AND i.external_id IS NULL`)
	s.must(err)
	var (
		log  int32
		name string
		list []int32
	)
	_, err = pgx.ForEachRow(rows, []any{&log, &name}, func() error {
		if arrived[name] {
			s.finds(&s.wrong.lost, "the insert of %s arrived, and the product has not found it", name)
		}
		list = append(list, log)
		return nil
	})
	s.must(err)
	for _, log := range list {
		s.must(pgx.BeginFunc(s.Context(), s.app, func(tx pgx.Tx) error {
			if _, err := tx.Exec(s.Context(), `DELETE FROM _syncline.intent WHERE log_id = $1 AND state IN ('open', 'unknown')`, log); err != nil {
				return err
			}
			_, err := tx.Exec(s.Context(), `UPDATE _trigger_log SET state = 'NEW' WHERE id = $1 AND state = 'PENDING'`, log)
			return err
		}))
	}
	return len(list)
}

// inOrder checks that the org took the application's values of each column of
// each record in the order in which they were written.
func (s *site) inOrder() {
	s.Helper()
	newest := map[string]int{}
	for _, w := range s.org.Org.WritesSince(0, 0) {
		if w.OAuthClient != sandbox.ProductClientID {
			continue
		}
		for _, f := range w.Fields {
			switch f.Field.Name {
			case "Site", "Department", "Notes__c":
			default:
				continue
			}
			var n int
			if _, err := fmt.Sscanf(f.Value.Str(), "here-%d", &n); err != nil {
				continue
			}
			key := w.ID + f.Field.Name
			if n < newest[key] {
				s.finds(&s.wrong.disorder, "%s %s: %s took edit %d after edit %d", w.Object, w.ID, f.Field.Name, n, newest[key])
			}
			newest[key] = max(n, newest[key])
		}
	}
}

// expected are the words of refusals that the edits themselves lead to: the
// validation rule, and records that the other side deleted.
var expected = []string{"This revenue cannot be.", "ENTITY_IS_DELETED", "entity is deleted", "is deleted", "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"}

// failures checks that nothing is FAILED for another reason.
func (s *site) failures() {
	s.Helper()
	rows, err := s.app.Query(s.Context(), `SELECT table_name || ' ' || action || ' ' || id, coalesce(sf_message, '') FROM _trigger_log WHERE state = 'FAILED'`)
	s.must(err)
	var entry, message string
	_, err = pgx.ForEachRow(rows, []any{&entry, &message}, func() error {
		if !slices.ContainsFunc(expected, func(x string) bool { return strings.Contains(message, x) }) {
			s.Errorf("FAILED: %s: %s", entry, message)
		}
		return nil
	})
	s.must(err)
}
