package manage_test

import (
	"testing"

	"github.com/synclinehq/syncline/internal/manage"
)

func TestPreviewWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if p, err := r.service.PreviewWrites(t.Context(), admin(), ""); err != nil || p.Looked != 0 {
		t.Errorf("without mappings: %+v, %v", p, err)
	}
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce._trigger_log (state, action, table_name, record_id, "values")
		VALUES ('NEW', 'INSERT', 'account', 1, 'name=>A'), ('NEW', 'INSERT', 'nowhere', 2, 'name=>B')`)
	p, err := r.service.PreviewWrites(t.Context(), admin(), "")
	if err != nil || p.Looked != 2 || len(p.Fails) != 1 || p.Fails[0].Code != "not_mapped" || len(p.Sets)+len(p.Ends) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if err := r.service.SetPausedWay(t.Context(), admin(), "", "Account", manage.Writes, true); err != nil {
		t.Fatal(err)
	}
	p, err = r.service.PreviewWrites(t.Context(), admin(), "")
	if err != nil || len(p.Held) != 1 || p.Held[0].Table != "account" {
		t.Errorf("paused: %+v, %v", p, err)
	}
}
