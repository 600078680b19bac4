package schema

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// Kind says what a statement does.
type Kind string

// The kinds of change.
const (
	Prepare     Kind = "prepare" // schema, extension, system tables, notes of ours
	CreateTable Kind = "create table"
	AddColumn   Kind = "add column"
	Widen       Kind = "widen column"
	CreateIndex Kind = "create index"
	SetTrigger  Kind = "set trigger"
	SetFunction Kind = "set function"
)

// Statement is one step of a change.
type Statement struct {
	Kind Kind
	// Table is the table's name, unquoted; "" for what belongs to the schema.
	Table string
	SQL   string
	// Reason says for people why it is needed.
	Reason string
}

// Change is what must be done, in order, for the schema to be as it should.
type Change struct {
	Schema     string
	Statements []Statement
}

// Empty says that nothing needs to be done.
func (c *Change) Empty() bool { return len(c.Statements) == 0 }

// Plan compares the database with what conn and its tables ask for. It changes
// nothing. Schema _syncline must be there ([target.DB.Migrate]).
//
// It fails with a [*TableTakenError], a [*ColumnTypeError] or a
// [*target.RightsError] where a person must decide or grant something first.
func Plan(ctx context.Context, q Querier, conn mapping.Connection, tables []*mapping.Table) (*Change, error) {
	env, err := readEnvironment(ctx, q, conn.Schema)
	if err != nil {
		return nil, err
	}
	p := &planner{q: q, env: env, connection: conn.ID, change: &Change{Schema: conn.Schema}}
	p.wish = wish{schema: conn.Schema, hstore: env.hstore, ucsBasic: env.ucsBasic, pings: conn.Options.PingEvery}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if p.indexes, err = readIndexes(ctx, q, conn.Schema); err != nil {
		return nil, err
	}
	if err := p.readLeftOut(ctx); err != nil {
		return nil, err
	}
	if err := p.system(ctx); err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err := p.table(ctx, t); err != nil {
			return nil, err
		}
	}
	return p.change, nil
}

// planner collects statements.
type planner struct {
	wish

	q          Querier
	env        environment
	connection uuid.UUID
	indexes    map[string]string // by name, the table that it is on
	leftOut    map[string]bool   // indexes that the rows do not allow
	change     *Change
}

func (p *planner) add(kind Kind, table, sql, reason string, args ...any) {
	p.change.Statements = append(p.change.Statements,
		Statement{Kind: kind, Table: table, SQL: sql, Reason: fmt.Sprintf(reason, args...)})
}

// prepare plans what stands outside the connection's schema, and the schema.
func (p *planner) prepare() error {
	lacks := func(what, format string, args ...any) error {
		return &target.RightsError{What: what, Grant: fmt.Sprintf(format, args...)}
	}
	onDatabase := fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", p.env.database, p.env.role)
	if p.env.hstore == "" {
		if !p.env.mayCreate {
			return lacks("create extension hstore", "CREATE EXTENSION hstore WITH SCHEMA public; -- or: %s", onDatabase)
		}
		p.hstore = "public"
		p.add(Prepare, "", "CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public",
			"the trigger log is written in hstore's text form")
	}
	if err := p.xmlbinary(); err != nil {
		return err
	}
	if p.env.hstore != "" && !p.env.hstoreUse {
		return lacks("use the extension hstore", "GRANT USAGE ON SCHEMA %s TO %s;", ident(p.env.hstore), p.env.role)
	}
	switch {
	case p.env.schemaExists && !p.env.mayUse:
		return lacks("create tables in schema "+p.schema, "GRANT USAGE, CREATE ON SCHEMA %s TO %s;", ident(p.schema), p.env.role)
	case !p.env.schemaExists && !p.env.mayCreate:
		return lacks("create schema "+p.schema, "%s", onDatabase)
	case !p.env.schemaExists:
		p.add(Prepare, "", "CREATE SCHEMA "+ident(p.schema), "the connection's schema")
	}
	return nil
}

// xmlbinary plans public.get_xmlbinary, which all connections of a database
// share: one that isn't ours stays as it is.
func (p *planner) xmlbinary() error {
	f, err := getXMLBinary(p.env.version >= 140000)
	if err != nil {
		return err
	}
	switch {
	case p.env.xmlbinary && !p.env.publicUse:
		return &target.RightsError{
			What:  "use function public.get_xmlbinary()",
			Grant: fmt.Sprintf("GRANT USAGE ON SCHEMA public TO %s;", p.env.role),
		}
	case !p.env.xmlbinary && (!p.env.publicUse || !p.env.publicCreate):
		return &target.RightsError{
			What:  "create function public.get_xmlbinary()",
			Grant: fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA public TO %s;", p.env.role),
		}
	case !p.env.xmlbinary, p.env.xmlbinOurs && p.env.xmlbinSrc != f.source():
		sql := f.create() + fmt.Sprintf("; COMMENT ON FUNCTION public.get_xmlbinary() IS %s", literal(f.comment))
		p.add(SetFunction, "", sql, "capture triggers ask it who writes")
	}
	return nil
}

// system plans the system tables and the functions that a schema has once.
func (p *planner) system(ctx context.Context) error {
	for _, s := range systemTables() {
		found, err := p.lookAt(ctx, s.name)
		if err != nil {
			return err
		}
		if found == nil {
			p.add(Prepare, s.name, fmt.Sprintf("CREATE TABLE %s (%s)", ident(p.schema, s.name), s.columns), "system table")
			p.own(s.name, uuid.Nil)
			p.compress(s.name)
		}
		p.missingIndexes(s.name, s.indexes)
	}
	functions, err := p.systemFunctions()
	if err != nil {
		return err
	}
	if err := p.functions(ctx, "", functions); err != nil {
		return err
	}
	for _, s := range systemTables() {
		found, err := p.lookAt(ctx, s.name)
		if err != nil {
			return err
		}
		p.triggers(s.name, found, s.triggers)
	}
	return nil
}

