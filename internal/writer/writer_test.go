package writer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/sandbox/org"
)

func TestInsertUpdateDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c, annualrevenue, active__c, customer_since__c)
		VALUES ('Acme', 'x-1', 12, true, '2026-11-22'), ('Bolt', 'x-2', NULL, NULL, NULL)`)
	s.run(`INSERT INTO opportunity (name, stagename, closedate) VALUES ('Big', 'Prospecting', '2026-12-01')`)
	if p := s.drain(); p.Sent != 3 || p.Failed != 0 {
		t.Errorf("progress %+v", p)
	}
	s.want("org", s.inOrg(`SELECT Name, AnnualRevenue, Active__c, Customer_Since__c FROM Account ORDER BY Name`),
		`{"Active__c":true,"AnnualRevenue":12,"Customer_Since__c":"2026-11-22","Name":"Acme"}
{"Active__c":false,"AnnualRevenue":null,"Customer_Since__c":null,"Name":"Bolt"}
`)
	s.want("rows", s.lines(`SELECT name, length(sfid), _hc_lastop, _hc_err FROM account UNION ALL
		SELECT name, length(sfid), _hc_lastop, _hc_err FROM opportunity ORDER BY 1`),
		"Acme|18|INSERTED|-\nBig|18|INSERTED|-\nBolt|18|INSERTED|-\n")
	s.want("log", s.lines(`SELECT state, sf_result, sf_message, length(sfid) FROM _trigger_log`), strings.Repeat("SUCCESS|0|-|18\n", 3))

	s.run(`UPDATE account SET phone = '1', active__c = NULL, annualrevenue = NULL WHERE name = 'Acme'`)
	s.run(`DELETE FROM account WHERE name = 'Bolt'`)
	if p := s.drain(); p.Sent != 2 || p.Failed != 0 {
		t.Errorf("progress %+v; log:\n%s", p, s.lines(`SELECT * FROM _trigger_log`))
	}
	s.want("org", s.inOrg(`SELECT Name, Phone, AnnualRevenue FROM Account`), `{"AnnualRevenue":null,"Name":"Acme","Phone":"1"}`+"\n")
	s.want("row", s.lines(`SELECT name, _hc_lastop FROM account`), "Acme|UPDATED\n")
	s.want("intents", s.lines(`SELECT op, state FROM _syncline.intent ORDER BY id`),
		"upsert|settled\nupsert|settled\ninsert|settled\nupdate|settled\ndelete|settled\n")
	if len(s.seen) != 4 || len(s.seen[0].Latencies) != 2 || s.seen[0].Latencies[0] <= 0 {
		t.Errorf("observed %+v", s.seen)
	}
}

func TestOrderIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('Parent', 'p')`)
	s.run(`INSERT INTO account (name, external_id__c, parent__external_id__c) VALUES ('Child', 'c', 'p')`)
	s.run(`INSERT INTO contact (lastname, external_id__c, account__external_id__c) VALUES ('Doe', 'd', 'c')`)
	s.run(`UPDATE account SET phone = '1' WHERE external_id__c = 'p'`)
	s.run(`UPDATE account SET phone = '2' WHERE external_id__c = 'p'`)
	s.run(`DELETE FROM contact`)
	s.run(`INSERT INTO contact (lastname, external_id__c, account__external_id__c) VALUES ('Doe2', 'd', 'p')`)
	s.drain()
	s.want("log", s.states(), `INSERT|account|1|SUCCESS
INSERT|account|2|SUCCESS
INSERT|contact|1|MERGED
UPDATE|account|1|SUCCESS
UPDATE|account|1|SUCCESS
DELETE|contact|1|IGNORED
INSERT|contact|2|SUCCESS
`)
	s.want("accounts", s.inOrg(`SELECT Name, Phone, Parent.Name FROM Account WHERE Name = 'Parent'`), `{"Name":"Parent","Parent":null,"Phone":"2"}`+"\n")
	if got := s.inOrg(`SELECT LastName, Account.Name FROM Contact`); !strings.Contains(got, "Doe2") || !strings.Contains(got, "Parent") || strings.Count(got, "\n") != 1 {
		t.Errorf("contacts: %s", got)
	}
}

func TestInsertThatIsDeletedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO opportunity (name) VALUES ('gone')`)
	s.run(`UPDATE opportunity SET stagename = 'Prospecting'`)
	s.run(`DELETE FROM opportunity`)
	if p := s.drain(); p.Sent != 0 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), "INSERT|opportunity|1|MERGED\nUPDATE|opportunity|1|MERGED\nDELETE|opportunity|1|IGNORED\n")
}

func TestInsertThatIsDeletedWhileItIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO opportunity (name, stagename, closedate) VALUES ('short', 'Prospecting', '2026-12-01')`)
	s.client.around = func(_ salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		s.client.around = nil
		s.run(`DELETE FROM opportunity`)
		return send()
	}
	if p := s.drain(); p.Sent != 2 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), "INSERT|opportunity|1|SUCCESS\nDELETE|opportunity|1|SUCCESS\n")
	s.want("org", s.inOrg(`SELECT Name FROM Opportunity`), "")
}

func TestChangeWhileItIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.client.around = func(_ salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		s.client.around = nil
		s.run(`UPDATE account SET name = 'B'`)
		return send()
	}
	if _, err := s.step(t.Context(), s.fence, &Progress{}); err != nil {
		t.Fatal(err)
	}
	s.want("row between", s.lines(`SELECT name, length(sfid), _hc_lastop FROM account`), "B|18|PENDING\n")
	s.drain()
	s.want("row", s.lines(`SELECT name, _hc_lastop FROM account`), "B|UPDATED\n")
	s.want("org", s.inOrg(`SELECT Name FROM Account`), `{"Name":"B"}`+"\n")
}

func TestFailuresExplainThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "Phone = 'bad'", Message: "no such phone", Fields: []string{"Phone"}}}}))
	s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('good', 'g', '1'), ('bad', 'b', 'bad')`)
	s.run(`UPDATE account SET description = 'later'`)
	if p := s.drain(); p.Sent != 2 || p.Failed != 2 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(`SELECT record_id, action, state, sf_result, sf_message FROM _trigger_log ORDER BY id`),
		`1|INSERT|SUCCESS|0|-
2|INSERT|FAILED|1|FIELD_CUSTOM_VALIDATION_EXCEPTION: no such phone [Phone]
1|UPDATE|SUCCESS|0|-
2|UPDATE|FAILED|1|insert_failed: the insert of this row failed (log id 2): requeue it first, then this entry
`)
	s.want("row", s.lines(`SELECT _hc_lastop, _hc_err::json->>'code', _hc_err::json->>'log_id', _hc_err::json->>'attempt'
		FROM account WHERE name = 'bad'`), "FAILED|insert_failed|4|1\n")
	s.run(`UPDATE account SET phone = '2' WHERE name = 'bad'`)
	s.run(`UPDATE _trigger_log SET state = 'IGNORED' WHERE state = 'FAILED'`)
	s.run(`SELECT hc_capture_insert_from_row(hstore(account.*), 'account') FROM account WHERE name = 'bad'`)
	s.drain()
	s.want("org", s.inOrg(`SELECT Name, Phone, Description FROM Account ORDER BY Name`),
		`{"Description":"later","Name":"bad","Phone":"2"}
{"Description":"later","Name":"good","Phone":"1"}
`)
	s.want("row", s.lines(`SELECT _hc_lastop, _hc_err FROM account WHERE name = 'bad'`), "INSERTED|-\n")
}

func TestUntrustedEntries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`ALTER TABLE account ADD COLUMN mine text`)
	for _, sql := range []string{
		`('INSERT', 'nowhere', 1, NULL, NULL)`,
		`('INSERT', 'user', 1, NULL, '"username"=>"x"')`,
		`('INSERT', 'account', NULL, NULL, '"name"=>"x"')`,
		`('INSERT', 'account', 7, NULL, 'not hstore')`,
		`('UPDATE', 'account', 7, '001000000000001AAA', '"customer_since__c"=>"22.11.2026"')`,
		`('UPDATE', 'account', 7, '001000000000001AAA', '"theirs"=>"1"')`,
		`('UPDATE', 'account', 7, '001000000000001AAA', '"mine"=>"1"')`,
		`('UPDATE', 'account', 7, '001000000000001AAA', '"name"=>"n", "mine"=>"1"')`,
		`('DELETE', 'account', 9, '003000000000001AAA', NULL)`,
		`('DELETE', 'account', 9, 'x'' OR true', NULL)`,
		`('MERGE', 'account', 7, NULL, '"name"=>"n"')`,
		`('DELETE', 'account', 8, NULL, NULL)`,
	} {
		s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id, sfid, "values") SELECT 'NEW', a, t, r::int, s, x FROM (VALUES ` +
			sql + `) v (a, t, r, s, x)`)
	}
	s.drain()
	got := s.lines(`SELECT state, left(sf_message, 40) FROM _trigger_log ORDER BY id`)
	s.want("log", got, `FAILED|not_mapped: table "nowhere" is not mappe
READONLY|the mapping of User is read-only
FAILED|invalid_entry: the entry names no record
FAILED|invalid_entry: column values: hstore tex
FAILED|invalid_entry: column values: column cus
FAILED|invalid_entry: column values: the table 
IGNORED|no mapped column was changed
FAILED|INVALID_CROSS_REFERENCE_KEY: invalid cro
FAILED|invalid_entry: sfid "003000000000001AAA"
FAILED|invalid_entry: sfid "x' OR true" is no I
FAILED|invalid_entry: action "MERGE" is none of
IGNORED|the record never reached Salesforce
`)
}

func TestColumnsThatCannotBeWrittenAreReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.drain()
	s.run(`UPDATE account SET region_label__c = 'mine'`)
	s.run(`UPDATE account SET region_label__c = 'mine too', phone = '1'`)
	s.drain()
	s.want("log", s.lines(`SELECT state, sf_message FROM _trigger_log ORDER BY id`),
		"SUCCESS|-\nIGNORED|Salesforce does not let us write region_label__c\nSUCCESS|-\n")
	s.want("deferred", s.lines(`SELECT count(*) FROM _syncline.deferred d JOIN account a USING (sfid)`), "1\n")
	s.want("org", s.inOrg(`SELECT Phone FROM Account`), `{"Phone":"1"}`+"\n")
}

func TestRowThatTheApplicationHoldsIsSettledLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
	s.run(`BEGIN`)
	s.run(`SELECT FROM account WHERE name = 'A' FOR UPDATE`)
	if _, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	s.want("rows", s.lines(`SELECT name, length(sfid), _hc_lastop FROM account ORDER BY 1`), "A|-|PENDING\nB|18|INSERTED\n")
	s.run(`COMMIT`)
	s.drain()
	s.want("rows", s.lines(`SELECT name, length(sfid), _hc_lastop FROM account ORDER BY 1`), "A|18|INSERTED\nB|18|INSERTED\n")
}

func TestPassingRowErrorIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
	s.fault(map[string]any{"kind": "row_error", "rows": 1, "count": 2, "code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
	if p := s.drain(); p.Sent != 2 || p.Retry != 2 {
		t.Errorf("progress %+v", p)
	}
	s.run(`UPDATE account SET phone = '1' WHERE name = 'A'`)
	s.fault(map[string]any{"kind": "row_error", "rows": 1, "code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
	if p := s.drain(); p.Failed != 1 || p.Retry != 2 {
		t.Errorf("progress %+v", p)
	}
	s.want("row", s.lines(`SELECT _hc_lastop, _hc_err::json->>'attempt' FROM account WHERE name = 'A'`), "FAILED|3\n")
}

func TestCallThatTheOrgRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.fault(map[string]any{"kind": "status", "status": 403, "code": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded.", "count": 1})
	_, err := s.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	if salesforce.ClassOf(err) != salesforce.RetryLater {
		t.Errorf("error %v", err)
	}
	s.want("log", s.states(), "INSERT|account|1|NEW\n")
	s.want("intents", s.lines(`SELECT count(*) FROM _syncline.intent`), "0\n")
	s.drain()
	s.want("log", s.states(), "INSERT|account|1|SUCCESS\n")
}

func TestCallWithOneBadBodyIsHalved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'n' || i, 'x' || i FROM generate_series(1, 9) i`)
	s.client.around = func(w salesforce.WriteRequest, send func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		for _, r := range w.Records {
			if strings.Contains(string(r), `"n5"`) {
				return nil, &salesforce.Error{Status: 400, Code: "JSON_PARSER_ERROR", Message: "bad", Class: salesforce.AskPerson, Sent: true}
			}
		}
		return send()
	}
	if p := s.drain(); p.Sent != 8 || p.Failed != 1 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.lines(`SELECT record_id, sf_message FROM _trigger_log WHERE state = 'FAILED'`), "5|JSON_PARSER_ERROR: bad\n")
}

func TestTooLateToSend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.client.around = func(w salesforce.WriteRequest, _ func() ([]salesforce.Result, error)) ([]salesforce.Result, error) {
		s.client.around = nil
		w.SendBefore = time.Now().Add(-time.Second)
		return s.client.Write(t.Context(), w)
	}
	if p := s.drain(); p.Sent != 1 {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), "INSERT|account|1|SUCCESS\n")
}

func TestOvertakenTurnSendsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	c, err := s.claim(t.Context(), s.fence)
	s.must(err)
	old := s.fence
	s.nextTurn()
	if _, err := s.deliver(t.Context(), old, c.calls[0]); !errors.Is(err, target.ErrFenced) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Drain(t.Context(), old, time.Now().Add(time.Minute)); !errors.Is(err, target.ErrFenced) {
		t.Errorf("error %v", err)
	}
	s.want("org", s.inOrg(`SELECT Id FROM Account`), "")
	s.must(s.Recover(t.Context(), s.fence))
	s.want("log", s.states(), "INSERT|account|1|NEW\n")
}

func TestArchive(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Settings.ArchiveQuiet = time.Nanosecond })
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
	s.drain()
	s.run(`UPDATE account SET name = name WHERE name = 'A'`)
	s.want("row", s.lines(`SELECT _hc_lastop FROM account WHERE name = 'A'`), "PENDING\n")
	s.run(`UPDATE _syncline.intent SET settled_at = settled_at - interval '2 hours'`)
	s.must(s.Archive(t.Context(), s.fence))
	s.want("row", s.lines(`SELECT _hc_lastop FROM account WHERE name = 'A'`), "SYNCED\n")
	s.want("live", s.states(), "")
	s.want("archive", s.lines(`SELECT action, state FROM _trigger_log_archive ORDER BY id`), "INSERT|SUCCESS\nINSERT|SUCCESS\nUPDATE|IGNORED\n")
	s.want("intents", s.lines(`SELECT count(*) FROM _syncline.intent`), "0\n")
	s.run(`UPDATE _trigger_log_archive SET state = 'REQUEUE' WHERE record_id = 2`)
	s.must(s.Archive(t.Context(), s.fence))
	s.want("live", s.states(), "INSERT|account|2|NEW\n")
	s.drain()
	s.want("live", s.states(), "INSERT|account|2|SUCCESS\n")
	s.want("org", s.inOrg(`SELECT Name FROM Account ORDER BY Name`), `{"Name":"A"}`+"\n"+`{"Name":"B"}`+"\n")
}

func TestConflictsBySeenValues(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"last_writer": "SUCCESS|ours|postgres\n", "postgres": "SUCCESS|ours|postgres\n", "salesforce": "IGNORED|base|salesforce\n",
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('A', 'x', 'base')`)
			s.drain()
			tbl := s.cfg.Tables["account"]
			tbl.Mapping.Policy = "" // as a mapping that says nothing
			if policy != "last_writer" {
				s.setPolicy(policy)
			}
			s.run(`UPDATE account SET phone = 'ours'`)
			base, theirs := "base", "theirs"
			_, err := s.db.Write(t.Context(), s.fence, target.Options{}, func(ctx ctx, tx *target.Tx) error {
				return s.box.RememberTheirs(ctx, tx, []outbox.Base{{Table: "account", RecordID: 1, Column: "phone", Base: &base, Theirs: &theirs, Seen: true, LogID: 2}})
			})
			s.must(err)
			s.drain()
			got := s.lines(`SELECT l.state, ` + phoneOf(s) + `, c.winner FROM _trigger_log l, _syncline.conflict c WHERE l.action = 'UPDATE' AND c.log_id = l.id`)
			s.want("end", got, want)
			s.want("bases", s.lines(`SELECT count(*) FROM _syncline.base`), "0\n")
			var told []string
			for _, o := range s.seen {
				for _, c := range o.Conflicts {
					told = append(told, o.Table.Object+" "+c.Winner)
				}
			}
			s.want("told", strings.Join(told, "\n")+"\n", "Account"+strings.ReplaceAll(want[strings.LastIndex(want, "|"):], "|", " "))
		})
	}
}

