package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser    = "postgres"
	portAttempts = 5
	connectPoll  = 20 * time.Millisecond
	logTail      = 2000 // bytes of the server's log that an error quotes
)

// Server is a running PostgreSQL. Its methods may be called from any goroutine.
type Server struct {
	options  Options
	owner    *account
	bin      binaries
	layout   layout
	password string

	mu    sync.Mutex
	port  int
	child *child
	ended bool // Stop was called
}

// Start starts a server and returns when it accepts connections. The context
// bounds the start only. The caller must call Stop.
func Start(ctx context.Context, o Options) (*Server, error) {
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	l, err := openLayout(o, owner)
	if err != nil {
		return nil, fmt.Errorf("private PostgreSQL: %w", err)
	}
	s := &Server{options: o, owner: owner, layout: l}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("private PostgreSQL: %w", err), l.release())
	}
	return s, nil
}

// open brings the data directory into shape and the server up.
func (s *Server) open(ctx context.Context) error {
	major, err := dataMajor(s.layout.data())
	if err != nil {
		return err
	}
	if s.bin, err = locate(ctx, major); err != nil {
		return err
	}
	s.options.logger().Info("PostgreSQL found", "source", s.bin.source, "directory", s.bin.dir, "major", s.bin.major)
	if s.password, err = s.layout.password(s.owner); err != nil {
		return err
	}
	if major == 0 {
		if err := s.initdb(ctx); err != nil {
			return err
		}
	} else if err := stopLeftover(s.layout.data(), s.options.logger()); err != nil {
		return err
	}
	return s.launchOnFreePort(ctx)
}

// launchOnFreePort tries other ports when one is taken between our choice and
// the server's start.
func (s *Server) launchOnFreePort(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		port, err := choosePort(ctx, s.options.Port)
		if err != nil {
			return err
		}
		s.port = port
		err = s.launch(ctx)
		if err == nil {
			return nil
		}
		if s.options.Port != 0 || attempt == portAttempts || !strings.Contains(err.Error(), "could not bind") {
			return err
		}
	}
}

func choosePort(ctx context.Context, wanted int) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(wanted)))
	if err != nil {
		return 0, fmt.Errorf("take a port on 127.0.0.1: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// initdb makes the data directory. A rename at the end makes it appear whole or
// not at all, also when we are killed on the way.
func (s *Server) initdb(ctx context.Context) error {
	err := s.runInitdb(ctx, defaultLocale())
	if err != nil && strings.Contains(err.Error(), "locale") {
		err = s.runInitdb(ctx, "C")
	}
	if err != nil {
		return err
	}
	if err := os.Rename(s.layout.unfinishedData(), s.layout.data()); err != nil {
		return fmt.Errorf("put data directory in place: %w", err)
	}
	return nil
}

func defaultLocale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "en_US.UTF-8"
}

func (s *Server) runInitdb(ctx context.Context, locale string) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.startTimeout())
	defer cancel()
	if err := os.RemoveAll(s.layout.unfinishedData()); err != nil {
		return fmt.Errorf("remove unfinished data directory: %w", err)
	}
	if err := makeOwned(s.layout.unfinishedData(), 0o700, s.owner); err != nil {
		return err
	}
	args := []string{
		"--pgdata", s.layout.unfinishedData(), "--username", superuser, "--pwfile", s.layout.passwordFile(),
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", locale,
	}
	if s.options.Volatile {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, s.bin.path("initdb"), args...)
	s.dress(cmd)
	// The parent-death signal follows the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// dress gives a server program its user, its process group and a quiet
// environment.
func (s *Server) dress(cmd *exec.Cmd) {
	cmd.SysProcAttr = processAttributes(s.owner)
	cmd.Dir = s.layout.root
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "LC_") ||
			strings.HasPrefix(entry, "LANG") || strings.HasPrefix(entry, "SYNCLINE_")
	}), "LC_ALL=C")
}

