package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver"
)

// ServerEnv names the environment variable with the URL of a running server to
// join: an administrator's connection that may create databases.
const ServerEnv = "SYNCLINE_TEST_DATABASE_URL"

// stepTimeout bounds each step that this package does for a test.
const stepTimeout = 2 * time.Minute

// Suite runs the tests of a binary and stops the shared server after them. It
// has the shape that goleak.VerifyTestMain wants.
type Suite struct{ m *testing.M }

// Wrap makes a Suite of the binary's tests.
func Wrap(m *testing.M) Suite { return Suite{m: m} }

// Run runs the tests, stops the server and returns the exit code.
func (s Suite) Run() int {
	shared.enabled = true
	code := s.m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// Main runs the tests of the binary and exits.
func Main(m *testing.M) { os.Exit(Wrap(m).Run()) }

// shared is the one server of this test binary.
var shared sharedServer

type sharedServer struct {
	enabled bool // TestMain uses this package

	once   sync.Once
	server *pgserver.Server // nil when joined
	admin  string           // URL of the administrator's database
	err    error
}

// adminURL starts or joins the server at the first call.
func (s *sharedServer) adminURL(t testing.TB) string {
	t.Helper()
	if !s.enabled {
		t.Fatal("pgtest: the test binary needs `func TestMain(m *testing.M) { pgtest.Main(m) }`")
	}
	s.once.Do(func() {
		if s.admin = os.Getenv(ServerEnv); s.admin != "" {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		defer cancel()
		s.server, s.err = pgserver.Start(ctx, TestOptions())
		if s.err == nil {
			s.admin = s.server.DSN("postgres")
		}
	})
	if s.err != nil {
		t.Fatalf("pgtest: %v", s.err)
	}
	return s.admin
}

func (s *sharedServer) stop() error {
	if s.server == nil {
		return nil
	}
	return s.server.Stop(context.Background())
}

// TestOptions are the options of a server for tests: temporary, without fsync,
// with room for many connections.
func TestOptions() pgserver.Options {
	return pgserver.Options{
		Volatile: true,
		Settings: map[string]string{"max_connections": "400"},
	}
}

// AdminDSN returns the URL of the administrator's database of the shared
// server. Tests must not leave anything behind in that server.
func AdminDSN(t testing.TB) string {
	t.Helper()
	return shared.adminURL(t)
}

// New returns the URL of a fresh database that has hstore in schema public and
// nothing else. It is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	return plain.New(t)
}

// Server starts a server for one test and stops it when the test ends. Volatile
// stands, whatever o says.
func Server(t testing.TB, o pgserver.Options) *pgserver.Server {
	t.Helper()
	o.Volatile = true
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	server, err := pgserver.Start(ctx, o)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return server
}

// Dir returns an empty directory that the server's user may enter, for
// pgserver.Options.DataDir; for root, t.TempDir is none. It is removed when the
// test ends.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return dir
}

// databaseURL is the URL of another database of the same server.
func databaseURL(admin, database string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		return "", fmt.Errorf("%s must be a URL such as postgres://user:password@host:port/postgres", ServerEnv)
	}
	u.Path = "/" + database
	return u.String(), nil
}

// freshName returns a database name that nobody has.
func freshName() string { return "t_" + strings.ToLower(rand.Text()[:16]) }

// withConn runs f on a connection of its own to dsn.
func withConn(ctx context.Context, dsn string, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return f(conn)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
