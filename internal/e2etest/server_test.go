//go:build unix

package e2etest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopWithin is how long a stop in good order may take.
const stopWithin = 10 * time.Second

// server is a process of `syncline serve` in a directory of its own, which it
// keeps over restarts.
type server struct {
	t   testing.TB
	dir string
	env []string
	log string // file with all that the process has printed

	// URL and Token are those that the process printed; SignIn is the link of
	// the first start.
	URL, Token, SignIn string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// newServer describes a server on a control database.
func newServer(t testing.TB, control string, env ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, dir: dir, log: filepath.Join(t.ArtifactDir(), "server.log")}
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "SYNCLINE_DATABASE_URL=" + control,
		"SYNCLINE_LISTEN=127.0.0.1:0", "SYNCLINE_LOG_LEVEL=debug", "SYNCLINE_LOG_FORMAT=json",
	}, env...)
	t.Cleanup(func() {
		s.signal(syscall.SIGKILL)
		s.await(stopWithin)
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", s.tail(4000))
		}
	})
	return s
}

var printed = map[string]*regexp.Regexp{
	"url":   regexp.MustCompile(`^Syncline answers at (\S+)$`),
	"token": regexp.MustCompile(`SYNCLINE_TOKEN=(\S+)`),
	"link":  regexp.MustCompile(`(\S+/ui/signin\?code=\S+)`),
}

// start starts the process and returns when it answers.
func (s *server) start(args ...string) {
	s.t.Helper()
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(programDir, "syncline"), append([]string{"serve"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout = s.dir, s.env, out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start the server: %v", err)
	}
	exited, ready := make(chan struct{}), make(chan struct{})
	go func() {
		s.read(bufio.NewScanner(stderr), out, ready)
		_ = cmd.Wait() // how it ended is read from its state
		_ = out.Close()
		close(exited)
	}()
	s.mu.Lock()
	s.cmd, s.exited = cmd, exited
	s.mu.Unlock()
	select {
	case <-ready:
	case <-exited:
		s.t.Fatalf("the server ended at its start:\n%s", s.tail(2000))
	case <-time.After(time.Minute):
		s.t.Fatalf("the server is not there after a minute:\n%s", s.tail(2000))
	}
}

// read copies what the server prints and notes what it says of itself.
func (s *server) read(lines *bufio.Scanner, out *os.File, ready chan struct{}) {
	lines.Buffer(nil, 1<<20)
	for told := false; lines.Scan(); {
		line := lines.Text()
		for name, pattern := range printed {
			m := pattern.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			switch name {
			case "url":
				s.URL = m[1]
			case "token":
				s.Token = m[1]
			case "link":
				s.SignIn = m[1]
			}
		}
		if !told && bytes.Contains(lines.Bytes(), []byte(`"msg":"started"`)) {
			told = true
			close(ready)
		}
		_, _ = fmt.Fprintln(out, line) // a log that lacks a line is told by the test that looks for it
	}
}

func (s *server) tail(size int) []byte {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-size):]
}

func (s *server) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig) // it may have ended
	}
}

// await waits for the end of the process.
func (s *server) await(within time.Duration) bool {
	s.mu.Lock()
	exited := s.exited
	s.mu.Unlock()
	if exited == nil {
		return true
	}
	select {
	case <-exited:
		return true
	case <-time.After(within):
		return false
	}
}

// stop ends the server in good order.
func (s *server) stop() {
	s.t.Helper()
	began := time.Now()
	s.signal(syscall.SIGTERM)
	if !s.await(stopWithin) {
		s.t.Fatalf("the server is still there %v after SIGTERM:\n%s", stopWithin, s.tail(3000))
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Fatalf("the server ended with %d after SIGTERM:\n%s", code, s.tail(3000))
	}
	s.t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
}

// until repeats f until it gives nil.
func until(ctx context.Context, within time.Duration, f func(ctx context.Context) error) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("not so after %v: %w", within, err)
		case <-ctx.Done():
			return fmt.Errorf("given up: %w", err)
		}
	}
}
