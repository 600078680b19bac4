package e2etest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

// programDir holds the program under test.
var programDir string

// parallel is how many tests run at once: they wait more than they work.
const parallel = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if !given("test.parallel") {
		if err := flag.Set("test.parallel", parallel); err != nil {
			panic(err)
		}
	}
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programDir = dir
	code := pgtest.Wrap(m).Run()
	_ = os.RemoveAll(dir) // a leftover in the temporary directory is nobody's trouble
	os.Exit(code)
}

func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// build builds the program into a directory of its own.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "e2etest-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the program: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-w", "-o", filepath.Join(dir, "syncline"), "github.com/synclinehq/syncline/cmd/syncline")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out.Bytes())
	}
	return dir, nil
}
