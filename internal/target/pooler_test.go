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

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
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

func TestThroughAPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	db, err := target.Open(t.Context(), target.Config{URL: pooled(t, direct), DirectURL: direct})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ready, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for err = db.Ping(ready); err != nil; err = db.Ping(ready) {
		if ready.Err() != nil {
			t.Fatal(err)
		}
	}
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
