package mapping_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
)

func TestConnectionState(t *testing.T) {
	t.Parallel()
	authorized := func(c mapping.Condition, paused bool) mapping.Status {
		return mapping.Status{Stage: mapping.StageAuthorized, Condition: c, Paused: paused}
	}
	for _, tt := range []struct {
		name string
		in   mapping.ConnectionFacts
		want string
	}{
		{"new", mapping.ConnectionFacts{Status: mapping.Status{Stage: mapping.StageNew}}, "NEW"},
		{"new, paused", mapping.ConnectionFacts{Status: mapping.Status{Stage: mapping.StageNew, Paused: true}}, "NEW"},
		{"configured", mapping.ConnectionFacts{Status: mapping.Status{Stage: mapping.StageConfigured}}, "NEED_AUTHENTICATION"},
		{"quiet", mapping.ConnectionFacts{Status: authorized("", false)}, "IDLE"},
		{"sending young changes", mapping.ConnectionFacts{Status: authorized("", false), Activity: mapping.Sending, OldestUnsent: time.Second}, "IDLE"},
		{"at the limit", mapping.ConnectionFacts{Status: authorized("", false), OldestUnsent: 2 * time.Second}, "IDLE"},
		{"behind", mapping.ConnectionFacts{Status: authorized("", false), Activity: mapping.Sending, OldestUnsent: 3 * time.Second}, "POLLING_DB_CHANGES"},
		{"pausing", mapping.ConnectionFacts{Status: authorized("", true), Activity: mapping.Sending}, "POLLING_DB_CHANGES"},
		{"paused", mapping.ConnectionFacts{Status: authorized("", true)}, "PAUSED"},
		{"paused with a backlog", mapping.ConnectionFacts{Status: authorized("", true), OldestUnsent: time.Hour}, "PAUSED"},
		{"importing", mapping.ConnectionFacts{Status: authorized("", true), Activity: mapping.Importing}, "IMPORT_CONFIGURATION"},
		{"recovering", mapping.ConnectionFacts{Status: authorized(mapping.Unauthorized, false), Activity: mapping.Recovering}, "RECOVERY"},
		{"org away", mapping.ConnectionFacts{Status: authorized(mapping.SFUnavailable, false)}, "IDLE"},
		{"database away", mapping.ConnectionFacts{Status: authorized(mapping.DBUnavailable, false)}, "DB_UNAVAILABLE"},
		{"unauthorised and paused", mapping.ConnectionFacts{Status: authorized(mapping.Unauthorized, true)}, "UNAUTHORIZED"},
		{"inactive", mapping.ConnectionFacts{Status: authorized(mapping.InactiveOrg, false)}, "INACTIVE_ORG"},
		{"error", mapping.ConnectionFacts{Status: authorized(mapping.SystemError, false)}, "SYSTEM_ERROR"},
		{"rolled back", mapping.ConnectionFacts{Status: authorized(mapping.RolledBack, false)}, "SYSTEM_ERROR"},
		{"clone", mapping.ConnectionFacts{Status: authorized(mapping.ClonedDatabase, false)}, "SYSTEM_ERROR"},
	} {
		if got := mapping.ConnectionState(tt.in); got.Value != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.Value, tt.want)
		}
	}
}

