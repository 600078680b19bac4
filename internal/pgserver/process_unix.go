//go:build unix && !linux

package pgserver

import "syscall"

// processAttributes puts the child in a process group of its own, so that a
// terminal's Ctrl-C reaches it only through us.
func processAttributes(owner *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if owner != nil {
		attr.Credential = owner.credential()
	}
	return attr
}
