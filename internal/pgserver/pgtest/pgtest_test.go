package pgtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestNewGivesEachTestItsOwnDatabaseWithHstore(t *testing.T) {
	t.Parallel()
	one, two := connect(t, pgtest.New(t)), connect(t, pgtest.New(t))
	exec(t, one, "CREATE TABLE only_here (h public.hstore)")
	exec(t, two, "CREATE TABLE only_here (h public.hstore)")
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("user", func(t *testing.T) {
		dsn = pgtest.New(t)
		// Left open on purpose: the drop cuts it.
		if _, err := pgx.Connect(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		conn.Close(context.Background())
		t.Fatal("the database is still there")
	}
}

func TestServerOfItsOwnSurvivesARestart(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, pgserver.Options{DataDir: pgtest.Dir(t)})
	if err := server.CreateDatabase(t.Context(), "app", "hstore"); err != nil {
		t.Fatal(err)
	}
	exec(t, connect(t, server.DSN("app")), "CREATE TABLE kept (h public.hstore)")
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, connect(t, server.DSN("app")), "INSERT INTO kept VALUES ('a=>1')")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		pgtest.New(b)
	}
}

func TestTemplateIsBuiltOnceAndCopied(t *testing.T) {
	t.Parallel()
	var built atomic.Int32
	build := func(ctx context.Context, dsn string) error {
		built.Add(1)
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE prepared AS SELECT 42 AS n")
		return err
	}
	// Two descriptions with equal content, as in two test binaries.
	first := pgtest.Template("numbers", build, t.Name())
	second := pgtest.Template("numbers", build, t.Name())
	for i, template := range []*pgtest.DatabaseTemplate{first, second, first, second} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			var n int
			if err := connect(t, template.New(t)).QueryRow(t.Context(), "SELECT n FROM prepared").Scan(&n); err != nil || n != 42 {
				t.Errorf("copy %d: n = %d, %v", i, n, err)
			}
		})
	}
	t.Cleanup(func() {
		if n := built.Load(); n > 1 {
			t.Errorf("built %d times", n)
		}
	})
}
