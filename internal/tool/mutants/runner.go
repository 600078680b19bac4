package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// runner runs mutations, one at a time.
type runner struct {
	out     io.Writer
	verbose bool
}

// verdict is what became of one mutation.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "SURVIVED"
	broken   verdict = "BROKEN" // it could not be tried
)

// all checks that the tests are green as things stand, then runs each mutation.
func (r *runner) all(ctx context.Context, list []mutation) error {
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return fmt.Errorf("make a working directory: %w", err)
	}
	defer os.RemoveAll(work)
	red, err := r.baseline(ctx, list)
	if err != nil {
		return err
	}
	var bad []string
	for _, m := range list {
		started := time.Now()
		v, why := r.try(ctx, work, m, red)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped at %q: %w", m.Name, err)
		}
		r.report(m, v, why, time.Since(started))
		if v != killed && m.Todo == "" {
			bad = append(bad, m.Name)
		}
	}
	fmt.Fprintf(r.out, "%d mutations, %d not killed\n", len(list), len(bad))
	if len(bad) > 0 {
		return errors.New("not killed: " + strings.Join(bad, "; "))
	}
	return nil
}

func (r *runner) report(m mutation, v verdict, why string, took time.Duration) {
	note := ""
	switch {
	case m.Todo != "" && v == killed:
		note = " (listed as todo; it need not be any more)"
	case m.Todo != "":
		note = " (todo: " + m.Todo + ")"
	}
	fmt.Fprintf(r.out, "%-9s %-4s %-45s %4.0fs%s\n", v, m.Invariant, m.Name, took.Seconds(), note)
	if why != "" && (v == broken || r.verbose) {
		fmt.Fprintln(r.out, "    "+strings.ReplaceAll(strings.TrimSpace(why), "\n", "\n    "))
	}
}

// baseline runs every test that is named as things stand and returns those
// that say nothing, since they are missing or red already.
func (r *runner) baseline(ctx context.Context, list []mutation) (map[tests]string, error) {
	red := map[tests]string{}
	seen := map[tests]bool{}
	for _, m := range list {
		for _, t := range m.Tests {
			if seen[t] {
				continue
			}
			seen[t] = true
			result, text := r.goTest(ctx, t, "")
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("stopped: %w", err)
			}
			if result != green {
				red[t] = fmt.Sprintf("%s %s is %s before anything is taken out:\n%s", t.Package, t.Run, result, text)
			}
		}
	}
	return red, nil
}

func (r *runner) try(ctx context.Context, work string, m mutation, red map[tests]string) (verdict, string) {
	changed, err := m.mutate()
	if err != nil {
		return broken, err.Error()
	}
	overlay, err := lay(work, m.File, changed)
	if err != nil {
		return broken, err.Error()
	}
	v, why := broken, "no test is named"
	for _, t := range m.Tests {
		if text, is := red[t]; is {
			return broken, text
		}
		switch result, text := r.goTest(ctx, t, overlay); result {
		case failed:
			return killed, failures(text)
		case green:
			v, why = survived, ""
		default:
			return broken, string(result) + "\n" + text
		}
	}
	return v, why
}

// lay writes a changed file and the overlay that puts it in the place of the
// one in the tree.
func lay(work, file string, text []byte) (string, error) {
	original, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", file, err)
	}
	replacement, overlay := filepath.Join(work, "changed.go"), filepath.Join(work, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	if err := errors.Join(os.WriteFile(replacement, text, 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	return overlay, nil
}

// result is what a run of tests amounts to.
type result string

const (
	green   result = "green"
	failed  result = "red"
	nothing result = "without a test of that name"
	noBuild result = "not to be compiled"
)

// limit bounds one run: a test that a missing guard makes wait is red too.
const limit = 3 * time.Minute

func (r *runner) goTest(ctx context.Context, t tests, overlay string) (result, string) {
	args := []string{"test", "-vet=off", "-timeout", limit.String(), "-run", t.Run}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, t.Package)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return judge(string(out), err), string(out)
}

// judge reads the output of go test.
func judge(out string, err error) result {
	switch {
	case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
		return noBuild
	case err != nil:
		return failed
	case strings.Contains(out, "[no tests to run]"), strings.Contains(out, "[no test files]"):
		return nothing
	default:
		return green
	}
}

var failLine = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// failures names the tests that failed, or says what else it was.
func failures(out string) string {
	var names []string
	for _, m := range failLine.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		return "it ended without a failed test (a panic or the time limit)"
	}
	slices.Sort(names)
	return "red: " + strings.Join(slices.Compact(names), ", ")
}
