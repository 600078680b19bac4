package pgserver

import "syscall"

// processAttributes puts the child in a process group of its own, so that a
// terminal's Ctrl-C reaches it only through us, and asks the kernel to shut it
// down when we die.
func processAttributes(owner *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if owner != nil {
		attr.Credential = owner.credential()
	}
	return attr
}
