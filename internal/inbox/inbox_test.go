package inbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
)

// A rule refuses a thousand rows for one cause; the rule is put right, all are
// sent again, and both sides are equal.
func TestAThousandOfOneCause(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Dependency)
	s.rule("Account", "AnnualRevenue < 0", "Revenue can't be negative.", "AnnualRevenue")
	s.run(`INSERT INTO account (name, external_id__c, annualrevenue) SELECT 'A' || n, 'x' || n, -n FROM generate_series(1, 1000) n`)
	s.drain()

	groups, err := s.inbox.Groups(t.Context(), inbox.Filter{})
	s.must(err)
	if len(groups) != 1 || groups[0].Count != 1000 || groups[0].Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" ||
		groups[0].Pattern != "Revenue can't be negative." || groups[0].Object != "Account" || groups[0].Operation != "INSERT" {
		t.Fatalf("groups: %+v", groups)
	}
	if g := groups[0]; g.Advice.Meaning == "" || g.Advice.Remedy == "" || g.Sample.LogID == 0 || g.Sample.RecordID != 1000 {
		t.Errorf("group: %+v", g)
	}

	s.rule("", "", "", "")
	var heard []int
	o := s.done(s.inbox.Retry(t.Context(), inbox.Filter{Group: groups[0].Key}, inbox.Span{Limit: 600}, false,
		func(done, of int) { heard = append(heard, done, of) }))
	if o.Done != 600 || !o.More || fmt.Sprint(heard) != "[600 600]" {
		t.Errorf("first page: %+v, progress %v", o, heard)
	}
	s.drain()
	o = s.done(s.inbox.Retry(t.Context(), inbox.Filter{Group: groups[0].Key}, o.Next, false, nil))
	if o.Done != 400 || o.More {
		t.Errorf("second page: %+v", o)
	}
	s.drain()
	s.want("states", s.lines(`SELECT state, count(*) FROM _trigger_log GROUP BY 1`), "SUCCESS|1000\n")
	s.want("rows", s.lines(`SELECT count(*), count(sfid), count(_hc_err) FROM account`), "1000|1000|0\n")
	if got := s.InOrg(`SELECT COUNT(Id) n FROM Account WHERE AnnualRevenue < 0`); !strings.Contains(got, `1000`) {
		t.Errorf("in the org: %s", got)
	}
}

