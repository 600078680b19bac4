package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	exit := errors.New("exit status 1")
	for _, c := range []struct {
		name, out string
		err       error
		want      result
	}{
		{"passed", "ok  \tpkg\t0.1s\n", nil, green},
		{"from the cache", "ok  \tpkg\t(cached)\n", nil, green},
		{"failed", "--- FAIL: TestX (0.00s)\nFAIL\tpkg\t0.1s\n", exit, failed},
		{"panicked", "panic: test timed out after 3m0s\nFAIL\tpkg\t180s\n", exit, failed},
		{"does not compile", "FAIL\tpkg [build failed]\n", exit, noBuild},
		{"has a bad import", "FAIL\tpkg [setup failed]\n", exit, noBuild},
		{"no test of that name", "ok  \tpkg\t0.1s [no tests to run]\n", nil, nothing},
		{"no test at all", "?   \tpkg\t[no test files]\n", nil, nothing},
	} {
		if got := judge(c.out, c.err); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFailuresAreNamedOnce(t *testing.T) {
	t.Parallel()
	out := "--- FAIL: TestB (0.00s)\n    --- FAIL: TestB/x (0.00s)\n--- FAIL: TestA (0.00s)\n--- FAIL: TestA (0.00s)\n"
	if got, want := failures(out), "red: TestA, TestB, TestB/x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMutateNeedsTheTextExactlyOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f.go")
	if err := os.WriteFile(file, []byte("guard()\nwork()\nwork()\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := mutation{File: file, Old: "guard()\n"}.mutate()
	if err != nil || string(got) != "work()\nwork()\n" {
		t.Errorf("%q, %v", got, err)
	}
	for old, want := range map[string]string{"work()": "2 times", "gone()": "0 times"} {
		if _, err := (mutation{File: file, Old: old}).mutate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", old, err)
		}
	}
	if _, err := (mutation{File: file + ".not", Old: "x"}).mutate(); err == nil {
		t.Error("a file that is not there was changed")
	}
}

// TestListIsWhole checks what the compiler can't: the texts themselves are
// checked when the mutations run.
func TestListIsWhole(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range mutations {
		switch {
		case m.Name == "" || m.Invariant == "" || m.File == "" || m.Old == "" || m.Old == m.New || len(m.Tests) == 0:
			t.Errorf("%+v lacks something", m)
		case names[m.Name]:
			t.Errorf("%s is listed twice", m.Name)
		}
		names[m.Name] = true
		for _, test := range m.Tests {
			if !strings.HasPrefix(test.Package, "./") || test.Run == "" {
				t.Errorf("%s: tests %+v", m.Name, test)
			}
		}
	}
}
