package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// Index is an index that a mapped table should have and has not.
type Index struct {
	// Name and Table are unquoted, Column is what it is on.
	Name, Table, Column string
	Unique              bool

	schema, standIn string
	create          string
}

// MissingIndexes lists the indexes of a table that are still to be built, the
// one on sfid first. Those that the rows do not allow ([Index.LeaveOut]) are
// not among them.
func MissingIndexes(ctx context.Context, q Querier, conn mapping.Connection, t *mapping.Table) ([]Index, error) {
	p, found, err := look(ctx, q, conn, t)
	if err != nil || found == nil {
		return nil, err
	}
	if err := p.readLeftOut(ctx); err != nil {
		return nil, err
	}
	var out []Index
	for _, x := range indexes(t, p.taken) {
		if _, ok := p.indexes[x.name]; !ok && !p.leftOut[x.name] {
			out = append(out, p.missing(t.Name, x))
		}
	}
	slices.SortStableFunc(out, func(a, b Index) int {
		switch {
		case a.Column == "sfid":
			return -1
		case b.Column == "sfid":
			return 1
		}
		return 0
	})
	return out, nil
}

func (p *planner) missing(table string, x index) Index {
	return Index{
		Name: x.name, Table: table, Column: x.column, Unique: x.unique, schema: p.schema,
		standIn: hashedWith(indexName(false, table, x.column), "stand-in"), create: x.create(p.schema, table),
	}
}

// BuildMemory is the maintenance_work_mem of an index that is being built.
const BuildMemory = "64MB"

// Build builds the index inside tx; writes to the table wait meanwhile. An index
// that is there already is no error. A [*DuplicateError] says that two rows
// have one value; the transaction is lost then.
func (x Index) Build(ctx context.Context, tx pgx.Tx) error {
	sql := strings.Replace(x.create, "INDEX ", "INDEX IF NOT EXISTS ", 1)
	if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL maintenance_work_mem = '%s'; %s", BuildMemory, sql)); err != nil {
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == "23505" {
			return &DuplicateError{Index: x, Err: err}
		}
		return fmt.Errorf("build index %s: %w", x.Name, err)
	}
	return nil
}

// DuplicateError means that a unique index can't be built: Salesforce lets two
// records have one external ID.
type DuplicateError struct {
	Index Index
	Err   error
}

// Error names index and column.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("unique index %s on %s.%s: two rows have the same value: %v", e.Index.Name, e.Index.Table, e.Index.Column, e.Err)
}

// Unwrap gives the database's error.
func (e *DuplicateError) Unwrap() error { return e.Err }

// maxSample is how many Ids are named of rows that share a value.
const maxSample = 20

