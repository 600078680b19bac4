package writer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// diesAfter runs one call up to a point and forgets it, as a kill does there.
func (s *site) diesAfter(point string) {
	s.Helper()
	c, err := s.claim(s.Context(), s.fence)
	s.must(err)
	if point == "claim" {
		s.restart()
		return
	}
	s.must(s.journal.Sending(s.Context(), s.fence, c.calls[0].batch, entriesOf(c.calls[0].intents)))
	if point == "sending" {
		s.restart()
		return
	}
	results, err := s.send(s.Context(), c.calls[0])
	s.must(err)
	if point == "reply" {
		s.restart()
		return
	}
	s.must(s.journal.Accepted(s.Context(), c.calls[0].batch, answersOf(c.calls[0].intents, results)))
	s.restart()
}

// age makes open intents as old as if d had passed.
func (s *site) age(d time.Duration) {
	s.Helper()
	s.run(`UPDATE _syncline.intent SET claimed_at = claimed_at - $1::interval`, fmt.Sprint(d.Seconds(), "s"))
}

func TestRecoverByJournal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ point, after string }{
		{"claim", "NEW"}, {"accepted", "SUCCESS"}, {"sending", "PENDING"}, {"reply", "PENDING"},
	} {
		t.Run(tt.point, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
			s.diesAfter(tt.point)
			s.must(s.Recover(t.Context(), s.fence))
			s.want("log", s.lines(`SELECT DISTINCT state FROM _trigger_log`), tt.after+"\n")
			// Others do not wait, entries of the same record do.
			s.run(`UPDATE account SET name = 'A2' WHERE name = 'A'`)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('C', 'z')`)
			_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
			s.must(err)
			s.age(resendAfter)
			s.must(s.Recover(t.Context(), s.fence))
			s.drain()
			s.want("log", s.lines(`SELECT count(*), min(state), max(state) FROM _trigger_log`), "4|SUCCESS|SUCCESS\n")
			s.want("org", s.inOrg(`SELECT Name FROM Account ORDER BY Name`), `{"Name":"A2"}`+"\n"+`{"Name":"B"}`+"\n"+`{"Name":"C"}`+"\n")
			s.want("rows", s.lines(`SELECT count(DISTINCT sfid) FROM account`), "3\n")
		})
	}
}

func TestUnknownUpdateGoesBeforeNewerOnes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.drain()
	s.run(`UPDATE account SET phone = '1'`)
	s.diesAfter("sending")
	s.run(`UPDATE account SET phone = '2'`)
	s.must(s.Recover(t.Context(), s.fence))
	p, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	s.must(err)
	if p.Sent != 0 || p.NextAt.IsZero() {
		t.Errorf("progress %+v, though the other node might still send", p)
	}
	s.age(resendAfter)
	s.must(s.Recover(t.Context(), s.fence))
	s.drain()
	s.want("org", s.inOrg(`SELECT Phone FROM Account`), `{"Phone":"2"}`+"\n")
	var phones []string
	for _, w := range s.org.Org.WritesSince(0, 100) {
		for _, f := range w.Fields {
			if f.Field.Name == "Phone" {
				phones = append(phones, fmt.Sprint(f.Value))
			}
		}
	}
	if len(phones) < 2 || !strings.Contains(phones[len(phones)-1], "2") {
		t.Errorf("phones written: %v", phones)
	}
}

func TestLostReply(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"drop_after", "drop_before"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
			s.fault(map[string]any{"kind": kind, "count": 1, "method": "PATCH"})
			s.drain()
			s.run(`UPDATE account SET phone = '1'`)
			s.fault(map[string]any{"kind": kind, "count": 1, "method": "PATCH"})
			s.drain()
			s.run(`DELETE FROM account WHERE name = 'B'`)
			s.fault(map[string]any{"kind": kind, "count": 1, "method": "DELETE"})
			s.drain()
			s.want("log", s.lines(`SELECT count(*), min(state), max(state) FROM _trigger_log`), "5|SUCCESS|SUCCESS\n")
			s.want("org", s.inOrg(`SELECT Name, Phone FROM Account`), `{"Name":"A","Phone":"1"}`+"\n")
		})
	}
}

const insertBig = `INSERT INTO opportunity (name, stagename, closedate, amount) VALUES ('Big', 'Prospecting', '2026-12-01', 10)`

func TestLostReplyOfInsertsThatArrived(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig + `, ('Big', 'Prospecting', '2026-12-01', 10), ('Other', 'Prospecting', '2026-12-02', 10)`)
	s.fault(map[string]any{"kind": "drop_after", "count": 1, "method": "POST", "path": "/composite/sobjects$"})
	if p := s.drain(); p.Sent != 3 {
		t.Errorf("progress %+v", p)
	}
	s.want("rows", s.lines(`SELECT count(DISTINCT sfid), min(_hc_lastop) FROM opportunity`), "3|INSERTED\n")
	s.want("org", s.inOrg(`SELECT Name FROM Opportunity ORDER BY Name`), strings.Repeat(`{"Name":"Big"}`+"\n", 2)+`{"Name":"Other"}`+"\n")
}

func TestLostInsertsThatDidNotArrive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig)
	s.diesAfter("sending")
	s.must(s.Recover(t.Context(), s.fence))
	s.want("intent", s.lines(`SELECT state FROM _syncline.intent`), "unknown\n")
	s.run(`UPDATE opportunity SET amount = 11`)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	for range 100 { // the account may need several turns of 20 ms, the opportunity is never done
		_, err := s.Drain(t.Context(), s.fence, time.Now().Add(20*time.Millisecond))
		s.must(err)
		if strings.Contains(s.states(), "account|1|SUCCESS") {
			break
		}
	}
	s.want("log", s.states(), "INSERT|opportunity|1|PENDING\nUPDATE|opportunity|1|NEW\nINSERT|account|1|SUCCESS\n")
	s.age(ProbeFinal)
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|opportunity|1|NEW\nUPDATE|opportunity|1|NEW\nINSERT|account|1|SUCCESS\n")
	s.drain()
	s.want("org", s.inOrg(`SELECT Name, Amount FROM Opportunity`), `{"Amount":11,"Name":"Big"}`+"\n")
}

func TestLostInsertThatIsUnclear(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig)
	s.diesAfter("sending")
	// Somebody with our user made a record that is nearly the same.
	_, err := s.client.Write(t.Context(), salesforce.WriteRequest{Op: salesforce.Insert, Object: "Opportunity",
		Records: raw(`{"attributes":{"type":"Opportunity"},"Name":"Big","StageName":"Prospecting","CloseDate":"2026-12-01","Amount":12}`)})
	s.must(err)
	s.age(ProbeFinal - time.Minute)
	s.must(s.Recover(t.Context(), s.fence))
	s.age(2 * time.Minute)
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|opportunity|1|PENDING\n")
	s.run(`UPDATE _trigger_log SET state = 'NEW'`) // a state set by hand waits for the answer
	p, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	s.must(err)
	if p.Sent != 0 {
		t.Errorf("progress %+v", p)
	}
}

func TestJournalThatIsDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig)
	s.journal.down = errors.New("no connection")
	if _, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute)); !errors.Is(err, s.journal.down) {
		t.Errorf("error %v", err)
	}
	s.want("log", s.states(), "INSERT|opportunity|1|NEW\n")
	s.journal.down = nil
	s.client.around = func(_ salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		s.journal.down = errors.New("lost in between")
		return send()
	}
	if _, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute)); !errors.Is(err, s.journal.down) {
		t.Errorf("error %v", err)
	}
	s.want("log", s.states(), "INSERT|opportunity|1|SUCCESS\n")
}

func TestInsertThatArrivesLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Settings.ProbeEvery = 100 * time.Millisecond })
	s.run(insertBig)
	s.fault(map[string]any{"kind": "late", "count": 1, "method": "POST", "path": "/composite/sobjects$", "delayMs": 400})
	if p := s.drain(); p.Sent != 1 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), "INSERT|opportunity|1|SUCCESS\n")
	s.want("org", s.inOrg(`SELECT Name FROM Opportunity`), `{"Name":"Big"}`+"\n")
	s.want("row", s.lines(`SELECT length(sfid), _hc_lastop FROM opportunity`), "18|INSERTED\n")
}

// covered is an org in which a transaction from before is still open.
type covered struct {
	*orgSpy
	latest time.Time
}

func (c covered) Updated(context.Context, string, time.Time, time.Time) (salesforce.Updated, error) {
	return salesforce.Updated{LatestDateCovered: c.latest}, nil
}

func TestLostInsertWaitsForOpenTransactions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig)
	s.diesAfter("sending")
	s.age(ProbeFinal + time.Second)
	s.cfg.Org = covered{s.client, time.Now().Add(-ProbeFinal)}
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|opportunity|1|PENDING\n")
	s.cfg.Org = s.client
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|opportunity|1|NEW\n")
}

func TestLostInsertIsNotTheOneOfARowThatIsHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(insertBig)
	s.run(`BEGIN`)
	s.run(`SELECT FROM opportunity FOR UPDATE`)
	_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute)) // accepted, not settled
	s.must(err)
	other, err := pgx.ConnectConfig(t.Context(), s.app.Config())
	s.must(err)
	defer func() { _ = other.Close(context.Background()) }()
	_, err = other.Exec(t.Context(), `SET search_path = salesforce, public; `+insertBig)
	s.must(err)
	s.diesAfter("sending")
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|opportunity|1|PENDING\nINSERT|opportunity|2|PENDING\n")
	s.run(`COMMIT`)
	s.age(ProbeFinal)
	s.must(s.Recover(t.Context(), s.fence))
	s.drain()
	s.want("rows", s.lines(`SELECT count(DISTINCT sfid) FROM opportunity`), "2\n")
	s.want("org", s.inOrg(`SELECT Name FROM Opportunity`), strings.Repeat(`{"Name":"Big"}`+"\n", 2))
}

// Without the user's Id a lost insert would not be found, and be sent twice.
func TestConnectionWithoutAUserSendsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Connection.Org.UserID = "" })
	err := s.Recover(t.Context(), s.fence)
	if _, ok := errors.AsType[*mapping.ConfigError](err); !ok || !strings.Contains(err.Error(), "create it again") {
		t.Errorf("error %v", err)
	}
}
