package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// ErrDifferent says that the round ended with a difference or a duplicate.
var ErrDifferent = errors.New("the two sides are not equal")

// Report is what a round found. Exit is clean only if Differences and
// Duplicates are 0.
type Report struct {
	Mappings            int   `json:"mappings"`
	Rows                int64 `json:"rows"`
	ChangesToSalesforce int   `json:"changes_to_salesforce"`
	ChangesToPostgres   int   `json:"changes_to_postgres"`
	LatencyMS           struct {
		ToSalesforce Latency `json:"to_salesforce"`
		ToPostgres   Latency `json:"to_postgres"`
	} `json:"latency_ms"`
	// APICalls is Syncline's ledger, OrgAPICalls the org's count of Syncline's
	// client.
	APICalls    int64 `json:"api_calls"`
	OrgAPICalls int64 `json:"org_api_calls"`
	Conflicts   int   `json:"conflicts"`
	WriteErrors struct {
		ValidationRule int `json:"validation_rule"`
		RecordDeleted  int `json:"record_deleted"`
		Other          int `json:"other"`
	} `json:"write_errors"`
	// Differences is the larger of what verify and the second judge found.
	Differences int64 `json:"differences"`
	Duplicates  int64 `json:"duplicates"`
	// Findings are the first differences in words; none is the rule.
	Findings []string `json:"findings,omitempty"`
	Seed     uint64   `json:"seed"`
	Seconds  float64  `json:"seconds"`
}

// Once does one round: load, edit both sides at once, wait until all is quiet,
// compare, report.
func Once(ctx context.Context, opt Options) error {
	start := time.Now()
	w, err := open(ctx, opt)
	defer w.close()
	if err != nil {
		return err
	}
	rep := &Report{Seed: opt.Seed}
	if err := w.playRound(ctx, rep); err != nil {
		return err
	}
	if err := w.compare(ctx, rep); err != nil {
		return err
	}
	rep.Seconds = time.Since(start).Seconds()
	if opt.JSON {
		err = printJSON(opt.Out, rep)
	} else {
		err = rep.print(opt.Out)
	}
	if err != nil {
		return err
	}
	if rep.Differences > 0 || rep.Duplicates > 0 {
		return ErrDifferent
	}
	return nil
}

// playRound edits both sides and measures until all is quiet.
func (w *world) playRound(ctx context.Context, rep *Report) error {
	other := w.org.Clients[1]
	user, err := signIn(ctx, w.org.URL(), other.ID, other.Secret)
	if err != nil {
		return err
	}
	db, err := w.application(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(ctx) }()
	watcher, err := w.application(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close(ctx) }()

	before, err := user.writesSince(ctx, 0)
	if err != nil {
		return err
	}
	r := &round{seed: w.opt.Seed, db: db, org: user}
	slots, err := r.plan(ctx, schemaName)
	if err != nil {
		return err
	}
	w.say.line("%d edits on each side, at the same time …", len(slots))
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan watchResult, 1)
	go func() {
		took, err := r.watch(watching, watcher)
		watched <- watchResult{took, err}
	}()
	if err := r.run(ctx, slots); err != nil {
		return err
	}
	if err := w.untilQuiet(ctx, db); err != nil {
		return err
	}
	stop()
	seen := <-watched
	if seen.err != nil {
		return seen.err
	}
	writes, err := user.writesSince(ctx, int64(len(before)))
	if err != nil {
		return err
	}
	rep.LatencyMS.ToPostgres = latency(seen.took)
	rep.LatencyMS.ToSalesforce = latency(r.timedArrivals(writes))
	for _, a := range writes {
		if a.OAuth == w.org.Clients[0].ID {
			rep.ChangesToSalesforce++
		} else {
			rep.ChangesToPostgres++
		}
	}
	return db.QueryRow(ctx, "SELECT count(*) FROM _syncline.conflict").Scan(&rep.Conflicts)
}

type watchResult struct {
	took []time.Duration
	err  error
}

// application connects as the application does.
func (w *world) application(ctx context.Context) (*pgx.Conn, error) {
	db, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if _, err := db.Exec(ctx, "SET search_path = "+schemaName+", public"); err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return db, nil
}

// quietWithin bounds the wait for quiet.
const quietWithin = 3 * time.Minute

