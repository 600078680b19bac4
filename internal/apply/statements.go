package apply

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// statements are the SQL of one table. $-arguments are arrays throughout, so
// that one statement serves a batch of any size.
type statements struct {
	table string // the quoted name
	// lock and find match rows by sfid ($1) and, for rows without one, by the
	// unique identifier ($2, if there is one). Both give id, sfid, unique
	// identifier as text.
	lock, find string
	read       string // whole rows by id ($1)
	equal      string // whole rows that are in sync, by sfid ($1)
	remove     string // by id ($1)
	copyTable  string // binary COPY of a batch
	copyNew    string // the same with the status behind each record
	// updates set every column of rows that differ. keep leaves the status
	// columns alone and so does not compare them. From arrays or from the
	// stage.
	update, keep sources
	// release empties the unique columns of rows that are to get other values
	// there, so that two rows can change places.
	release sources
	// inserts add rows and give the sfids of those added.
	insert                 sources
	createStage, copyStage string
	dropStage              string
}

// sources is one statement over rows that come as arrays or from the stage.
type sources struct{ arrays, stage string }

func newStatements(schema string, t *mapping.Table) statements {
	n := namer{table: pgx.Identifier{schema, t.Name}.Sanitize(), t: t}
	return statements{
		table: n.table,

		lock:  n.find() + " ORDER BY id FOR UPDATE SKIP LOCKED",
		find:  n.find(),
		equal: fmt.Sprintf(`SELECT id, %s FROM %s WHERE sfid = ANY($1::text[]) AND _hc_lastop = 'SYNCED'`, n.images(), n.table),

		read: fmt.Sprintf(`SELECT id, %s FROM %s WHERE id = ANY($1::int[])`, n.images(), n.table),

		remove:    fmt.Sprintf(`DELETE FROM %s WHERE id = ANY($1::int[])`, n.table),
		copyNew:   fmt.Sprintf(`COPY %s (%s, _hc_lastop) FROM STDIN WITH (FORMAT binary)`, n.table, n.list("")),
		copyTable: fmt.Sprintf(`COPY %s (%s) FROM STDIN WITH (FORMAT binary)`, n.table, n.list("")),

		update:  sources{n.update(n.arrays(), true), n.update(stage, true)},
		keep:    sources{n.update(n.arrays(), false), n.update(stage, false)},
		release: sources{n.release(n.arrays()), n.release(stage)},
		insert:  sources{n.insert(n.arrays()), n.insert(stage)},

		createStage: n.createStage(),
		copyStage:   fmt.Sprintf(`COPY %s (__id, %s) FROM STDIN WITH (FORMAT binary)`, stage, n.list("")),
		dropStage:   "DROP TABLE " + stage,
	}
}

// stage is the temporary table that larger batches pass through.
const stage = "pg_temp._syncline_stage"

type namer struct {
	table string
	t     *mapping.Table
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// list names the columns in layout order, each with a prefix.
func (n namer) list(prefix string) string {
	names := make([]string, len(n.t.Columns))
	for i, c := range n.t.Columns {
		names[i] = prefix + quote(c.Name)
	}
	return strings.Join(names, ", ")
}

// images selects every column as the type of its binary image.
func (n namer) images() string {
	names := make([]string, len(n.t.Columns))
	for i, c := range n.t.Columns {
		names[i] = quote(c.Name) + "::" + c.Type.SQL()
	}
	return strings.Join(names, ", ")
}

func (n namer) find() string {
	external, also := "''", ""
	if n.t.Upsert >= 0 {
		c := n.t.Columns[n.t.Upsert]
		name := quote(c.Name)
		external = "coalesce(" + c.Type.TextSQL(name) + ", '')"
		also = fmt.Sprintf(` OR (sfid IS NULL AND %s = ANY($2::text[]::%s[]))`, name, c.Type.SQL())
	}
	return fmt.Sprintf(`SELECT id, coalesce(sfid, ''), %s FROM %s WHERE sfid = ANY($1::text[])%s`,
		external, n.table, also)
}

// arrays is the row source of a small batch: one array a column, after the
// row ids.
func (n namer) arrays() string {
	args := make([]string, len(n.t.Columns))
	for i, c := range n.t.Columns {
		args[i] = fmt.Sprintf("$%d::%s[]", i+2, c.Type.SQL())
	}
	return fmt.Sprintf("unnest($1::int[], %s) AS s(__id, %s)", strings.Join(args, ", "), n.list(""))
}

// update sets every column; the guard leaves rows alone that are equal
// already (I7 in docs/INVARIANTS.md). Text is compared by its bytes.
func (n namer) update(source string, status bool) string {
	if source == stage {
		source += " AS s"
	}
	set, ours, theirs := make([]string, len(n.t.Columns)), make([]string, len(n.t.Columns)), make([]string, len(n.t.Columns))
	for i, c := range n.t.Columns {
		name := quote(c.Name)
		set[i] = name + " = s." + name
		ours[i], theirs[i] = "t."+name, "s."+name
		if c.Type.OID() == textOID {
			theirs[i] += ` COLLATE "C"`
		}
	}
	guard := fmt.Sprintf("ROW(%s) IS DISTINCT FROM ROW(%s)", strings.Join(ours, ", "), strings.Join(theirs, ", "))
	if status {
		guard = "(" + guard + " OR t._hc_lastop IS DISTINCT FROM 'SYNCED')"
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE t.id = s.__id AND %s",
		n.table, strings.Join(set, ", "), source, guard)
}

// release is "" for a table without unique columns of its own. (A row's sfid
// never changes, so it needs no release.)
func (n namer) release(source string) string {
	if source == stage {
		source += " AS s"
	}
	var set, ours, theirs []string
	for i, c := range n.t.Columns {
		if i == n.t.Layout.ID || (!c.Unique && i != n.t.Upsert) {
			continue
		}
		name := quote(c.Name)
		set, ours, theirs = append(set, name+" = NULL"), append(ours, "t."+name), append(theirs, "s."+name)
	}
	if len(set) == 0 {
		return ""
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE t.id = s.__id AND ROW(%s) IS DISTINCT FROM ROW(%s)",
		n.table, strings.Join(set, ", "), source, strings.Join(ours, ", "), strings.Join(theirs, ", "))
}

func (n namer) insert(source string) string {
	if source == stage {
		source += " AS s"
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ON CONFLICT DO NOTHING RETURNING sfid",
		n.table, n.list(""), n.list("s."), source)
}

func (n namer) createStage() string {
	cols := make([]string, len(n.t.Columns))
	for i, c := range n.t.Columns {
		cols[i] = quote(c.Name) + " " + c.Type.SQL()
	}
	return fmt.Sprintf("CREATE TEMPORARY TABLE _syncline_stage (__id int, %s) ON COMMIT DROP", strings.Join(cols, ", "))
}

// The types that are named by number.
const (
	int4OID      = 23
	textOID      = 25
	int4ArrayOID = 1007
	textArrayOID = 1009
)

// arrayOID is the type of an array of such values.
func arrayOID(t record.Type) uint32 {
	switch t.Kind {
	case record.Bool:
		return 1000
	case record.Int:
		return 1007
	case record.Double:
		return 1022
	case record.Date:
		return 1182
	case record.Timestamp:
		if t.Zoned {
			return 1185
		}
		return 1115
	case record.Numeric:
		return 1231
	case record.Time:
		return 1183
	case record.Text, record.ID, record.MultiText:
		return 1009
	default:
		return 1009
	}
}
