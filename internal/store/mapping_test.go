package store_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

func TestMappingIsReadAsWritten(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	want := mapping.Mapping{
		ID: uuid.New(), ConnectionID: newConnection(t, s), ObjectName: "Account", Access: mapping.ReadOnly,
		Fields: []string{"Id", "Name"}, Indexes: map[string]mapping.Index{"Name": {Unique: true}}, UpsertField: "Ext__c",
		PollSeconds: 120, Notify: true, MaxDailyCalls: 30000, Policy: mapping.PostgresWins, Revision: 1,
		Options: mapping.Options{
			Filter: "Name != 'x\\y'", Deletes: mapping.KeepRow, PauseReads: true,
			Policies: map[string]mapping.Policy{"Name": mapping.SalesforceWins}, ResolveFrom: map[string]string{"ParentId": "parent"},
		},
		Status: mapping.Status{Stage: mapping.StageLoading},
	}
	created := must[mapping.Mapping](t)(s.CreateMapping(t.Context(), want))
	want.CreatedAt, want.UpdatedAt, want.Status.Since = created.CreatedAt, created.UpdatedAt, created.Status.Since
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	got := must[mapping.Mapping](t)(s.MappingByObject(t.Context(), want.ConnectionID, "ACCOUNT"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by object (-want +got):\n%s", diff)
	}
}

func TestObjectIsMappedOncePerConnection(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	a, b := newConnection(t, s), newConnection(t, s)
	newMapping(t, s, a, "Account")
	newMapping(t, s, b, "Account")
	_, err := s.CreateMapping(t.Context(), mapping.Mapping{
		ConnectionID: a, ObjectName: "account", Access: mapping.ReadOnly, PollSeconds: 60,
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the object in another case: %v, want a conflict", err)
	}
}

func TestRevisionMovesWithTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id := newMapping(t, s, newConnection(t, s), "Account")
	tests := []struct {
		name string
		edit func(*mapping.Mapping)
		want int
	}{
		{"nothing", func(*mapping.Mapping) {}, 1},
		{"pause", func(m *mapping.Mapping) { m.Status.Paused = true }, 1},
		{"a field", func(m *mapping.Mapping) { m.Fields = append(m.Fields, "Phone") }, 2},
		{"a field in place", func(m *mapping.Mapping) { m.Fields[1] = "Fax" }, 3},
		{"an index", func(m *mapping.Mapping) { m.Indexes["Fax"] = mapping.Index{} }, 4},
		{"the policy", func(m *mapping.Mapping) { m.Policy = mapping.SalesforceWins }, 5},
		{"an option", func(m *mapping.Mapping) { m.Options.Policies = map[string]mapping.Policy{"Fax": mapping.PostgresWins} }, 6},
		{"an option in place", func(m *mapping.Mapping) { m.Options.Policies["Fax"] = mapping.SalesforceWins }, 7},
		{"a pause of one direction", func(m *mapping.Mapping) { m.Options.PauseReads = true }, 7},
		{"not the revision itself", func(m *mapping.Mapping) { m.Revision = 99 }, 7},
	}
	for _, tt := range tests {
		got := must[mapping.Mapping](t)(s.UpdateMapping(t.Context(), id, func(m *mapping.Mapping) error { tt.edit(m); return nil }))
		if got.Revision != tt.want {
			t.Errorf("%s: revision %d, want %d", tt.name, got.Revision, tt.want)
		}
	}
}

func TestAppliedRevision(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	id := newMapping(t, s, newConnection(t, s), "Account")
	if _, err := s.Snapshot(ctx, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("snapshot before the first: %v", err)
	}
	ok(t, s.SetApplied(ctx, id, 1, json.RawMessage(`{"name":"Account"}`)))
	if got := must[json.RawMessage](t)(s.Snapshot(ctx, id)); string(got) != `{"name": "Account"}` {
		t.Errorf("snapshot %s", got)
	}
	if err := s.SetApplied(ctx, id, 0, json.RawMessage(`{}`)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an older revision: %v, want a conflict", err)
	}
	if err := s.SetApplied(ctx, uuid.New(), 1, json.RawMessage(`{}`)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown mapping: %v", err)
	}
}

func TestCountsKeepWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	connection := newConnection(t, s)
	id := newMapping(t, s, connection, "Account")
	early, late := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	ok(t, s.SetCounts(ctx, id, store.Counts{RowsDB: new(int64(5)), PolledAt: &late}))
	ok(t, s.SetCounts(ctx, id, store.Counts{Pending: new(int64(2)), PolledAt: &early}))
	got := must[map[uuid.UUID]store.Counts](t)(s.Counts(ctx, connection))
	want := map[uuid.UUID]store.Counts{id: {RowsDB: new(int64(5)), Pending: new(int64(2)), PolledAt: &late}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestMappingStatesOfAllConnections(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := newConnection(t, s)
	newMapping(t, s, newConnection(t, s), "Account")
	m := must[mapping.Mapping](t)(s.Mapping(t.Context(), newMapping(t, s, c, "Contact")))
	ok(t, s.SetStage(t.Context(), m.ID, mapping.StageSynced))
	list := must[[]store.MappingState](t)(s.MappingStates(t.Context()))
	want := store.MappingState{ID: m.ID, Connection: c, ObjectName: "Contact", Access: m.Access, Revision: m.Revision, Stage: mapping.StageSynced}
	if len(list) != 2 || !slices.Contains(list, want) {
		t.Errorf("%+v is not one of two in %+v", want, list)
	}
}
