package apply_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	connectionID = uuid.MustParse("11111111-1111-4111-8111-111111111111")
	mappingID    = uuid.MustParse("22222222-2222-4222-8222-222222222222")
	text         = record.Type{Kind: record.Text, Length: 80}
)

func col(field string, kind record.Type) mapping.Column {
	name := strings.ToLower(field)
	if name == "id" {
		name = "sfid"
	}
	editable := field != "Id" && field != "SystemModstamp" && field != "IsDeleted"
	return mapping.Column{
		Column:     record.Column{Field: field, Name: name, Type: kind},
		Createable: editable, Updateable: editable,
	}
}

// tableOf resolves columns by hand; the one at upsert is the unique identifier.
func tableOf(object string, upsert int, policy mapping.Policy, columns ...mapping.Column) *mapping.Table {
	columns = append(columns,
		col("IsDeleted", record.Type{Kind: record.Bool}),
		col("SystemModstamp", record.Type{Kind: record.Timestamp}),
		col("Id", record.Type{Kind: record.ID, Length: 18}))
	if upsert >= 0 {
		columns[upsert].Indexed, columns[upsert].Unique = true, true
	}
	layout := make([]record.Column, len(columns))
	for i, c := range columns {
		layout[i] = c.Column
	}
	return &mapping.Table{
		Mapping: mapping.Mapping{ID: mappingID, ConnectionID: connectionID, ObjectName: object, Access: mapping.ReadWrite, Policy: policy},
		Object:  object, Name: strings.ToLower(object), Access: mapping.ReadWrite,
		Columns: columns, Layout: record.NewLayout(layout), Upsert: upsert,
	}
}

// account has columns Name, Phone, Revenue, Ext__c (the unique identifier).
func account(policy mapping.Policy) *mapping.Table {
	return tableOf("Account", 3, policy,
		col("Name", text), col("Phone", text), col("Revenue", record.Type{Kind: record.Double, Scale: 2}), col("Ext__c", text))
}

var accounts = pgtest.Template("apply-accounts", func(ctx context.Context, dsn string) error {
	return prepare(ctx, dsn, account(mapping.LastWriter))
})

func prepare(ctx context.Context, dsn string, t *mapping.Table) error {
	db, err := target.Open(ctx, target.Config{URL: dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if _, err := schema.Apply(ctx, db, mapping.Connection{ID: connectionID, Schema: "salesforce"}, []*mapping.Table{t}); err != nil {
		return err
	}
	return db.Raise(ctx, fence)
}

var fence = target.Fence{Connection: connectionID, Kind: "read", Number: 1}

// site is a database with one mapped table.
type site struct {
	*testing.T
	dsn   string
	db    *target.DB
	table *mapping.Table
	*apply.Applier
}

func newSite(t *testing.T, policy mapping.Policy) *site {
	t.Helper()
	return open(t, accounts.New(t), account(policy))
}

// newSiteFor makes the table of another shape.
func newSiteFor(t *testing.T, table *mapping.Table) *site {
	t.Helper()
	dsn := pgtest.New(t)
	if err := prepare(t.Context(), dsn, table); err != nil {
		t.Fatal(err)
	}
	return open(t, dsn, table)
}

func open(t *testing.T, dsn string, table *mapping.Table) *site {
	t.Helper()
	db, err := target.Open(t.Context(), target.Config{URL: dsn, Limits: target.Limits{Lock: 300 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return &site{T: t, dsn: dsn, db: db, table: table, Applier: apply.New(connectionID, "salesforce", table)}
}

// with is the site emptied, for another test, policy and path.
func (s *site) with(t *testing.T, policy mapping.Policy, limits [2]int) *site {
	t.Helper()
	table := account(policy)
	next := &site{T: t, dsn: s.dsn, db: s.db, table: table, Applier: apply.New(connectionID, "salesforce", table)}
	next.Path(limits[0], limits[1])
	next.script(`SET LOCAL xmlbinary = 'hex'; TRUNCATE salesforce.account, salesforce._trigger_log, _syncline.deferred,
		_syncline.base, _syncline.conflict, _syncline.intent RESTART IDENTITY`)
	return next
}

// app opens a session as an application has it.
func (s *site) app() *pgx.Conn {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), s.dsn)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// run executes statements, separated by semicolons, in the session.
func (s *site) run(c *pgx.Conn, sql string) {
	s.Helper()
	if _, err := c.PgConn().Exec(s.Context(), sql).ReadAll(); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// lines reads rows as text, "|" between columns.
func (s *site) lines(sql string) string {
	s.Helper()
	rows, err := s.db.Pool().Query(s.Context(), sql)
	if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	var b strings.Builder
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			s.Fatal(err)
		}
		for i, v := range values {
			if i > 0 {
				b.WriteString("|")
			}
			if v != nil {
				fmt.Fprint(&b, v)
			}
		}
		b.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	return b.String()
}

// rec is a record as Salesforce sends it; the sfid is made of N.
type rec struct {
	N                int
	Name, Phone, Ext string
	Revenue          float64
	Deleted          bool
	At               int // seconds of its stamp
}

func sfid(n int) string {
	id, err := record.ID18(fmt.Sprintf("001%012d", n))
	if err != nil {
		panic(err)
	}
	return id
}

var day = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (r rec) values() []record.Value {
	var revenue record.Value
	if r.Revenue != 0 {
		revenue = record.DoubleValue(r.Revenue)
	}
	return []record.Value{
		record.TextValue(r.Name), record.TextValue(r.Phone), revenue, record.TextValue(r.Ext),
		record.BoolValue(r.Deleted), record.TimestampValue(day.Add(time.Duration(r.At) * time.Second)),
		record.TextValue(sfid(r.N)),
	}
}

func (s *site) batch(recs ...rec) *record.Batch {
	s.Helper()
	b := record.NewBatch(s.table.Layout)
	for _, r := range recs {
		b.Append(r.values())
	}
	now, err := s.db.Now(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	b.Asked = now
	return b
}

func (s *site) apply(b *record.Batch) apply.Result {
	s.Helper()
	var res apply.Result
	_, err := s.db.Write(s.Context(), fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		res, err = s.Apply(ctx, tx, b)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return res
}

// state is all that a batch can change, with its row ids told by name.
func (s *site) state() string {
	s.Helper()
	return s.lines(`SELECT coalesce(sfid, '-'), name, phone, revenue::text, ext__c, _hc_lastop, isdeleted::text FROM salesforce.account ORDER BY sfid, name`) +
		s.lines(`SELECT 'deferred', sfid, reason FROM _syncline.deferred ORDER BY sfid`) +
		s.lines(`SELECT 'base', record_id::text, column_name, base, theirs, seen::text FROM _syncline.base ORDER BY record_id, column_name`) +
		s.lines(`SELECT 'conflict', sfid, column_name, winner FROM _syncline.conflict ORDER BY id`) +
		s.lines(`SELECT 'log', action, state, record_id::text FROM salesforce._trigger_log ORDER BY id`)
}

// paths are the ways that a batch can take.
var paths = map[string][2]int{"arrays": {math.MaxInt, math.MaxInt}, "stage": {0, math.MaxInt}, "direct": {math.MaxInt, 1}}

// script runs statements as one transaction, past the capture triggers if it
// says so.
func (s *site) script(sql string) {
	s.Helper()
	conn, err := s.db.Pool().Acquire(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Conn().PgConn().Exec(s.Context(), sql).ReadAll(); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}
