package schema

import (
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/synclinehq/syncline/internal/mapping"
)

//go:embed sql/*.sql
var bodies embed.FS

// function is one function as it should be.
type function struct {
	schema, name string
	params       string // the declared list
	args         int    // how many
	returns      string
	language     string // with volatility
	body         string
	parsed       bool // body is an expression that the server stores parsed
	comment      string
}

// data fills the placeholders of a body; everything in it is quoted.
type data struct {
	Hstore, Log, Sequence, Schema, Table, Relation, OID, Channel, Watch, State string
	Writes, EveryPing                                                          bool
	columns                                                                    []column
}

func render(file string, d data) (string, error) {
	t, err := template.ParseFS(bodies, "sql/"+file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", fmt.Errorf("fill %s: %w", file, err)
	}
	return b.String(), nil
}

// source is the text by which the catalog shows the function, none if its body
// is parsed.
func (f *function) source() string {
	if f.parsed {
		return ""
	}
	return f.body
}

// create is the statement that makes or replaces the function.
func (f *function) create() string {
	if f.parsed {
		return fmt.Sprintf("CREATE OR REPLACE FUNCTION %s(%s) RETURNS %s LANGUAGE %s RETURN %s",
			ident(f.schema, f.name), f.params, f.returns, f.language, strings.TrimPrefix(f.body, "SELECT "))
	}
	tag := "$syncline$"
	for strings.Contains(f.body, tag) {
		tag = tag[:len(tag)-1] + "_$"
	}
	return fmt.Sprintf("CREATE OR REPLACE FUNCTION %s(%s) RETURNS %s LANGUAGE %s AS %s%s%s",
		ident(f.schema, f.name), f.params, f.returns, f.language, tag, f.body, tag)
}

func (w *wish) data() data {
	return data{
		Hstore:   ident(w.hstore),
		Schema:   literal(w.schema),
		Log:      ident(w.schema, "_trigger_log"),
		Sequence: literal(ident(w.schema, "_trigger_log_id_seq")) + "::pg_catalog.regclass",
		Channel:  literal(Channel(w.schema)),
		Watch:    fmt.Sprintf("%d::pg_catalog.int8", WatchLock(w.schema)),

		EveryPing: w.pings,
	}
}

// getXMLBinary is Heroku's public function, as one that the planner inlines
// into the WHEN clause of each log trigger. A parsed body, which PostgreSQL 14
// and newer can store, spares each statement the parsing of it.
func getXMLBinary(parsed bool) (*function, error) {
	body, err := render("get_xmlbinary.sql", data{})
	if err != nil {
		return nil, err
	}
	return &function{
		schema: "public", name: "get_xmlbinary", returns: "pg_catalog.varchar", language: "sql STABLE",
		body: strings.TrimSpace(body), parsed: parsed, comment: marker + " tells the session's xmlbinary setting",
	}, nil
}

// marker starts the comment on functions outside the connection's schema that
// are ours to replace.
const marker = "syncline:"

// systemFunctions are those that a schema has once.
func (w *wish) systemFunctions() ([]*function, error) {
	h := ident(w.hstore) + ".hstore"
	const texts = " pg_catalog.text[] DEFAULT ARRAY[]::pg_catalog.text[]"
	list := []struct {
		file string
		f    function
	}{
		{"notify.sql", function{name: "tlog_notify_trigger", returns: "trigger"}},
		{"truncate.sql", function{name: TruncateFunction, returns: "trigger"}},
		{"capture_insert.sql", function{
			name: "hc_capture_insert_from_row", returns: "integer", args: 3,
			params: "source_row " + h + ", table_name pg_catalog.varchar, excluded_cols" + texts,
		}},
		{"capture_update.sql", function{
			name: "hc_capture_update_from_row", returns: "integer", args: 3,
			params: "source_row " + h + ", table_name pg_catalog.varchar, columns_to_include" + texts,
		}},
	}
	out := make([]*function, 0, len(list))
	for i := range list {
		body, err := render(list[i].file, w.data())
		if err != nil {
			return nil, err
		}
		f := &list[i].f
		f.schema, f.language, f.body = w.schema, "plpgsql", body
		out = append(out, f)
	}
	return out, nil
}

// tableFunctions are the two behind the row triggers of a mapped table with the
// given columns.
func (w *wish) tableFunctions(t *mapping.Table, columns []column) ([]*function, error) {
	d := w.data()
	d.Table, d.Relation, d.columns = literal(t.Name), ident(w.schema, t.Name), columns
	d.OID = literal(d.Relation) + "::pg_catalog.regclass"
	d.Writes = t.Access == mapping.ReadWrite
	d.State = "READONLY"
	if d.Writes {
		d.State = "NEW"
	}
	var out []*function
	for _, part := range []struct{ file, name string }{
		{"logger.sql", LoggerFunction(t.Name)}, {"status.sql", StatusFunction(t.Name)},
	} {
		body, err := render(part.file, d)
		if err != nil {
			return nil, err
		}
		out = append(out, &function{
			schema: w.schema, name: part.name, returns: "trigger", language: "plpgsql", body: body,
		})
	}
	return out, nil
}
