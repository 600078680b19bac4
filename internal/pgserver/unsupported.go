//go:build !unix

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// errInUse says that another live process holds the directory.
var errInUse = errors.New("in use by another process")

// account has no values here: no server is started.
type account struct{ name string }

func serverAccount() (*account, error) {
	return nil, fmt.Errorf("a private PostgreSQL cannot be run on %s: give a database with --database-url", runtime.GOOS)
}

func (a *account) own(string) error         { return nil }
func (a *account) traversable(string) error { return nil }

func lockDir(dir string) (*os.File, error) { return nil, fmt.Errorf("%s: %w", dir, errInUse) }

func processAttributes(*account) *syscall.SysProcAttr { return nil }
