package schema_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/internal/target"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is a database with the connection that is applied to it.
type site struct {
	*testing.T
	dsn  string
	db   *target.DB
	conn mapping.Connection
}

func newSite(t *testing.T) *site {
	t.Helper()
	db, dsn := sitetest.OpenDatabase(t)
	return &site{T: t, dsn: dsn, db: db, conn: mapping.Connection{ID: uuid.New(), Schema: "salesforce"}}
}

func (s *site) apply(tables ...*mapping.Table) *schema.Change {
	s.Helper()
	change, err := schema.Apply(s.Context(), s.db, s.conn, tables)
	if err != nil {
		s.Fatal(err)
	}
	return change
}

// user opens a session as an application has it.
func (s *site) user() *pgx.Conn {
	s.Helper()
	return sitetest.Connect(s.T, s.dsn).Conn
}

// run executes statements, separated by semicolons, in the session.
func (s *site) run(c *pgx.Conn, sql string) {
	s.Helper()
	if _, err := c.Exec(s.Context(), sql); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// lines reads rows as text, "|" between columns and <null> for NULL.
func (s *site) lines(c *pgx.Conn, sql string) string {
	s.Helper()
	return (&sitetest.Session{TB: s.T, Conn: c}).Lines(sql, " | ", "<null>")
}

// table is a resolved mapping of the columns, written "name type" as Salesforce
// fields; Id and SystemModstamp are added.
func table(object string, access mapping.Access, columns ...mapping.Column) *mapping.Table {
	columns = append(columns,
		col("SystemModstamp", record.Type{Kind: record.Timestamp}),
		col("Id", record.Type{Kind: record.ID, Length: 18}))
	t := &mapping.Table{
		Mapping: mapping.Mapping{ID: uuid.NewSHA1(uuid.Nil, []byte(object)), ObjectName: object, Access: access},
		Object:  object, Name: strings.ToLower(object), Access: access, Columns: columns, Upsert: -1,
	}
	layout := make([]record.Column, len(columns))
	for i, c := range columns {
		layout[i] = c.Column
	}
	t.Layout = record.NewLayout(layout)
	return t
}

func col(field string, kind record.Type) mapping.Column {
	name := strings.ToLower(field)
	if name == "id" {
		name = "sfid"
	}
	return mapping.Column{Column: record.Column{Field: field, Name: name, Type: kind}}
}

func text(field string, n int) mapping.Column {
	return col(field, record.Type{Kind: record.Text, Length: n})
}

func unique(c mapping.Column) mapping.Column {
	c.Indexed, c.Unique = true, true
	return c
}

func indexed(c mapping.Column) mapping.Column {
	c.Indexed = true
	return c
}

// account has a column of every type.
func account(access mapping.Access) *mapping.Table {
	return table("Account", access,
		text("Name", 255),
		text("Description", 0),
		col("IsPartner", record.Type{Kind: record.Bool}),
		col("NumberOfEmployees", record.Type{Kind: record.Int}),
		col("AnnualRevenue", record.Type{Kind: record.Double}),
		col("SLAExpirationDate__c", record.Type{Kind: record.Date}),
		indexed(col("LastActivity__c", record.Type{Kind: record.Timestamp})),
		col("Opens__c", record.Type{Kind: record.Time}),
		indexed(col("ParentId", record.Type{Kind: record.ID, Length: 18})),
		col("Interests__c", record.Type{Kind: record.MultiText, Length: 4099}),
		unique(text("External_ID__c", 64)),
	)
}
