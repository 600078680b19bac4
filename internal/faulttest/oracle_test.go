//go:build unix

package faulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// quietWithin bounds how long the wait for quiet lasts without headway. A call
// whose node died may be made again 32 s after its claim, a turn is taken over
// after 15 s, and waits after trouble grow to a minute.
const quietWithin = 3 * time.Minute

// judge ends the traffic, waits until the site is quiet, and checks what must
// hold after every run.
func (s *site) judge() {
	s.Helper()
	s.edits.end()
	s.Logf("%d edits in Postgres, %d in the org", s.edits.local.Load(), s.edits.other.Load())
	started := time.Now()
	s.awaitNone(onItsWay, s.unsettled)
	s.becomesEqual(quietWithin)
	s.polledOnce()
	s.becomesEqual(time.Minute)
	s.Logf("quiet %v after the last edit", time.Since(started).Round(100*time.Millisecond))
	s.verify()
	s.creates()
	s.lastValues()
	s.ledger()
}

// awaitNone waits until nothing is left, as long as there is headway: how many
// edits pile up while a fault is in force or a node is dead depends on the
// machine, and so does how long they take to go out.
func (s *site) awaitNone(what string, count func(context.Context) (int, error)) {
	s.Helper()
	for least := math.MaxInt; ; {
		var left int
		err := soon(s.Context(), quietWithin, func(ctx context.Context) (err error) {
			if left, err = count(ctx); err == nil && left > 0 {
				err = fmt.Errorf("%d %s", left, what)
			}
			return err
		})
		if err == nil {
			return
		}
		if left >= least {
			s.Fatalf("no headway within %v: %v", quietWithin, err)
		}
		least = left
	}
}

// onItsWay is what unsettled counts.
const onItsWay = "entries, intents and deferred records"

