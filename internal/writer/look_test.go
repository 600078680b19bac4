package writer

import (
	"fmt"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox/org"
)

// smallPages looks at few entries at a time: 40 pages are not enough for
// heldChildren.
func smallPages(c *Config) { c.Settings.Window = 2 }

const heldChildren = 800

// newHeldFamily has many children at the head of the log whose parent's insert
// was refused, all of them captured a while ago.
func newHeldFamily(t *testing.T, algorithm mapping.Algorithm) *site {
	t.Helper()
	s := newSite(t, smallPages, func(c *Config) {
		c.Connection.Algorithm = algorithm
		c.Connection.Options.BulkWritesFrom = -1
	})
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "Phone = 'bad'", Message: "no such phone", Fields: []string{"Phone"}}}}))
	s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('Parent', 'p', 'bad')`)
	s.drain()
	s.run(`INSERT INTO contact (lastname, account__external_id__c) SELECT 'Child', 'p' FROM generate_series(1, $1::int)`, heldChildren)
	s.run(`UPDATE _trigger_log SET created_at = created_at - interval '1 hour'`)
	return s
}

// drainAll sends what is left, however long it takes to look through the log.
func (s *site) drainAll() {
	s.Helper()
	for range 1000 {
		_, err := s.Drain(s.Context(), s.fence, time.Now().Add(time.Minute))
		s.must(err)
		if s.lines(`SELECT count(*) FROM _trigger_log WHERE state IN ('NEW', 'PENDING')`) == "0\n" {
			return
		}
		s.look, s.idleUntil = nil, time.Time{}
	}
	s.Fatalf("does not come to its end:\n%s", s.lines(`SELECT table_name, state, sf_message, count(*) FROM _trigger_log GROUP BY 1, 2, 3`))
}

// waiting counts entries that are NEW, and those that say why.
func (s *site) waiting() string {
	s.Helper()
	return s.lines(`SELECT count(*), count(sf_message) FROM _trigger_log WHERE state = 'NEW'`)
}

func TestFreeEntriesBehindManyThatWait(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			s := newHeldFamily(t, algorithm)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('Free', 'f')`)
			if p := s.drain(); p.Sent != 1 || p.Failed != 0 {
				t.Errorf("progress %+v", p)
			}
			s.want("waiting", s.waiting(), fmt.Sprintf("%[1]d|%[1]d\n", heldChildren))

			s.run(`UPDATE account SET name = 'Freer' WHERE external_id__c = 'f'`)
			look := s.look
			look.stale, look.due, look.began = false, false, time.Now() // nothing tells it to look again
			if went, err := s.step(t.Context(), s.fence, &Progress{}); !went || err != nil || s.look != look || look.front.n != heldChildren {
				t.Errorf("sent %v, %v; looked through the log again: %v; passed over %+v", went, err, s.look != look, look.front)
			}
			s.want("org", s.inOrg(`SELECT Name FROM Account`), `{"Name":"Freer"}`+"\n")

			s.run(`UPDATE account SET phone = '1' WHERE external_id__c = 'p'`)
			if algorithm != mapping.Merged { // which takes the insert along
				s.run(`UPDATE _trigger_log SET state = 'REQUEUED' WHERE state IN ('FAILED', 'NEW') AND table_name = 'account'`)
				s.run(`SELECT hc_capture_insert_from_row(hstore(account.*), 'account') FROM account WHERE external_id__c = 'p'`)
			}
			s.drainAll()
			s.want("log", s.lines(`SELECT count(*) FROM _trigger_log WHERE state = 'SUCCESS' AND table_name = 'contact'`), fmt.Sprintln(heldChildren))
		})
	}
}

// TestEntryThatComesInFrontOfThoseThatWait: its record's later changes, found
// behind, don't go before it.
func TestEntryThatComesInFrontOfThoseThatWait(t *testing.T) {
	t.Parallel()
	s := newHeldFamily(t, mapping.Dependency)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('Free', 'f')`)
	s.drain()
	s.run(`UPDATE _trigger_log SET id = 0 WHERE state = 'SUCCESS'`) // its place is in front now
	s.run(`UPDATE account SET name = 'late' WHERE external_id__c = 'f'`)
	s.look.began = time.Now()
	if s.look.over() || s.look.front.n != heldChildren {
		t.Fatalf("the look is %+v", s.look)
	}
	s.run(`UPDATE _trigger_log SET state = 'NEW', action = 'UPDATE', "values" = 'name=>early' WHERE id = 0`)
	var names []string
	s.client.around = func(w salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		names = append(names, string(w.Records[0]))
		return send()
	}
	s.drain()
	if len(names) != 2 {
		t.Errorf("sent %v", names)
	}
	s.want("org", s.inOrg(`SELECT Name FROM Account`), `{"Name":"late"}`+"\n")
}

// TestYoungEntriesAreNotPassedOver: others may still come between them.
func TestYoungEntriesAreNotPassedOver(t *testing.T) {
	t.Parallel()
	s := newHeldFamily(t, mapping.Dependency)
	s.run(`UPDATE _trigger_log SET created_at = now() WHERE id > (SELECT max(id) - 100 FROM _trigger_log)`)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('Free', 'f')`)
	if p := s.drain(); p.Sent != 1 || p.Failed != 0 {
		t.Errorf("progress %+v", p)
	}
	if n := s.look.front.n; n == 0 || n > heldChildren-100 {
		t.Errorf("%d entries were passed over", n)
	}
}
