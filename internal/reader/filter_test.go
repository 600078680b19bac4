package reader_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// big maps only accounts of more than a hundred employees.
func filtered(t *testing.T) *site {
	t.Helper()
	s := newSite(t, sandbox.Options{})
	s.account.Mapping.Options.Filter = "NumberOfEmployees > 100 OR Name LIKE 'VIP%'"
	s.Reader = s.reader(prompt)
	return s
}

func (s *site) names() string {
	s.Helper()
	return s.One(`SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM salesforce.account`)
}

func (s *site) want(what, names string) {
	s.Helper()
	if got := s.names(); got != names {
		s.Errorf("%s: rows %q, want %q", what, got, names)
	}
}

func TestOnlyRecordsThatMeetTheFilterHaveRows(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]reader.Settings{
		"loaded by queries": prompt,
		"loaded by Bulk":    {ConfirmAfter: time.Nanosecond, DeletedEvery: -1, BulkFrom: 1, BulkIDsFrom: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := filtered(t)
			s.Reader = s.reader(settings)
			big := s.Insert("Account", "Name", "big", "NumberOfEmployees", num(500))
			small := s.Insert("Account", "Name", "small", "NumberOfEmployees", num(5))
			s.Insert("Account", "Name", "VIP", "NumberOfEmployees", num(1))
			s.load(s.account)
			s.want("loaded", "VIP big")
			s.poll(now)
			s.want("polled", "VIP big")

			s.Update("Account", small, "NumberOfEmployees", num(101))
			s.Update("Account", big, "NumberOfEmployees", num(99))
			s.Insert("Account", "Name", "other", "NumberOfEmployees", num(1))
			if got := s.poll(now); got.Err != nil || got.Result.Inserted != 1 || got.Result.Deleted != 1 {
				t.Errorf("one came, one left: %+v", got)
			}
			s.want("after one came and one left", "VIP small")

			s.Delete("Account", small)
			s.Update("Account", big, "NumberOfEmployees", num(100), "Name", "still not")
			s.poll(now)
			s.want("after a deletion", "VIP")
			s.Tx(func(tx *org.Tx) error { return tx.Undelete(s.Object("Account"), small) })
			s.poll(now)
			s.want("after its undelete", "VIP small")
			if got := s.reconcile(); got.Missing+got.Extra+got.Result.Changes() != 0 || got.Compared != 2 {
				t.Errorf("comparing all Ids: %+v", got)
			}
		})
	}
}

// A record is changed so that it leaves the filter, and then deleted, between
// two polls.
func TestALeaverThatIsDeleted(t *testing.T) {
	t.Parallel()
	s := filtered(t)
	id := s.Insert("Account", "Name", "big", "NumberOfEmployees", num(500))
	s.load(s.account)
	s.poll(now)
	s.Update("Account", id, "NumberOfEmployees", num(1))
	s.Delete("Account", id)
	s.poll(now)
	s.want("polled", "")
}

// The turn ends after each page, and each goes on with another reader.
func TestLeaversOverManyTurns(t *testing.T) {
	t.Parallel()
	s := filtered(t)
	s.Sandbox.Org.SetSwitches(org.Switches{PageRows: 5})
	var ids []string
	for i := range 12 {
		ids = append(ids, s.Insert("Account", "Name", fmt.Sprintf("n%02d", i), "NumberOfEmployees", num(500)))
	}
	s.load(s.account)
	s.poll(now)
	s.Sandbox.Org.Clock.Step(time.Hour)
	for i, id := range ids {
		s.Update("Account", id, "NumberOfEmployees", num(500*(i%2)))
	}
	for turn := 0; ; turn++ {
		got := s.poll(reader.PollOptions{All: true, Until: time.Now()})
		s.Reader = s.reader(prompt)
		if got.Err != nil || turn > 20 {
			t.Fatalf("turn %d: %+v", turn, got)
		}
		if got.Next > 0 {
			break
		}
	}
	s.want("in the end", "n01 n03 n05 n07 n09 n11")
}

