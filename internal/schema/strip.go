package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
)

// statusDefault stands in for the status trigger on INSERT while a table is
// stripped: a row of the application is PENDING, one of ours SYNCED. (COPY
// writes a page of rows at once only into a table without such a trigger.)
const statusDefault = `CASE WHEN public.get_xmlbinary()::text = 'base64'
	AND pg_catalog.current_setting('syncline.capture', true) IS DISTINCT FROM 'off' THEN 'PENDING' ELSE 'SYNCED' END`

// Strip prepares an empty table for its first load: it drops the indexes that
// are ours, but for the primary key, and has the status trigger fire on UPDATE
// alone. The log trigger stays, so every change of the application is captured.
// [Index.Build] and [Restore] put back what was taken, by the same plan that
// [Apply] follows; until then [Plan] leaves the table's indexes and triggers
// out.
//
// It returns false, with nothing done, for a table that isn't empty or isn't
// as [Apply] makes it; true for one that is stripped and empty already. It
// takes an exclusive lock to the end of tx and waits for it as long as tx's
// lock_timeout says.
func Strip(ctx context.Context, tx pgx.Tx, conn mapping.Connection, t *mapping.Table) (bool, error) {
	name := ident(conn.Schema, t.Name)
	if empty, err := isEmpty(ctx, tx, name); err != nil || !empty {
		return false, err
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return false, fmt.Errorf("lock table %s: %w", t.Name, err)
	}
	if empty, err := isEmpty(ctx, tx, name); err != nil || !empty {
		return false, err
	}
	p, found, err := look(ctx, tx, conn, t)
	if err != nil || found == nil {
		return false, err
	}
	if found.stripped {
		return true, nil
	}
	if plain, err := found.isPlain(ctx, tx); err != nil || !plain || found.triggers[StatusTrigger(t.Name)] != statusTrigger(t.Name).found() {
		return false, err
	}
	drop, err := dropIndexes(ctx, tx, conn.Schema, found.oid, indexes(t, p.taken))
	if err != nil {
		return false, err
	}
	onUpdate := statusTrigger(t.Name)
	onUpdate.clause = "BEFORE UPDATE"
	sql := fmt.Sprintf(`DROP TRIGGER %s ON %s; %s; ALTER TABLE %s ALTER COLUMN _hc_lastop SET DEFAULT %s`,
		ident(onUpdate.name), name, onUpdate.create(conn.Schema, t.Name), name, statusDefault)
	if _, err := tx.Exec(ctx, sql); err != nil {
		return false, fmt.Errorf("take the status trigger of %s back for the load: %w", t.Name, err)
	}
	_, err = tx.Exec(ctx, `UPDATE _syncline.owned_table SET stripped_at = clock_timestamp(), stripped_indexes = $3::text::jsonb
		WHERE schema_name = $1 AND table_name = $2`, conn.Schema, t.Name, string(drop))
	if err != nil {
		return false, fmt.Errorf("note that %s is stripped: %w", t.Name, err)
	}
	return true, nil
}

// keptIndex is how owned_table keeps an index that is to be built again.
type keptIndex struct {
	Name   string `json:"name"`
	Column string `json:"column"`
	Unique bool   `json:"unique,omitempty"`
}

// dropIndexes drops those of our indexes that may go and returns how
// owned_table keeps them.
func dropIndexes(ctx context.Context, tx pgx.Tx, schema string, table uint32, ours []index) (kept []byte, err error) {
	names, err := droppable(ctx, tx, table, ours)
	if err != nil {
		return nil, err
	}
	list := []keptIndex{}
	for _, x := range ours {
		if !slices.Contains(names, x.name) {
			continue
		}
		if _, err := tx.Exec(ctx, "DROP INDEX "+ident(schema, x.name)); err != nil {
			return nil, fmt.Errorf("drop index %s for the load: %w", x.name, err)
		}
		list = append(list, keptIndex{Name: x.name, Column: x.column, Unique: x.unique})
	}
	return json.Marshal(list)
}

