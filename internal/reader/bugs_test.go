package reader_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// TestBugOfOthers replays bugs of reading that users of other tools have
// reported in public. Each names the line that guards against it here: without
// it the test fails.
func TestBugOfOthers(t *testing.T) {
	t.Parallel()
	for name, replay := range map[string]func(*testing.T){
		"airbyte 27146: a record becomes visible behind the mark": visibleLate,
		"airbyte 17148, supaglue 532: many records on one stamp":  onOneStamp,
		"airbyte 77627: a field vanishes in the middle":           fieldVanishes,
		"estuary 4917: the cursor expires again and again":        cursorExpires,
		"estuary 2565: a character is cut by the network":         characterIsCut,
		"estuary 2756: the connection of a slow reader is cut":    slowReader,
		"jsforce 1699: a slow writer loses chunks":                slowWriter,
		"wso2 4768: the place to go on from has expired":          placeExpired,
		"jsforce: a header line on each page of a Bulk result":    headerOnEachPage,
		"steampipe 29: a query too long for a URL":                longQuery,
		"Heroku Connect: flip-flop":                               flipFlop,
		"Heroku Connect: a deleted row comes back":                revivedRow,
		"Heroku Connect: a new row is there twice":                createRace,
		"OpenCTI 14877: what is read is sent back":                loop,
		"many tools: a hard delete is never seen":                 hardDelete,
		"many tools: one bad row stops the sync":                  badRow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t)
		})
	}
}

// Guard: cover.go, sweep: "back.Before(w.From)".
func visibleLate(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.load(s.account)
	s.poll(now)
	tx := s.Sandbox.Org.Begin(s.Actor())
	defer tx.Rollback()
	if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", "late")); err != nil {
		t.Fatal(err)
	}
	for range 9 { // nine minutes of polls while the transaction is open
		s.Sandbox.Org.Clock.Step(time.Minute)
		s.Insert("Account", "Name", "other")
		s.poll(now)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	s.poll(reader.PollOptions{All: true, Sweep: true})
	if got := s.count("name = 'late'"); got != "1" {
		t.Errorf("%s rows", got)
	}
}

// Guard: query.go, place: the comparison by Id beside the stamp.
func onOneStamp(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Sandbox.Org.SetSwitches(org.Switches{PageRows: 20})
	s.load(s.account)
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Tx(func(tx *org.Tx) error {
		for i := range 100 {
			if _, err := tx.Insert(s.Object("Account"), sitetest.Body("Name", fmt.Sprint(i))); err != nil {
				return err
			}
		}
		return nil
	})
	for range 10 { // each turn ends after a page, and forgets the query
		s.poll(reader.PollOptions{All: true, Until: time.Now()})
		s.Reader = s.reader(reader.Settings{})
	}
	if got := s.count("true"); got != "100" {
		t.Errorf("%s rows", got)
	}
	if !s.mark().Stamp.After(s.mark().LoadStarted) {
		t.Error("the poll never comes to an end")
	}
}

// Guard: a query that fails moves no mark: poll.go, run: "return p.giveUp(ctx, err)".
func fieldVanishes(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Insert("Account", "Name", "old", "Phone", "1")
	s.load(s.account)
	s.poll(now)
	before := s.mark()
	user, _ := s.Sandbox.Org.User(org.IntegrationUser)
	user.Permissions.SetField("Account", "Phone", org.FieldRights{Hidden: true}, time.Now())
	s.Insert("Account", "Name", "new", "Phone", "2")
	got := s.poll(now)
	if got.Err == nil || salesforce.ClassOf(got.Err) != salesforce.Redescribe || !s.mark().Stamp.Equal(before.Stamp) {
		t.Errorf("%+v, mark %v, before %v", got, s.mark().Stamp, before.Stamp)
	}
	if s.count("phone = '1'") != "1" {
		t.Error("the values are gone")
	}
	user.Permissions.SetField("Account", "Phone", org.FieldRights{}, time.Now())
	if got := s.poll(now); got.Err != nil || s.count("phone = '2'") != "1" {
		t.Errorf("with the field back: %+v", got)
	}
}

// Guard: poll.go, run: "salesforce.CursorExpired(err)".
func cursorExpires(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Sandbox.Org.SetSwitches(org.Switches{PageRows: 10})
	s.load(s.account)
	s.accounts(45)
	s.Fault(`{"kind":"status","status":400,"code":"INVALID_QUERY_LOCATOR","path":"/0r8","probability":1}`)
	if got := s.poll(now); got.Err != nil || s.count("true") != "45" {
		t.Errorf("%+v, %s rows", got, s.count("true"))
	}
}

