package target_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/target"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fresh gives a migrated database.
func fresh(t *testing.T) *target.DB {
	t.Helper()
	db := open(t, pgtest.New(t))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t *testing.T, dsn string) *target.DB {
	t.Helper()
	db, err := target.Open(t.Context(), target.Config{URL: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// raised gives a fence that stands.
func raised(t *testing.T, db *target.DB) target.Fence {
	t.Helper()
	f := target.Fence{Connection: uuid.New(), Kind: "read", Number: 1}
	if err := db.Raise(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f
}

func exec(t *testing.T, db *target.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func query[T any](t *testing.T, db *target.DB, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// nothing is the body of a transaction that only commits.
func nothing(context.Context, *target.Tx) error { return nil }

func TestBrokenURLNamesTheFormAndNotThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://app:hunter2%zz@db.example.com/app",
		"postgres://app:hunter2@db.example.com:port/app",
		"host=db.example.com password=hunter2 port=x",
		"postgres://app:hunter2@db.example.com/app?sslmode=maybe",
		"://app:hunter2@",
	} {
		_, err := target.Open(t.Context(), target.Config{URL: dsn})
		if err == nil {
			t.Errorf("%s: opened", dsn)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("password in %q", err)
		}
		if !strings.Contains(err.Error(), "postgres://user:password@host") {
			t.Errorf("no form in %q", err)
		}
	}
}

func TestUnreachableDatabaseIsToldWithoutThePassword(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres://app:hunter2@127.0.0.1:1/app?sslmode=disable")
	err := db.Ping(t.Context())
	if got := target.Classify(err); got != target.Unavailable {
		t.Fatalf("class %v of %v", got, err)
	}
	words := target.Words(err)
	if strings.Contains(words+err.Error(), "hunter2") || !strings.Contains(words, "127.0.0.1:1") {
		t.Errorf("words: %q", words)
	}
}

func TestSwitchesAreLocalAndSurviveRoleSettings(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, `DO $$ BEGIN EXECUTE format($f$
		ALTER DATABASE %1$I SET datestyle = 'German';
		ALTER DATABASE %1$I SET extra_float_digits = 0;
		ALTER DATABASE %1$I SET default_transaction_read_only = on;
		ALTER DATABASE %1$I SET search_path = ''$f$, current_database()); END $$`)
	db.Pool().Reset()
	f := target.Fence{Connection: uuid.New(), Kind: "write", Number: 1}
	if err := db.Raise(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	const settings = `SELECT current_setting('xmlbinary') || ' ' || current_setting('datestyle') || ' ' ||
		current_setting('timezone') || ' ' || current_setting('extra_float_digits') || ' ' || current_setting('statement_timeout')`
	var inside string
	o := target.Options{Limits: target.Limits{Statement: 7e9}}
	_, err := db.Write(t.Context(), f, o, func(ctx context.Context, tx *target.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT hstore('a', 'b')"); err != nil {
			t.Error("hstore is not on the search path:", err)
		}
		return tx.QueryRow(ctx, settings).Scan(&inside)
	})
	if err != nil {
		t.Fatal(err)
	}
	if inside != "hex ISO, YMD UTC 3 7s" {
		t.Errorf("inside: %s", inside)
	}
	if got := query[string](t, db, settings); !strings.HasPrefix(got, "base64 German") {
		t.Errorf("after: %s", got)
	}
	err = db.Read(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE public.t ()")
		return err
	})
	if err == nil {
		t.Error("a read session wrote")
	}
}

func TestKeepStatusIsLocalToTheTransaction(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f := raised(t, db)
	const now = "SELECT coalesce(current_setting('syncline.keep_status', true), '')"
	_, err := db.Write(t.Context(), f, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
		for _, on := range []bool{true, false, true} {
			if err := tx.KeepStatus(ctx, on); err != nil {
				return err
			}
			var got string
			if err := tx.QueryRow(ctx, now).Scan(&got); err != nil {
				return err
			}
			if (got == "on") != on {
				t.Errorf("keep_status %q after KeepStatus(%v)", got, on)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := query[string](t, db, now); got == "on" {
		t.Error("keep_status outlived its transaction")
	}
}