// compress chooses lz4 for the log's row images: with the usual pglz an
// UPDATE of a wide row takes noticeably longer.
func (p *planner) compress(table string) {
	if table != "_trigger_log" || !p.env.lz4 {
		return
	}
	p.add(Prepare, table, fmt.Sprintf(`ALTER TABLE %s ALTER COLUMN old SET COMPRESSION lz4, ALTER COLUMN "values" SET COMPRESSION lz4`,
		ident(p.schema, table)), "lz4 makes capture cheaper")
}

// table plans one mapped table.
func (p *planner) table(ctx context.Context, t *mapping.Table) error {
	found, err := p.lookAt(ctx, t.Name)
	if err != nil {
		return err
	}
	if found == nil {
		p.createTable(t)
	} else if err := p.alterTable(t, found); err != nil {
		return err
	}
	stripped := found != nil && found.stripped // its load puts back what it lacks
	if !stripped {
		p.missingIndexes(t.Name, indexes(t, p.taken))
	}
	functions, err := p.tableFunctions(t, p.present(t, found))
	if err != nil {
		return err
	}
	if err := p.functions(ctx, t.Name, functions); err != nil {
		return err
	}
	if !stripped {
		p.triggers(t.Name, found, tableTriggers(t.Name))
	}
	return nil
}

// lookAt reads a table that must be this connection's if it is there.
func (p *planner) lookAt(ctx context.Context, table string) (*relation, error) {
	found, err := readRelation(ctx, p.q, p.schema, table)
	if err != nil || found == nil {
		return nil, err
	}
	if found.owner == nil {
		return nil, &TableTakenError{Schema: p.schema, Table: table}
	}
	if *found.owner != p.connection {
		return nil, &TableTakenError{Schema: p.schema, Table: table, Owner: found.owner.String()}
	}
	return found, nil
}

// own notes in _syncline that the table is ours.
func (p *planner) own(table string, m uuid.UUID) {
	of := "NULL"
	if m != uuid.Nil {
		of = literal(m.String())
	}
	p.add(Prepare, table, fmt.Sprintf(`INSERT INTO _syncline.owned_table (connection_id, schema_name, table_name, mapping)
		VALUES (%s, %s, %s, %s) ON CONFLICT (schema_name, table_name)
		DO UPDATE SET connection_id = EXCLUDED.connection_id, mapping = EXCLUDED.mapping`,
		literal(p.connection.String()), literal(p.schema), literal(table), of), "note that the table is ours")
}

func (p *planner) createTable(t *mapping.Table) {
	var lines []string
	for _, c := range p.columns(t) {
		if c.rest == "serial" {
			lines = append(lines, ident(c.name)+" serial PRIMARY KEY")
			continue
		}
		lines = append(lines, c.definition())
	}
	p.add(CreateTable, t.Name, fmt.Sprintf("CREATE TABLE %s (\n\t%s\n)", ident(p.schema, t.Name), strings.Join(lines, ",\n\t")),
		"table of %s", t.Object)
	p.own(t.Name, t.Mapping.ID)
}

func (p *planner) alterTable(t *mapping.Table, found *relation) error {
	if found.mapping == nil || *found.mapping != t.Mapping.ID {
		p.own(t.Name, t.Mapping.ID)
	}
	name := ident(p.schema, t.Name)
	for _, c := range p.columns(t) {
		have, ok := found.columns[c.name]
		switch {
		case !ok && c.rest == "serial":
			return &ColumnTypeError{Schema: p.schema, Table: t.Name, Column: c.name, Have: "missing", Want: "serial"}
		case !ok:
			p.add(AddColumn, t.Name, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", name, c.definition()), "column %s is mapped", c.name)
		case fits(have, c.kind):
		case widens(have, c.kind):
			p.add(Widen, t.Name, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", name, ident(c.name), c.kind),
				"%s was %s", c.name, have)
		default:
			return &ColumnTypeError{Schema: p.schema, Table: t.Name, Column: c.name, Have: have, Want: c.kind}
		}
	}
	return nil
}

// taken says whether an index name belongs to another table.
func (p *planner) taken(name, table string) bool {
	on, ok := p.indexes[name]
	return ok && on != table
}

func (p *planner) missingIndexes(table string, want []index) {
	for _, x := range want {
		if _, ok := p.indexes[x.name]; ok || p.leftOut[x.name] {
			continue
		}
		p.indexes[x.name] = table
		p.add(CreateIndex, table, x.create(p.schema, table), "index %s", x.name)
	}
}

func (p *planner) functions(ctx context.Context, table string, want []*function) error {
	for _, f := range want {
		body, ok, err := readBody(ctx, p.q, f)
		if err != nil {
			return err
		}
		if ok && body == f.body {
			continue
		}
		reason := "function %s is missing"
		if ok {
			reason = "function %s is not as this version writes it"
		}
		p.add(SetFunction, table, f.create(), reason, f.name)
	}
	return nil
}

func (p *planner) triggers(table string, found *relation, want []trigger) {
	for _, t := range want {
		if found != nil {
			have, ok := found.triggers[t.name]
			if ok && have == (foundTrigger{function: t.function, bits: t.bits, when: t.when}) {
				continue
			}
			if ok {
				p.add(SetTrigger, table, fmt.Sprintf("DROP TRIGGER %s ON %s", ident(t.name), ident(p.schema, table)),
					"trigger %s is not as it should be", t.name)
			}
		}
		p.add(SetTrigger, table, t.create(p.schema, table), "trigger %s", t.name)
	}
}