// What stays refused is not chosen twice by an action on pages.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Merged)
	s.rule("Account", "AnnualRevenue < 0", "No.", "AnnualRevenue")
	s.run(`INSERT INTO account (name, external_id__c, annualrevenue) SELECT 'A' || n, 'x' || n, -n FROM generate_series(1, 5) n`)
	s.drain()
	span := inbox.Span{Limit: 2}
	for page, want := range []int{2, 2, 1} {
		o := s.done(s.inbox.Retry(t.Context(), inbox.Filter{}, span, true, nil)) // from the row: new log ids
		s.drain()
		if o.Done != want || o.More != (page < 2) {
			t.Errorf("page %d: %+v", page, o)
		}
		span = o.Next
		span.Limit = 2
	}
	if len(s.failed()) != 5 {
		t.Errorf("log:\n%s", s.states())
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.Dependency)
	s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id, sf_message, sf_result, processed_at) VALUES
		('FAILED', 'INSERT', 'account', 1, 'DUPLICATE_VALUE: duplicate value found: External_ID__c duplicates value on record with id: 001000000000001AAA [External_ID__c]', 1, now()),
		('FAILED', 'INSERT', 'account', 2, 'DUPLICATE_VALUE: duplicate value found: External_ID__c duplicates value on record with id: 001000000000002AAA [External_ID__c]', 1, now() - interval '3 days'),
		('FAILED', 'UPDATE', 'account', 3, 'REQUIRED_FIELD_MISSING: Required fields are missing: [Name]', 1, now()),
		('FAILED', 'UPDATE', 'gone', 4, 'not_mapped: table "gone" is not mapped', 1, now()),
		('FAILED', 'UPDATE', 'opportunity', 5, 'nobody knows', 1, now()),
		('SUCCESS', 'UPDATE', 'opportunity', 5, NULL, 0, now())`)
	s.run(`INSERT INTO _trigger_log_archive (id, state, action, table_name, record_id, sf_message, processed_at) VALUES
		(90, 'FAILED', 'INSERT', 'account', 6, 'DUPLICATE_VALUE: duplicate value found: External_ID__c duplicates value on record with id: 001000000000009AAA [External_ID__c]', now())`)
	for _, tt := range []struct {
		name   string
		filter inbox.Filter
		want   string
	}{
		{"all", inbox.Filter{}, "account INSERT DUPLICATE_VALUE 2, opportunity UPDATE other 1, gone UPDATE not_mapped 1, account UPDATE REQUIRED_FIELD_MISSING 1"},
		{"archive too", inbox.Filter{Archived: true, Code: "DUPLICATE_VALUE"}, "account INSERT DUPLICATE_VALUE 3"},
		{"of a table", inbox.Filter{Table: "opportunity"}, "opportunity UPDATE other 1"},
		{"of a code without one", inbox.Filter{Code: inbox.CodeOther}, "opportunity UPDATE other 1"},
		{"of a day", inbox.Filter{Within: 24 * 3600e9, Operation: "INSERT"}, "account INSERT DUPLICATE_VALUE 1"},
		{"nothing", inbox.Filter{Table: "nonsense"}, ""},
	} {
		groups, err := s.inbox.Groups(t.Context(), tt.filter)
		s.must(err)
		seen := map[string]bool{}
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprintf("%s %s %s %d", g.Table, g.Operation, g.Code, g.Count))
			seen[got[len(got)-1]] = true
		}
		ok := len(groups) == strings.Count(tt.want, ",")+1 || tt.want == "" && len(groups) == 0
		for w := range strings.SplitSeq(tt.want, ", ") {
			ok = ok && (seen[w] || tt.want == "")
		}
		if !ok {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
		for _, g := range groups {
			f := tt.filter
			f.Group = g.Key
			if list, err := s.inbox.Entries(t.Context(), f, 0, 10); err != nil || len(list) != g.Count {
				t.Errorf("%s: %d entries of group %+v, %v", tt.name, len(list), g, err)
			}
		}
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"duplicate value found: External_ID__c duplicates value on record with id: 0015g00000XyZab": "duplicate value found: External_ID__c duplicates value on record with id: …",
		"insufficient access rights on cross-reference id: 0055g000008UTKfAAO":                      "insufficient access rights on cross-reference id: …",
		"Name: data value too large: Ada Lovelace and friends (max length=10)":                      "Name: data value too large: … (max length=…)",
		"Status: bad value for restricted picklist field: Very odd":                                 "Status: bad value for restricted picklist field: …",
		`Value "x y" isn't 'one of us', 3 of 7.5 on 2026-01-31T10:00:00Z`:                           "Value … isn't … of … on …",
		"Required fields are missing: [Name]":                                                       "Required fields are missing: [Name]",
		"entity is deleted":                                                                         "entity is deleted",
		"Field_2__c doesn't match":                                                                  "Field_2__c doesn't match",
		"internationalization of an uncharacteristically":                                           "internationalization of an uncharacteristically",
		strings.Repeat("ä ", 300):                                                                   strings.TrimSpace(strings.Repeat("ä ", 100)),
	} {
		if got := inbox.Pattern(message); got != want {
			t.Errorf("%q:\n got %q\nwant %q", message, got, want)
		}
	}
}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"DUPLICATE_VALUE: x: y [A, B__c]":             "DUPLICATE_VALUE|x: y|[A B__c]",
		"insert_failed: the insert failed (log id 3)": "insert_failed|the insert failed (log id 3)|[]",
		"REQUIRED_FIELD_MISSING: missing: [Name]":     "REQUIRED_FIELD_MISSING|missing:|[Name]",
		"Error: no code":                              "other|Error: no code|[]",
		"":                                            "other||[]",
		"Salesforce accepted the change as 001, but so": "row_refused|Salesforce accepted the change as 001, but so|[]",
	} {
		c := inbox.CauseOf(message)
		if got := fmt.Sprintf("%s|%s|%v", c.Code, c.Message, c.Fields); got != want {
			t.Errorf("%q: %s, want %s", message, got, want)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("duplicate value found: 'x' 001000000000001AAA 12.5")
	f.Add("\xff'\"“")
	f.Fuzz(func(t *testing.T, message string) {
		p := inbox.Pattern(message)
		if again := inbox.Pattern(p); len([]rune(p)) > 200 || len([]rune(again)) > 200 {
			t.Errorf("%q: %q, then %q", message, p, again)
		}
		inbox.CauseOf(message)
	})
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	if n := len(inbox.KnownCodes()); n < 40 {
		t.Errorf("only %d codes are explained", n)
	}
	for _, code := range append(inbox.KnownCodes(), "SOMETHING_NEW") {
		a := inbox.AdviceFor(code)
		for _, text := range []string{a.Meaning, a.Remedy} {
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "..") {
				t.Errorf("%s: %q", code, text)
			}
		}
	}
}
