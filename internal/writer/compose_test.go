package writer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox/org"
)

func by(a mapping.Algorithm) func(*Config) {
	return func(c *Config) { c.Connection.Algorithm = a }
}

// threeTables changes rows of three tables that don't touch each other.
func (s *site) threeTables() {
	s.Helper()
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'a')`)
	s.run(`INSERT INTO opportunity (name, stagename, closedate) VALUES ('O', 'Prospecting', '2026-12-01')`)
	s.run(`INSERT INTO contact (lastname, external_id__c) VALUES ('C', 'c')`)
}

const allSent = "INSERT|account|1|SUCCESS\nINSERT|opportunity|1|SUCCESS\nINSERT|contact|1|SUCCESS\n"

func TestChangeSetsTravelTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.threeTables()
	s.run(`INSERT INTO contact (lastname, external_id__c, account__external_id__c) VALUES ('child', 'd', 'a')`)
	if p := s.drain(); p.Sent != 4 {
		t.Errorf("progress %+v", p)
	}
	if !slices.Equal(s.client.together, []int{3}) {
		t.Errorf("composed calls of %v", s.client.together)
	}
	s.want("log", s.states(), allSent+"INSERT|contact|2|SUCCESS\n")
	s.want("rows", s.lines(`SELECT length(sfid), _hc_lastop FROM account UNION ALL SELECT length(sfid), _hc_lastop FROM opportunity`), "18|INSERTED\n18|INSERTED\n")
	s.want("child", s.inOrg(`SELECT LastName FROM Contact WHERE Account.Name = 'A'`), `{"LastName":"child"}`+"\n")
}

func TestWriteThatLooksLikeAReferenceGoesAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.threeTables()
	s.run(`INSERT INTO contact (lastname, external_id__c) VALUES ('@{w0.id}', 'd')`)
	s.drain()
	if !slices.Equal(s.client.together, []int{2}) {
		t.Errorf("composed calls of %v", s.client.together)
	}
	s.want("org", s.inOrg(`SELECT LastName FROM Contact ORDER BY LastName`), `{"LastName":"@{w0.id}"}`+"\n"+`{"LastName":"C"}`+"\n")
}

func TestOneOfSeveralWritesIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.threeTables()
	limit := &salesforce.Error{Status: 403, Code: "REQUEST_LIMIT_EXCEEDED", Class: salesforce.RetryLater, Sent: true}
	s.client.all = func(list []salesforce.WriteRequest, _ func() ([]salesforce.Written, error)) ([]salesforce.Written, error) {
		out, err := s.client.Client.WriteAll(t.Context(), list[:2])
		return append(out, salesforce.Written{Err: limit}), err
	}
	// On a slow machine it is tried again before the error ends the turn.
	s.client.around = func(salesforce.WriteRequest, func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		return nil, limit
	}
	_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	s.client.all, s.client.around = nil, nil
	if salesforce.ClassOf(err) != salesforce.RetryLater {
		t.Errorf("error %v", err)
	}
	s.want("log", s.states(), "INSERT|account|1|SUCCESS\nINSERT|opportunity|1|SUCCESS\nINSERT|contact|1|NEW\n")
	s.drain()
	s.want("log", s.states(), allSent)
}

func TestComposedCallThatTheOrgDoesNotTake(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.threeTables()
	s.fault(map[string]any{"kind": "status", "status": 400, "code": "JSON_PARSER_ERROR", "message": "bad", "count": 1, "path": "/composite$"})
	if p := s.drain(); p.Sent != 3 || p.Failed != 0 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), allSent)
}

func TestLostReplyOfSeveralWrites(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"drop_before", "drop_after"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, by(mapping.Dependency))
			s.threeTables()
			s.fault(map[string]any{"kind": kind, "count": 1, "path": "/composite$"})
			_, _ = s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
			s.age(ProbeFinal)
			s.drain()
			s.want("log", s.states(), allSent)
			for _, q := range []string{`SELECT Name FROM Account`, `SELECT Name FROM Opportunity`, `SELECT LastName FROM Contact`} {
				if got := s.inOrg(q); strings.Count(got, "\n") != 1 {
					t.Errorf("%s: %s", q, got)
				}
			}
		})
	}
}

// If the journal takes the first of several calls and not the second, none is
// made and all are NEW again.
func TestJournalFailsBetweenCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.threeTables()
	c, err := s.claim(t.Context(), s.fence)
	s.must(err)
	s.cfg.Journal = &failing{memory: s.journal, after: 1}
	if err := s.deliverAll(t.Context(), s.fence, c.calls, &Progress{}); err == nil {
		t.Error("no error")
	}
	s.want("log", s.states(), strings.ReplaceAll(allSent, "SUCCESS", "NEW"))
	s.want("intents", s.lines(`SELECT count(*) FROM _syncline.intent`), "0\n")
	s.cfg.Journal = s.journal
	s.drain()
	s.want("log", s.states(), allSent)
}

func TestMergedCarriesAndRetries(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Merged))
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "Phone = 'bad'", Message: "no such phone", Fields: []string{"Phone"}}}}))
	s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('A', 'a', 'bad')`)
	s.run(`UPDATE account SET description = 'kept'`)
	s.drain()
	s.want("log", s.states(), "INSERT|account|1|MERGED\nINSERT|account|1|FAILED\n")
	s.run(`UPDATE account SET phone = '1'`)
	s.run(`UPDATE account SET name = 'B'`)
	s.drain()
	s.want("log", s.states(), "INSERT|account|1|MERGED\nINSERT|account|1|MERGED\nUPDATE|account|1|MERGED\nINSERT|account|1|SUCCESS\n")
	s.want("org", s.inOrg(`SELECT Name, Phone, Description FROM Account`), `{"Description":"kept","Name":"B","Phone":"1"}`+"\n")
	s.want("row", s.lines(`SELECT length(sfid), _hc_lastop, _hc_err FROM account`), "18|INSERTED|-\n")

	s.run(`UPDATE account SET phone = 'bad', description = 'new'`)
	s.run(`UPDATE account SET name = 'C'`)
	s.drain()
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{}))
	s.run(`UPDATE _trigger_log SET state = 'NEW' WHERE state = 'FAILED'`)
	s.drain()
	s.want("org", s.inOrg(`SELECT Name, Phone, Description FROM Account`), `{"Description":"new","Name":"C","Phone":"bad"}`+"\n")
}
