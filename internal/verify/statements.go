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
	// rows lists id, sfid ("" if none) and whether the row's stamp is behind a
	// moment ($2), of rows behind an id ($1); conditions and order follow.
	rows string
	// bySfid and byExternal read rows by sfid ($1), or those without one by the
	// unique identifier as text ($1); byExternal is "" without an identifier.
	bySfid, byExternal string
	unsent             string // those of some ids ($1) whose rows have no Id
	newest             string // state of the newest telling log entry of rows ($2) and sfids ($3)
	doubles            string // identifiers that several rows share
}

const rowsPerFetch = 5000

func newStatements(schema string, t *mapping.Table) statements {
	name := pgx.Identifier{schema, t.Name}.Sanitize()
	images := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		images[i] = quote(c.Name) + "::" + c.Type.SQL()
	}
	rows := fmt.Sprintf("SELECT id, %s FROM %s", strings.Join(images, ", "), name)
	changed := "$2::timestamp IS NULL"
	if t.Layout.Stamp >= 0 {
		changed = "coalesce(" + quote(t.Columns[t.Layout.Stamp].Name) + "::timestamp > $2::timestamp, true)"
	}
	s := statements{
		rows:   fmt.Sprintf("SELECT id, coalesce(sfid, ''), %s FROM %s WHERE id > $1", changed, name),
		bySfid: rows + " WHERE sfid = ANY($1::text[])",
		unsent: fmt.Sprintf("SELECT id FROM %s WHERE sfid IS NULL AND id = ANY($1::int[])", name),
		newest: newestEntry(schema),
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
