package reader_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// prompt looks a second time at once, and asks for no list of deletions.
var prompt = reader.Settings{ConfirmAfter: time.Nanosecond, DeletedEvery: -1}

// reconcile compares all Ids until that is through.
func (s *site) reconcile() reader.Reconciled {
	s.Helper()
	var sum reader.Reconciled
	for turn := range 60 {
		list, err := s.Reconcile(s.Context(), s.fence, s.tables(), reader.ReconcileOptions{Force: turn == 0})
		if err != nil {
			s.Fatal(err)
		}
		got := list[0]
		if got.Err != nil {
			s.Fatal(got.Err)
		}
		got.Compared += sum.Compared
		got.Extra += sum.Extra
		got.Result = got.Result.Add(sum.Result)
		sum = got
		if !got.Waiting {
			return sum
		}
		time.Sleep(10 * time.Millisecond) // the org works on its job
	}
	s.Fatalf("not through: %+v", sum)
	return sum
}

// purge makes records vanish without a trace.
func (s *site) purge(ids ...string) {
	s.Helper()
	s.Tx(func(tx *org.Tx) error {
		for _, id := range ids {
			if err := tx.Purge(s.Object("Account"), id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *site) accounts(n int) (ids []string) {
	s.Helper()
	for i := range n {
		ids = append(ids, s.Insert("Account", "Name", fmt.Sprint("account ", i)))
	}
	return ids
}

func TestHardDeletesAreFoundByComparingIDs(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]reader.Settings{
		"queries":             prompt,
		"Bulk":                {ConfirmAfter: time.Nanosecond, DeletedEvery: -1, BulkIDsFrom: 1},
		"several ranges":      {ConfirmAfter: time.Nanosecond, DeletedEvery: -1, ReconcileRange: 2},
		"ranges and Bulk":     {ConfirmAfter: time.Nanosecond, DeletedEvery: -1, BulkIDsFrom: 1, ReconcileRange: 3},
		"a list of the org's": {ConfirmAfter: time.Nanosecond, DeletedEvery: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{})
			ids := s.accounts(7)
			s.Reader = s.reader(settings)
			s.load(s.account)
			s.Sandbox.Org.Clock.Step(time.Hour)
			s.purge(ids[1], ids[4])
			s.Sandbox.Org.Clock.Step(time.Hour)
			if got := s.poll(now); got.Result.Changes() != 0 {
				t.Errorf("the poll sees it: %+v", got)
			}
			got := s.reconcile()
			if s.count("true") != "5" || s.count(fmt.Sprintf("sfid IN ('%s', '%s')", ids[1], ids[4])) != "0" {
				t.Errorf("%s rows left, %+v", s.count("true"), got)
			}
			if got.Result.Deleted != 2 || got.Compared != 5 || !got.Done || got.Missing != 0 {
				t.Errorf("%+v", got)
			}
			if again := s.reconcile(); again.Result.Changes() != 0 || again.Missing+again.Extra != 0 {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

func TestADeletionIsLookedForTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(3)
	s.load(s.account)
	s.poll(now)
	s.Reader = s.reader(reader.Settings{ConfirmAfter: time.Hour, DeletedEvery: -1})
	s.purge(ids[0])
	if got := s.reconcile(); got.Missing != 1 || s.count("true") != "3" {
		t.Errorf("at first: %+v", got)
	}
	// The application changes another such row meanwhile: its change is sent
	// first, and fails, and is shown.
	s.purge(ids[1])
	s.Run(`UPDATE salesforce.account SET phone = '1' WHERE sfid = '` + ids[1] + `'`)
	s.Reader = s.reader(prompt)
	if got := s.reconcile(); got.Missing != 1 || got.Result.Deleted != 1 || s.count("true") != "2" {
		t.Errorf("then: %+v, %s rows", got, s.count("true"))
	}
}

func TestARecordThatComesBackKeepsItsRow(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(3)
	s.load(s.account)
	s.poll(now)
	user, _ := s.Sandbox.Org.User(org.IntegrationUser)
	user.Permissions.SetObject("Account", org.ObjectRights{OwnOnly: true}, time.Now())
	s.Reader = s.reader(reader.Settings{ConfirmAfter: time.Hour, DeletedEvery: -1})
	first := s.reconcile()
	user.Permissions.SetObject("Account", org.ObjectRights{}, time.Now())
	local := s.One(`SELECT id FROM salesforce.account WHERE sfid = $1`, ids[0])
	s.Reader = s.reader(prompt)
	if first.Missing != 3 {
		t.Errorf("out of sight: %+v", first)
	}
	if got := s.reconcile(); got.Missing != 0 || got.Result.Deleted != 0 || s.One(`SELECT id FROM salesforce.account WHERE sfid = $1`, ids[0]) != local {
		t.Errorf("in sight again: %+v", got)
	}
}

func TestARecordThatWasNeverSeenIsFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(3)
	s.load(s.account)
	s.poll(now)
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.poll(now)
	s.Run(`SET xmlbinary = 'hex'; DELETE FROM salesforce.account WHERE sfid = '` + ids[1] + `'`) // as if lost
	s.Reader = s.reader(prompt)
	if got := s.reconcile(); got.Extra != 1 {
		t.Errorf("%+v", got)
	}
	if got := s.poll(now); got.Result.Inserted != 1 || s.count("true") != "3" {
		t.Errorf("%+v", got)
	}
}

// kinds of deletion, and what of them is left in the table. Each is done to the
// first account; the second is its master in a merge.
var kinds = map[string]func(s *site, ids []string){
	"soft": func(s *site, ids []string) { s.Delete("Account", ids[0]) },
	"hard": func(s *site, ids []string) { s.purge(ids[0]) },
	"purged before we looked": func(s *site, ids []string) {
		s.Delete("Account", ids[0])
		s.purge(ids[0])
	},
	"merge": func(s *site, ids []string) {
		s.Tx(func(tx *org.Tx) error { return tx.Merge(s.Object("Account"), ids[1], ids[:1]) })
	},
	"deleted, restored and deleted": func(s *site, ids []string) {
		s.Delete("Account", ids[0])
		s.Tx(func(tx *org.Tx) error { return tx.Undelete(s.Object("Account"), ids[0]) })
		s.poll(now)
		s.Delete("Account", ids[0])
	},
}

func TestEveryKindOfDeletionUnderEachPolicy(t *testing.T) {
	t.Parallel()
	for name, do := range kinds {
		for _, policy := range []mapping.DeletePolicy{mapping.RemoveRow, mapping.KeepRow} {
			t.Run(strings.TrimSpace(name+" "+string(policy)), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, sandbox.Options{})
				s.account.Mapping.Options.Deletes = policy
				ids := s.accounts(3)
				s.load(s.account)
				s.poll(now)
				do(s, ids)
				s.Reader = s.reader(prompt)
				s.poll(now)
				s.reconcile()
				left, marked := s.count("sfid = '"+ids[0]+"'"), s.count("sfid = '"+ids[0]+"' AND isdeleted")
				if want := map[mapping.DeletePolicy]string{mapping.RemoveRow: "0", mapping.KeepRow: "1"}[policy]; left != want || marked != want {
					t.Errorf("%s rows left, %s of them marked", left, marked)
				}
				if got := s.count("NOT isdeleted"); got != "2" {
					t.Errorf("%s others", got)
				}
				if got := s.One(`SELECT count(*) FROM salesforce._trigger_log`); got != "0" {
					t.Errorf("%s changes captured", got)
				}
				if again := s.reconcile(); again.Result.Changes() != 0 || again.Missing != 0 {
					t.Errorf("a second time: %+v", again)
				}
			})
		}
	}
}

// limits of the brake in these tests: more than 5 rows and 10 %.
func (s *site) braked(settings reader.Settings) {
	s.Connection.Options = mapping.ConnectionOptions{BrakeRows: 5, BrakePercent: 10}
	s.Reader = s.reader(settings)
}

func (s *site) hold() (brake.Hold, bool) {
	s.Helper()
	h, ok, err := brake.Of(s.Connection.ID).Open(s.Context(), s.DB.Pool(), s.account.Mapping.ID, brake.Read)
	if err != nil {
		s.Fatal(err)
	}
	return h, ok
}

func (s *site) release(h brake.Hold) {
	s.Helper()
	if err := brake.Of(s.Connection.ID).Release(s.Context(), s.DB.Pool(), h.ID, "ann"); err != nil {
		s.Fatal(err)
	}
}

func TestALostPermissionIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.accounts(12)
	s.braked(prompt)
	s.load(s.account)
	s.poll(now)
	user, _ := s.Sandbox.Org.User(org.IntegrationUser)
	own := org.ObjectRights{OwnOnly: true}
	user.Permissions.SetObject("Account", own, time.Now())
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.poll(now)
	if got := s.reconcile(); got.Missing != 12 || got.Result.Changes() != 0 {
		t.Errorf("%+v", got)
	}
	h, ok := s.hold()
	if !ok || h.Rows != 12 || h.Of != 12 || len(h.Sample) != 12 || s.count("true") != "12" {
		t.Fatalf("hold %+v, %s rows", h, s.count("true"))
	}
	user.Permissions.SetObject("Account", org.ObjectRights{}, time.Now())
	if got := s.reconcile(); got.Missing != 0 || s.count("true") != "12" {
		t.Errorf("with the permission back: %+v", got)
	}
	if _, ok := s.hold(); ok {
		t.Error("the hold did not lapse")
	}
	user.Permissions.SetObject("Account", own, time.Now())
	s.reconcile()
	h, _ = s.hold()
	s.release(h)
	if got := s.reconcile(); got.Result.Deleted != 12 || s.count("true") != "0" {
		t.Errorf("released: %+v", got)
	}
}

func TestAnEmptiedOrgIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(20)
	s.braked(prompt)
	s.load(s.account)
	s.poll(now)
	// It is being emptied in several polls.
	for _, id := range ids[:4] {
		s.Delete("Account", id)
	}
	s.poll(now)
	if got := s.count("true"); got != "16" {
		t.Errorf("%s rows after few deletions", got)
	}
	for _, id := range ids[4:] {
		s.Delete("Account", id)
	}
	added := s.Insert("Account", "Name", "new")
	if got := s.poll(now); got.Result.Deleted != 0 || got.Result.Inserted != 1 || got.Err != nil {
		t.Errorf("%+v", got)
	}
	h, ok := s.hold()
	if !ok || h.Rows != 16 || s.count("true") != "17" {
		t.Fatalf("hold %+v, %s rows", h, s.count("true"))
	}
	s.Tx(func(tx *org.Tx) error { return tx.Undelete(s.Object("Account"), ids[19]) })
	s.poll(now)
	s.reconcile()
	h, ok = s.hold()
	if !ok || h.Rows != 15 || s.count("true") != "17" {
		t.Fatalf("hold after one came back %+v, %s rows", h, s.count("true"))
	}
	s.release(h)
	if got := s.reconcile(); got.Result.Deleted != 15 || s.count("sfid IN ('"+ids[19]+"', '"+added+"')") != "2" || s.count("true") != "2" {
		t.Errorf("released: %+v, %s rows", got, s.count("true"))
	}
}

func TestADiscardedHoldKeepsTheRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(12)
	s.braked(prompt)
	s.load(s.account)
	s.poll(now)
	s.purge(ids...)
	s.reconcile()
	h, _ := s.hold()
	if err := brake.Of(s.Connection.ID).Discard(t.Context(), s.DB.Pool(), h.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.reconcile()
		if _, ok := s.hold(); ok || s.count("true") != "12" {
			t.Errorf("%s rows, held again %t", s.count("true"), ok)
		}
	}
}

// as is the org, read as somebody else.
type as struct {
	reader.Org
	user string
}

func (o as) Identity(context.Context) (salesforce.Identity, error) {
	return salesforce.Identity{UserID: o.user}, nil
}

func TestAfterAChangeOfUserAnyDeletionIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	ids := s.accounts(5)
	s.Reader = s.reader(prompt)
	s.load(s.account)
	s.poll(now)
	s.reconcile()
	s.Reader = reader.New(reader.Config{Connection: s.Connection, DB: s.DB, Org: as{s.Org, "005000000000042AAA"}, Settings: prompt})
	s.purge(ids[0])
	s.reconcile()
	h, ok := s.hold()
	if !ok || h.Rows != 1 || !strings.Contains(h.Reason, "user") || s.count("true") != "5" {
		t.Fatalf("hold %+v", h)
	}
	s.release(h)
	if got := s.reconcile(); got.Result.Deleted != 1 || got.Missing != 0 {
		t.Errorf("released: %+v", got)
	}
	s.purge(ids[1]) // the change is dealt with
	if got := s.reconcile(); got.Result.Deleted != 1 {
		t.Errorf("later: %+v", got)
	}
}
