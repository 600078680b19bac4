package target_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/target"
)

// pooled starts PgBouncer in transaction mode, with two server connections, in
// front of a database.
func pooled(t *testing.T, dsn string) string {
	t.Helper()
	bin, err := osexec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("not run: PgBouncer is not installed; apt-get install pgbouncer")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	password, _ := u.User.Password()
	file := filepath.Join(t.TempDir(), "pgbouncer.ini")
	ini := fmt.Sprintf("[databases]\n* = host=%s port=%s user=%s password=%s\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\n"+
		"unix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size=2\n", u.Hostname(), u.Port(), u.User.Username(), password, port)
	if err := os.WriteFile(file, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", file}
	if os.Geteuid() == 0 {
		for dir := filepath.Dir(file); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := osexec.Command(bin, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	u.RawQuery = "sslmode=disable"
	return u.String()
}

// waitFor connects until the pooler answers.
func waitFor(t *testing.T, db *target.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for err := db.Ping(ctx); err != nil; err = db.Ping(ctx) {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// TestCaptureThroughAPooler: the application and Syncline share the pooler's two
// server connections; each write is captured or not by its own transaction.
func TestCaptureThroughAPooler(t *testing.T) {
	t.Parallel()
	db, err := target.Open(t.Context(), target.Config{URL: pooled(t, pgtest.New(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	waitFor(t, db)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := mapping.Connection{ID: uuid.New(), Schema: "salesforce"}
	id := record.Column{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID, Length: 18}}
	name := record.Column{Field: "Name", Name: "name", Type: record.Type{Kind: record.Text, Length: 80}}
	table := &mapping.Table{
		Mapping: mapping.Mapping{ID: uuid.New()}, Object: "Contact", Name: "contact", Access: mapping.ReadWrite, Upsert: -1,
		Columns: []mapping.Column{{Column: name}, {Column: id}}, Layout: record.NewLayout([]record.Column{name, id}),
	}
	if _, err := schema.Apply(t.Context(), db, conn, []*mapping.Table{table}); err != nil {
		t.Fatal(err)
	}
	f := raised(t, db)
	const rounds = 20
	application := func() error {
		for range rounds {
			if _, err := db.Pool().Exec(t.Context(), "INSERT INTO salesforce.contact (name) VALUES ($1)", "theirs"); err != nil {
				return err
			}
		}
		return nil
	}
	ours := func() error {
		for range rounds {
			_, err := db.Write(t.Context(), f, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO salesforce.contact (name) VALUES ($1)", "ours")
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	errs := make(chan error)
	all := []func() error{application, ours, application, ours}
	for _, work := range all {
		go func() { errs <- work() }()
	}
	for range all {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	got := query[string](t, db, `SELECT string_agg(name || ' ' || _hc_lastop || ' ' || n, ', ' ORDER BY name)
		FROM (SELECT name, _hc_lastop, count(*) AS n FROM salesforce.contact GROUP BY 1, 2) AS r`)
	if want := "ours SYNCED 40, theirs PENDING 40"; got != want {
		t.Errorf("rows: %s, want %s", got, want)
	}
	got = query[string](t, db, `SELECT count(*) || ' ' || count(*) FILTER (WHERE c.name = 'theirs')
		FROM salesforce._trigger_log l JOIN salesforce.contact c ON c.id = l.record_id`)
	if got != "40 40" {
		t.Errorf("entries: %s", got)
	}
}

func TestThroughAPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	db, err := target.Open(t.Context(), target.Config{URL: pooled(t, direct), DirectURL: direct})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	waitFor(t, db)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(t.Context(), "CREATE TABLE public.t (n integer, b text)"); err != nil {
		t.Fatal(err)
	}
	f := raised(t, db)
	errs := make(chan error)
	const writers = 6
	for range writers {
		go func() {
			_, err := db.Write(t.Context(), f, target.Options{}, func(ctx context.Context, tx *target.Tx) error {
				rows := pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}})
				if _, err := tx.CopyFrom(ctx, pgx.Identifier{"public", "t"}, []string{"n", "b"}, rows); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "UPDATE public.t SET b = $1 || current_setting('xmlbinary') WHERE n = ANY($2::int[]) AND b = 'a'", "x", []int32{1})
				return err
			})
			errs <- err
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := query[int](t, db, "SELECT count(*) FROM public.t WHERE b = 'xhex'"); n != writers {
		t.Errorf("%d rows written, want %d", n, writers)
	}
	for range 8 {
		if got := query[string](t, db, "SELECT current_setting('xmlbinary') || current_setting('statement_timeout')"); got != "base640" {
			t.Errorf("a switch stayed behind in the pooler: %s", got)
		}
	}
}