// Guard: bodies are decoded as streams of bytes: record/restjson, bulkcsv.
func characterIsCut(t *testing.T) {
	for _, settings := range []reader.Settings{{}, {BulkFrom: 1}} {
		s := newSite(t, sandbox.Options{})
		s.Reader = s.reader(settings)
		name := strings.Repeat("Größe 日本 \U0001F600 ", 3)
		s.Insert("Account", "Name", name)
		s.Fault(`{"kind":"slow_body","bytesPerSecond":2330,"path":"/query|/results"}`)
		s.load(s.account)
		if got := s.count("name = '" + strings.TrimSpace(name) + "'"); got != "1" {
			t.Errorf("the name is %q", s.names())
		}
	}
}

// Guard: record/bulkcsv: each page begins with a header.
func headerOnEachPage(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Reader = s.reader(reader.Settings{BulkFrom: 1, BulkPageRows: 10})
	s.accounts(35)
	s.load(s.account)
	if s.count("true") != "35" || s.count("name = 'Name'") != "0" {
		t.Errorf("%s rows", s.count("true"))
	}
}

// Guard: salesforce/composed.go: "len(path) <= maxPath".
func longQuery(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	long := make([]string, 400)
	for i := range long {
		long[i] = fmt.Sprintf("'a name of an account that is not there %d'", i)
	}
	s.account.Mapping.Options.Filter = "Name IN ('mine', " + strings.Join(long, ", ") + ")"
	s.Insert("Account", "Name", "mine")
	s.load(s.account)
	s.Insert("Account", "Name", "mine")
	if got := s.poll(now); got.Err != nil || s.count("name = 'mine'") != "2" {
		t.Errorf("%+v, %s rows", got, s.count("true"))
	}
}

// Guard: apply/decide.go: the rows with unsettled entries go to mergeRow.
func flipFlop(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	id := s.Insert("Account", "Name", "old", "Phone", "1")
	s.load(s.account)
	s.Run(`UPDATE salesforce.account SET name = 'first'`)
	s.Update("Account", id, "Phone", "2")
	s.poll(now)
	s.want("after a poll between two updates", "first")
	s.Run(`UPDATE salesforce.account SET name = 'second'`)
	s.poll(now)
	s.want("after the second update", "second")
	if got := s.count("phone = '2'"); got != "1" {
		t.Error("the other field's change is lost")
	}
}

// Guard: apply/decide.go, decideUnknown: "lastDelete(m.bySfid[sfid])".
func revivedRow(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	id := s.Insert("Account", "Name", "old")
	s.load(s.account)
	s.Run(`DELETE FROM salesforce.account`)
	s.Update("Account", id, "Name", "changed")
	s.poll(now)
	s.Reader = s.reader(prompt)
	s.reconcile()
	s.poll(now)
	s.want("with the delete on its way", "")
}

// Guard: apply/match.go, keys: rows without sfid are found by the unique
// identifier.
func createRace(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.load(s.account)
	s.Run(`INSERT INTO salesforce.account (name, external_id__c) VALUES ('mine', 'x1')`)
	s.Insert("Account", "Name", "mine", "External_ID__c", "x1") // sent, and its answer not yet read
	s.poll(now)
	s.want("after the poll", "mine")
}

// Guard: target/session.go, switches: xmlbinary.
func loop(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	id := s.Insert("Account", "Name", "one")
	s.load(s.account)
	s.Update("Account", id, "Name", "two")
	s.poll(now)
	s.Delete("Account", id)
	s.poll(now)
	if got := s.One(`SELECT count(*) FROM salesforce._trigger_log`); got != "0" {
		t.Errorf("%s entries in the trigger log", got)
	}
}

// Guard: reconcile.go.
func hardDelete(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Reader = s.reader(prompt)
	ids := s.accounts(2)
	s.load(s.account)
	s.poll(now)
	s.purge(ids[0])
	s.poll(now)
	s.reconcile()
	s.want("compared", "account 1")
}

// Guard: apply/clash.go, halve: "p.refuse(".
func badRow(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	s.Run(noBobs)
	s.load(s.account)
	s.Insert("Account", "Name", "Ann")
	s.Insert("Account", "Name", "Bob")
	s.poll(now)
	s.want("polled", "Ann")
	s.Sandbox.Org.Clock.Step(time.Minute)
	s.Insert("Account", "Name", "Cid")
	s.poll(now)
	s.want("later", "Ann Cid")
}
