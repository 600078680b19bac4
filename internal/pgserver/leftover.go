package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const leftoverPoll = 20 * time.Millisecond

// stopLeftover deals with the postmaster.pid of an earlier start whose owner
// died. The caller holds the directory's lock, so nobody uses that server: when
// it still runs it is stopped, and a file that names a dead or foreign process
// is removed.
func stopLeftover(pgdata string, log *slog.Logger) error {
	pidFile := filepath.Join(pgdata, "postmaster.pid")
	pid, err := readPID(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if runsIn(pid, pgdata) {
		log.Info("stopping a PostgreSQL that an earlier run left behind", "pid", pid, "directory", pgdata)
		if err := endProcess(pid, pgdata); err != nil {
			return err
		}
	}
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale postmaster.pid: %w", err)
	}
	return nil
}

// readPID returns the process named in the first line of postmaster.pid; 0 when
// the line is not a number.
func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 0 {
		return 0, nil //nolint:nilerr // a torn file names no process
	}
	return pid, nil
}

// runsIn tells whether pid is a live server of that data directory: process
// numbers are used again, so the number alone proves nothing.
func runsIn(pid int, pgdata string) bool {
	if pid <= 1 {
		return false
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		return cwd == pgdata
	}
	out, err := exec.CommandContext(context.Background(), "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), pgdata)
}

func endProcess(pid int, pgdata string) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("find leftover postgres: %w", err)
	}
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = process.Signal(signal) // it may have just ended: the loop tells
		for deadline := time.Now().Add(fastShutdownWait); time.Now().Before(deadline); time.Sleep(leftoverPoll) {
			if !runsIn(pid, pgdata) {
				return nil
			}
		}
	}
	return fmt.Errorf("a PostgreSQL (pid %d) still runs in %s and does not end", pid, pgdata)
}
