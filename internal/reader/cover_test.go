package reader_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// TestSweepsAfterAMassUpdateAreShort: each poll sweeps, the org's clock goes on
// by a minute each time, and one transaction stays open for eight of them.
func TestSweepsAfterAMassUpdateAreShort(t *testing.T) {
	t.Parallel()
	read := map[string]int{}
	for name, from := range map[string]int{"covered": 10, "whole": 1_000_000} {
		s := newSite(t, sandbox.Options{})
		s.Reader = s.reader(reader.Settings{SweepEvery: time.Nanosecond, CoverFrom: from})
		s.load(s.account)
		s.poll(now)
		s.Sandbox.Org.Clock.Step(20 * time.Minute)
		s.poll(now)
		s.Tx(func(tx *org.Tx) error {
			for i := range 200 {
				if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", fmt.Sprint("n", i))); err != nil {
					return err
				}
			}
			return nil
		})
		var tx *org.Tx
		for minute := range 14 {
			if minute == 4 {
				tx = s.Sandbox.Org.Begin(s.Actor())
				defer tx.Rollback()
				if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", "late")); err != nil {
					t.Fatal(err)
				}
			}
			if minute == 12 {
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			s.Insert("Account", "Name", fmt.Sprint("m", minute))
			got := s.poll(now)
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			read[name] += got.Rows
			s.Sandbox.Org.Clock.Step(time.Minute)
		}
		if got := s.count("true"); got != "215" {
			t.Errorf("%s: %s rows", name, got)
		}
	}
	if read["covered"]*2 > read["whole"] {
		t.Errorf("read %v records", read)
	}
	t.Logf("read %v records", read)
}
