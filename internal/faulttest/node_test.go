//go:build unix

package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/crash"
)

// node is a process of the program, in a directory of its own.
type node struct {
	t    testing.TB
	name string
	// args are the command's, env what the process sees beside PATH.
	args, env []string
	dir       string
	url       string // "" for a worker
	log       string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
}

// newNode describes a process; start starts it.
func newNode(t testing.TB, name string, env ...string) *node {
	t.Helper()
	dir := t.TempDir()
	n := &node{t: t, name: name, dir: dir, log: filepath.Join(t.ArtifactDir(), strings.ReplaceAll(name, " ", "-")+".log")}
	n.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, env...)
	t.Cleanup(n.cleanUp)
	return n
}

func (n *node) cleanUp() {
	n.signal(syscall.SIGCONT)
	n.signal(syscall.SIGKILL)
	n.await(10 * time.Second)
	if n.t.Failed() {
		n.t.Logf("the end of %s's log:\n%s", n.name, tail(n.log, 6000))
	}
}

func tail(path string, size int) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	if len(text) > size {
		text = text[len(text)-size:]
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			text = text[i+1:]
		}
	}
	return text
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		// Below the ports that systems hand out by themselves, so that nothing
		// else takes it until the node is there, and while it is restarted.
		port := 10_000 + int(portsGiven.Add(1)+int64(os.Getpid())*37)%20_000
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

// portsGiven counts the ports that this process has handed out.
var portsGiven atomic.Int64

// start starts the process; env holds for this start only.
func (n *node) start(env ...string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	out, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer out.Close()
	fmt.Fprintf(out, "--- %s starts %s\n", n.name, strings.Join(env, " "))
	cmd := exec.CommandContext(context.WithoutCancel(n.t.Context()), syncline(n.t), n.args...) // cleanUp ends it, after the checks
	cmd.Dir, cmd.Env = n.dir, append(n.env[:len(n.env):len(n.env)], env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		n.t.Fatalf("start %s: %v", n.name, err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is read from its state
		close(exited)
	}()
	n.cmd, n.exited = cmd, exited
}

// alive says whether the process runs (or is stopped).
func (n *node) alive() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

// gone is closed when the process of the newest start has ended.
func (n *node) gone() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.exited
}

// await waits for the end of the process.
func (n *node) await(within time.Duration) bool {
	if !n.alive() {
		return true
	}
	select {
	case <-n.gone():
		return true
	case <-time.After(within):
		return false
	}
}

func (n *node) signal(s syscall.Signal) {
	if n.alive() {
		_ = n.cmd.Process.Signal(s) // it may have ended this moment
	}
}

// kill ends the process as a crash of it would.
func (n *node) kill() {
	n.t.Helper()
	n.signal(syscall.SIGKILL)
	if !n.await(10 * time.Second) {
		n.t.Fatalf("%s is still there after SIGKILL", n.name)
	}
}

// ready says whether the server answers that it is.
func (n *node) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// armed is the environment that makes a node die at a point, and the file in
// which it says so.
func armed(t testing.TB, point crash.Name, spec string) (env []string, report string) {
	t.Helper()
	report = filepath.Join(t.TempDir(), "crashes")
	return []string{crash.Env + "=" + string(point) + spec, crash.ReportEnv + "=" + report}, report
}

// look is the pause between two looks at what is waited for.
const look = 250 * time.Millisecond

// eventually waits until f says nil, and tells what it said last if it never
// does.
func eventually(t testing.TB, within time.Duration, what string, f func(ctx context.Context) error) {
	t.Helper()
	if err := soon(t.Context(), within, f); err != nil {
		t.Fatalf("not within %v: %s: %v", within, what, err)
	}
}

func soon(ctx context.Context, within time.Duration, f func(ctx context.Context) error) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}
