package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A DatabaseTemplate is a database that is prepared once per server and copied
// for each test that wants one.
type DatabaseTemplate struct {
	name    string
	build   func(ctx context.Context, dsn string) error
	content []string

	once     sync.Once
	database string // name of the prepared database
	err      error
}

// Template describes a template: build prepares an empty database that has
// hstore in schema public, and must have closed its connections when it returns.
//
// Test binaries that share a server also share a template when name and content
// are equal: content is what build puts there (the text of the migrations, say).
// Without content the template belongs to this very binary.
func Template(name string, build func(ctx context.Context, dsn string) error, content ...string) *DatabaseTemplate {
	return &DatabaseTemplate{name: name, build: build, content: content}
}

// plain is the template of New.
var plain = Template("plain", func(context.Context, string) error { return nil }, "hstore in public")

// New returns the URL of a copy of the template. It is dropped when the test
// ends, with its connections cut; it stays when the test failed and SYNCLINE_TEST_KEEP
// is set.
func (dt *DatabaseTemplate) New(t testing.TB) string {
	t.Helper()
	admin := shared.adminURL(t)
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	dt.once.Do(func() { dt.database, dt.err = dt.prepare(ctx, admin) })
	if dt.err != nil {
		t.Fatalf("pgtest: template %s: %v", dt.name, dt.err)
	}
	name := freshName()
	err := withConn(ctx, admin, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(dt.database))
		return err
	})
	if err != nil {
		t.Fatalf("pgtest: copy template %s: %v", dt.name, err)
	}
	t.Cleanup(func() { drop(t, admin, name) })
	dsn, err := databaseURL(admin, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return dsn
}

func drop(t testing.TB, admin, name string) {
	if t.Failed() && os.Getenv("SYNCLINE_TEST_KEEP") != "" {
		t.Logf("pgtest: database %s is kept", name)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	err := withConn(ctx, admin, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
		return err
	})
	if err != nil {
		t.Errorf("pgtest: drop database %s: %v", name, err)
	}
}

// prepare makes the template database unless another binary has made it, and
// returns its name. An advisory lock lets one binary at a time look and build;
// the flag "is a template", set last, tells a whole one from a torso.
func (dt *DatabaseTemplate) prepare(ctx context.Context, admin string) (string, error) {
	fingerprint, err := dt.fingerprint()
	if err != nil {
		return "", err
	}
	name := "tmpl_" + dt.name + "_" + fingerprint
	err = withConn(ctx, admin, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey(name)); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		whole, err := isWhole(ctx, conn, name)
		if err != nil || whole {
			return err
		}
		return dt.make(ctx, conn, admin, name)
	})
	return name, err
}

func isWhole(ctx context.Context, conn *pgx.Conn, name string) (bool, error) {
	var whole bool
	err := conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&whole)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return whole, err
}

func (dt *DatabaseTemplate) make(ctx context.Context, conn *pgx.Conn, admin, name string) error {
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + quote(name) + " WITH (FORCE)",
		"CREATE DATABASE " + quote(name) + " TEMPLATE template0",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make database: %w", err)
		}
	}
	dsn, err := databaseURL(admin, name)
	if err != nil {
		return err
	}
	err = withConn(ctx, dsn, func(inside *pgx.Conn) error {
		_, err := inside.Exec(ctx, "CREATE EXTENSION hstore SCHEMA public")
		return err
	})
	if err != nil {
		return fmt.Errorf("install hstore: %w", err)
	}
	if err := dt.build(ctx, dsn); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+quote(name)+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
	if err != nil {
		return fmt.Errorf("mark as template: %w", err)
	}
	// Connections that build left to close by themselves would forbid copying.
	_, err = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
	return err
}

// fingerprint stands for the template's content.
func (dt *DatabaseTemplate) fingerprint() (string, error) {
	h := sha256.New()
	if len(dt.content) == 0 {
		if err := hashExecutable(h); err != nil {
			return "", err
		}
	}
	for _, part := range dt.content {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
}

func hashExecutable(w io.Writer) error {
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find test binary: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open test binary: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("read test binary: %w", err)
	}
	return nil
}

func lockKey(name string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	return int64(h.Sum64())
}
