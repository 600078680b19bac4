package reader_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// Catching up after a tenth of the records has changed writes exactly those
// rows, each once, though the polls overlap, and reads them in full pages.
func TestCatchingUpWritesWhatHasChanged(t *testing.T) {
	t.Parallel()
	const rows, changed = 20_000, 2000
	s := newSite(t, sandbox.Options{})
	s.Seed("Account", rows)
	s.counting(func() {
		s.load(s.account)
		s.poll(now)
	})
	s.Sandbox.Org.Clock.Step(time.Hour)
	ids := s.One(fmt.Sprintf(`SELECT string_agg(sfid, ' ') FROM (SELECT sfid FROM salesforce.account ORDER BY md5(sfid) LIMIT %d) x`, changed))
	s.Tx(func(tx *org.Tx) error {
		for id := range strings.FieldsSeq(ids) {
			if err := tx.Update(s.Object("Account"), id, sitetest.Body("Phone", "1")); err != nil {
				return err
			}
		}
		return nil
	})
	before, calls := s.written(), s.Calls()
	s.counting(func() {
		for range 3 { // the later ones read the same records again
			if got := s.poll(now); got.Err != nil {
				t.Fatal(got.Err)
			}
		}
	})
	if got := s.written(); got.inserted != before.inserted || got.deleted != before.deleted || got.updated-before.updated != changed {
		t.Errorf("written: %+v, before %+v", got, before)
	}
	if calls = s.Calls() - calls; calls > 8 { // the page of each poll, what is visible, identity
		t.Errorf("%d calls", calls)
	}
	if n := s.count("phone = '1'"); n != fmt.Sprint(changed) {
		t.Errorf("%s rows have the change", n)
	}
}

// counting runs fn with sessions of its own, whose end makes PostgreSQL's
// counts of rows complete.
func (s *site) counting(fn func()) {
	s.Helper()
	const name = "counted"
	db, err := target.Open(s.Context(), target.Config{URL: s.DSN(), ApplicationName: name})
	if err != nil {
		s.Fatal(err)
	}
	before := s.Reader
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: db, Org: s.Org, Bulk: bulk.New(s.Org)})
	fn()
	s.Reader = before
	db.Close()
	for s.One(`SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`, name) != "0" {
		if s.Context().Err() != nil {
			s.Fatal(context.Cause(s.Context()))
		}
	}
}

type written struct{ inserted, updated, deleted int64 }

// written is how many rows of the table were ever written.
func (s *site) written() (w written) {
	s.Helper()
	err := s.DB.Pool().QueryRow(s.Context(), `SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables
		WHERE relid = 'salesforce.account'::regclass`).Scan(&w.inserted, &w.updated, &w.deleted)
	if err != nil {
		s.Fatal(err)
	}
	return w
}
