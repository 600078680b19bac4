package writer

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/sandbox/org"
)

// problem is _hc_err as applications read it.
type problem struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Fields  []string  `json:"fields"`
	LogID   int       `json:"log_id"`
	Time    time.Time `json:"time"`
	Attempt int       `json:"attempt"`
}

// problemOf reads _hc_err of an account, which must hold these keys and no
// others.
func (s *site) problemOf(name string) problem {
	s.Helper()
	text := s.lines(`SELECT _hc_err FROM account WHERE name = '` + name + `'`)
	var p problem
	s.must(json.Unmarshal([]byte(text), &p))
	var keys map[string]any
	s.must(json.Unmarshal([]byte(text), &keys))
	if len(keys) != 6 {
		s.Errorf("_hc_err of %s: %s", name, text)
	}
	return p
}

func TestWhatARowSaysOfItsFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t, by(mapping.Dependency))
	s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "Phone = 'bad'", Message: "no such \"phone\"", Fields: []string{"Phone", "Name"}}}}))
	began := time.Now().Add(-time.Millisecond) // times are cut to it
	s.run(`INSERT INTO account (name, external_id__c, phone) VALUES ('refused', 'r', 'bad'), ('good', 'g', '1')`)
	s.drain()
	s.fault(map[string]any{"kind": "row_error", "rows": 1, "count": 3, "method": "PATCH", "code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
	s.run(`UPDATE account SET name = 'locked' WHERE name = 'good'`)
	s.run(`UPDATE account SET description = 'later' WHERE name = 'refused'`)
	s.drain()
	for name, want := range map[string]problem{
		"refused": {Code: "insert_failed", Message: "the insert of this row failed (log id 1): requeue it first, then this entry",
			Fields: []string{}, LogID: 4, Attempt: 1},
		"locked": {Code: "UNABLE_TO_LOCK_ROW", Message: "locked", Fields: []string{}, LogID: 3, Attempt: 3},
	} {
		got := s.problemOf(name)
		if got.Time.Before(began) || got.Time.After(time.Now()) || got.Time.Location() != time.UTC {
			t.Errorf("%s: time %v", name, got.Time)
		}
		got.Time = time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	s.run(`UPDATE _trigger_log SET state = 'NEW' WHERE id = 1`)
	s.drain()
	want := problem{Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Message: `no such "phone"`, Fields: []string{"Phone", "Name"}, LogID: 1, Attempt: 1}
	got := s.problemOf("refused")
	got.Time = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStatusOfARow follows sfid, _hc_lastop and _hc_err through a row's life.
func TestStatusOfARow(t *testing.T) {
	t.Parallel()
	for _, a := range []mapping.Algorithm{mapping.Ordered, mapping.Merged, mapping.Dependency} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, by(a))
			s.must(s.org.Control().SetRules(t.Context(), org.Rules{Validations: []org.Validation{
				{Object: "Account", Condition: "Phone = 'bad'", Message: "no", Fields: []string{"Phone"}}}}))
			var sfid string
			for _, step := range []struct{ sql, before, after string }{
				{`INSERT INTO account (name) VALUES ('A')`, "0|PENDING|f\n", "18|INSERTED|f\n"},
				{`UPDATE account SET phone = '1'`, "18|PENDING|f\n", "18|UPDATED|f\n"},
				{`UPDATE account SET phone = 'bad'`, "18|PENDING|f\n", "18|FAILED|t\n"},
				{`UPDATE account SET phone = '2'`, "18|PENDING|f\n", "18|UPDATED|f\n"},
			} {
				const status = `SELECT coalesce(length(sfid), 0), _hc_lastop, _hc_err IS NOT NULL FROM account`
				s.run(step.sql)
				s.want("before "+step.sql, s.lines(status), step.before)
				s.drain()
				s.want("after "+step.sql, s.lines(status), step.after)
				if now := s.lines(`SELECT sfid FROM account`); sfid != "" && now != sfid {
					t.Errorf("sfid was %s, is %s", sfid, now)
				} else {
					sfid = now
				}
			}
			s.want("org", s.inOrg(`SELECT Id, Phone FROM Account`), `{"Id":"`+sfid[:18]+`","Phone":"2"}`+"\n")
		})
	}
}
