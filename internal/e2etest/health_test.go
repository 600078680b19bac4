//go:build unix

package e2etest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/sandbox/org"
)

// statusOf gives the status of a path that is open to everybody.
func (s *site) statusOf(ctx context.Context, path string) (int, error) {
	_, err := send(ctx, http.MethodGet, s.server.URL+path, "", "")
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status, nil
	}
	return http.StatusOK, err
}

func (s *site) becomes(path string, want int) {
	s.Helper()
	s.must(until(s.Context(), 20*time.Second, func(ctx context.Context) error {
		got, err := s.statusOf(ctx, path)
		if err == nil && got != want {
			err = fmt.Errorf("%s answers %d, want %d", path, got, want)
		}
		return err
	}))
}

// Without its control database a server lives and is not ready; when that is
// back, it goes on by itself.
func TestReadiness(t *testing.T) {
	t.Parallel()
	control := pgtest.Server(t, pgserver.Options{})
	if err := control.CreateDatabase(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	s := newSiteOn(t, control.DSN("control"), "SYNCLINE_ALLOW_INSECURE_ORGS=true")
	s.server.start()
	s.becomes("/healthz", http.StatusOK)
	s.becomes("/readyz", http.StatusOK)
	s.connect()
	s.must(control.Kill(t.Context()))
	s.becomes("/readyz", http.StatusServiceUnavailable)
	s.becomes("/healthz", http.StatusOK)
	if _, err := s.api().Connections(t.Context()); err == nil || strings.Contains(err.Error(), "password") {
		t.Errorf("a call without the control database: %v", err)
	}
	s.must(control.Restart(t.Context()))
	s.becomes("/readyz", http.StatusOK)
	s.write(`UPDATE salesforce.account SET phone = 'again' WHERE id = 1`)
	s.server.stop()
}

// What /metrics must hold once a sync runs.
var metrics = map[string]string{
	"lag to Postgres":      `syncline_lag_seconds\{.*direction="to_postgres".*mapping="Account"`,
	"lag to Salesforce":    `syncline_lag_seconds\{.*direction="to_salesforce".*mapping="Account"`,
	"queue":                `syncline_queue_entries\{.*mapping="Account",state="NEW"`,
	"calls that query":     `syncline_api_calls_total\{.*kind="query"\} [1-9]`,
	"calls that write":     `syncline_api_calls_total\{.*kind="collections?"\} [1-9]`,
	"calls that describe":  `syncline_api_calls_total\{.*kind="describe"\} [1-9]`,
	"rows loaded":          `syncline_rows_total\{.*direction="to_postgres",mapping="Account",operation="load"\} 60`,
	"rows written":         `syncline_rows_total\{.*direction="to_salesforce",mapping="Account",operation="update"\} [1-9]`,
	"rows of a table":      `syncline_table_rows\{.*mapping="Account"\} 60`,
	"errors":               `syncline_errors_total\{.*\} [1-9]`,
	"the org's allowance":  `syncline_api_limit_calls\{`,
	"the runtime's memory": `go_memstats_heap_alloc_bytes `,
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.server.start()
	s.connect()
	s.must(s.ctl.SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "AnnualRevenue = -77777", Message: "This revenue cannot be."},
	}}))
	s.write(`UPDATE salesforce.account SET phone = '1' WHERE id = 1`)
	s.write(`UPDATE salesforce.account SET annualrevenue = -77777 WHERE id = 2`)
	s.must(s.ctl.Do(t.Context(), http.MethodPost, "faults", map[string]any{"kind": "html", "path": "/query", "count": 8}, nil))
	for name, token := range map[string]string{"none": "", "a wrong one": "syn_wrong"} {
		if _, err := send(t.Context(), http.MethodGet, s.server.URL+"/metrics", token, ""); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("/metrics with %s as token: %v, want 401", name, err)
		}
	}
	var text string
	err := until(t.Context(), 25*time.Second, func(ctx context.Context) (err error) {
		if text, err = send(ctx, http.MethodGet, s.server.URL+"/metrics", s.server.Token, ""); err != nil {
			return err
		}
		var lacking []string
		for name, pattern := range metrics {
			if !regexp.MustCompile(`(?m)^` + pattern).MatchString(text) {
				lacking = append(lacking, name)
			}
		}
		if len(lacking) > 0 {
			return fmt.Errorf("not in the metrics: %s", strings.Join(lacking, ", "))
		}
		return nil
	})
	if err != nil {
		ours := regexp.MustCompile(`(?m)^(#.*|go_.*|process_.*|.*_bucket.*)\n`).ReplaceAllString(text, "")
		t.Errorf("%v\n%s", err, ours)
	}
}

// A server that is told to stop while it loads does so in time, and the next
// one goes on from where it was.
func TestStopDuringLoad(t *testing.T) {
	t.Parallel()
	const rows = 4000
	s := newSite(t)
	s.must(s.ctl.Seed(t.Context(), org.SeedPlan{Object: "Opportunity", Rows: rows, Seed: 1, Past: true}))
	s.must(s.ctl.SetSwitches(t.Context(), org.Switches{PageRows: 100}))
	slow := map[string]any{"kind": "delay", "method": "GET", "path": "/query", "delayMs": 500}
	s.must(s.ctl.Do(t.Context(), http.MethodPost, "faults", slow, nil))
	s.server.start()
	s.begin()
	s.must(until(t.Context(), 30*time.Second, func(ctx context.Context) error {
		if n := s.applied(ctx); n < 100 {
			return fmt.Errorf("%d rows are applied", n)
		}
		return nil
	}))
	s.server.stop()
	before := s.applied(t.Context())
	if before >= rows {
		t.Fatalf("all %d rows were there at the stop: this has tested nothing", before)
	}
	s.must(s.ctl.Do(t.Context(), http.MethodDelete, "faults", nil, nil))
	s.server.start()
	least := before
	s.must(until(t.Context(), 30*time.Second, func(ctx context.Context) error {
		least = min(least, s.applied(ctx))
		return s.loaded(ctx)
	}))
	if least < before {
		t.Errorf("the mark went back from %d to %d rows", before, least)
	}
	count, err := query(t.Context(), s.target, `SELECT count(*), max(id) FROM salesforce.opportunity`)
	if want := fmt.Sprintf("%d\t%d\n", rows, rows); err != nil || count != want {
		t.Errorf("rows and highest id are %q, %v; want %q", count, err, want)
	}
	s.server.stop()
}

// applied is how many opportunities the load has applied by its mark.
func (s *site) applied(ctx context.Context) int {
	text, err := query(ctx, s.target, `SELECT coalesce(max(rows), 0) FROM _syncline.mark`)
	if err != nil {
		return 0 // the tables are not there yet
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	s.must(err)
	return n
}
