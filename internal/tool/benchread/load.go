package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/reader"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/bulk"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
)

const object = "Account"

type bench struct {
	rows, columns, rounds int
	program               string
	settings              reader.Settings

	db         *target.DB
	connection mapping.Connection
	table      *mapping.Table
	reader     *reader.Reader
	fence      target.Fence
	list       string // of columns
	calls      atomic.Int64
}

// meter counts calls.
type meter struct{ n *atomic.Int64 }

func (meter) Begin(context.Context) func() { return func() {} }
func (m meter) Charge(salesforce.Use)      { m.n.Add(1) }
func (meter) Usage(int, int)               {}

func (b *bench) prepare(ctx context.Context, dsn string, child *orgProcess) error {
	token, err := child.token(ctx)
	if err != nil {
		return err
	}
	org := salesforce.New(salesforce.Config{
		Tokens: salesforce.StaticToken(token), HTTP: salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true}), Meter: meter{&b.calls},
	})
	if b.db, err = target.Open(ctx, target.Config{URL: dsn}); err != nil {
		return err
	}
	if err := b.db.Migrate(ctx); err != nil {
		return err
	}
	b.connection = mapping.Connection{ID: uuid.New(), Schema: "salesforce"}
	if err := b.resolve(ctx, org); err != nil {
		return err
	}
	if _, err := schema.Apply(ctx, b.db, b.connection, []*mapping.Table{b.table}); err != nil {
		return err
	}
	b.settings.BulkFrom = 1
	b.reader = reader.New(reader.Config{Connection: b.connection, DB: b.db, Org: org, Bulk: bulk.New(org), Settings: b.settings})
	b.fence = target.Fence{Connection: b.connection.ID, Kind: "load", Number: 1}
	if err := b.db.Raise(ctx, b.fence); err != nil {
		return err
	}
	_, err = b.db.Pool().Exec(ctx, `CREATE SCHEMA ceiling; CREATE TABLE ceiling.account (LIKE salesforce.account INCLUDING ALL)`)
	return err
}

// resolve maps as many fields as were asked for.
func (b *bench) resolve(ctx context.Context, org *salesforce.Client) error {
	describe, err := org.Describe(ctx, object)
	if err != nil {
		return err
	}
	lookup := func(string) (*sobject.Object, error) { return describe, nil }
	m := mapping.Mapping{ID: uuid.New(), ConnectionID: b.connection.ID, ObjectName: object, Access: mapping.ReadWrite, PollSeconds: 600}
	for _, f := range describe.Fields {
		wider := m
		wider.Fields = append(append([]string{}, m.Fields...), f.Name)
		t, err := mapping.Resolve(wider, lookup)
		if err != nil {
			continue // a field that can't be mapped
		}
		if len(t.Columns) > b.columns {
			break
		}
		m, b.table = wider, t
	}
	if b.table == nil || len(b.table.Columns) != b.columns {
		return fmt.Errorf("%s does not have %d fields that can be mapped", object, b.columns)
	}
	names := make([]string, b.columns)
	for i, c := range b.table.Columns {
		names[i] = c.Name
	}
	b.list = strings.Join(names, ", ")
	return nil
}

// load times a whole load into the empty table.
func (b *bench) load(ctx context.Context) (time.Duration, error) {
	if err := b.empty(ctx, "salesforce"); err != nil {
		return 0, err
	}
	if err := b.reader.Restart(ctx, b.fence, b.table); err != nil {
		return 0, err
	}
	b.calls.Store(0)
	start := time.Now()
	done, err := b.reader.Load(ctx, b.fence, b.table, start.Add(time.Hour), nil)
	if err == nil && !done {
		err = errors.New("the load did not come to its end")
	}
	return time.Since(start), err
}

func (b *bench) empty(ctx context.Context, schema string) error {
	_, err := b.db.Pool().Exec(ctx, fmt.Sprintf(`SET syncline.truncate = 'warn'; SET client_min_messages = error;
		TRUNCATE %s.account RESTART IDENTITY; CHECKPOINT`, schema))
	return err
}

// ceiling times a COPY of the rows that the load has brought.
func (b *bench) ceiling(ctx context.Context) (time.Duration, error) {
	file, err := os.CreateTemp("", "benchread-*.csv")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	conn, err := b.db.Pool().Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	if tag, err := conn.Conn().PgConn().CopyTo(ctx, file, fmt.Sprintf("COPY salesforce.account (%s) TO STDOUT CSV", b.list)); err != nil {
		return 0, err
	} else if tag.RowsAffected() < int64(b.rows) {
		return 0, fmt.Errorf("the load brought %d rows of %d", tag.RowsAffected(), b.rows)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if err := b.empty(ctx, "ceiling"); err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = conn.Conn().PgConn().CopyFrom(ctx, file, fmt.Sprintf("COPY ceiling.account (%s) FROM STDIN CSV", b.list))
	return time.Since(start), err
}

// peakMiB is the greatest memory that this process has taken, 0 where the
// system does not say.
func peakMiB() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib >> 10
		}
	}
	return 0
}
