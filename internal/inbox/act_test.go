package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
)

const noNegatives = "AnnualRevenue < 0"

// refusedInsert leaves row 1 refused, with a later change of it.
func refusedInsert(t *testing.T, a mapping.Algorithm) *site {
	t.Helper()
	s := newSite(t, a)
	s.rule("Account", noNegatives, "Revenue can't be negative.", "AnnualRevenue")
	s.run(`INSERT INTO account (name, external_id__c, annualrevenue) VALUES ('A', 'x1', -1)`)
	s.drain()
	s.run(`UPDATE account SET phone = '1' WHERE id = 1`)
	s.drain()
	return s
}

// refusedUpdate leaves an update of row 1 refused, whose insert was accepted.
func refusedUpdate(t *testing.T, a mapping.Algorithm) *site {
	t.Helper()
	s := newSite(t, a)
	s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('A', 'x1', '0')`)
	s.drain()
	s.rule("Account", noNegatives, "Revenue can't be negative.", "AnnualRevenue")
	s.run(`UPDATE account SET annualrevenue = -1, phone = '1', name = 'B' WHERE id = 1`)
	s.drain()
	if len(s.failed()) != 1 {
		t.Fatalf("log:\n%s", s.states())
	}
	return s
}

func inEachAlgorithm(t *testing.T, test func(t *testing.T, a mapping.Algorithm)) {
	for _, a := range algorithms {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			test(t, a)
		})
	}
}

const account = `SELECT Name, Phone, AnnualRevenue FROM Account`

func (s *site) account(name, phone string, revenue any) {
	s.Helper()
	want := fmt.Sprintf(`"AnnualRevenue":%v,"Name":%q,"Phone":%q`, revenue, name, phone)
	if got := s.InOrg(account); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
		s.Errorf("in the org:\n%swant %s\nlog:\n%s", got, want, s.states())
	}
}

// An insert that failed, and the change that failed for want of it, go together,
// whichever was chosen.
func TestRetryOfAnInsert(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		s := refusedInsert(t, a)
		s.rule("", "", "", "")
		ids := s.failed()
		o := s.done(s.inbox.Retry(t.Context(), inbox.Filter{IDs: ids[len(ids)-1:]}, inbox.Span{}, false, nil))
		if o.Done != 1 || o.Also != len(ids)-1 {
			t.Errorf("outcome %+v of %v", o, ids)
		}
		s.drain()
		s.account("A", "1", -1)
		if len(s.failed()) != 0 {
			t.Errorf("log:\n%s", s.states())
		}
	})
}

// An older value never takes the place of a newer one: the row is captured for
// what the entry held.
func TestRetryOfAnOutdatedChange(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		for _, archived := range []bool{false, true} {
			s := refusedUpdate(t, a)
			s.rule("", "", "", "")
			s.run(`UPDATE account SET phone = '2' WHERE id = 1`)
			s.drain()
			if archived {
				s.archive()
			}
			s.done(s.inbox.Retry(t.Context(), inbox.Filter{Archived: true}, inbox.Span{}, false, nil))
			s.drain()
			s.account("B", "2", -1)
			s.want("states", s.lines(`SELECT state FROM _trigger_log WHERE action = 'UPDATE' UNION ALL
				SELECT state FROM _trigger_log_archive WHERE action = 'UPDATE' ORDER BY 1`), "REQUEUED\nSUCCESS\nSUCCESS\n")
		}
	})
}

// archive lets failures grow old and moves what is finished to the archive.
func (s *site) archive() {
	s.Helper()
	s.run(`UPDATE _trigger_log SET created_at = created_at - interval '32 days', processed_at = processed_at - interval '32 days' WHERE state = 'FAILED'`)
	s.must(s.writer.Archive(s.Context(), s.fence))
	s.want("live log", s.lines(`SELECT count(*) FROM _trigger_log WHERE state = 'FAILED'`), "0\n")
}

// What the archive no longer tells is not guessed.
func TestRetryFromTheArchiveWithoutMemory(t *testing.T) {
	t.Parallel()
	s := refusedUpdate(t, mapping.Dependency)
	s.rule("", "", "", "")
	s.run(`UPDATE account SET phone = '2' WHERE id = 1`)
	s.drain()
	s.archive()
	s.run(`DELETE FROM _trigger_log_archive WHERE state <> 'FAILED'`)
	o, err := s.inbox.Retry(t.Context(), inbox.Filter{Archived: true}, inbox.Span{}, false, nil)
	if s.must(err); len(o.Skipped) != 1 || !strings.Contains(o.Skipped[0].Why, "from-row") || o.Done != 0 {
		t.Errorf("outcome %+v", o)
	}
	s.done(s.inbox.Retry(t.Context(), inbox.Filter{Archived: true}, inbox.Span{}, true, nil))
	s.drain()
	s.account("B", "2", -1)
}

func TestRetryFromTheArchive(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		s := refusedUpdate(t, a)
		s.rule("", "", "", "")
		s.archive()
		if groups, err := s.inbox.Groups(t.Context(), inbox.Filter{}); err != nil || len(groups) != 0 {
			t.Errorf("groups of the live log: %+v, %v", groups, err)
		}
		groups, err := s.inbox.Groups(t.Context(), inbox.Filter{Archived: true})
		s.must(err)
		if len(groups) != 1 || groups[0].Archived != 1 {
			t.Fatalf("groups: %+v", groups)
		}
		s.done(s.inbox.Retry(t.Context(), inbox.Filter{IDs: []int32{groups[0].Sample.LogID}}, inbox.Span{}, false, nil))
		s.drain()
		s.account("B", "1", -1)
		s.want("archive", s.lines(`SELECT state FROM _trigger_log_archive ORDER BY 1`), "REQUEUED\nSUCCESS\n")
	})
}

// What is done in SQL works: NEW in the log, REQUEUE in the archive, IGNORED in
// both.
func TestByHand(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		s := refusedUpdate(t, a)
		s.run(`UPDATE _trigger_log SET state = 'NEW' WHERE state = 'FAILED'`)
		s.drain()
		if len(s.failed()) != 1 {
			t.Fatalf("the rule stands, but the log is\n%s", s.states())
		}
		s.run(`UPDATE _trigger_log SET state = 'IGNORED' WHERE state = 'FAILED'`)
		s.drain()
		s.account("A", "0", "null")
		s.rule("", "", "", "")
		s.run(`UPDATE _trigger_log SET state = 'NEW' WHERE state = 'IGNORED'`)
		s.drain()
		s.account("B", "1", -1)

		s.rule("Account", noNegatives, "No.", "AnnualRevenue")
		s.run(`UPDATE account SET annualrevenue = -2 WHERE id = 1`)
		s.drain()
		s.archive()
		s.run(`UPDATE _trigger_log_archive SET state = 'IGNORED' WHERE state = 'FAILED'`)
		s.drain()
		s.account("B", "1", -1)
		s.rule("", "", "", "")
		s.run(`UPDATE _trigger_log_archive SET state = 'REQUEUE' WHERE state = 'IGNORED' AND sf_result = 1`)
		s.must(s.writer.Archive(t.Context(), s.fence))
		s.drain()
		s.account("B", "1", -2)

		s.rule("Account", noNegatives, "No.", "AnnualRevenue")
		s.run(`UPDATE account SET annualrevenue = -3 WHERE id = 1`)
		s.drain()
		s.rule("", "", "", "")
		s.run(`SELECT hc_capture_update_from_row(hstore(c), 'account', ARRAY['annualrevenue']) FROM account c WHERE id = 1`)
		s.run(`UPDATE _trigger_log SET state = 'REQUEUED' WHERE state = 'FAILED'`)
		s.drain()
		s.account("B", "1", -3)
	})
}

// An insert that was captured anew by hand.
func TestInsertByHand(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		s := refusedInsert(t, a)
		s.rule("", "", "", "")
		s.run(`UPDATE _trigger_log SET state = 'REQUEUED' WHERE state = 'FAILED'`)
		s.run(`SELECT hc_capture_insert_from_row(hstore(c), 'account') FROM account c WHERE id = 1`)
		s.drain()
		s.account("A", "1", -1)
	})
}

func TestEdit(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		s := refusedUpdate(t, a)
		// A trigger of the application's: what it does for a change of its own
		// must reach Salesforce too.
		s.run(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO salesforce.opportunity (name, stagename, closedate) VALUES (NEW.name, 'Open', '2027-01-01'); RETURN NEW; END $$`)
		s.run(`CREATE TRIGGER noting AFTER UPDATE OF annualrevenue ON account FOR EACH ROW WHEN (get_xmlbinary() = 'base64') EXECUTE FUNCTION note()`)
		seven := "7"
		o := s.done(s.inbox.Edit(t.Context(), inbox.Filter{IDs: s.failed()}, inbox.Span{}, inbox.Values{"annualrevenue": &seven}, s.table, nil))
		if o.Done != 1 {
			t.Errorf("outcome %+v", o)
		}
		s.drain()
		s.account("B", "1", 7)
		s.want("row", s.lines(`SELECT name, phone, annualrevenue, _hc_lastop, _hc_err FROM account`), "B|1|7|UPDATED|-\n")
		s.want("states", s.lines(`SELECT state, table_name FROM _trigger_log ORDER BY id`),
			"SUCCESS|account\nREQUEUED|account\nMERGED|account\nSUCCESS|opportunity\nSUCCESS|account\n")
		if got := s.InOrg(`SELECT Name FROM Opportunity`); !strings.Contains(got, `"B"`) {
			t.Errorf("opportunity in the org: %s", got)
		}
	})
}

