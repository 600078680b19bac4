package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Querier is what Plan reads through: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// environment is what the database has beside the schema itself.
type environment struct {
	hstore       string // schema of the extension, "" if not installed
	hstoreUse    bool   // the role may use that schema
	schemaExists bool
	mayUse       bool // the role may create in the schema
	ucsBasic     bool
	lz4          bool   // the server compresses with lz4 on request
	role         string // quoted
	database     string // quoted
	mayCreate    bool   // the role may create schemas and extensions
	publicUse    bool
	publicCreate bool
	version      int  // server_version_num
	xmlbinary    bool // public.get_xmlbinary is there
	xmlbinOurs   bool
	xmlbinSrc    string // its text, "" of a body that is stored parsed
}

func readEnvironment(ctx context.Context, q Querier, schema string) (environment, error) {
	var e environment
	err := q.QueryRow(ctx, `
		SELECT coalesce((SELECT n.nspname FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
		                 WHERE x.extname = 'hstore'), ''),
		       coalesce((SELECT has_schema_privilege(x.extnamespace, 'USAGE') FROM pg_extension x WHERE x.extname = 'hstore'), false),
		       s.oid IS NOT NULL, coalesce(has_schema_privilege(s.oid, 'USAGE') AND has_schema_privilege(s.oid, 'CREATE'), true),
		       EXISTS (SELECT FROM pg_collation c WHERE c.collname = 'ucs_basic' AND c.collnamespace = 'pg_catalog'::regnamespace
		               AND c.collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))),
		       EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)),
		       quote_ident(current_user), quote_ident(d.datname),
		       has_database_privilege(d.oid, 'CREATE'),
		       coalesce(has_schema_privilege(p.oid, 'USAGE'), false), coalesce(has_schema_privilege(p.oid, 'CREATE'), false),
		       current_setting('server_version_num')::int, f.oid IS NOT NULL,
		       coalesce(f.prosrc, ''),
		       coalesce(obj_description(f.oid, 'pg_proc') LIKE $2 || '%' AND pg_has_role(f.proowner, 'USAGE'), false)
		FROM pg_database d
		LEFT JOIN pg_namespace s ON s.nspname = $1
		LEFT JOIN pg_namespace p ON p.nspname = 'public'
		LEFT JOIN pg_proc f ON f.pronamespace = p.oid AND f.proname = 'get_xmlbinary' AND f.pronargs = 0
		WHERE d.datname = current_database()`, schema, marker).
		Scan(&e.hstore, &e.hstoreUse, &e.schemaExists, &e.mayUse, &e.ucsBasic, &e.lz4, &e.role, &e.database,
			&e.mayCreate, &e.publicUse, &e.publicCreate, &e.version, &e.xmlbinary, &e.xmlbinSrc, &e.xmlbinOurs)
	if err != nil {
		return e, fmt.Errorf("look at the database: %w", err)
	}
	return e, nil
}

// relation is a table as it is.
type relation struct {
	oid      uint32
	owner    *uuid.UUID // the connection that it was made for
	mapping  *uuid.UUID // and the mapping
	stripped bool       // see Strip
	columns  map[string]string
	triggers map[string]foundTrigger
}

type foundTrigger struct {
	function string // its name; it counts only if it is in the same schema
	bits     int16
	when     bool
}

// readRelation reads a table, view or whatever has the name; nil if nothing.
func readRelation(ctx context.Context, q Querier, schema, table string) (*relation, error) {
	r := &relation{columns: map[string]string{}, triggers: map[string]foundTrigger{}}
	err := q.QueryRow(ctx, `
		SELECT c.oid, o.connection_id, o.mapping, o.stripped_at IS NOT NULL
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN _syncline.owned_table o ON o.schema_name = $1 AND o.table_name = $2
		WHERE n.nspname = $1 AND c.relname = $2`, schema, table).Scan(&r.oid, &r.owner, &r.mapping, &r.stripped)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at table %s: %w", table, err)
	}
	if err := r.readColumns(ctx, q); err != nil {
		return nil, fmt.Errorf("look at columns of %s: %w", table, err)
	}
	if err := r.readTriggers(ctx, q); err != nil {
		return nil, fmt.Errorf("look at triggers of %s: %w", table, err)
	}
	return r, nil
}

func (r *relation) readColumns(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, `SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped`, r.oid)
	if err != nil {
		return err
	}
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		r.columns[name] = kind
		return nil
	})
	return err
}

func (r *relation) readTriggers(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, `
		SELECT t.tgname, CASE WHEN p.pronamespace = c.relnamespace THEN p.proname ELSE '' END, t.tgtype, t.tgqual IS NOT NULL
		FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
		WHERE t.tgrelid = $1 AND NOT t.tgisinternal`, r.oid)
	if err != nil {
		return err
	}
	var name string
	var f foundTrigger
	_, err = pgx.ForEachRow(rows, []any{&name, &f.function, &f.bits, &f.when}, func() error {
		r.triggers[name] = f
		return nil
	})
	return err
}

// readIndexes gives, for every index of the schema, the table that it is on.
func readIndexes(ctx context.Context, q Querier, schema string) (map[string]string, error) {
	rows, err := q.Query(ctx, `
		SELECT c.relname, t.relname FROM pg_index i
		JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1`, schema)
	if err != nil {
		return nil, fmt.Errorf("look at indexes: %w", err)
	}
	found := map[string]string{}
	var name, table string
	_, err = pgx.ForEachRow(rows, []any{&name, &table}, func() error {
		found[name] = table
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at indexes: %w", err)
	}
	return found, nil
}

// readBody is a function's text; ok is false if there is no such function.
func readBody(ctx context.Context, q Querier, f *function) (body string, ok bool, err error) {
	err = q.QueryRow(ctx, `SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = $1 AND p.proname = $2 AND p.pronargs = $3 LIMIT 1`, f.schema, f.name, f.args).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look at function %s: %w", f.name, err)
	}
	return body, true, nil
}