// launch starts the server process on s.port and waits for it.
func (s *Server) launch(ctx context.Context) error {
	logFile, err := os.OpenFile(s.layout.logFile(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer logFile.Close()
	cmd := exec.Command(s.bin.path("postgres"), s.arguments()...) //nolint:noctx // it ends by Stop, not with the context of Start
	cmd.Stdout, cmd.Stderr = logFile, logFile
	s.dress(cmd)
	c, err := startChild(cmd)
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	if err := s.awaitReady(ctx, c); err != nil {
		return errors.Join(fmt.Errorf("%w: %s", err, s.lastLog()), c.stop(context.WithoutCancel(ctx)))
	}
	s.child = c
	return nil
}

// arguments is the server's command line: all settings go there, so that a kept
// data directory has no configuration of its own to go stale.
func (s *Server) arguments() []string {
	settings := map[string]string{
		"timezone":        "UTC",
		"log_timezone":    "UTC",
		"lc_messages":     "C",
		"max_connections": "200",
	}
	if s.options.Volatile {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, s.options.Settings)
	settings["port"] = strconv.Itoa(s.port)
	settings["listen_addresses"] = "127.0.0.1"
	settings["unix_socket_directories"] = s.layout.socket
	args := []string{"-D", s.layout.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

func (s *Server) awaitReady(ctx context.Context, c *child) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.startTimeout())
	defer cancel()
	ticker := time.NewTicker(connectPoll)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.dsn("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.done:
			return fmt.Errorf("postgres ended while starting (%w)", c.err)
		case <-ctx.Done():
			return fmt.Errorf("postgres does not accept connections: %w", errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

func (s *Server) lastLog() string {
	text, err := os.ReadFile(s.layout.logFile())
	if err != nil {
		return "no log: " + err.Error()
	}
	if len(text) > logTail {
		text = text[len(text)-logTail:]
	}
	return string(bytes.TrimSpace(text))
}

// DSN returns the URL of a database over TCP, as the superuser. It stays the
// same over Restart. It holds the password: don't log it.
func (s *Server) DSN(database string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dsn(database)
}

func (s *Server) dsn(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SocketDSN is DSN over the Unix socket.
func (s *Server) SocketDSN(database string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(superuser, s.password),
		Path:   "/" + database,
		RawQuery: url.Values{
			"host": {s.layout.socket}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"},
		}.Encode(),
	}
	return u.String()
}

// Major is the server's major version.
func (s *Server) Major() int { return s.bin.major }

// BinDir is the directory of the server's programs. An installed PostgreSQL
// usually has psql there, the build fetched through npm has not.
func (s *Server) BinDir() string { return s.bin.dir }

// LogFile is the path of the server's log. It begins anew at each start.
func (s *Server) LogFile() string { return s.layout.logFile() }

// PID is the process number of the postmaster; 0 when it does not run.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil || s.child.ended() {
		return 0
	}
	return s.child.process.Pid
}

// Kill ends the server as a crash would: no checkpoint, connections cut,
// recovery at the next start. Restart brings it back.
func (s *Server) Kill(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil || s.child.ended() {
		return nil
	}
	if err := s.child.process.Signal(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("kill postgres: %w", err)
	}
	if !s.child.wait(ctx, immediateShutdownWait) {
		return s.child.stop(ctx)
	}
	return nil
}

// Restart stops the server, if it runs, and starts it again on the same port
// and data.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errors.New("restart PostgreSQL: it was stopped for good")
	}
	if s.child != nil {
		if err := s.child.stop(ctx); err != nil {
			return fmt.Errorf("restart PostgreSQL: %w", err)
		}
	}
	if err := stopLeftover(s.layout.data(), s.options.logger()); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return nil
}

// Stop ends the server, for at most some 15 seconds (less when ctx ends), and
// removes its directory when that is temporary. More calls do nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.ended = true
	var err error
	if s.child != nil {
		err = s.child.stop(ctx)
	}
	if err = errors.Join(err, s.layout.release()); err != nil {
		return fmt.Errorf("stop PostgreSQL in %s: %w", filepath.Base(s.layout.root), err)
	}
	return nil
}
