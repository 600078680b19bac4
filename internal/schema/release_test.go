package schema_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

// contactForm is what a first load takes away for a while.
const contactForm = `SELECT pg_get_indexdef(indexrelid) AS line FROM pg_index WHERE indrelid = 'salesforce.contact'::regclass
	UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'salesforce.contact'::regclass
	UNION ALL SELECT attname || coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid = 'salesforce.contact'::regclass AND attnum > 0 ORDER BY 1`

// stripped makes a table that its load has left stripped, with two rows, and
// returns how it was before.
func (s *site) stripped() (before string) {
	s.Helper()
	t := contact(mapping.ReadWrite)
	s.apply(t)
	c := s.user()
	before = s.lines(c, contactForm)
	err := s.db.Plain(s.Context(), target.Limits{}, func(ctx context.Context, tx pgx.Tx) error {
		ok, err := schema.Strip(ctx, tx, s.conn, t)
		if err == nil && !ok {
			s.Fatal("the table was not stripped")
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	if s.lines(c, contactForm) == before {
		s.Fatal("nothing was taken")
	}
	s.run(c, "SET xmlbinary = 'hex'; INSERT INTO salesforce.contact (sfid, name) VALUES ('003000000000001AAA', 'a'), ('003000000000002AAA', 'b')")
	return before
}

func TestRedressPutsBackWhatALoadTook(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.stripped()
	for range 2 {
		if err := schema.Redress(t.Context(), s.db, s.conn); err != nil {
			t.Fatal(err)
		}
		equal(t, "the table", s.lines(s.user(), contactForm), before)
	}
	if yes, err := schema.Stripped(t.Context(), s.db.Pool(), "salesforce", "contact"); yes || err != nil {
		t.Error(yes, err)
	}
}

func TestATableReleasedDuringItsLoadHasItsIndexes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stripped()
	const indexes = `SELECT indexname FROM pg_indexes WHERE tablename = 'contact' ORDER BY 1`
	if err := schema.ReleaseTables(t.Context(), s.db, s.conn, "contact"); err != nil {
		t.Fatal(err)
	}
	c := s.user()
	got := s.lines(c, indexes)
	equal(t, "triggers", s.lines(c, `SELECT tgname FROM pg_trigger WHERE tgrelid = 'salesforce.contact'::regclass`), "")
	s.apply(contact(mapping.ReadWrite))
	equal(t, "indexes", got, s.lines(c, indexes))
}

// Records that share a value of a unique column leave its index out.
func TestRedressLeavesOutWhatTheRowsDoNotAllow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.stripped()
	c := s.user()
	s.run(c, "SET xmlbinary = 'hex'; INSERT INTO salesforce.contact (sfid, name) VALUES ('003000000000002AAA', 'twin')")
	if err := schema.Redress(t.Context(), s.db, s.conn); err != nil {
		t.Fatal(err)
	}
	equal(t, "left out", s.lines(c, `SELECT index_name, sample FROM _syncline.missing_index`), "hcu_idx_contact_sfid | {003000000000002AAA,003000000000002AAA}\n")
}
