package writer

import (
	"regexp"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox/org"
)

// byLocalID lets contacts and accounts name their account by its row's id.
func byLocalID(c *Config) {
	for table, lookup := range map[string]string{"contact": "AccountId", "account": "ParentId"} {
		t := *c.Tables[table]
		t.Mapping.Options.ResolveFrom = map[string]string{lookup: "parent_row"}
		c.Tables[table] = &t
	}
}

func newFamily(t *testing.T, algorithm string) *site {
	s := newSite(t, byLocalID, func(c *Config) { c.Connection.Algorithm = mapping.Algorithm(algorithm) })
	s.run(`ALTER TABLE contact ADD COLUMN parent_row integer`)
	s.run(`ALTER TABLE account ADD COLUMN parent_row integer`)
	return s
}

var attributes = regexp.MustCompile(`,"attributes":{[^}]*}`)

// family reads records with their parents.
func (s *site) family(soql string) string {
	s.Helper()
	return attributes.ReplaceAllString(s.inOrg(soql), "")
}

func TestChildByTheParentsRow(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ordered", "merged", "dependency"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			s := newFamily(t, algorithm)
			s.run(`INSERT INTO contact (lastname, external_id__c, parent_row) VALUES ('Early', 'e', 1)`)
			s.drain()
			s.want("waits", s.lines(`SELECT state, sf_message FROM _trigger_log`), "NEW|waits: there is no row 1 in account yet\n")
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('Parent', NULL)`)
			s.run(`INSERT INTO contact (lastname, external_id__c, parent_row) VALUES ('Late', 'l', 1)`)
			if p := s.drain(); p.Sent != 3 || p.Failed != 0 {
				t.Errorf("progress %+v; log:\n%s", p, s.states())
			}
			s.want("org", s.family(`SELECT LastName, Account.Name FROM Contact ORDER BY LastName`), `{"Account":{"Name":"Parent"},"LastName":"Early"}
{"Account":{"Name":"Parent"},"LastName":"Late"}
`)
			s.want("log", s.lines(`SELECT state, sf_message FROM _trigger_log`), "SUCCESS|-\nSUCCESS|-\nSUCCESS|-\n")
			s.run(`UPDATE contact SET parent_row = NULL WHERE lastname = 'Late'`)
			s.drain()
			s.want("left", s.inOrg(`SELECT LastName FROM Contact WHERE AccountId = NULL`), `{"LastName":"Late"}`+"\n")
		})
	}
}

func TestChildWaitsForAParentThatFailed(t *testing.T) {
	t.Parallel()
	for name, child := range map[string]string{
		"by row":         `INSERT INTO contact (lastname, parent_row) VALUES ('Child', 1)`,
		"by external ID": `INSERT INTO contact (lastname, account__external_id__c) VALUES ('Child', 'p')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFamily(t, "dependency")
			s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
				{Object: "Account", Condition: "Phone = 'bad'", Message: "no such phone", Fields: []string{"Phone"}}}}))
			s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('Parent', 'p', 'bad')`)
			s.run(child)
			s.drain()
			s.want("log", s.lines(`SELECT table_name, state, left(sf_message, 62) FROM _trigger_log ORDER BY id`),
				`account|FAILED|FIELD_CUSTOM_VALIDATION_EXCEPTION: no such phone [Phone]
contact|NEW|waits: the insert of row 1 of account failed (log id 1): corre
`)
			s.run(`UPDATE _trigger_log SET state = 'IGNORED' WHERE state = 'FAILED'`)
			s.run(`SET xmlbinary TO 'hex'`)
			s.run(`UPDATE account SET phone = '1'`)
			s.run(`SET xmlbinary TO 'base64'`)
			s.run(`SELECT hc_capture_insert_from_row(hstore(account.*), 'account') FROM account`)
			s.drain()
			s.want("org", s.family(`SELECT LastName, Account.Name FROM Contact`), `{"Account":{"Name":"Parent"},"LastName":"Child"}`+"\n")
		})
	}
}

func TestChildBeforeItsParentInTheLog(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ordered", "merged", "dependency"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			s := newFamily(t, algorithm)
			s.run(`INSERT INTO contact (lastname, account__external_id__c) VALUES ('Child', 'P')`)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('Parent', 'P')`)
			if p := s.drain(); p.Sent != 2 || p.Failed != 0 {
				t.Errorf("progress %+v; log:\n%s", p, s.lines(`SELECT state, sf_message FROM _trigger_log`))
			}
		})
	}
}

