package schema

import (
	"fmt"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// wish is what a schema should look like; names in it are not yet quoted.
type wish struct {
	schema string
	hstore string // the schema that hstore is in
	// ucsBasic: this database has the collation of that name.
	ucsBasic bool
	// pings: every commit notifies, also while a listener watches the log.
	pings bool
}

// column is a column as it should be. collate is a clause, quoted.
type column struct {
	name, kind, collate string
	rest                string // what follows at creation only: NOT NULL, serial
}

func (c column) definition() string {
	d := ident(c.name) + " " + c.kind
	if c.collate != "" {
		d += " " + c.collate
	}
	if c.rest != "" {
		d += " " + c.rest
	}
	return d
}

// index is an index as it should be.
type index struct {
	name   string
	unique bool
	on     string // what follows the access method: columns and predicate
	column string // the only one, of a mapped table's index
}

func (x index) create(schema, table string) string {
	what := "INDEX"
	if x.unique {
		what = "UNIQUE INDEX"
	}
	return fmt.Sprintf("CREATE %s %s ON %s USING btree %s", what, ident(x.name), ident(schema, table), x.on)
}

// trigger is a trigger as it should be.
type trigger struct {
	name, function string
	clause         string // what stands between the name and ON
	tail           string // what stands between the table and EXECUTE
	bits           int16  // pg_trigger.tgtype
	when           bool   // has a WHEN clause
}

// The bits of pg_trigger.tgtype.
const (
	tgRow      = 1
	tgBefore   = 2
	tgInsert   = 4
	tgDelete   = 8
	tgUpdate   = 16
	tgTruncate = 32
)

func (t trigger) create(schema, table string) string {
	return fmt.Sprintf("CREATE TRIGGER %s %s ON %s %s EXECUTE FUNCTION %s()",
		ident(t.name), t.clause, ident(schema, table), t.tail, ident(schema, t.function))
}

// tableTriggers are the triggers of a mapped table.
func tableTriggers(table string) []trigger {
	return []trigger{
		{
			name: LogTrigger(table), function: LoggerFunction(table),
			clause: "AFTER INSERT OR DELETE OR UPDATE",
			tail:   "FOR EACH ROW WHEN (((public.get_xmlbinary())::text = 'base64'::text))",
			bits:   tgRow | tgInsert | tgDelete | tgUpdate, when: true,
		},
		{
			name: StatusTrigger(table), function: StatusFunction(table),
			clause: "BEFORE INSERT OR UPDATE", tail: "FOR EACH ROW", bits: tgRow | tgBefore | tgInsert | tgUpdate,
		},
		{
			name: TruncateTrigger(table), function: TruncateFunction,
			clause: "BEFORE TRUNCATE", tail: "FOR EACH STATEMENT", bits: tgBefore | tgTruncate,
		},
	}
}

// columns are those of a mapped table in the order of creation: the mapped
// ones, then Heroku's fixed tail. A table made earlier gets missing ones
// appended.
func (w *wish) columns(t *mapping.Table) []column {
	var out []column
	for _, c := range t.Columns {
		if c.Name != "sfid" {
			out = append(out, column{name: c.Name, kind: typeName(c.Type)})
		}
	}
	sfid := column{name: "sfid", kind: "character varying(18)"}
	if w.ucsBasic {
		sfid.collate = "COLLATE pg_catalog.ucs_basic"
	}
	return append(out, sfid,
		column{name: "id", kind: "integer", rest: "serial"},
		column{name: "_hc_lastop", kind: "character varying(32)"},
		column{name: "_hc_err", kind: "text"})
}

// typeName is the column's type as format_type spells it.
func typeName(t record.Type) string {
	switch {
	case t.Kind == record.ID:
		return "character varying(18)"
	case t.SQL() == "text" && t.Length > 0:
		return fmt.Sprintf("character varying(%d)", t.Length)
	default:
		return t.SQL()
	}
}

// indexes are those of a mapped table: always sfid, systemmodstamp and the
// unique identifier, and what the mapping lists.
func indexes(t *mapping.Table, taken func(name, table string) bool) []index {
	var out []index
	for i, c := range t.Columns {
		unique := c.Unique || c.Name == "sfid" || i == t.Upsert
		if !unique && !c.Indexed && c.Name != "systemmodstamp" {
			continue
		}
		name := indexName(unique, t.Name, c.Name)
		if taken(name, t.Name) {
			name = hashedWith(name, t.Name)
		}
		out = append(out, index{name: name, unique: unique, on: "(" + ident(c.Name) + ")", column: c.Name})
	}
	return out
}
