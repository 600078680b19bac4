package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownerEnv makes this test binary a process that starts a server in the
// directory it names, prints the server's pid and waits to be killed.
const ownerEnv = "PGSERVER_TEST_OWNER"

func TestMain(m *testing.M) {
	dir := os.Getenv(ownerEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Options{DataDir: dir, Volatile: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	select {}
}

// openDir is a temporary directory that the server's user may enter, which
// t.TempDir is not for root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Volatile = true
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), statement).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return answer
}

func TestTemporaryServer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Settings: map[string]string{"work_mem": "5MB"}})
	if err := s.CreateDatabase(t.Context(), `odd "name"`, "hstore"); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateDatabase(t.Context(), `odd "name"`, "hstore"); err != nil {
		t.Errorf("making a database that is there: %v", err)
	}
	for name, dsn := range map[string]string{"tcp": s.DSN(`odd "name"`), "socket": s.SocketDSN(`odd "name"`)} {
		if got := query(t, dsn, `SELECT 'a=>1'::public.hstore -> 'a'`); got != "1" {
			t.Errorf("%s: hstore says %q", name, got)
		}
	}
	for setting, want := range map[string]string{"work_mem": "5MB", "timezone": "UTC", "server_encoding": "UTF8", "fsync": "off"} {
		if got := query(t, s.DSN("postgres"), "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	if err := s.CreateDatabase(t.Context(), "x", "no_such_extension"); err == nil || !strings.Contains(err.Error(), "no_such_extension") {
		t.Errorf("unknown extension: %v", err)
	}
	root := s.layout.root
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory is still there: %v", err)
	}
	if err := s.Restart(t.Context()); err == nil {
		t.Error("restart after Stop")
	}
}

func TestPasswordIsRequired(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for name, dsn := range map[string]string{"tcp": s.DSN("postgres"), "socket": s.SocketDSN("postgres")} {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(superuser, "wrong")
		if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
			conn.Close(t.Context())
			t.Errorf("%s: a wrong password is let in", name)
		}
	}
}

func TestKeptDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "kept")
	first := start(t, Options{DataDir: dir})
	if err := first.CreateDatabase(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{DataDir: dir}); !errors.Is(err, errInUse) {
		t.Errorf("second server in one directory: %v, want errInUse", err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"dead process":    "999999999\n" + dir,
		"foreign process": strconv.Itoa(os.Getpid()) + "\n" + dir,
		"torn file":       "",
	} {
		pidFile := filepath.Join(dir, "data", "postmaster.pid")
		if err := os.WriteFile(pidFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again := start(t, Options{DataDir: dir})
		if got := query(t, again.DSN("app"), "SELECT current_database()::text"); got != "app" {
			t.Errorf("%s: %q", name, got)
		}
		if err := again.Stop(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestDirectoryOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{"9\n": "PostgreSQL 9", "rubbish": "unknown version"} {
		if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		major, err := dataMajor(filepath.Join(dir, "data"))
		if err == nil {
			err = checkMajor(binaries{dir: "/x", major: 17}, major)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func TestKillAndRestartKeepAddressAndCommits(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	dsn := s.DSN("postgres")
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE committed AS SELECT 'yes'::text AS there"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil || s.PID() != 0 {
		t.Error("the server lives")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.DSN("postgres") != dsn {
		t.Error("the address changed")
	}
	if got := query(t, dsn, "SELECT there FROM committed"); got != "yes" {
		t.Errorf("committed: %q", got)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Errorf("restart of a running server: %v", err)
	}
}

func TestBadSettingIsToldInTheServersWords(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Volatile: true, Settings: map[string]string{"shared_buffers": "plenty"}})
	if err == nil || !strings.Contains(err.Error(), "shared_buffers") {
		t.Errorf("got %v", err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{Volatile: true}); err == nil {
		t.Errorf("no error; stop: %v", s.Stop(context.Background()))
	}
}

func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	_, err := Start(t.Context(), Options{Volatile: true, Port: s.port})
	if err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("got %v", err)
	}
}

// TestServerEndsWithItsOwner kills the owner as nothing can be caught; the next
// start in the directory must work at once, whether the old server has noticed
// or not.
func TestServerEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("owner: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the kill is the error
	if runtime.GOOS == "linux" {
		awaitEnd(t, pid, filepath.Join(dir, "data"))
	}
	s := start(t, Options{DataDir: dir})
	if runsIn(pid, filepath.Join(dir, "data")) && pid != s.PID() {
		t.Error("the old server lives")
	}
}

func awaitEnd(t *testing.T, pid int, pgdata string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); runsIn(pid, pgdata); time.Sleep(leftoverPoll) {
		if time.Now().After(deadline) {
			t.Fatal("the server outlives its owner")
		}
	}
}

// TestLeftoverServerIsStopped covers systems without a parent-death signal: the
// server's process lives on, its owner's lock is gone.
func TestLeftoverServerIsStopped(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first := start(t, Options{DataDir: dir})
	old := first.PID()
	if err := first.layout.lock.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, Options{DataDir: dir})
	if runsIn(old, filepath.Join(dir, "data")) || second.PID() == 0 {
		t.Error("the leftover server lives")
	}
	first.ended = true // its lock and process are gone already
}

func TestSweepRemovesWhatDeadProcessesLeft(t *testing.T) {
	t.Parallel()
	base := openDir(t)
	hourAgo := time.Now().Add(-time.Hour)
	dirs := make(map[string]string)
	for _, name := range []string{"dead", "held", "fresh"} {
		dirs[name] = filepath.Join(base, tempPrefix+name)
		if err := os.MkdirAll(filepath.Join(dirs[name], "data"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := lockDir(dirs["held"])
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for _, name := range []string{"dead", "held"} {
		if err := os.Chtimes(dirs[name], hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	sweep(base, Options{}.logger())
	for name, want := range map[string]bool{"dead": false, "held": true, "fresh": true} {
		if _, err := os.Stat(dirs[name]); (err == nil) != want {
			t.Errorf("%s: there: %v, want %v", name, err == nil, want)
		}
	}
}
