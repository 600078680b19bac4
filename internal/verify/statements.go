package verify

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
)

// statements are the SQL of one table. Rows come as id and the columns in
// layout order, each as the type of its binary image.
type statements struct {
	// declare opens the cursor over rows with an Id; fetch reads from it.
	declare, fetch string
	// bySfid and byExternal read rows by sfid ($1), or those without one by the
	// unique identifier as text ($1); byExternal is "" without an identifier.
	bySfid, byExternal string
	unsent             string // ids of rows without an Id behind one ($1)
	newest             string // state of the newest telling log entry of rows ($2) and sfids ($3)
	doubles            string // identifiers that several rows share
}

const rowsPerFetch = 1000

func newStatements(schema string, t *mapping.Table) statements {
	name := pgx.Identifier{schema, t.Name}.Sanitize()
	images := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		images[i] = quote(c.Name) + "::" + c.Type.SQL()
	}
	rows := fmt.Sprintf("SELECT id, %s FROM %s", strings.Join(images, ", "), name)
	s := statements{
		declare: "DECLARE verify NO SCROLL CURSOR FOR " + rows + ` WHERE sfid IS NOT NULL ORDER BY sfid COLLATE "C"`,
		fetch:   fmt.Sprintf("FETCH %d FROM verify", rowsPerFetch),
		bySfid:  rows + " WHERE sfid = ANY($1::text[])",
		unsent:  fmt.Sprintf("SELECT id FROM %s WHERE sfid IS NULL AND id > $1 ORDER BY id LIMIT %d", name, rowsPerFetch),
		newest:  newestEntry(schema),
	}
	if t.Upsert >= 0 {
		external := quote(t.Columns[t.Upsert].Name)
		text := t.Columns[t.Upsert].Type.TextSQL(external)
		s.byExternal = fmt.Sprintf("%s WHERE sfid IS NULL AND lower(%s) = ANY($1::text[])", rows, text)
		s.doubles = fmt.Sprintf("SELECT min(%[4]s) FROM %[2]s WHERE %[1]s IS NOT NULL GROUP BY %[3]s HAVING count(*) > 1 ORDER BY 1 LIMIT 10000",
			external, name, folded(t, text), text)
	}
	return s
}

// folded is the identifier in the form in which Salesforce tells them apart.
func folded(t *mapping.Table, text string) string {
	if f := t.Columns[t.Upsert].Field; f != nil && f.CaseSensitive {
		return text
	}
	return "lower(" + text + ")"
}

// newestEntry passes over entries that say nothing of a write: captured only,
// or silenced by a person.
func newestEntry(schema string) string {
	var parts []string
	for _, table := range []string{"_trigger_log", "_trigger_log_archive"} {
		parts = append(parts, fmt.Sprintf(`SELECT id, coalesce(state, '') AS state, coalesce(record_id, 0) AS record_id, coalesce(sfid, '') AS sfid
			FROM %s WHERE table_name = $1 AND (record_id = ANY($2::int[]) OR sfid = ANY($3::text[]))
			AND coalesce(state, '') NOT IN ('READONLY', 'IGNORE', 'IGNORED')`, pgx.Identifier{schema, table}.Sanitize()))
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY id"
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