// A function of the name of hstore's, in a schema before it, does not run with
// Syncline's rights.
func TestShadowedFunctions(t *testing.T) {
	t.Parallel()
	s := refusedUpdate(t, mapping.Dependency)
	s.run(`CREATE FUNCTION public.hstore(salesforce.account) RETURNS hstore LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed'; END $$`)
	if _, err := s.inbox.Show(t.Context(), s.failed()[0]); err != nil {
		t.Error(err)
	}
	s.rule("", "", "", "")
	s.done(s.inbox.Retry(t.Context(), inbox.Filter{}, inbox.Span{}, true, nil))
	s.drain()
	s.account("B", "1", -1)
}

func TestEditOfAnInsert(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		for _, which := range []string{"the insert", "the last", "all"} {
			s := refusedInsert(t, a)
			ids := s.failed()
			all := len(ids)
			switch which {
			case "the insert":
				ids = ids[:1]
			case "the last":
				ids = ids[len(ids)-1:]
			}
			five := "5"
			o := s.done(s.inbox.Edit(t.Context(), inbox.Filter{IDs: ids}, inbox.Span{}, inbox.Values{"annualrevenue": &five}, s.table, nil))
			if o.Done+o.Also != all {
				t.Errorf("%s: %+v of %d", which, o, all)
			}
			s.drain()
			s.account("A", "1", 5)
			if len(s.failed()) != 0 {
				t.Errorf("%s, log:\n%s", which, s.states())
			}
		}
	})
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	s := refusedUpdate(t, mapping.Dependency)
	s.run(`ALTER TABLE account ADD CONSTRAINT small CHECK (annualrevenue < 100)`)
	text := func(v string) *string { return &v }
	before := s.states()
	for _, tt := range []struct {
		name   string
		values inbox.Values
		want   string
	}{
		{"nothing", inbox.Values{}, "no values"},
		{"no column", inbox.Values{"colour": text("red")}, "colour: there is no such mapped column"},
		{"not a number", inbox.Values{"annualrevenue": text("many")}, `annualrevenue: "many" is not`},
		{"not a date", inbox.Values{"customer_since__c": text("01/02/2026")}, "customer_since__c"},
		{"too long", inbox.Values{"phone": text(strings.Repeat("9", 50))}, "phone: text of 50 characters"},
		{"read-only", inbox.Values{"systemmodstamp": text("2026-01-01 00:00:00")}, "may not write it"},
		{"the Id", inbox.Values{"sfid": nil}, "sfid"},
		{"two wrong", inbox.Values{"a": nil, "b": nil}, "b: there is no such"},
		{"a constraint", inbox.Values{"annualrevenue": text("100")}, "violates check constraint"},
	} {
		o, err := s.inbox.Edit(t.Context(), inbox.Filter{IDs: s.failed()}, inbox.Span{}, tt.values, s.table, nil)
		got := fmt.Sprint(o.Skipped)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || o.Done != 0 {
			t.Errorf("%s: %s, %+v", tt.name, got, o)
		}
	}
	s.want("log", s.states(), before)
	s.run(`BEGIN; SELECT FROM account FOR UPDATE`)
	o, err := s.inbox.Edit(t.Context(), inbox.Filter{IDs: s.failed()}, inbox.Span{}, inbox.Values{"phone": nil}, s.table, nil)
	s.must(err)
	if len(o.Skipped) != 1 || !strings.Contains(o.Skipped[0].Why, "holds the row") {
		t.Errorf("a locked row: %+v", o)
	}
	s.run(`ROLLBACK`)
	s.run(`SET syncline.capture = 'off'`)
	s.run(`DELETE FROM account`)
	if o, err = s.inbox.Edit(t.Context(), inbox.Filter{IDs: s.failed()}, inbox.Span{}, inbox.Values{"phone": nil}, s.table, nil); err != nil || len(o.Skipped) != 1 {
		t.Errorf("a row that is gone: %+v, %v", o, err)
	}
}

