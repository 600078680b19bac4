package pgserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	lockFile   = "lock"
	tempPrefix = "syncline-pg-"
	// maxSocketDir keeps "<dir>/.s.PGSQL.65535" within the shortest limit of
	// the supported systems (103 bytes on macOS).
	maxSocketDir = 103 - len("/.s.PGSQL.65535")
)

// layout is the directory of one server and what is where in it.
type layout struct {
	root      string
	temporary bool
	lock      *os.File
	socket    string // directory of the Unix socket
}

func (l layout) data() string           { return filepath.Join(l.root, "data") }
func (l layout) unfinishedData() string { return filepath.Join(l.root, "data.new") }
func (l layout) passwordFile() string   { return filepath.Join(l.root, "password") }
func (l layout) logFile() string        { return filepath.Join(l.root, "postgres.log") }

// openLayout makes or opens the directory and locks it.
func openLayout(o Options, owner *account) (layout, error) {
	if o.DataDir == "" {
		sweep(tempBase(owner), o.logger())
		return newTemporary(owner)
	}
	root, err := filepath.Abs(o.DataDir)
	if err != nil {
		return layout{}, fmt.Errorf("data directory %s: %w", o.DataDir, err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return layout{}, fmt.Errorf("make data directory: %w", err)
	}
	return claimLayout(layout{root: root}, owner)
}

func newTemporary(owner *account) (layout, error) {
	root, err := os.MkdirTemp(tempBase(owner), tempPrefix)
	if err != nil {
		return layout{}, fmt.Errorf("make temporary data directory: %w", err)
	}
	return claimLayout(layout{root: root, temporary: true}, owner)
}

// claimLayout locks the directory and makes its parts.
func claimLayout(l layout, owner *account) (layout, error) {
	lock, err := lockDir(l.root)
	if err != nil {
		return layout{}, err
	}
	l.lock = lock
	if err := l.prepare(owner); err != nil {
		return layout{}, errors.Join(err, l.release())
	}
	return l, nil
}

func (l *layout) prepare(owner *account) error {
	if owner != nil {
		if err := os.Chmod(l.root, 0o755); err != nil {
			return fmt.Errorf("open data directory to user %s: %w", owner.name, err)
		}
	}
	if err := owner.traversable(l.data()); err != nil {
		return err
	}
	l.socket = filepath.Join(l.root, "socket")
	if len(l.socket) <= maxSocketDir {
		return makeOwned(l.socket, 0o755, owner)
	}
	dir, err := os.MkdirTemp("/tmp", "syncline-sock-")
	if err != nil {
		return fmt.Errorf("make socket directory: %w", err)
	}
	l.socket = dir
	return makeOwned(dir, 0o755, owner)
}

// makeOwned makes dir, if absent, for the account alone to write to.
func makeOwned(dir string, mode os.FileMode, owner *account) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		return fmt.Errorf("set mode of %s: %w", dir, err)
	}
	if err := owner.own(dir); err != nil {
		return fmt.Errorf("hand %s to the server's user: %w", dir, err)
	}
	return nil
}

// release gives the directory up and removes what nobody needs any more.
func (l layout) release() error {
	var errs []error
	if l.socket != "" && !strings.HasPrefix(l.socket, l.root) {
		errs = append(errs, os.RemoveAll(l.socket))
	}
	if l.temporary {
		errs = append(errs, os.RemoveAll(l.root))
	}
	errs = append(errs, l.lock.Close())
	return errors.Join(errs...)
}

// tempBase is where temporary directories go: a place that the server's user
// may enter.
func tempBase(owner *account) string {
	base := os.TempDir()
	if owner.traversable(filepath.Join(base, "x")) != nil {
		return "/tmp"
	}
	return base
}

// sweep removes temporary directories whose process died without removing them.
// It fails silently: they may belong to another user.
func sweep(base string, log *slog.Logger) {
	dirs, _ := filepath.Glob(filepath.Join(base, tempPrefix+"*")) // the only error is a bad pattern
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // perhaps just being made
		}
		lock, err := lockDir(dir)
		if err != nil {
			continue
		}
		l := layout{root: dir, temporary: true, lock: lock}
		if err := stopLeftover(l.data(), log); err == nil {
			_ = l.release()
		}
		_ = lock.Close()
	}
}

// password returns the superuser's password, made at the first start.
func (l layout) password(owner *account) (string, error) {
	text, err := os.ReadFile(l.passwordFile())
	if err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read password file: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(l.passwordFile(), []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write password file: %w", err)
	}
	if err := owner.own(l.passwordFile()); err != nil {
		return "", fmt.Errorf("hand password file to the server's user: %w", err)
	}
	return password, nil
}