func TestMappingState(t *testing.T) {
	t.Parallel()
	synced := mapping.Status{Stage: mapping.StageSynced}
	for _, tt := range []struct {
		name string
		in   mapping.MappingFacts
		want string
	}{
		{"created", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageCreated}}, "INITIAL"},
		{"creating", mapping.MappingFacts{Activity: mapping.CreatingTable}, "INITIAL"},
		{"waiting to load", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageLoading}}, "RELOAD_TABLE"},
		{"loading", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageLoading}, Activity: mapping.Loading}, "RELOAD_TABLE"},
		{"bulk load", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageLoading}, Activity: mapping.WaitingForBulkLoad}, "WAIT_BULK_LOAD"},
		{"new columns", mapping.MappingFacts{Status: synced, Activity: mapping.LoadingColumns}, "RESYNC"},
		{"altering", mapping.MappingFacts{Status: synced, Activity: mapping.AlteringTable}, "SCHEMA_CHANGED"},
		{"polling", mapping.MappingFacts{Status: synced, Activity: mapping.Polling}, "POLLING_SF_CHANGES"},
		{"synced", mapping.MappingFacts{Status: synced}, "DATA_SYNCED"},
		{"paused", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageSynced, Paused: true}}, "DATA_SYNCED"},
		{"bad", mapping.MappingFacts{Status: mapping.Status{Stage: mapping.StageSynced, Condition: mapping.BadConfig}, Activity: mapping.Polling}, "BAD_CONFIG"},
		{"the connection's trouble", mapping.MappingFacts{Status: synced, Connection: mapping.Status{Condition: mapping.DBUnavailable}}, "DB_UNAVAILABLE"},
		{"org away", mapping.MappingFacts{Status: synced, Connection: mapping.Status{Condition: mapping.SFUnavailable}}, "DATA_SYNCED"},
	} {
		if got := mapping.MappingState(tt.in); got.Value != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.Value, tt.want)
		}
	}
}

// TestStateLists holds the lists to the states that clients of Heroku Connect
// know.
func TestStateLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		states []mapping.State
		want   []string
	}{
		{mapping.ConnectionStates(), []string{
			"BUSY", "DB_UNAVAILABLE", "HEROKU_UNAUTH", "IDLE", "IMPORT_CONFIGURATION", "INACTIVE_ORG", "NEED_AUTHENTICATION", "NEW",
			"PAUSED", "POLLING_DB_CHANGES", "RECOVERY", "SYSTEM_ERROR", "TOO_MANY_ROWS", "UNAUTHORIZED",
		}},
		{mapping.MappingStates(), []string{
			"ABORTED", "APPLYING_BULK_UPDATE", "BAD_CONFIG", "BULK_LOAD_ERROR", "DATA_SYNCED", "DB_UNAVAILABLE", "INACTIVE_ORG", "INITIAL",
			"LOADING_BULK_JOB", "POLLING_SF_BULK", "POLLING_SF_CHANGES", "POLLING_SF_FOR_DELETES", "POLL_EXTERNAL_IDS", "RECOVERY",
			"RELOAD_TABLE", "RESOLVE_EXTERNAL_IDS", "RESYNC", "SCHEMA_CHANGED", "SYNC_REMOVED", "SYSTEM_ERROR", "UNAUTHORIZED",
			"WAIT_BULK_LOAD", "WAIT_BULK_UPDATE",
		}},
	} {
		var got []string
		for _, s := range tt.states {
			got = append(got, s.Value)
			if s.Label == "" || s.Meaning == "" || s.Class == "" {
				t.Errorf("%s lacks a label, meaning or class", s.Value)
			}
			if s.Produced != (s.Why == "") {
				t.Errorf("%s: a state that is not produced, and only such a one, says why", s.Value)
			}
			if s.Produced && s.Class == mapping.Failed && s.Remedy == "" {
				t.Errorf("%s: an error without a remedy", s.Value)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	state := func(stage mapping.Stage, c mapping.Condition) mapping.State {
		return mapping.MappingState(mapping.MappingFacts{Status: mapping.Status{Stage: stage, Condition: c}})
	}
	synced, creating := state(mapping.StageSynced, ""), state(mapping.StageCreated, "")
	loading, bad := state(mapping.StageLoading, ""), state(mapping.StageSynced, mapping.BadConfig)
	unauthorized := state(mapping.StageSynced, mapping.Unauthorized)
	for want, in := range map[string][]mapping.State{
		"OK":           {synced, loading, synced},
		"INITIAL":      {synced, creating, loading},
		"BAD_CONFIG":   {creating, bad, synced},
		"UNAUTHORIZED": {bad, unauthorized},
	} {
		if got := mapping.Summary(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := mapping.Summary(nil); got != "OK" {
		t.Errorf("no mappings: %s", got)
	}
}
