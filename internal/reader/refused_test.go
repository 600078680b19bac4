package reader_test

import (
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/sandbox"
)

// noBobs has the application's own rules refuse a record.
const noBobs = `ALTER TABLE salesforce.account ADD CONSTRAINT no_bob CHECK (name <> 'Bob')`

// due has all refused records tried again now.
const retryNow = `UPDATE _syncline.read_error SET next_at = now()`

func TestARefusedRecordDoesNotStopItsMapping(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]reader.Settings{"queries": {}, "Bulk": {BulkFrom: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{})
			s.Reader = s.reader(settings)
			s.Insert("Account", "Name", "Ann")
			s.Insert("Account", "Name", "Bob")
			s.Insert("Account", "Name", "Cid")
			s.Run(noBobs)
			s.load(s.account)
			s.want("loaded", "Ann Cid")
			bob := s.One(`SELECT sfid FROM _syncline.read_error WHERE code = '23514' AND constraint_name = 'no_bob'`)
			if bob == "" {
				t.Fatalf("read errors: %s", s.One(`SELECT string_agg(message, ';') FROM _syncline.read_error`))
			}
			s.Insert("Account", "Name", "Dan")
			s.poll(now)
			s.want("polled", "Ann Cid Dan")

			// It waits for its time, is refused again, and waits longer.
			s.Sandbox.Org.Clock.Step(time.Hour)
			s.poll(now)
			s.Sandbox.Org.Clock.Step(time.Hour)
			calls := s.Calls()
			s.poll(now)
			if n := s.Calls() - calls; n != 1 {
				t.Errorf("%d calls while nothing is due", n)
			}
			s.Run(retryNow)
			s.poll(now)
			if got := s.One(`SELECT attempts > 1 AND next_at > now() FROM _syncline.read_error`); got != "true" {
				t.Errorf("after another attempt: %q", got)
			}
			s.Update("Account", bob, "Name", "Bo")
			s.poll(now)
			s.want("mended in Salesforce", "Ann Bo Cid Dan")
			if got := s.One(`SELECT count(*) FROM _syncline.read_error`); got != "0" {
				t.Errorf("%s read errors left", got)
			}
		})
	}
}

func TestARefusedRecordThatIsDeletedIsForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	bob := s.Insert("Account", "Name", "Bob")
	s.Run(noBobs)
	s.load(s.account)
	s.poll(now)
	s.purge(bob)
	s.Run(retryNow)
	s.poll(now)
	if got := s.One(`SELECT count(*) FROM _syncline.read_error`); got != "0" {
		t.Errorf("%s read errors left", got)
	}
}

// What a person ignores is tried no more as long as it is refused for the same
// reason, and told of again for another one.
func TestAnIgnoredRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.Run(noBobs)
	id := s.Insert("Account", "Name", "Bob")
	s.load(s.account)
	waiting := func() int64 {
		t.Helper()
		all, err := s.Waiting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all[s.account.Mapping.ID].Refused
	}
	if n := waiting(); n != 1 {
		t.Fatalf("%d refused", n)
	}
	s.Run(`UPDATE _syncline.read_error SET next_at = 'infinity'`)
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Update("Account", id, "Phone", "1")
	s.poll(now)
	if n := waiting(); n != 0 || s.One(`SELECT attempts FROM _syncline.read_error`) != "2" {
		t.Errorf("%d refused, once ignored", n)
	}
	s.Run(`ALTER TABLE salesforce.account ADD CONSTRAINT a_phone CHECK (phone <> '2'), DROP CONSTRAINT no_bob`)
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Update("Account", id, "Phone", "2")
	s.poll(now)
	if n := waiting(); n != 1 {
		t.Errorf("%d refused, for another reason", n)
	}
}
