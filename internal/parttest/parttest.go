// Package parttest is for tests that need a program which a fresh machine may
// lack: a browser, PgBouncer, Node. Such a test is skipped there, and the test
// command lists it at the end with what to install; in CI a skip is a failure.
package parttest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// reportEnv names the file that collects the tests that were not run.
const reportEnv = "SYNCLINE_NOT_RUN"

// Part is a program that a test needs.
type Part struct {
	// Names are the names it may have in PATH, the first found wins.
	Names []string
	// Install is the line that installs it.
	Install string
}

// The parts that tests of this project use.
var (
	Chromium  = Part{[]string{"chromium", "chromium-browser", "google-chrome"}, "apt-get install chromium"}
	PgBouncer = Part{[]string{"pgbouncer"}, "apt-get install pgbouncer"}
	Node      = Part{[]string{"node"}, "apt-get install nodejs npm"}
)

// Need returns the path of the part, or skips the test and says so.
func Need(t testing.TB, p Part) string {
	t.Helper()
	for _, name := range p.Names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	note(t, fmt.Sprintf("%s needs %s: %s", t.Name(), p.Names[0], p.Install))
	t.Skipf("%s is not installed: %s", p.Names[0], p.Install)
	return ""
}

func note(t testing.TB, line string) {
	t.Helper()
	path := os.Getenv(reportEnv)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Logf("report a test that was not run: %v", err)
		return
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Logf("report a test that was not run: %v", err)
	}
}
