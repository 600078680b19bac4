package schema_test

import (
	"errors"
	"testing"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
)

func TestDropTablesTakesOnlyWhatIsOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(contact(mapping.ReadWrite), account(mapping.ReadOnly))
	c := s.user()
	s.run(c, "INSERT INTO salesforce.contact (name) VALUES ('a'); CREATE TABLE salesforce.mine ()")

	err := schema.DropTables(t.Context(), s.db, s.conn, "contact", "mine")
	var taken *schema.TableTakenError
	if !errors.As(err, &taken) || taken.Table != "mine" {
		t.Errorf("error %v", err)
	}
	const left = `SELECT to_regclass('salesforce.contact'), to_regproc('salesforce.hc_contact_logger'),
		(SELECT count(*) FROM _syncline.owned_table WHERE table_name = 'contact'), (SELECT count(*) FROM salesforce._trigger_log)`
	equal(t, "after the refusal", s.lines(c, left), "salesforce.contact | salesforce.hc_contact_logger | 1 | 1\n")
	if err := schema.DropTables(t.Context(), s.db, s.conn, "contact", "absent"); err != nil {
		t.Fatal(err)
	}
	equal(t, "after the drop", s.lines(c, left), "<null> | <null> | 0 | 1\n")
	s.apply(contact(mapping.ReadWrite))
	s.run(c, "CREATE VIEW public.v AS SELECT name FROM salesforce.contact")
	if err := schema.DropTables(t.Context(), s.db, s.conn, "contact"); err == nil {
		t.Error("a table with a user's view on it was dropped")
	}
}
