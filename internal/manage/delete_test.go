package manage_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

func TestAMappingIsDeletedAndItsTableStays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce.account (name, external_id__c) VALUES ('mine', 'x1'), ('mine too', 'x2')`)
	remove := func(how manage.MappingRemoval) error {
		return r.service.DeleteMapping(t.Context(), admin(), "", "account", how)
	}
	for name, tt := range map[string]struct {
		how  manage.MappingRemoval
		want string
	}{
		"no confirmation":      {manage.MappingRemoval{}, "the confirmation does not match"},
		"another confirmation": {manage.MappingRemoval{Confirm: "account"}, "the confirmation does not match"},
		"changes wait":         {manage.MappingRemoval{Confirm: "Account"}, "2 changes of Account wait to be sent"},
	} {
		if err := remove(tt.how); kindOf(err) != manage.Conflict || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := r.service.Mapping(t.Context(), admin(), "", "Account"); err != nil || m.Status.Paused {
		t.Fatalf("after refusals: %+v, %v", m.Status, err)
	}
	r.sql(`UPDATE salesforce._trigger_log SET state = 'PENDING' WHERE id = 1`)
	r.sql(`CREATE VIEW mine AS SELECT name FROM salesforce.account`)
	if err := r.service.DeleteMapping(t.Context(), as(store.Operator, conn.ID), "", "Account", manage.MappingRemoval{Confirm: "Account"}); kindOf(err) != manage.Refused {
		t.Errorf("an operator: %v", err)
	}
	r.sql(`UPDATE salesforce._trigger_log SET state = 'NEW' WHERE id = 1`)
	if err := remove(manage.MappingRemoval{Confirm: "Account", DropTable: true, Discard: true}); err == nil || r.text(`SELECT count(*)::text FROM mine`) != "2" {
		t.Errorf("a table that a view depends on is dropped: %v", err)
	}
	if err := remove(manage.MappingRemoval{Confirm: "Account", Discard: true}); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce.account (name) VALUES ('later')`)
	if got := r.text(`SELECT string_agg(DISTINCT state, ' ') || ' ' || count(*) FROM salesforce._trigger_log`); got != "IGNORED 2" {
		t.Errorf("log: %s", got)
	}
	if got := r.text(`SELECT count(*)::text FROM mine`); got != "3" {
		t.Errorf("%s rows stay", got)
	}
	trail, err := r.service.AuditTrail(t.Context(), admin(), "", 0, 1)
	if err != nil || trail[0].Action != "mapping.delete" || !strings.Contains(string(trail[0].After), "2") {
		t.Errorf("audit trail: %+v, %v", trail, err)
	}
	// The same table is taken up again.
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce.account (name) VALUES ('captured')`)
	if got := r.text(`SELECT state FROM salesforce._trigger_log ORDER BY id DESC LIMIT 1`); got != "NEW" {
		t.Errorf("the entry of a table that is mapped again: %s", got)
	}
}

func TestAMappingIsDeletedWithItsTable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	if err := r.service.DeleteMapping(t.Context(), admin(), "", "Account", manage.MappingRemoval{Confirm: "Account", DropTable: true}); err != nil {
		t.Fatal(err)
	}
	if got := r.text(`SELECT coalesce(to_regclass('salesforce.account')::text, 'gone')`); got != "gone" {
		t.Errorf("the table is %s", got)
	}
	if all, err := r.service.Mappings(t.Context(), admin(), ""); err != nil || len(all) != 0 {
		t.Errorf("mappings: %+v, %v", all, err)
	}
	if err := r.importing(withOurs(`{"mappings": {"Account": {"exact_numbers": true, "timestamptz": true}}}`)); err != nil {
		t.Fatal(err)
	}
	if got := r.text(`SELECT data_type FROM information_schema.columns WHERE table_name = 'account' AND column_name = 'systemmodstamp'`); got != "timestamp with time zone" {
		t.Errorf("made anew with an option: %s", got)
	}
}

func TestAMappingWhoseWritesAreOnTheirWayIsNotDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	r.sql(`INSERT INTO salesforce.account (name) VALUES ('mine'); UPDATE salesforce._trigger_log SET state = 'PENDING'`)
	err := r.service.DeleteMapping(t.Context(), admin(), "", "Account", manage.MappingRemoval{Confirm: "Account", Discard: true})
	if kindOf(err) != manage.Conflict || !strings.Contains(err.Error(), "1 writes of Account are on their way") {
		t.Errorf("%v", err)
	}
	if m, err := r.service.Mapping(t.Context(), admin(), "", "Account"); err != nil || m.ID == uuid.Nil || m.Status.Paused || m.Access != mapping.ReadWrite {
		t.Errorf("after that: %+v, %v", m, err)
	}
}

// A mapping or a connection that goes in the middle of its first load leaves the
// table with its indexes.
func TestATableStaysWithItsIndexes(t *testing.T) {
	t.Parallel()
	const indexes = `SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'account'`
	for name, remove := range map[string]func(r *rig) error{
		"mapping": func(r *rig) error {
			return r.service.DeleteMapping(r.t.Context(), admin(), "", "Account", manage.MappingRemoval{Confirm: "Account"})
		},
		"connection": func(r *rig) error {
			return r.service.DeleteConnection(r.t.Context(), admin(), "", "shop-1", false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.connect()
			if err := r.importing(accounts); err != nil {
				t.Fatal(err)
			}
			m, err := r.service.Mapping(t.Context(), admin(), "", "Account")
			if err == nil {
				err = r.store.SetStage(t.Context(), m.ID, mapping.StageLoading)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := r.text(indexes)
			r.sql(`DROP INDEX salesforce.hc_idx_account_systemmodstamp; UPDATE _syncline.owned_table SET stripped_at = now(),
				stripped_indexes = '[{"name": "hc_idx_account_systemmodstamp", "column": "systemmodstamp"}]' WHERE table_name = 'account'`)
			if err := remove(r); err != nil {
				t.Fatal(err)
			}
			if got := r.text(indexes); got != before {
				t.Errorf("indexes %s, before %s", got, before)
			}
		})
	}
}
