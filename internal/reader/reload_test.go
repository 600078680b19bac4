package reader_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/sandbox"
)

// A reload merges into the rows, which keep their ids, and then rows go whose
// record is gone. Nobody sees the table with a hole; kills cost nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]reader.Settings{
		"Bulk":    {BulkFrom: 1, BulkPageRows: 1000, BulkChunk: 20_000, ConfirmAfter: time.Nanosecond, DeletedEvery: -1},
		"queries": {BulkFrom: -1, ConfirmAfter: time.Nanosecond, DeletedEvery: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rows = 2500
			s := newSite(t, sandbox.Options{})
			s.Reader = s.reader(settings)
			ids := s.accounts(4)
			s.Seed("Account", rows-4)
			s.load(s.account)
			s.poll(now)
			s.Sandbox.Org.Clock.Step(time.Hour)
			s.purge(ids[0], ids[1])
			s.Update("Account", ids[2], "Name", "changed")
			s.Run(`SET xmlbinary = 'hex'; UPDATE salesforce.account SET phone = 'wrong' WHERE id % 10 = 0;
				CREATE TABLE was AS SELECT sfid, id, xmin::text AS version FROM salesforce.account`)
			if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
				t.Fatal(err)
			}
			for done, turn := false, 0; !done; turn++ {
				ctx, cut := context.WithCancel(t.Context())
				var err error
				done, err = s.Load(ctx, s.fence, s.account, time.Now().Add(time.Minute), func(p reader.Progress) {
					if s.count("true") != fmt.Sprint(rows) || p.Index != "" {
						t.Errorf("a hole: %s rows, index %q", s.count("true"), p.Index)
					}
					if turn < 3 {
						cut()
					}
				})
				cut()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				s.fence = s.Fence("read", s.fence.Number+1)
			}
			list, err := s.Reconcile(t.Context(), s.fence, s.tables(), reader.ReconcileOptions{})
			if err != nil || list[0].Err != nil {
				t.Fatal(err, list)
			}
			s.settleIDs()
			if got := s.count("true"); got != fmt.Sprint(rows-2) {
				t.Errorf("%s rows", got)
			}
			if got := s.One(`SELECT count(*) FROM was JOIN salesforce.account a USING (sfid, id) WHERE a.xmin::text = was.version`); got < "2200" || len(got) != 4 {
				t.Errorf("%s rows were left untouched", got)
			}
			if got := s.One(`SELECT count(*) FROM was JOIN salesforce.account a USING (sfid, id)`); got != fmt.Sprint(rows-2) {
				t.Errorf("%s rows have kept their ids", got)
			}
		})
	}
}

// settleIDs compares Ids, which must be due without being asked for.
func (s *site) settleIDs() {
	s.Helper()
	for range 60 {
		list, err := s.Reconcile(s.Context(), s.fence, s.tables(), reader.ReconcileOptions{})
		if err != nil || list[0].Err != nil {
			s.Fatal(err, list)
		}
		if !list[0].Waiting && list[0].Missing == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // the org works on its job
	}
	s.Fatal("comparing Ids does not end")
}

func TestTruncateBeforeAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.accounts(3)
	s.load(s.account)
	s.Run(`UPDATE salesforce.account SET name = 'mine' WHERE id = 1`)
	if done, err := s.Truncate(t.Context(), s.fence, s.account); done || err != nil {
		t.Errorf("with a change on its way: %v, %v", done, err)
	}
	s.Run(`SET xmlbinary = 'hex'; DELETE FROM salesforce._trigger_log; CREATE TABLE notes (account int REFERENCES salesforce.account (id))`)
	if done, err := s.Truncate(t.Context(), s.fence, s.account); done || err != nil {
		t.Errorf("with a foreign key: %v, %v", done, err)
	}
	s.Run(`DROP TABLE notes`)
	if done, err := s.Truncate(t.Context(), s.fence, s.account); !done || err != nil || s.count("true") != "0" {
		t.Errorf("%v, %v, %s rows", done, err, s.count("true"))
	}
	if err := s.Restart(t.Context(), s.fence, s.account); err != nil {
		t.Fatal(err)
	}
	s.load(s.account)
	if got := s.count("true"); got != "3" {
		t.Errorf("%s rows", got)
	}
}
