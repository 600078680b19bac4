//go:build unix

package crash

import (
	"os"
	"syscall"
	"time"
)

// do carries the action out. A kill does not return.
func (a action) do() {
	switch a.kind {
	case kindSleep:
		time.Sleep(a.pause)
	case kindStop:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // one may always signal oneself
	default:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}