// Duplicates names records, by Id, that share a value with another.
func (x Index) Duplicates(ctx context.Context, q Querier) ([]string, error) {
	column := ident(x.Column)
	rows, err := q.Query(ctx, fmt.Sprintf(`
		SELECT coalesce(t.sfid, 'row ' || t.id) FROM %[1]s t JOIN (
			SELECT %[2]s AS v FROM %[1]s WHERE %[2]s IS NOT NULL GROUP BY %[2]s HAVING count(*) > 1 LIMIT %[3]d
		) d ON t.%[2]s = d.v ORDER BY 1 LIMIT %[3]d`, ident(x.schema, x.Table), column, maxSample))
	if err != nil {
		return nil, fmt.Errorf("look for rows that share a value of %s: %w", x.Column, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for rows that share a value of %s: %w", x.Column, err)
	}
	return ids, nil
}

// LeaveOut notes that a unique index can't be built, and builds one under
// another name that is not unique in its place. sample names records that share
// a value. [Plan] does without the index from then on; [RetryIndexes] tries it
// again.
func (x Index) LeaveOut(ctx context.Context, tx pgx.Tx, connection, m uuid.UUID, sample []string) error {
	sql := fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s USING btree (%s)", ident(x.standIn), ident(x.schema, x.Table), ident(x.Column))
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("build the stand-in of index %s: %w", x.Name, err)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO _syncline.missing_index (schema_name, index_name, connection_id, mapping, table_name, column_name, stand_in, sample)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (schema_name, index_name) DO UPDATE SET sample = EXCLUDED.sample, tried_at = clock_timestamp()`,
		x.schema, x.Name, connection, m, x.Table, x.Column, x.standIn, sample)
	if err != nil {
		return fmt.Errorf("note that index %s is left out: %w", x.Name, err)
	}
	return nil
}

// LeftOut is a unique index that the rows did not allow.
type LeftOut struct {
	Mapping              uuid.UUID
	Index, Table, Column string
	// Sample names records that shared a value when it was last tried.
	Sample []string
}

// LeftOutIndexes lists those of a connection.
func LeftOutIndexes(ctx context.Context, q Querier, conn mapping.Connection) ([]LeftOut, error) {
	rows, err := q.Query(ctx, `SELECT mapping, index_name, table_name, column_name, sample FROM _syncline.missing_index
		WHERE connection_id = $1 AND schema_name = $2 ORDER BY index_name`, conn.ID, conn.Schema)
	if err != nil {
		return nil, fmt.Errorf("read indexes that are left out: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l LeftOut, err error) {
		err = row.Scan(&l.Mapping, &l.Index, &l.Table, &l.Column, &l.Sample)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("read indexes that are left out: %w", err)
	}
	return out, nil
}

// RetryIndexes builds indexes of a table that were left out and whose rows have
// become unique; it returns the names of those built. One is tried once an
// hour.
func RetryIndexes(ctx context.Context, db *target.DB, conn mapping.Connection, t *mapping.Table) (built []string, err error) {
	for i, c := range t.Columns {
		x, ok, err := dueIndex(ctx, db, conn, t, i)
		if err != nil {
			return built, err
		}
		if !ok {
			continue
		}
		ids, err := x.Duplicates(ctx, db.Pool())
		if err != nil {
			return built, err
		}
		if len(ids) == 0 {
			err = x.replaceStandIn(ctx, db)
		}
		if dup, ok := errors.AsType[*DuplicateError](err); ok {
			ids, err = []string{c.Name + ": " + dup.Error()}, nil
		}
		switch {
		case err != nil:
			return built, err
		case len(ids) == 0:
			built = append(built, x.Name)
			continue
		}
		_, err = db.Pool().Exec(ctx, `UPDATE _syncline.missing_index SET sample = $3, tried_at = clock_timestamp()
			WHERE schema_name = $1 AND index_name = $2`, conn.Schema, x.Name, ids)
		if err != nil {
			return built, fmt.Errorf("note that index %s is still left out: %w", x.Name, err)
		}
	}
	return built, nil
}

// dueIndex is the left-out unique index on a column, if it is to be tried.
func dueIndex(ctx context.Context, db *target.DB, conn mapping.Connection, t *mapping.Table, column int) (Index, bool, error) {
	x := Index{Table: t.Name, Column: t.Columns[column].Name, Unique: true, schema: conn.Schema}
	err := db.Pool().QueryRow(ctx, `SELECT index_name, stand_in FROM _syncline.missing_index
		WHERE schema_name = $1 AND table_name = $2 AND column_name = $3 AND tried_at < clock_timestamp() - interval '1 hour'`,
		conn.Schema, t.Name, x.Column).Scan(&x.Name, &x.standIn)
	if errors.Is(err, pgx.ErrNoRows) {
		return Index{}, false, nil
	}
	if err != nil {
		return Index{}, false, fmt.Errorf("read indexes that are left out: %w", err)
	}
	x.create = index{name: x.Name, unique: true, on: "(" + ident(x.Column) + ")"}.create(conn.Schema, t.Name)
	return x, true, nil
}

// replaceStandIn builds the index and drops what stood in for it.
func (x Index) replaceStandIn(ctx context.Context, db *target.DB) error {
	return db.Plain(ctx, target.Limits{Lock: lockWait, Statement: statementTime}, func(ctx context.Context, tx pgx.Tx) error {
		if err := x.Build(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`DROP INDEX IF EXISTS %s; DELETE FROM _syncline.missing_index WHERE schema_name = %s AND index_name = %s`,
			ident(x.schema, x.standIn), literal(x.schema), literal(x.Name)))
		if err != nil {
			return fmt.Errorf("drop the stand-in of index %s: %w", x.Name, err)
		}
		return nil
	})
}

// readLeftOut reads which indexes of the schema are left out.
func (p *planner) readLeftOut(ctx context.Context) error {
	rows, err := p.q.Query(ctx, `SELECT index_name FROM _syncline.missing_index WHERE schema_name = $1`, p.schema)
	if err != nil {
		return fmt.Errorf("read indexes that are left out: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read indexes that are left out: %w", err)
	}
	p.leftOut = make(map[string]bool, len(names))
	for _, n := range names {
		p.leftOut[n] = true
	}
	return nil
}
