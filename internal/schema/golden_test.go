package schema_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-golden +got):\n%s", file, diff)
	}
}

const (
	tablesSQL = `
		SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
		       CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE '' END,
		       coalesce('DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''),
		       CASE WHEN a.attcollation NOT IN (0, 'pg_catalog.default'::regcollation) THEN 'COLLATE ' || a.attcollation::regcollation ELSE '' END
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = 'salesforce'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
		ORDER BY c.relname COLLATE "C", a.attnum`
	indexesSQL = `
		SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relnamespace = 'salesforce'::regnamespace ORDER BY c.relname COLLATE "C"`
	triggersSQL = `
		SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE c.relnamespace = 'salesforce'::regnamespace AND NOT t.tgisinternal
		ORDER BY c.relname COLLATE "C", t.tgname COLLATE "C"`
	functionsSQL = `
		SELECT p.oid::regprocedure || ' RETURNS ' || format_type(p.prorettype, NULL), pg_get_function_arguments(p.oid), l.lanname
		FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace = 'salesforce'::regnamespace OR p.proname = 'get_xmlbinary'
		ORDER BY p.oid::regprocedure::text COLLATE "C"`
)

func TestSchemaIsHerokuConnects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apply(account(mapping.ReadWrite), table("User", mapping.ReadOnly, text("Name", 121)))
	c := s.user()
	s.run(c, "SET search_path = ''")
	golden(t, "tables.txt", s.lines(c, tablesSQL))
	golden(t, "indexes.txt", s.lines(c, indexesSQL))
	golden(t, "triggers.txt", s.lines(c, triggersSQL))
	golden(t, "functions.txt", s.lines(c, functionsSQL))
}

func TestApplyTwiceDoesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tables := []*mapping.Table{account(mapping.ReadWrite), table("User", mapping.ReadOnly, text("Name", 121))}
	if first := s.apply(tables...); first.Empty() {
		t.Fatal("nothing was made")
	}
	for _, path := range []string{"''", "salesforce", "pg_temp, salesforce, public"} {
		c := s.user()
		s.run(c, "SET search_path = "+path)
		change, err := schema.Plan(t.Context(), c, s.conn, tables)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range change.Statements {
			t.Errorf("search_path %s: %s %s: %s", path, st.Kind, st.Table, st.Reason)
		}
	}
}
