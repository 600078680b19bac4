package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
)

func TestTurnsThatAConnectionShouldHave(t *testing.T) {
	t.Parallel()
	synced := func(edit func(*mapping.Mapping)) mapping.Mapping {
		m := mapping.Mapping{ID: uuid.New(), Access: mapping.ReadWrite, Revision: 1, Status: mapping.Status{Stage: mapping.StageSynced}}
		if edit != nil {
			edit(&m)
		}
		return m
	}
	loading := func(m *mapping.Mapping) { m.Status.Stage = mapping.StageLoading }
	noReads := func(m *mapping.Mapping) { m.Options.PauseReads = true }
	noWrites := func(m *mapping.Mapping) { m.Options.PauseWrites = true }
	paused := func(m *mapping.Mapping) { m.Status.Paused = true }
	readOnly := func(m *mapping.Mapping) { m.Access = mapping.ReadOnly }
	both := func(edits ...func(*mapping.Mapping)) func(*mapping.Mapping) {
		return func(m *mapping.Mapping) {
			for _, edit := range edits {
				edit(m)
			}
		}
	}
	tests := []struct {
		name       string
		connection mapping.ConnectionOptions
		mappings   []mapping.Mapping
		want       string
	}{
		{"no mapping", mapping.ConnectionOptions{}, nil, ""},
		{"synced", mapping.ConnectionOptions{}, []mapping.Mapping{synced(nil)}, "read tend write"},
		{"loading", mapping.ConnectionOptions{}, []mapping.Mapping{synced(loading)}, "load tend write"},
		{"paused", mapping.ConnectionOptions{}, []mapping.Mapping{synced(paused)}, "tend"},
		{"reads paused", mapping.ConnectionOptions{}, []mapping.Mapping{synced(noReads)}, "tend write"},
		{"load paused", mapping.ConnectionOptions{}, []mapping.Mapping{synced(both(noReads, loading))}, "tend write"},
		{"writes paused", mapping.ConnectionOptions{}, []mapping.Mapping{synced(noWrites)}, "read tend"},
		{"one of two", mapping.ConnectionOptions{}, []mapping.Mapping{synced(noWrites), synced(noReads)}, "read tend write"},
		{"connection's reads", mapping.ConnectionOptions{PauseReads: true}, []mapping.Mapping{synced(nil), synced(loading)}, "tend write"},
		{"connection's writes", mapping.ConnectionOptions{PauseWrites: true}, []mapping.Mapping{synced(nil), synced(loading)}, "load read tend"},
		{"read-only from the start", mapping.ConnectionOptions{}, []mapping.Mapping{synced(readOnly)}, "read tend"},
		{"read-only since an edit: entries may wait", mapping.ConnectionOptions{},
			[]mapping.Mapping{synced(both(readOnly, func(m *mapping.Mapping) { m.Revision = 2 }))}, "read tend write"},
	}
	for _, tt := range tests {
		s := &scope{
			connection: mapping.Connection{Options: tt.connection, Status: mapping.Status{Stage: mapping.StageAuthorized}}, mappings: tt.mappings,
		}
		var kinds []string
		for _, key := range s.keys() {
			kinds = append(kinds, key.Kind)
			if !s.wants(key) {
				t.Errorf("%s: %s should be and is not wanted", tt.name, key.Kind)
			}
		}
		slices.Sort(kinds)
		if got := strings.Join(kinds, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