// untilQuiet waits until nothing is on its way: no entry unsettled, no intent
// open, no record deferred, and every mapping read since, far enough back to
// catch what became visible late.
func (w *world) untilQuiet(ctx context.Context, db *pgx.Conn) error {
	var since time.Time
	if err := db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&since); err != nil {
		return err
	}
	deadline := time.Now().Add(quietWithin)
	for {
		left, err := unquiet(ctx, db, since)
		if err != nil {
			return err
		}
		if left == "" {
			// What was read or sent last may have caused something more.
			var again time.Time
			if err := db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&again); err != nil {
				return err
			}
			if again.Sub(since) > settleFor {
				return nil
			}
			left = "the last polls"
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not quiet after %s: waiting for %s", quietWithin, left)
		}
		w.say.replace("Waiting until all is quiet: %s", left)
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// settleFor is how long after the edits quiet is believed: two polls, and the
// margin by which a poll stays behind the org's clock.
const settleFor = 7 * time.Second

// unquiet names what is still on its way; "" if nothing is.
func unquiet(ctx context.Context, db *pgx.Conn, since time.Time) (string, error) {
	var entries, intents, deferred, unpolled int
	err := db.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM `+schemaName+`._trigger_log WHERE state IN ('NEW', 'PENDING')),
		(SELECT count(*) FROM _syncline.intent WHERE state <> 'settled'),
		(SELECT count(*) FROM _syncline.deferred),
		(SELECT count(*) FROM _syncline.mark WHERE polled_at IS NULL OR polled_at < $1::timestamptz + interval '4 seconds')`,
		since).Scan(&entries, &intents, &deferred, &unpolled)
	if err != nil {
		return "", fmt.Errorf("look for what is on its way: %w", err)
	}
	var left []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{entries, "log entries"}, {intents, "open writes"}, {deferred, "records to read again"}, {unpolled, "mappings to poll"},
	} {
		if x.n > 0 {
			left = append(left, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	return strings.Join(left, ", "), nil
}

// compare asks both judges, and counts calls before they add their own.
func (w *world) compare(ctx context.Context, rep *Report) error {
	w.say.replace("Comparing both sides, row by row …")
	verdict, err := w.api.Verify(ctx, appName, client.VerifyOptions{}, nil)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	control := judge.Control{URL: w.org.URL()}
	writes, err := control.Writes(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = writes.Close() }()
	second, err := judge.Judge(ctx, judge.Input{
		Database: w.database, Schema: schemaName, Config: strings.NewReader(configFile),
		Dump: control.Dump, Writes: writes,
	})
	if err != nil {
		return fmt.Errorf("second judge: %w", err)
	}
	rep.Mappings = len(verdict.Mappings)
	for _, m := range verdict.Mappings {
		rep.Rows += m.RowsPostgres
	}
	rep.Differences = max(verdict.Differences, int64(second.Differences))
	rep.Duplicates = max(verdict.Duplicates, int64(second.Duplicates))
	rep.Findings = findings(verdict, second)
	if err := w.countErrors(ctx, rep); err != nil {
		return err
	}
	return w.countCalls(ctx, rep)
}

func (w *world) countErrors(ctx context.Context, rep *Report) error {
	list, err := w.api.WriteErrors(ctx, appName, "", 0, 1000)
	if err != nil {
		return err
	}
	for _, e := range list {
		switch {
		case strings.Contains(e.Message, ruleMessage):
			rep.WriteErrors.ValidationRule++
		case strings.Contains(e.Message, "ENTITY_IS_DELETED"):
			rep.WriteErrors.RecordDeleted++
		default:
			rep.WriteErrors.Other++
			rep.Findings = append(rep.Findings, fmt.Sprintf("write error %d of %s: %s", e.ID, e.Table, e.Message))
		}
	}
	return nil
}

// countCalls compares the ledger with the org's count while nothing is called:
// the connection pauses for it.
func (w *world) countCalls(ctx context.Context, rep *Report) error {
	if err := w.api.Pause(ctx, appName, ""); err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		calls, err := w.org.Control().Calls(ctx)
		if err != nil {
			return err
		}
		st, err := w.api.Status(ctx, appName)
		if err != nil {
			return err
		}
		rep.OrgAPICalls, rep.APICalls = int64(calls[w.org.Clients[0].ID]), st.Calls.Total
		if st.State.Value == "PAUSED" && rep.APICalls == rep.OrgAPICalls || time.Now().After(deadline) {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