// Stripped says whether a table is.
func Stripped(ctx context.Context, q Querier, schema, table string) (bool, error) {
	var yes bool
	err := q.QueryRow(ctx, `SELECT stripped_at IS NOT NULL FROM _syncline.owned_table WHERE schema_name = $1 AND table_name = $2`,
		schema, table).Scan(&yes)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether %s is stripped: %w", table, err)
	}
	return yes, nil
}

// Restore gives a stripped table its status trigger back. Its indexes must be
// there: see [MissingIndexes]. Of a table that is not stripped nothing is
// changed.
func Restore(ctx context.Context, tx pgx.Tx, conn mapping.Connection, t *mapping.Table) error {
	if stripped, err := Stripped(ctx, tx, conn.Schema, t.Name); err != nil || !stripped {
		return err
	}
	status := statusTrigger(t.Name)
	name := ident(conn.Schema, t.Name)
	sql := fmt.Sprintf(`DROP TRIGGER IF EXISTS %s ON %s; %s; ALTER TABLE %s ALTER COLUMN _hc_lastop DROP DEFAULT;
		UPDATE _syncline.owned_table SET stripped_at = NULL, stripped_indexes = NULL WHERE schema_name = %s AND table_name = %s`,
		ident(status.name), name, status.create(conn.Schema, t.Name), name, literal(conn.Schema), literal(t.Name))
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("restore table %s: %w", t.Name, err)
	}
	return nil
}

// look reads a table of conn, and the indexes of its schema.
func look(ctx context.Context, q Querier, conn mapping.Connection, t *mapping.Table) (*planner, *relation, error) {
	p := &planner{q: q, connection: conn.ID, change: &Change{Schema: conn.Schema}, wish: wish{schema: conn.Schema}}
	found, err := p.lookAt(ctx, t.Name)
	if err != nil {
		return nil, nil, err
	}
	p.indexes, err = readIndexes(ctx, q, conn.Schema)
	return p, found, err
}

func isEmpty(ctx context.Context, tx pgx.Tx, name string) (empty bool, err error) {
	if err := tx.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+name+")").Scan(&empty); err != nil {
		return false, fmt.Errorf("look whether %s is empty: %w", name, err)
	}
	return empty, nil
}

// statusTrigger is the one that a stripped table lacks on INSERT.
func statusTrigger(table string) trigger {
	for _, t := range tableTriggers(table) {
		if t.name == StatusTrigger(table) {
			return t
		}
	}
	panic("schema: no status trigger")
}

func (t trigger) found() foundTrigger {
	return foundTrigger{function: t.function, bits: t.bits, when: t.when}
}

// isPlain says whether the table is an ordinary one, with the id's own sequence
// and no default of the user's on the status column.
func (r *relation) isPlain(ctx context.Context, q Querier) (plain bool, err error) {
	err = q.QueryRow(ctx, `
		SELECT c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relispartition
			AND pg_get_serial_sequence(c.oid::regclass::text, 'id') IS NOT NULL
			AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = '_hc_lastop' AND a.atthasdef)
		FROM pg_class c WHERE c.oid = $1`, r.oid).Scan(&plain)
	if err != nil {
		return false, fmt.Errorf("look at the table's form: %w", err)
	}
	return plain, nil
}

// droppable are those of our indexes that nothing of the user's rests on.
func droppable(ctx context.Context, q Querier, table uint32, ours []index) ([]string, error) {
	names := make([]string, len(ours))
	for i, x := range ours {
		names[i] = x.name
	}
	rows, err := q.Query(ctx, `
		SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = $1 AND c.relname = ANY ($2::text[]) AND NOT i.indisreplident AND NOT i.indisclustered
		  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
		  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)`, table, names)
	if err != nil {
		return nil, fmt.Errorf("look at indexes: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look at indexes: %w", err)
	}
	return found, nil
}
