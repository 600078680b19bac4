package judge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgres reads the other side inside one read-only snapshot, as text.
type postgres struct {
	conn   *pgconn.PgConn
	schema string
}

func openPostgres(ctx context.Context, database, schema string) (*postgres, error) {
	conn, err := pgconn.Connect(ctx, database)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	pg := &postgres{conn: conn, schema: schema}
	_, err = conn.Exec(ctx, "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 3; "+
		"SET client_encoding = 'UTF8'; SET statement_timeout = 0; "+
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ReadAll()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin the snapshot: %w", err), pg.close())
	}
	return pg, nil
}

func (pg *postgres) close() error { return pg.conn.Close(context.Background()) }

func (pg *postgres) table(name string) string { return pgx.Identifier{pg.schema, name}.Sanitize() }

// null marks a null cell in what copy yields.
const null = "\x00"

// copy streams a query; row gets its cells, null for null, valid until it
// returns.
func (pg *postgres) copy(ctx context.Context, query string, row func(cells []string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := pg.conn.CopyTo(ctx, w, "COPY ("+query+") TO STDOUT")
		done <- errors.Join(err, w.CloseWithError(err))
	}()
	scan := bufio.NewReaderSize(r, 1<<16)
	var fault error
	for fault == nil {
		text, err := scan.ReadString('\n')
		if err != nil {
			break // the end, or the fault that the copying side reports
		}
		fault = row(cells(text[:len(text)-1]))
	}
	if fault != nil {
		cancel()
	}
	err := errors.Join(r.CloseWithError(fault), <-done)
	if fault != nil {
		return fault
	}
	return err
}

// cells takes a line of COPY's text form apart.
func cells(text string) []string {
	list := strings.Split(text, "\t")
	for i, c := range list {
		if c == `\N` {
			list[i] = null
		} else if strings.IndexByte(c, '\\') >= 0 {
			list[i] = unescape(c)
		}
	}
	return list
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			switch c = s[i]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'v':
				c = '\v'
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// columns are a table's columns with their types; none: no such table.
func (pg *postgres) columns(ctx context.Context, table string) (map[string]string, error) {
	types := make(map[string]string)
	err := pg.copy(ctx, "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass("+
		quoteText(pg.table(table))+") AND attnum > 0 AND NOT attisdropped", func(c []string) error {
		types[c[0]] = c[1]
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", table, err)
	}
	return types, nil
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// rowLog is what the trigger log says of one row.
type rowLog struct {
	unsettled bool
	newest    int64
	failed    bool
	message   string
}

// tableLog finds a row's log by the table's id and by the record's Id.
type tableLog struct {
	byRow map[int64]*rowLog
	byID  map[string]*rowLog
}

// find is the log of a row, nil if it has none.
func (t *tableLog) find(row int64, id string) *rowLog {
	if t == nil {
		return nil
	}
	if l, ok := t.byRow[row]; ok && row != 0 {
		return l
	}
	if id == "" {
		return nil
	}
	return t.byID[idKey(id)]
}

// readLogs reads the trigger log and its archive.
func (pg *postgres) readLogs(ctx context.Context) (map[string]*tableLog, error) {
	logs := make(map[string]*tableLog)
	for _, name := range []string{"_trigger_log", "_trigger_log_archive"} {
		types, err := pg.columns(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(types) == 0 {
			continue
		}
		err = pg.copy(ctx, "SELECT id, state, table_name, coalesce(record_id, 0), sfid, sf_message FROM "+pg.table(name)+
			" WHERE state NOT IN ('READONLY', 'IGNORE', 'IGNORED') ORDER BY id", func(c []string) error { return addLog(logs, c) })
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return logs, nil
}

func addLog(logs map[string]*tableLog, c []string) error {
	id, err := strconv.ParseInt(c[0], 10, 64)
	if err != nil {
		return fmt.Errorf("log id %q: %w", c[0], err)
	}
	row, err := strconv.ParseInt(c[3], 10, 64)
	if err != nil {
		return fmt.Errorf("log entry %d: record_id %q: %w", id, c[3], err)
	}
	t := logs[c[2]]
	if t == nil {
		t = &tableLog{byRow: map[int64]*rowLog{}, byID: map[string]*rowLog{}}
		logs[c[2]] = t
	}
	l := t.byRow[row]
	if l == nil {
		l = &rowLog{newest: -1}
		t.byRow[row] = l
	}
	if c[4] != null && c[4] != "" {
		t.byID[idKey(c[4])] = l
	}
	l.unsettled = l.unsettled || c[1] == "NEW" || c[1] == "PENDING"
	if id > l.newest {
		l.newest, l.failed, l.message = id, c[1] == "FAILED", strings.Trim(c[5], null)
	}
	return nil
}
