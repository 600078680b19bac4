package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// How long a stopping server gets before the next, harsher signal.
const (
	fastShutdownWait      = 5 * time.Second
	immediateShutdownWait = 5 * time.Second
)

// child is a running server process. done closes when it has ended.
type child struct {
	process *os.Process
	done    chan struct{}
	err     error // how it ended; read after done
}

// startChild starts cmd from an operating-system thread of its own that stays
// until the child ends: the parent-death signal fires when the thread that
// forked dies, not when the process does.
func startChild(cmd *exec.Cmd) (*child, error) {
	c := &child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err != nil {
			runtime.UnlockOSThread()
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stop ends the server: a fast shutdown, then an immediate one, then a kill.
// A context that ends skips to the next step at once.
func (c *child) stop(ctx context.Context) error {
	steps := []struct {
		signal os.Signal
		wait   time.Duration
	}{
		{syscall.SIGINT, fastShutdownWait},
		{syscall.SIGQUIT, immediateShutdownWait},
		{syscall.SIGKILL, immediateShutdownWait},
	}
	for _, step := range steps {
		if c.ended() {
			return nil
		}
		_ = c.process.Signal(step.signal) // it may have just ended: the wait tells
		if c.wait(ctx, step.wait) {
			return nil
		}
		ctx = context.WithoutCancel(ctx)
	}
	return fmt.Errorf("postgres (pid %d) does not end", c.process.Pid)
}

// wait tells whether the child ended within d.
func (c *child) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.done:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return c.ended()
	}
}
