package manage_test

import (
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

func TestStatusTellsHowFarALoadHasCome(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	m, err := r.service.Mapping(t.Context(), admin(), "", "Account")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.StartProgress(t.Context(), conn.ID, m.ID, 0); err != nil {
		t.Fatal(err)
	}
	load := func(stage mapping.Stage, p store.Progress) *manageLoad {
		t.Helper()
		p.Mapping = m.ID
		if err := r.store.SaveProgress(t.Context(), conn.ID, p); err != nil {
			t.Fatal(err)
		}
		if err := r.store.SetStage(t.Context(), m.ID, stage); err != nil {
			t.Fatal(err)
		}
		st, err := r.service.Status(t.Context(), admin(), "")
		if err != nil {
			t.Fatal(err)
		}
		if l := st.Mappings[0].Load; l != nil {
			return &manageLoad{l.Rows, l.Total, l.Bytes, l.RowRate > 0, l.Left}
		}
		return nil
	}
	if l := load(mapping.StageCreated, store.Progress{}); l != nil {
		t.Errorf("before it loads: %+v", l)
	}
	if l := load(mapping.StageLoading, store.Progress{}); l == nil || l.rate || l.left >= 0 {
		t.Errorf("at the start: %+v", l)
	}
	if l := load(mapping.StageLoading, store.Progress{Rows: 100, Bytes: 5000}); l == nil || !l.rate || l.left >= 0 || l.bytes != 5000 {
		t.Errorf("a total that is not known: %+v", l)
	}
	if l := load(mapping.StageLoading, store.Progress{Rows: 100, Bytes: 5000, Total: 400}); l == nil || l.left <= 0 || l.total != 400 {
		t.Errorf("a quarter: %+v", l)
	}
	if l := load(mapping.StageLoading, store.Progress{Rows: 410, Total: 400}); l == nil || l.left != 0 {
		t.Errorf("more than expected: %+v", l)
	}
	if l := load(mapping.StageSynced, store.Progress{Rows: 410, Total: 400}); l != nil {
		t.Errorf("loaded: %+v", l)
	}
}

// manageLoad is a load without what depends on the clock.
type manageLoad struct {
	rows, total, bytes int64
	rate               bool
	left               time.Duration
}
