//go:build !unix

package crash

import (
	"os"
	"time"
)

// do carries the action out; there is no way to stop oneself here, so a stop is
// a kill.
func (a action) do() {
	if a.kind == kindSleep {
		time.Sleep(a.pause)
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	os.Exit(1)
}
