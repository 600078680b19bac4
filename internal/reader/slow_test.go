package reader_test

import (
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/spool"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
)

// heldUp loads records of some size, whose pages are larger than what the
// network holds, while an application keeps the table to itself for a moment
// that is longer than the org's patience, if it has any. It returns what was
// spooled, and how many times a page was fetched.
func heldUp(t *testing.T, share int64, fault string) (spooled, fetched int64) {
	t.Helper()
	const rows = 30_000
	s := newSite(t, sandbox.Options{})
	s.account = s.Table("Account", "", "Name", "Phone", "Website", "Description", "BillingStreet")
	s.Seed("Account", rows)
	disk := spool.New(spool.Config{Dir: t.TempDir(), After: 20 * time.Millisecond, Limit: share})
	s.Reader = reader.New(reader.Config{
		Connection: s.Connection, DB: s.DB, Org: s.Org, Bulk: bulk.New(s.Org).Through(disk),
		Settings: reader.Settings{BulkFrom: 1, BulkPages: 3, BulkPageRows: rows / 3, BulkChunk: 50_000, BulkGroup: 1},
	})
	if fault != "" {
		s.Fault(fault)
	}
	app := s.App()
	held := false
	done, err := s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), func(p reader.Progress) {
		if held || p.Rows == 0 {
			return
		}
		held = true
		if _, err := app.Exec(t.Context(), `BEGIN; LOCK TABLE salesforce.account IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			t.Error(err)
		}
		time.AfterFunc(2500*time.Millisecond, func() { _, _ = app.Exec(t.Context(), `COMMIT`) })
	})
	if !done || err != nil || !held {
		t.Fatal(done, err)
	}
	if disk.Used() != 0 {
		t.Errorf("%d bytes are left on disk", disk.Used())
	}
	if got := s.One(`SELECT count(*) || ' ' || count(DISTINCT sfid) FROM salesforce.account`); got != "30000 30000" {
		t.Errorf("rows: %s", got)
	}
	return disk.Total(), s.CallKinds()["bulk_query_results"]
}

// Guard: salesforce/bulk/pages.go: "c.spool.Body(rep.Body)".
func slowReader(t *testing.T) {
	spooled, fetched := heldUp(t, spool.DefaultLimit, `{"kind":"drop_slow","bytesPerSecond":500000,"delayMs":700,"path":"/results"}`)
	if spooled == 0 || fetched != 3 {
		t.Errorf("%d bytes spooled, %d pages fetched", spooled, fetched)
	}
}

// Guard: spool/spool.go: what found no room in the file comes behind it.
func slowWriter(t *testing.T) {
	if spooled, _ := heldUp(t, 400_000, ""); spooled == 0 || spooled > 400_000 {
		t.Errorf("%d bytes spooled", spooled)
	}
}

// Guard: reconcile.go, askDeleted: "list.EarliestDateAvailable.After(s.DeletedTo)".
func placeExpired(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	settings := prompt
	settings.DeletedEvery = time.Nanosecond
	s.Reader = s.reader(settings)
	s.account.Mapping.Options.ReconcileSeconds = -1 // nothing else has Ids compared
	look := func() {
		if list, err := s.Reconcile(t.Context(), s.fence, s.tables(), reader.ReconcileOptions{}); err != nil || list[0].Err != nil {
			t.Fatal(list, err)
		}
	}
	ids := s.accounts(2)
	s.load(s.account)
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.poll(now)
	look()
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.purge(ids[0])
	s.Sandbox.Org.Clock.Step(20 * 24 * time.Hour) // longer than the org keeps the list
	s.poll(now)
	for range 3 {
		look()
	}
	s.want("after a pause of 20 days", "account 1")
}

// A database that cuts sessions in the middle of a load, as one does that is
// restarted, costs time alone.
func TestALoadWhoseSessionsAreCut(t *testing.T) {
	t.Parallel()
	const rows = 4000
	for name, settings := range map[string]reader.Settings{"Bulk": small, "queries": {BulkFrom: -1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bulkSite(t, rows, settings)
			before := s.One(form)
			other := s.App()
			commits, cuts, failed := 0, 0, 0
			for done := false; !done && failed < 20; {
				var err error
				done, err = s.Load(t.Context(), s.fence, s.account, time.Now().Add(time.Minute), func(reader.Progress) {
					if commits++; commits%2 == 0 && cuts < 5 {
						cuts++
						_, err := other.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
							WHERE datname = current_database() AND pid <> pg_backend_pid()`)
						if err != nil {
							t.Error(err)
						}
					}
				})
				if err != nil {
					failed++
				}
				if c := target.Classify(err); err != nil && c != target.Unavailable && c != target.Retry {
					t.Fatal(err)
				}
			}
			s.DB.Pool().Reset()
			if cuts == 0 || s.One(form) != before {
				t.Errorf("%d cuts, %d failures", cuts, failed)
			}
			s.equal(rows)
		})
	}
}
