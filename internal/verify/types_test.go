package verify_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox"
)

// Exact numbers and timestamps with time zone are loaded, found equal, and
// found different where they are, by the last digit.
func TestExactNumbersAndTimeZones(t *testing.T) {
	t.Parallel()
	s := &site{Site: sitetest.New(t, sandbox.Options{})}
	s.Run(`ALTER DATABASE ` + s.One("SELECT quote_ident(current_database())") + ` SET timezone = 'Asia/Kolkata'`)
	s.tables = []*mapping.Table{s.TableOf(mapping.Mapping{
		ID: uuid.New(), ConnectionID: s.Connection.ID, ObjectName: "Opportunity", Access: mapping.ReadWrite, PollSeconds: 2,
		Fields: []string{"Id", "Name", "Amount", "CloseDate", "CreatedDate"}, Options: mapping.Options{ExactNumbers: true, TimestampTZ: true},
	})}
	numbers := map[string]string{"0": "0", "0.0": "0", "-1.5": "-1.5", "999999999999999": "999999999999999", "350000000": "350000000", "12.25": "12.25", "9007199254740.01": "9007199254740.01"}
	for in := range numbers {
		s.Insert("Opportunity", "Name", in, "StageName", "Prospecting", "CloseDate", "2026-01-01", "Amount", in)
	}
	s.Insert("Opportunity", "Name", "none", "StageName", "Prospecting", "CloseDate", "2026-01-01")
	s.load()
	if got := s.One(`SELECT string_agg(DISTINCT data_type, ', ') FROM information_schema.columns WHERE table_name = 'opportunity'
		AND column_name IN ('amount', 'createddate', 'systemmodstamp')`); got != "numeric, timestamp with time zone" {
		t.Fatalf("types: %s", got)
	}
	for in, want := range numbers {
		if got := s.One(`SELECT amount FROM salesforce.opportunity WHERE name = $1`, in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := s.One(`SELECT count(*) FROM salesforce.opportunity WHERE abs(extract(epoch FROM createddate - clock_timestamp())) > 3600`); got != "0" {
		t.Errorf("%s created more than an hour ago", got)
	}
	if r := s.verify(verify.Options{}); !r.Equal() || r.Mappings[0].Equal != int64(len(numbers))+1 {
		t.Errorf("%+v", r.Mappings[0])
	}
	// Zeros at the end say nothing; the last digit does.
	s.ours(`UPDATE salesforce.opportunity SET amount = 12.2500 WHERE name = '12.25'`)
	if r := s.verify(verify.Options{}); !r.Equal() {
		t.Errorf("12.2500: %+v", r.Mappings[0])
	}
	s.ours(`UPDATE salesforce.opportunity SET amount = 999999999999998 WHERE name = '999999999999999'`)
	s.ours(`UPDATE salesforce.opportunity SET createddate = createddate + interval '1 s' WHERE name = 'none'`)
	if r := s.verify(verify.Options{}); r.Differences() != 2 {
		t.Errorf("two differences: %+v", r.Mappings[0])
	}
}