func TestHeldTablesWait(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.run(`INSERT INTO contact (lastname, external_id__c) VALUES ('C', 'c')`)
	s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id) VALUES ('NEW', 'INSERT', 'unresolved', 1)`)
	s.Hold("account", "unresolved")
	s.drain()
	s.want("log", s.states(), "INSERT|account|1|NEW\nINSERT|contact|1|SUCCESS\nINSERT|unresolved|1|NEW\n")
	s.Hold()
	s.drain()
	s.want("log", s.states(), "INSERT|account|1|SUCCESS\nINSERT|contact|1|SUCCESS\nINSERT|unresolved|1|FAILED\n")
}

func TestDrainStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
	s.run(`INSERT INTO contact (lastname, external_id__c) VALUES ('C', 'c')`)
	calls := 0
	p, err := s.DrainWhile(t.Context(), s.fence, func() bool { calls++; return calls == 1 })
	s.must(err)
	if p.Sent != 1 || !p.More {
		t.Errorf("progress %+v", p)
	}
	s.want("log", s.states(), "INSERT|account|1|SUCCESS\nINSERT|contact|1|NEW\n")
}

func TestRowThatRefusesItsID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(`ALTER TABLE account ADD CONSTRAINT no_ids CHECK (sfid IS NULL OR name <> 'A')`)
	s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x'), ('B', 'y')`)
	s.drain()
	s.want("rows", s.lines(`SELECT name, length(sfid) FROM account ORDER BY 1`), "A|-\nB|18\n")
	got := s.lines(`SELECT sf_message FROM _trigger_log WHERE state = 'FAILED'`)
	if !strings.Contains(got, "Salesforce accepted the change as 001") || !strings.Contains(got, "no_ids") {
		t.Errorf("message: %s", got)
	}
}