// What has changed meanwhile is told and left alone.
func TestOnlyWhatFailedIsTouched(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Dependency)
	for _, state := range []triggerlog.State{"NEW", "PENDING", "SUCCESS", "MERGED", "IGNORED", "REQUEUED", "IGNORE", "READONLY"} {
		s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id, "values", sf_result) VALUES ($1, 'UPDATE', 'account', 1, '"phone"=>"1"', 0)`, string(state))
	}
	before := s.states()
	ids := []int32{1, 2, 3, 4, 5, 6, 7, 8, 4711}
	one := "1"
	for name, act := range map[string]func(inbox.Filter) (inbox.Outcome, error){
		"retry": func(f inbox.Filter) (inbox.Outcome, error) {
			return s.inbox.Retry(t.Context(), f, inbox.Span{}, false, nil)
		},
		"ignore": func(f inbox.Filter) (inbox.Outcome, error) {
			return s.inbox.Ignore(t.Context(), f, inbox.Span{}, true, nil)
		},
		"edit": func(f inbox.Filter) (inbox.Outcome, error) {
			return s.inbox.Edit(t.Context(), f, inbox.Span{}, inbox.Values{"phone": &one}, s.table, nil)
		},
	} {
		o, err := act(inbox.Filter{IDs: ids})
		s.must(err)
		if o.Done != 0 || o.Chosen != len(ids) || len(o.Skipped) != len(ids) {
			t.Errorf("%s: %+v", name, o)
		}
		for _, skip := range o.Skipped {
			if skip.Why == "" {
				t.Errorf("%s: %d is skipped without a word", name, skip.ID)
			}
		}
	}
	s.want("log", s.states(), before)
}

func TestIgnore(t *testing.T) {
	t.Parallel()
	s := refusedUpdate(t, mapping.Dependency)
	id := s.failed()
	s.done(s.inbox.Ignore(t.Context(), inbox.Filter{}, inbox.Span{}, true, nil))
	s.drain()
	s.account("A", "0", "null")
	s.want("deferred", s.lines(`SELECT d.sfid = a.sfid, reason FROM _syncline.deferred d, account a`), "t|a failed change was given up\n")
	if o, err := s.inbox.Ignore(t.Context(), inbox.Filter{IDs: id}, inbox.Span{}, false, nil); err != nil || len(o.Skipped) != 1 {
		t.Errorf("twice: %+v, %v", o, err)
	}
	// Ignored by mistake.
	s.rule("", "", "", "")
	s.done(s.inbox.Retry(t.Context(), inbox.Filter{IDs: id}, inbox.Span{}, false, nil))
	s.drain()
	s.account("B", "1", -1)
}

func TestShow(t *testing.T) {
	t.Parallel()
	s := refusedUpdate(t, mapping.Ordered)
	d, err := s.inbox.Show(t.Context(), s.failed()[0])
	s.must(err)
	if *d.Row["phone"] != "1" || *d.Sent["annualrevenue"] != "-1" || *d.Former["phone"] != "0" || d.Object != "Account" {
		t.Errorf("detail %+v", d)
	}
	if a := d.Answer; a.Attempt != 1 || a.Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || fmt.Sprint(a.Fields) != "[AnnualRevenue]" || a.Time.IsZero() {
		t.Errorf("answer %+v", a)
	}
	if len(d.History) != 2 || d.History[0].Entry.ID != d.Entry.ID || d.History[1].Entry.State != triggerlog.Success || d.Group == "" {
		t.Errorf("history %+v", d.History)
	}
	s.archive()
	sfid := strings.TrimSpace(s.lines(`SELECT sfid FROM account`))
	for _, id := range []string{sfid, sfid[:15]} {
		if h, err := s.inbox.History(t.Context(), "account", 0, id, 10); err != nil || len(h) != 2 || !h[0].Entry.Archived {
			t.Errorf("history by %s: %+v, %v", id, h, err)
		}
	}
	if _, err := s.inbox.History(t.Context(), "account", 0, "nonsense", 10); err == nil {
		t.Error("nonsense has a history")
	}
	if _, err := s.inbox.Show(t.Context(), 4711); err == nil || !strings.Contains(err.Error(), "no log entry 4711") {
		t.Errorf("no such entry: %v", err)
	}
}

// An action and the writer work at the same time: nothing is sent twice, nothing
// is left behind.
func TestBesideTheWriter(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Merged)
	s.rule("Account", noNegatives, "No.", "AnnualRevenue")
	s.run(`INSERT INTO account (name, external_id__c, annualrevenue) SELECT 'A' || n, 'x' || n, -n FROM generate_series(1, 300) n`)
	s.drain()
	s.rule("", "", "", "")
	stop := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		for {
			_, err := s.writer.Drain(context.WithoutCancel(t.Context()), s.fence, time.Now().Add(time.Minute))
			select {
			case <-stop:
				ended <- err
				return
			default:
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 3 {
		_, err := s.inbox.Retry(t.Context(), inbox.Filter{}, inbox.Span{Limit: 100}, false, nil)
		s.must(err)
		s.run(`UPDATE account SET phone = '9' WHERE id % 3 = 0`)
	}
	close(stop)
	s.must(<-ended)
	s.done(s.inbox.Retry(t.Context(), inbox.Filter{}, inbox.Span{}, false, nil))
	s.drain()
	if got := s.InOrg(`SELECT COUNT(Id) n FROM Account`); !strings.Contains(got, "300") {
		t.Errorf("in the org: %s", got)
	}
	s.want("waiting", s.lines(`SELECT count(*) FROM _trigger_log WHERE state IN ('NEW', 'PENDING', 'FAILED')`), "0\n")
}

// unknownOutcome leaves an insert of which the reply was lost, and a record that
// is not quite it.
func unknownOutcome(t *testing.T) *site {
	t.Helper()
	s := newSite(t, mapping.Dependency)
	s.lose, s.blind = 1, true
	s.run(`INSERT INTO opportunity (name, stagename, closedate) VALUES ('Lost', 'Open', '2027-01-01')`)
	_, _ = s.writer.Drain(t.Context(), s.fence, time.Now().Add(time.Minute))
	s.blind = false
	s.run(`UPDATE _syncline.intent SET state = 'unknown' WHERE state = 'open'`) // as the writer does when it can't tell
	return s
}

func TestResolve(t *testing.T) {
	t.Parallel()
	s := unknownOutcome(t)
	groups, err := s.inbox.Groups(t.Context(), inbox.Filter{})
	s.must(err)
	if len(groups) != 1 || groups[0].Code != inbox.CodeUnknown || groups[0].Kind != inbox.Unknown {
		t.Fatalf("groups: %+v; log:\n%s", groups, s.states())
	}
	for _, f := range []inbox.Filter{{Group: groups[0].Key}, {Code: inbox.CodeUnknown}} {
		if list, err := s.inbox.Entries(t.Context(), f, 0, 10); err != nil || len(list) != 1 || list[0].State != triggerlog.Pending {
			t.Errorf("entries: %+v, %v", list, err)
		}
	}
	if d, err := s.inbox.Show(t.Context(), 1); err != nil || d.Unknown == nil || !strings.Contains(d.Unknown.Body, "Lost") {
		t.Errorf("detail: %+v, %v", d, err)
	}
	if err := s.inbox.Resolve(t.Context(), 1, ""); err == nil || !strings.Contains(err.Error(), "may still arrive") {
		t.Errorf("sent again at once: %v", err)
	}
	o, err := s.inbox.Retry(t.Context(), inbox.Filter{IDs: []int32{1}}, inbox.Span{}, false, nil)
	if err != nil || len(o.Skipped) != 1 {
		t.Errorf("a retry of an unknown outcome: %+v, %v", o, err)
	}
	made := strings.TrimSpace(s.InOrg(`SELECT Id FROM Opportunity`))
	made = made[strings.Index(made, `"Id":"`)+6:][:18]
	for id, want := range map[string]string{"x": "no Id", "001000000000001AAA": "begin with 006", made[:14] + "Z": "no record"} {
		if _, _, err := inbox.CheckRecord(t.Context(), s.Org, s.tables["opportunity"], id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
	}
	sfid, seen, err := inbox.CheckRecord(t.Context(), s.Org, s.tables["opportunity"], made[:15])
	if err != nil || !seen || sfid != made {
		t.Fatalf("the record: %s %v %v", sfid, seen, err)
	}
	s.must(s.inbox.Resolve(t.Context(), 1, sfid))
	s.want("row", s.lines(`SELECT sfid = '`+made+`', _hc_lastop FROM opportunity`), "t|INSERTED\n")
	if err := s.inbox.Resolve(t.Context(), 1, sfid); err == nil || !strings.Contains(err.Error(), "not unknown") {
		t.Errorf("answered twice: %v", err)
	}
	s.restart()
	s.must(s.writer.Recover(t.Context(), s.fence))
	s.drain()
	s.want("log", s.states(), "INSERT|1|SUCCESS\n")
	if got := s.InOrg(`SELECT Name FROM Opportunity`); strings.Count(got, "\n") != 1 {
		t.Errorf("in the org: %s", got)
	}
}

