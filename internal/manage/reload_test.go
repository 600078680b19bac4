package manage_test

import (
	"testing"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

func TestReload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	m := must(r.store.Mappings(t.Context(), c.ID))[0]
	if err := r.store.SetStage(t.Context(), m.ID, mapping.StageSynced); err != nil {
		t.Fatal(err)
	}
	if err := r.service.Reload(t.Context(), as(store.Viewer, c.ID), "shop-1", "Account"); kindOf(err) != manage.Refused {
		t.Errorf("by a viewer: %v", err)
	}
	if err := r.service.Reload(t.Context(), admin(), "shop-1", "Nothing"); kindOf(err) != manage.NotFound {
		t.Errorf("of an object that is not mapped: %v", err)
	}
	if err := r.service.Reload(t.Context(), as(store.Operator, c.ID), "shop-1", "account"); err != nil {
		t.Fatal(err)
	}
	if m = must(r.store.Mappings(t.Context(), c.ID))[0]; m.Status.Stage != mapping.StageCreated {
		t.Errorf("stage %s", m.Status.Stage)
	}
	if err := r.service.SetPaused(t.Context(), admin(), "shop-1", "", true); err != nil {
		t.Fatal(err)
	}
	if err := r.service.Reload(t.Context(), admin(), "shop-1", "Account"); kindOf(err) != manage.Conflict {
		t.Errorf("while paused: %v", err)
	}
}