func TestAChangedFilterIsReadAnewAndItsDeletionsAreHeld(t *testing.T) {
	t.Parallel()
	s := filtered(t)
	s.Insert("Account", "Name", "big", "NumberOfEmployees", num(500))
	s.Insert("Account", "Name", "medium", "NumberOfEmployees", num(50))
	s.Insert("Account", "Name", "small", "NumberOfEmployees", num(5))
	s.load(s.account)
	s.poll(now)
	s.reconcile()
	s.Sandbox.Org.Clock.Step(24 * time.Hour)
	s.poll(now)
	s.account.Mapping.Options.Filter = "NumberOfEmployees < 100"
	s.poll(reader.PollOptions{}) // due at once
	s.want("what came into the filter is read", "big medium small")
	s.reconcile()
	h, ok := s.hold()
	if !ok || h.Rows != 1 || h.Reason != "the mapping's filter was changed" {
		t.Fatalf("hold %+v", h)
	}
	s.release(h)
	s.reconcile()
	s.want("released", "medium small")
	s.account.Mapping.Options.Filter = ""
	s.poll(now)
	s.want("without a filter", "big medium small")
}

// A large object is read anew by a load through Bulk, which takes few calls; what
// left the filter is held all the same.
func TestAChangedFilterOfALargeObjectIsLoadedAnew(t *testing.T) {
	t.Parallel()
	s := filtered(t)
	s.Insert("Account", "Name", "big", "NumberOfEmployees", num(500))
	s.Insert("Account", "Name", "medium", "NumberOfEmployees", num(50))
	s.Insert("Account", "Name", "small", "NumberOfEmployees", num(5))
	s.load(s.account)
	s.poll(now)
	rowID := s.One(`SELECT id FROM salesforce.account WHERE name = 'big'`)
	settings := prompt
	settings.BulkFrom = 3
	s.Reader = s.reader(settings)
	s.account.Mapping.Options.Filter = "NumberOfEmployees < 100"
	for range 2 { // a node that dies before it shows the load is followed by another
		if got := s.poll(reader.PollOptions{}); !got.Reload || got.Polled || got.Err != nil {
			t.Fatalf("%+v", got)
		}
	}
	s.want("nothing is gone", "big")
	s.load(s.account)
	s.want("what came into the filter is read", "big medium small")
	if got := s.One(`SELECT id FROM salesforce.account WHERE name = 'big'`); got != rowID {
		t.Errorf("row %s has become %s", rowID, got)
	}
	s.reconcile()
	h, ok := s.hold()
	if !ok || h.Rows != 1 || h.Reason != "the mapping's filter was changed" {
		t.Fatalf("hold %+v", h)
	}
	s.release(h)
	s.reconcile()
	s.want("released", "medium small")
	if got := s.poll(now); got.Reload || got.Err != nil {
		t.Errorf("%+v", got)
	}
}

func TestALocalInsertOutsideTheFilterStaysUntilItIsWritten(t *testing.T) {
	t.Parallel()
	s := filtered(t)
	s.load(s.account)
	s.poll(now)
	s.Run(`INSERT INTO salesforce.account (name, numberofemployees) VALUES ('mine', 3)`)
	s.poll(now)
	s.reconcile()
	s.want("before it is written", "mine")
	// What the writer does: the record is there, and the row has its sfid.
	id := s.Insert("Account", "Name", "mine", "NumberOfEmployees", num(3))
	s.Run(`SET xmlbinary = 'hex'; UPDATE salesforce.account SET sfid = '` + id + `'`)
	s.poll(now)
	s.want("with its change unsettled", "mine")
	s.Run(`SET xmlbinary = 'hex'; UPDATE salesforce._trigger_log SET state = 'SUCCESS'`)
	s.poll(now)
	s.reconcile()
	s.want("once it is written", "")
}

func TestArchivedTasksAreAnOption(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	task := s.Table("Task", "", "Subject", "Status")
	if _, ok := s.Object("Task").Field("IsArchived"); !ok {
		t.Skip("the org's tasks are never archived")
	}
	task.Mapping.Options.Archived = true
	s.Insert("Task", "Subject", "now", "Status", "Not Started")
	gone := s.Insert("Task", "Subject", "gone", "Status", "Not Started")
	s.Delete("Task", gone)
	s.load(task)
	if got := s.One(`SELECT string_agg(subject, ' ') FROM salesforce.task`); got != "now" {
		t.Errorf("tasks %q", got)
	}
}

// num is a number as it stands in JSON.
func num(n int) json.Number { return json.Number(strconv.Itoa(n)) }