func TestResolveSendAgain(t *testing.T) {
	t.Parallel()
	s := unknownOutcome(t)
	s.run(`UPDATE _syncline.intent SET claimed_at = claimed_at - interval '12 minutes'`)
	s.must(s.inbox.Resolve(t.Context(), 1, ""))
	s.restart()
	s.must(s.writer.Recover(t.Context(), s.fence))
	s.drain()
	s.want("log", s.states(), "INSERT|1|SUCCESS\n")
	s.want("row", s.lines(`SELECT sfid IS NOT NULL, _hc_lastop FROM opportunity`), "t|INSERTED\n")
}

// The row of an insert of unknown outcome was deleted: if the record is there, it
// goes.
func TestResolveOfADeletedRow(t *testing.T) {
	t.Parallel()
	s := unknownOutcome(t)
	s.run(`DELETE FROM opportunity`)
	made := strings.TrimSpace(s.InOrg(`SELECT Id FROM Opportunity`))
	made = made[strings.Index(made, `"Id":"`)+6:][:18]
	s.must(s.inbox.Resolve(t.Context(), 1, made))
	s.restart()
	s.drain()
	if got := s.InOrg(`SELECT Name FROM Opportunity`); got != "" {
		t.Errorf("in the org: %s", got)
	}
}

func TestUnreadRecords(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Dependency)
	m := s.tables["account"].Mapping.ID
	s.must(s.DB.Plain(t.Context(), target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO _syncline.read_error (connection_id, mapping, sfid, code, message, next_at)
			SELECT $1, $2, '00100000000000' || n || 'AAA', '23514', 'violates check "small" (Failing row contains ' || n || ')', now() + interval '1 hour'
			FROM generate_series(1, 3) n`, s.conn.ID, m)
		return err
	}))
	groups, err := s.inbox.Groups(t.Context(), inbox.Filter{Table: "account"})
	s.must(err)
	if len(groups) != 1 || groups[0].Count != 3 || groups[0].Kind != inbox.Unread || groups[0].Object != "Account" || groups[0].Advice.Remedy == "" {
		t.Fatalf("groups: %+v", groups)
	}
	if list, err := s.inbox.Unread(t.Context(), inbox.Filter{Group: groups[0].Key}, 2); err != nil || len(list) != 2 || list[0].Sfid != "001000000000003AAA" {
		t.Errorf("records: %+v, %v", list, err)
	}
	if n, err := s.inbox.ReadAgain(t.Context(), inbox.Filter{Code: "23505"}); n != 0 || err != nil {
		t.Errorf("%d of another code made due, %v", n, err)
	}
	if n, err := s.inbox.ReadAgain(t.Context(), inbox.Filter{Group: groups[0].Key}); n != 3 || err != nil {
		t.Errorf("%d made due, %v", n, err)
	}
	s.want("due", s.lines(`SELECT count(*) FROM _syncline.read_error WHERE next_at <= clock_timestamp()`), "3\n")
	if n, err := s.inbox.IgnoreUnread(t.Context(), inbox.Filter{Group: groups[0].Key}); n != 3 || err != nil {
		t.Errorf("%d ignored, %v", n, err)
	}
	s.want("due once ignored", s.lines(`SELECT count(*) FROM _syncline.read_error WHERE next_at <= clock_timestamp()`), "0\n")
	list, err := s.inbox.Unread(t.Context(), inbox.Filter{}, 5)
	s.must(err)
	if groups, err := s.inbox.Groups(t.Context(), inbox.Filter{}); err != nil || len(groups) != 0 || len(list) != 0 {
		t.Errorf("ignored ones are still told of: %+v, %+v, %v", groups, list, err)
	}
}
