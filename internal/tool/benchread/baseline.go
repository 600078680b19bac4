package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/tool/benchorg"
)

const object = "Account"

type bench struct {
	rows, columns, rounds, pages, group int
	only, program, exporter, profile    string

	dir        string
	databases  *pgserver.Server
	dsn        string
	sites      int // that served loads had
	db         *target.DB
	org        *benchorg.Org
	far        *relay
	token      salesforce.Token
	connection mapping.Connection
	table      *mapping.Table
	fence      int64
	list       string // of columns
	query      string // the same as SOQL
	indexes    int    // of the table when it is whole
	create     []string
	results    map[string][]result
}

func (b *bench) prepare(ctx context.Context) (err error) {
	b.dsn, b.results = b.databases.DSN("bench"), map[string][]result{}
	if b.dir, err = os.MkdirTemp("", "benchread-"); err != nil {
		return err
	}
	if b.token, err = b.org.Token(ctx); err != nil {
		return err
	}
	if b.far, err = startRelay(b.token.InstanceURL); err != nil {
		return err
	}
	if b.db, err = target.Open(ctx, target.Config{URL: b.dsn}); err != nil {
		return err
	}
	if err := b.db.Migrate(ctx); err != nil {
		return err
	}
	b.connection = mapping.Connection{ID: uuid.New(), Schema: "salesforce"}
	if err := b.wider(ctx, client(b.token, &atomic.Int64{})); err != nil {
		return err
	}
	if _, err := schema.Apply(ctx, b.db, b.connection, []*mapping.Table{b.table}); err != nil {
		return err
	}
	if err := b.twins(ctx); err != nil {
		return err
	}
	if b.exporter == "" {
		b.exporter = filepath.Join(b.dir, "export")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", b.exporter, "./export")
		cmd.Dir, cmd.Stderr = "sandbox/clients/gosalesforce", os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build the export: %w", err)
		}
	}
	return nil
}

// twins makes the tables of the ceilings and notes the indexes.
func (b *bench) twins(ctx context.Context) error {
	_, err := b.db.Pool().Exec(ctx, `CREATE SCHEMA ceiling; CREATE TABLE ceiling.account (LIKE salesforce.account INCLUDING ALL);
		CREATE SCHEMA strict; CREATE TABLE strict.account (LIKE salesforce.account INCLUDING DEFAULTS)`)
	if err != nil {
		return err
	}
	rows, err := b.db.Pool().Query(ctx, `SELECT replace(pg_get_indexdef(indexrelid), ' ON salesforce.', ' ON strict.')
		FROM pg_index WHERE indrelid = 'salesforce.account'::regclass`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var sql string
		if err := rows.Scan(&sql); err != nil {
			return err
		}
		b.create = append(b.create, sql)
	}
	b.indexes = len(b.create)
	return rows.Err()
}

func (b *bench) close() {
	b.db.Close()
	b.far.close()
	_ = os.RemoveAll(b.dir)
}

func (b *bench) empty(ctx context.Context, schema string) error {
	_, err := b.db.Pool().Exec(ctx, fmt.Sprintf(`SET syncline.truncate = 'warn'; SET client_min_messages = error;
		TRUNCATE %s.account RESTART IDENTITY; CHECKPOINT`, schema))
	return err
}

// rowsFile has the rows that the load has brought, as CSV.
func (b *bench) rowsFile(ctx context.Context) (*os.File, error) {
	path := filepath.Join(b.dir, "rows.csv")
	if f, err := os.Open(path); err == nil {
		return f, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	conn, err := b.db.Pool().Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	tag, err := conn.Conn().PgConn().CopyTo(ctx, f, fmt.Sprintf("COPY salesforce.account (%s) TO STDOUT CSV", b.list))
	if err != nil {
		return nil, err
	}
	if tag.RowsAffected() < int64(b.rows) {
		return nil, fmt.Errorf("the load brought %d rows of %d", tag.RowsAffected(), b.rows)
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err
}

func (b *bench) copyFile(ctx context.Context, f *os.File, schema, options string) error {
	conn, err := b.db.Pool().Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyFrom(ctx, f, fmt.Sprintf("COPY %s.account (%s) FROM STDIN CSV %s", schema, b.list, options))
	return err
}

// ceiling times a COPY of the rows into the table with its indexes.
func (b *bench) ceiling(ctx context.Context) (result, error) {
	f, err := b.rowsFile(ctx)
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	if err := b.empty(ctx, "ceiling"); err != nil {
		return result{}, err
	}
	start := time.Now()
	err = b.copyFile(ctx, f, "ceiling", "")
	return result{Took: time.Since(start)}, err
}

// strict times a COPY into the bare table and the building of its indexes.
func (b *bench) strict(ctx context.Context) (result, error) {
	f, err := b.rowsFile(ctx)
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	if err := b.dropIndexes(ctx); err != nil {
		return result{}, err
	}
	if err := b.empty(ctx, "strict"); err != nil {
		return result{}, err
	}
	start := time.Now()
	if err := b.copyFile(ctx, f, "strict", ""); err != nil {
		return result{}, err
	}
	for _, sql := range b.create {
		if _, err := b.db.Pool().Exec(ctx, sql); err != nil {
			return result{}, err
		}
	}
	return result{Took: time.Since(start)}, nil
}

func (b *bench) dropIndexes(ctx context.Context) error {
	_, err := b.db.Pool().Exec(ctx, `DO $$ DECLARE x regclass; BEGIN
		FOR x IN SELECT indexrelid FROM pg_index WHERE indrelid = 'strict.account'::regclass LOOP
			EXECUTE 'DROP INDEX ' || x;
		END LOOP; END $$`)
	return err
}

// export times go-salesforce and a COPY of its file.
func (b *bench) export(ctx context.Context) (result, error) {
	if err := b.empty(ctx, "ceiling"); err != nil {
		return result{}, err
	}
	path := filepath.Join(b.dir, "export.csv")
	defer os.Remove(path)
	args, err := json.Marshal(map[string]string{
		"URL": b.token.InstanceURL, "ClientID": b.org.Client, "ClientSecret": b.org.Secret, "Query": b.query, "File": path,
	})
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, b.exporter, string(args))
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return result{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	err = b.copyFile(ctx, f, "ceiling", "HEADER")
	return result{Took: time.Since(start)}, err
}
