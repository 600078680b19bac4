package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// row is a record or a row: its values in layout order, and for a row its id.
type row struct {
	id     int32
	sfid   string
	values []record.Value
}

func selectFrom(t *mapping.Table) string {
	return "SELECT " + strings.Join(t.Layout.Paths(), ", ") + " FROM " + t.Object
}

// records reads all records of an object in the order of Ids, a page at a time.
type records struct {
	org   Org
	table *mapping.Table
	batch *record.Batch
	at    int // position in the batch
	next  string
	done  bool
	last  string
	row   row
}

// read gives the next record, nil at the end. It holds until the next call.
func (r *records) read(ctx context.Context) (*row, error) {
	for r.at == r.batch.Len() {
		if r.done {
			return nil, nil //nolint:nilnil // the end is no error
		}
		if err := r.fetch(ctx); err != nil {
			return nil, err
		}
	}
	r.row.values = r.batch.Row(r.at, r.row.values)
	r.at++
	id := r.row.values[r.table.Layout.ID].String()
	if id <= r.last {
		return nil, fmt.Errorf("the org sent %s after %s, which is not the order of Ids that was asked for", id, r.last)
	}
	r.row.sfid, r.last = id, id
	return &r.row, nil
}

func (r *records) fetch(ctx context.Context) error {
	r.batch.Reset()
	r.at = 0
	var (
		page salesforce.Page
		err  error
	)
	if r.next != "" {
		if page, err = r.org.More(ctx, r.next, r.batch); salesforce.CursorExpired(err) {
			r.next, err = "", nil
		}
	}
	if r.next == "" {
		page, err = r.org.Query(ctx, r.query(), false, r.batch)
	}
	if err != nil {
		return err
	}
	if page.Done = page.Done || page.Next == ""; !page.Done && r.batch.Len() == 0 {
		return errors.New("the org sent an empty page and announced more")
	}
	r.next, r.done = page.Next, page.Done
	return nil
}

func (r *records) query() string {
	where := ""
	if r.last != "" {
		where = " WHERE Id > '" + r.last + "'"
	}
	return selectFrom(r.table) + where + " ORDER BY Id"
}

// rows reads all rows of a table that have an Id, in the order of its bytes,
// through a cursor.
type rows struct {
	conn  *pgconn.PgConn
	table *mapping.Table
	fetch string
	chunk []row
	at    int
	done  bool
}

// openRows declares the cursor; it lives as long as the transaction. The org
// may be slow between two fetches.
func openRows(ctx context.Context, tx pgx.Tx, j *job) (*rows, error) {
	for _, sql := range []string{
		"SET LOCAL statement_timeout = '10min'", "SET LOCAL idle_in_transaction_session_timeout = '10min'", j.sql.declare,
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("open a cursor on %s: %w", j.table.Name, err)
		}
	}
	return &rows{conn: tx.Conn().PgConn(), table: j.table, fetch: j.sql.fetch}, nil
}

// read gives the next row, nil at the end.
func (r *rows) read(ctx context.Context) (*row, error) {
	if r.at == len(r.chunk) {
		if r.done {
			return nil, nil //nolint:nilnil // the end is no error
		}
		var err error
		if r.chunk, err = readRows(ctx, r.conn, r.table, r.fetch, nil); err != nil {
			return nil, err
		}
		r.at, r.done = 0, len(r.chunk) < rowsPerFetch
		if len(r.chunk) == 0 {
			return nil, nil //nolint:nilnil // the end is no error
		}
	}
	r.at++
	return &r.chunk[r.at-1], nil
}

// readRows runs a statement that gives id and columns; texts is its only
// argument, nil if it has none.
func readRows(ctx context.Context, conn *pgconn.PgConn, t *mapping.Table, sql string, texts []string) ([]row, error) {
	var args [][]byte
	if texts != nil {
		args = [][]byte{textArray(texts)}
	}
	res := conn.ExecParams(ctx, sql, args, nil, nil, []int16{pgx.BinaryFormatCode}).Read()
	if res.Err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Name, res.Err)
	}
	out := make([]row, len(res.Rows))
	for i, raw := range res.Rows {
		values := make([]record.Value, len(raw)-1)
		for c, v := range raw[1:] {
			if v != nil {
				values[c] = v
			}
		}
		out[i] = row{id: record.Value(raw[0]).Int(), sfid: values[t.Layout.ID].String(), values: values}
	}
	return out, nil
}

// textArray is the text form of an array of texts.
func textArray(texts []string) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}
