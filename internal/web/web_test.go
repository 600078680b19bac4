package web

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/verify"
)

var update = flag.Bool("update", false, "write the golden files")

// hostile is a name with everything that could break out of a page.
const hostile = `<script>alert("x")</script>'"&`

// asOf is when the sample is shown.
var asOf = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func sample() *manage.Status {
	rows := int64(500)
	return &manage.Status{
		Connection: mapping.Connection{
			Name: hostile, ResourceName: "shop-1", Schema: "salesforce",
			Org:    mapping.Org{OrganizationID: "00D000000000001EAA", Username: "integration@example.com"},
			Status: mapping.Status{Stage: mapping.StageAuthorized},
		},
		State:   mapping.State{Value: "IDLE", Label: "OK", Meaning: "All is well.", Class: mapping.OK},
		Summary: "OK", StalenessToPostgres: 1500 * time.Millisecond,
		Queue: manage.Queue{Unsent: 2, Pending: 1, Failed: 1, Oldest: 900 * time.Millisecond},
		Calls: manage.Calls{Total: 42, Org: budget.Usage{Used: 50, Max: 100000}},
		Mappings: []manage.MappingStatus{
			{
				Mapping: mapping.Mapping{ObjectName: "Account", Access: mapping.ReadWrite, Status: mapping.Status{Stage: mapping.StageSynced, Cause: hostile}},
				State:   mapping.State{Value: "DATA_SYNCED", Class: mapping.OK}, Table: "account", RowsSalesforce: &rows, RowsPostgres: &rows,
				Queue: manage.Queue{Unsent: 2, Failed: 1}, Staleness: time.Second,
				Proof: &verify.Outcome{Began: asOf.Add(-90 * time.Second), Equal: true},
			},
			{
				Mapping: mapping.Mapping{ObjectName: "Contact", Options: mapping.Options{PauseReads: true}, Status: mapping.Status{Stage: mapping.StageSynced}},
				State:   mapping.State{Value: "DATA_SYNCED", Class: mapping.OK}, Table: "contact", Staleness: time.Hour,
				Proof: &verify.Outcome{Began: asOf.Add(-time.Hour), Differences: 3},
			},
			{
				Mapping:    mapping.Mapping{ObjectName: "Big__c", Access: mapping.ReadOnly, Status: mapping.Status{Stage: mapping.StageLoading, Paused: true}},
				State:      mapping.State{Value: "RELOAD_TABLE", Class: mapping.OK},
				Table:      "big__c",
				LoadedRows: 2000, LoadTotal: 9000, Staleness: -1,
			},
		},
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := page{
		Title: hostile, Who: "ann", Role: "admin", Version: "test", Live: "/ui/connections/x/live",
		Connections: []tab{{Name: hostile, ID: "x", Current: true}, {Name: "other", ID: "y"}}, View: show(sample(), asOf),
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "page", p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>alert") {
		t.Error("a name's HTML is in the page as it is")
	}
	golden(t, "page.html", b.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make it with: go test ./internal/web -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*manage.Status)
		want   string
	}{
		{"quiet", func(s *manage.Status) { s.Queue = manage.Queue{} }, "All 3 mappings up to date as of 1.5s ago."},
		{"on the way", func(s *manage.Status) { s.Queue = manage.Queue{Unsent: 1} }, "1 change on the way to Salesforce."},
		{"refused", func(*manage.Status) {}, "The sync runs, but Salesforce refused 1 change."},
		{"paused", func(s *manage.Status) { s.Connection.Status.Paused = true }, "The sync is paused; changes go on to be captured."},
		{"paused one by one", func(s *manage.Status) {
			s.Connection.Options.PauseReads, s.Connection.Options.PauseWrites = true, true
		}, "The sync is paused; changes go on to be captured."},
		{"reads paused", func(s *manage.Status) { s.Connection.Options.PauseReads = true }, "What changes in Salesforce is not read: reads are paused."},
		{"writes paused", func(s *manage.Status) { s.Connection.Options.PauseWrites = true }, "Writes are paused; waiting to be sent: 3 changes."},
		{"empty", func(s *manage.Status) { s.Mappings = nil }, "Nothing is kept equal yet: import a configuration file with syncline config import."},
		{"trouble", func(s *manage.Status) { s.State.Class = mapping.Failed }, "The sync stands still: All is well."},
		{"a mapping's trouble", func(s *manage.Status) { s.Summary = "BAD_CONFIG" }, "Not all mappings are well; see below."},
	}
	for _, tt := range tests {
		st := sample()
		tt.change(st)
		if got := sentence(st); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) is %q, want %q", n, got, want)
		}
	}
}