// unsettled counts what is still on its way.
func (s *site) unsettled(ctx context.Context) (n int, err error) {
	err = s.app.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM _trigger_log WHERE state IN ('NEW', 'PENDING')) +
		(SELECT count(*) FROM _syncline.intent WHERE state IN ('open', 'unknown')) +
		(SELECT count(*) FROM _syncline.deferred)`).Scan(&n)
	return n, err
}

// quiet says what is still on its way.
func (s *site) quiet(ctx context.Context) error {
	left, err := s.unsettled(ctx)
	if err == nil && left > 0 {
		err = fmt.Errorf("%d %s", left, onItsWay)
	}
	return err
}

// becomesEqual compares both sides after each poll until they are equal.
func (s *site) becomesEqual(within time.Duration) {
	s.Helper()
	for deadline := time.Now().Add(within); ; {
		s.polledOnce()
		err := s.equal(s.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.wrong.differences.Add(1)
			s.Fatalf("not quiet and equal within %v: %v", within, err)
		}
	}
}

// equal says what is still on its way, or in what the sides differ. Comparing
// them takes the machine longer than anything else here.
func (s *site) equal(ctx context.Context) error {
	if err := s.quiet(ctx); err != nil {
		return err
	}
	return s.secondJudge(ctx)
}

// secondJudge compares the org's own dump with the tables' text.
func (s *site) secondJudge(ctx context.Context) error {
	control := judge.Control{URL: s.org.URL()}
	writes, err := control.Writes(ctx)
	if err != nil {
		return err
	}
	defer writes.Close()
	report, err := judge.Judge(ctx, judge.Input{
		Database: s.target, Schema: "salesforce", Config: bytes.NewReader(s.config), Dump: control.Dump, Writes: writes,
	})
	if err != nil {
		return err
	}
	if report.Equal() && report.Pending == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%d differences, %d duplicates, %d pending", report.Differences, report.Duplicates, report.Pending)}
	for _, m := range report.Mappings {
		for what, tally := range map[string]judge.Tally{
			"missing": m.Missing, "extra": m.Extra, "without id": m.NoID, "different": m.Fields, "column": m.Columns,
			"duplicate record": m.OrgDuplicates, "duplicate row": m.RowDuplicates, "pending": m.Pending,
		} {
			for _, f := range tally.Samples[:min(5, len(tally.Samples))] {
				lines = append(lines, fmt.Sprintf("%s %s: %+v", m.Object, what, f))
			}
		}
	}
	for _, f := range report.CreatedTwice.Samples {
		lines = append(lines, fmt.Sprintf("created twice: %+v", f))
	}
	return errors.New(strings.Join(lines, "\n\t"))
}

// polledOnce waits until every mapping was polled once more, whatever the
// nodes' clocks say.
func (s *site) polledOnce() {
	s.Helper()
	before, err := s.polls(s.Context())
	s.must(err)
	eventually(s.TB, time.Minute, "a poll of every mapping", func(ctx context.Context) error {
		now, err := s.polls(ctx)
		if err != nil {
			return err
		}
		for m, at := range before {
			if !now[m].After(at) {
				return fmt.Errorf("mapping %s was last polled at %v", m, at)
			}
		}
		return nil
	})
}

func (s *site) polls(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.app.Query(ctx, `SELECT mapping::text, coalesce(polled_at, 'epoch') FROM _syncline.mark`)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	var (
		m  string
		at time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&m, &at}, func() error { out[m] = at; return nil })
	return out, err
}

// verify runs `syncline verify`, which must find nothing.
func (s *site) verify() {
	s.Helper()
	api := s.server()
	cmd := exec.CommandContext(s.Context(), syncline(s.TB), "verify", "--json")
	cmd.Dir = s.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "SYNCLINE_URL=" + api.url, "SYNCLINE_TOKEN=" + s.token}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Errorf("syncline verify: %v\n%s", err, out)
	}
}

// server is a node that answers the API.
func (s *site) server() *node {
	s.Helper()
	for _, n := range s.nodes {
		if n.url != "" && n.alive() && n.ready(s.Context()) {
			return n
		}
	}
	s.Fatal("no node is ready")
	return nil
}

// creates counts the accepted creates of the product: one for each row that
// was inserted, none for anything else.
func (s *site) creates() {
	s.Helper()
	count := map[string]int{}
	for _, w := range s.org.Org.WritesSince(0, 0) {
		if w.OAuthClient != sandbox.ProductClientID || w.Op != "insert" {
			continue
		}
		key := ""
		for _, f := range w.Fields {
			if f.Field.Name == "Name" || f.Field.Name == "LastName" {
				key = f.Value.Str()
			}
		}
		made := s.edits.made[key]
		if made == nil || made.object != w.Object {
			s.finds(&s.wrong.doubled, "%s %s %q was created in the org, and nobody made it", w.Object, w.ID, key)
			continue
		}
		count[key]++
	}
	certain := 0
	for key, made := range s.edits.made {
		n := count[key]
		if made.certain {
			certain++
		}
		switch {
		case n > 1:
			s.finds(&s.wrong.doubled, "%s %q was inserted once and created %d times in the org", made.object, key, n)
		case n == 0 && made.certain && !made.gone:
			s.finds(&s.wrong.lost, "%s %q was inserted and never created in the org", made.object, key)
		}
	}
	s.Logf("%d rows inserted to stay, %d created in the org", certain, len(count))
}

// lastValues checks columns that one side only edits: its last value stands.
func (s *site) lastValues() {
	s.Helper()
	for p, want := range s.edits.ours {
		var got string
		err := s.app.QueryRow(s.Context(), fmt.Sprintf("SELECT coalesce(%s, '') FROM %s WHERE id = $1",
			pgx.Identifier{p.column}.Sanitize(), pgx.Identifier{p.table}.Sanitize()), p.id).Scan(&got)
		if errors.Is(err, pgx.ErrNoRows) {
			continue // deleted since
		}
		if err == nil && got != want && s.refusedWith(p, want) {
			continue // told as a write error (I5)
		}
		if err != nil || got != want {
			s.finds(&s.wrong.lost, "%s %d: the application's last %s was %q, and it is %q (%v)", p.table, p.id, p.column, want, got, err)
		}
	}
	for sfid, want := range s.edits.their {
		var got string
		err := s.app.QueryRow(s.Context(), "SELECT coalesce(fax, '') FROM account WHERE sfid = $1", sfid).Scan(&got)
		if err != nil || got != want {
			s.finds(&s.wrong.lost, "account %s: the org's last Fax was %q, and it is %q (%v); what it took:%s", sfid, want, got, err, s.taken(sfid))
		}
	}
}

// taken lists what the org has accepted for a record, and from whom.
func (s *site) taken(sfid string) string {
	var b strings.Builder
	for _, w := range s.org.Org.WritesSince(0, 0) {
		if w.ID != sfid {
			continue
		}
		fmt.Fprintf(&b, "\n\t%s %s by %s:", w.At.Format("15:04:05.000"), w.Op, w.OAuthClient)
		for _, f := range w.Fields {
			fmt.Fprintf(&b, " %s=%s", f.Field.Name, f.Value.Str())
		}
	}
	return b.String()
}

// refusedWith says that Salesforce refused a change that carried the value: with
// Merged Writes it may share an entry with one that breaks a rule.
func (s *site) refusedWith(p place, value string) (yes bool) {
	s.Helper()
	s.must(s.app.QueryRow(s.Context(), `SELECT EXISTS (
		SELECT FROM (SELECT table_name, record_id, state, values FROM _trigger_log UNION ALL
			SELECT table_name, record_id, state, values FROM _trigger_log_archive) l
		WHERE table_name = $1 AND record_id = $2 AND state = 'FAILED' AND values::hstore -> $3 = $4)`,
		p.table, p.id, p.column, value).Scan(&yes))
	return yes
}

// ledger compares the count of API calls with the org's own, at rest.
func (s *site) ledger() {
	s.Helper()
	api, err := s.api(s.Context())
	s.must(err)
	s.must(api.Pause(s.Context(), "", ""))
	var ours, theirs int64
	err = soon(s.Context(), 20*time.Second, func(ctx context.Context) error {
		calls, err := s.ctl.Calls(ctx)
		if err != nil {
			return err
		}
		status, err := api.Status(ctx, "")
		if err != nil {
			return err
		}
		ours, theirs = status.Calls.Total, int64(calls[sandbox.ProductClientID])
		if ours < theirs || ours > theirs && !s.killed {
			return fmt.Errorf("the ledger says %d, the org %d calls", ours, theirs)
		}
		return nil
	})
	if err != nil {
		s.Error(err)
	}
	s.Logf("API calls: %d by the ledger, %d by the org", ours, theirs)
}