func TestRowsThatNameEachOther(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ordered", "merged", "dependency"} {
		for how, sql := range map[string]string{
			"by row": `INSERT INTO account (name, external_id__c, parent_row) VALUES ('A', 'a', 2), ('B', 'b', 3), ('C', 'c', 1), ('Self', 's', 4)`,
			"by external ID": `INSERT INTO account (name, external_id__c, parent__external_id__c)
				VALUES ('A', 'a', 'b'), ('B', 'b', 'c'), ('C', 'c', 'a'), ('Self', 's', 's')`,
		} {
			t.Run(algorithm+" "+how, func(t *testing.T) {
				t.Parallel()
				s := newFamily(t, algorithm)
				s.run(sql)
				if p := s.drain(); p.Sent != 6 || p.Failed != 0 {
					t.Errorf("progress %+v; log:\n%s", p, s.lines(`SELECT id, action, state, sf_message, "values" FROM _trigger_log ORDER BY id`))
				}
				s.want("org", s.family(`SELECT Name, Parent.Name FROM Account ORDER BY Name`), `{"Name":"A","Parent":{"Name":"B"}}
{"Name":"B","Parent":{"Name":"C"}}
{"Name":"C","Parent":{"Name":"A"}}
{"Name":"Self","Parent":{"Name":"Self"}}
`)
				s.want("log", s.lines(`SELECT action, count(*) FROM _trigger_log WHERE state = 'SUCCESS' GROUP BY 1 ORDER BY 1`), "INSERT|4\nUPDATE|2\n")
			})
		}
	}
}

// TestSecondUpdateIsMadeOnce: a call that was not made is claimed again, and so
// is a change that the application made between.
func TestSecondUpdateIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := newFamily(t, "dependency")
	s.run(`INSERT INTO account (name, external_id__c, parent_row) VALUES ('A', 'a', 2), ('B', 'b', 1), ('C', 'c', NULL)`)
	s.fault(map[string]any{"kind": "status", "status": 403, "code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded.", "count": 1})
	_, err := s.step(t.Context(), s.fence, &Progress{})
	if salesforce.ClassOf(err) != salesforce.RetryLater {
		t.Errorf("error %v", err)
	}
	s.run(`UPDATE account SET parent_row = 3 WHERE name = 'A'`)
	s.drain()
	s.want("log", s.lines(`SELECT action, record_id, state, "values" FROM _trigger_log WHERE action = 'UPDATE' ORDER BY id`),
		`UPDATE|1|SUCCESS|"parent_row"=>"2"
UPDATE|1|SUCCESS|"parent_row"=>"3"
`)
	s.want("org", s.family(`SELECT Name, Parent.Name FROM Account ORDER BY Name`), `{"Name":"A","Parent":{"Name":"C"}}
{"Name":"B","Parent":{"Name":"A"}}
{"Name":"C","Parent":null}
`)
}

func TestRowIDThatIsNone(t *testing.T) {
	t.Parallel()
	s := newFamily(t, "dependency")
	s.run(`ALTER TABLE contact ALTER COLUMN parent_row TYPE text`)
	s.run(`INSERT INTO contact (lastname, parent_row) VALUES ('Bad', 'one')`)
	s.run(`INSERT INTO account (name) VALUES ('Gone')`)
	s.run(`INSERT INTO contact (lastname, parent_row) VALUES ('Orphan', 1)`)
	s.run(`DELETE FROM account`)
	s.drain()
	s.want("log", s.lines(`SELECT state, sf_message FROM _trigger_log WHERE table_name = 'contact' ORDER BY id`),
		`FAILED|invalid_entry: column parent_row: "one" is no id of a row
FAILED|no_parent: row 1 of account, which parent_row names, was deleted before it reached Salesforce
`)
}

// TestStateSetByHandOnAPendingEntryWaits: what is on its way is settled first.
func TestStateSetByHandOnAPendingEntryWaits(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"NEW", "IGNORED"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.run(`INSERT INTO opportunity (name, stagename, closedate) VALUES ('One', 'Prospecting', '2026-12-01')`)
			s.client.around = func(w salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
				s.client.around = nil
				s.run(`UPDATE _trigger_log SET state = $1`, state)
				c, err := s.claim(t.Context(), s.fence) // another look at the log, while the call is under way
				if err != nil || len(c.calls) != 0 {
					t.Errorf("claimed %+v, %v", c, err)
				}
				return send()
			}
			s.drain()
			s.want("org", s.inOrg(`SELECT Name FROM Opportunity`), `{"Name":"One"}`+"\n")
			s.want("row", s.lines(`SELECT length(sfid) FROM opportunity`), "18\n")
		})
	}
}

// TestParentThatIsCommittedAfterItsChildWasSent: the refusal is taken back.
func TestParentThatIsCommittedAfterItsChildWasSent(t *testing.T) {
	t.Parallel()
	s := newFamily(t, "dependency")
	s.run(`INSERT INTO contact (lastname, account__external_id__c) VALUES ('Child', 'p'), ('Orphan', 'q')`)
	s.client.around = func(_ salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		s.client.around = nil
		out, err := send()
		s.run(`INSERT INTO account (name, external_id__c) VALUES ('Parent', 'p')`)
		return out, err
	}
	if p := s.drain(); p.Sent != 2 || p.Failed != 1 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(`SELECT table_name, state, left(sf_message, 30) FROM _trigger_log ORDER BY id, record_id`),
		"contact|SUCCESS|-\ncontact|FAILED|INVALID_FIELD: Foreign key ext\naccount|SUCCESS|-\n")
}
