package faulttest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
)

// parallel is how many tests run at once: they wait for time-outs far more
// than they work, so that the number of processors says little.
const parallel = "12"

func TestMain(m *testing.M) {
	flag.Parse()
	if !given("test.parallel") {
		if err := flag.Set("test.parallel", parallel); err != nil {
			panic(err)
		}
	}
	code := pgtest.Wrap(m).Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir) // a leftover in the temporary directory is nobody's trouble
	}
	os.Exit(code)
}

func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// program is the binary under test, built once.
var program struct {
	once      sync.Once
	dir, path string
	err       error
}

// syncline returns the path of the program.
func syncline(t testing.TB) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "faulttest-"); program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "syncline")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-w", "-o", program.path, "github.com/synclinehq/syncline/cmd/syncline")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			program.err = fmt.Errorf("build the program: %w\n%s", err, out.Bytes())
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// seeds are those that the environment asks for; one of its own for each test
// if it says nothing.
func seeds(t testing.TB) []uint64 {
	t.Helper()
	if text := os.Getenv("SYNCLINE_FAULT_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SYNCLINE_FAULT_SEED: %v", err)
		}
		return []uint64{seed}
	}
	n := 1
	if text := os.Getenv("SYNCLINE_FAULT_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("SYNCLINE_FAULT_SEEDS=%q: want a number above 0", text)
		}
	}
	h := fnv.New32a()
	h.Write([]byte(t.Name()))
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(h.Sum32())<<8 + uint64(i)
	}
	return out
}

// eachSeed runs a parallel test for every seed.
func eachSeed(t *testing.T, f func(t *testing.T, seed uint64)) {
	t.Helper()
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("seed %d", seed)
			f(t, seed)
		})
	}
}
