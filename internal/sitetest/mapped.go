package sitetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/target"
)

// OpenDatabase gives a database of the test's own with the tables of
// `_syncline`.
func OpenDatabase(t testing.TB) (db *target.DB, dsn string) {
	t.Helper()
	return openCopy(t, migrated)
}

var migrated = pgtest.Template("sitetest", func(ctx context.Context, dsn string) error {
	return prepare(ctx, dsn, mapping.Connection{}, nil)
})

// prepare makes the tables of `_syncline` and those of mappings.
func prepare(ctx context.Context, dsn string, c mapping.Connection, tables []*mapping.Table) error {
	db, err := target.Open(ctx, target.Config{URL: dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil || tables == nil {
		return err
	}
	_, err = schema.Apply(ctx, db, c, tables)
	return err
}

func openCopy(t testing.TB, template *pgtest.DatabaseTemplate) (*target.DB, string) {
	t.Helper()
	dsn := template.New(t)
	db, err := target.Open(context.Background(), target.Config{URL: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, dsn
}

// Mapped is a set of mappings whose tables are made once: each test gets a copy
// of a database that has them. The tables are shared, so nobody may change one.
type Mapped struct {
	connection mapping.Connection
	mappings   []mapping.Mapping
	template   *pgtest.DatabaseTemplate

	once   sync.Once
	tables map[string]*mapping.Table
	err    error
}

// Map describes mappings of one connection. The Ids are made of the names, so
// that every process that shares a server agrees on them.
func Map(name string, list ...mapping.Mapping) *Mapped {
	m := &Mapped{connection: mapping.Connection{ID: uuid.NewSHA1(uuid.Nil, []byte(name)), Schema: "salesforce"}}
	for _, x := range list {
		x.ID, x.ConnectionID = uuid.NewSHA1(m.connection.ID, []byte(x.ObjectName)), m.connection.ID
		m.mappings = append(m.mappings, x)
	}
	m.template = pgtest.Template(name, func(ctx context.Context, dsn string) error {
		return prepare(ctx, dsn, m.connection, slices.Collect(maps.Values(m.tables)))
	})
	return m
}

// Mappings are the mappings with their Ids.
func (m *Mapped) Mappings() []mapping.Mapping { return slices.Clone(m.mappings) }

// Tables are the tables by name. A test may replace one in what it gets.
func (m *Mapped) Tables() map[string]*mapping.Table { return maps.Clone(m.tables) }

// resolve asks the org what the objects are, once: every org has the same
// schema.
func (m *Mapped) resolve(describe func(object string) (*sobject.Object, error)) error {
	m.once.Do(func() {
		m.tables = map[string]*mapping.Table{}
		for _, x := range m.mappings {
			var t *mapping.Table
			if t, m.err = mapping.Resolve(x, describe); m.err != nil {
				return
			}
			m.tables[t.Name] = t
		}
	})
	return m.err
}
