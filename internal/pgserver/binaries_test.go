package pgserver

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]int{
		"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 17.10\n":                          17,
		"postgres (PostgreSQL) 18beta1\n":                        18,
	} {
		if got, err := parseVersion(out); err != nil || got != want {
			t.Errorf("%q: %d, %v", out, got, err)
		}
	}
	if _, err := parseVersion("mysqld 8"); err == nil {
		t.Error("no error for another program")
	}
}

func TestPickTakesTheNewestThatFits(t *testing.T) {
	t.Parallel()
	found := []binaries{{dir: "a", major: 15}, {dir: "b", major: 17}, {dir: "c", major: 16}}
	for want, dir := range map[int]string{0: "b", 15: "a", 16: "c"} {
		if got, ok := pick(found, want); !ok || got.dir != dir {
			t.Errorf("major %d: %+v", want, got)
		}
	}
	if _, ok := pick(found, 14); ok {
		t.Error("a version was taken that cannot read the data")
	}
}

func TestNamedDirectoryMustBeUsable(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(BinDirEnv, dir)
	_, err := locate(t.Context(), 0)
	if err == nil || !strings.Contains(err.Error(), BinDirEnv) || !strings.Contains(err.Error(), "initdb") {
		t.Errorf("got %v", err)
	}
}

func TestNotFoundTellsWhatToDo(t *testing.T) {
	t.Parallel()
	err := notFound(nil, 0, errors.New("npm is not installed"))
	for _, want := range []string{"install", "postgresql", BinDirEnv, "--database-url", "npm is not installed"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
	if err := notFound([]binaries{{major: 15}}, 17, errors.New("x")); !strings.Contains(err.Error(), "needs PostgreSQL 17") {
		t.Error(err)
	}
}

// archive makes a gzipped tar of the entries.
func archive(t *testing.T, entries ...tar.Header) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, entry := range entries {
		content := []byte("content")
		if entry.Typeflag == tar.TypeReg {
			entry.Size = int64(len(content))
		}
		if err := w.WriteHeader(&entry); err != nil {
			t.Fatal(err)
		}
		if entry.Typeflag == tar.TypeReg {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := unpack(archive(t,
		tar.Header{Name: "package/native/bin/initdb", Typeflag: tar.TypeReg, Mode: 0o644},
		tar.Header{Name: "package/LICENSE", Typeflag: tar.TypeReg, Mode: 0o600},
	), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"native/bin/initdb": 0o755, "LICENSE": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, "package", name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestUnpackRefusesWhatLeavesTheDirectory(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]tar.Header{
		"parent":   {Name: "../evil", Typeflag: tar.TypeReg},
		"absolute": {Name: "/tmp/evil", Typeflag: tar.TypeReg},
		"link":     {Name: "package/link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink},
	} {
		if err := unpack(archive(t, entry), t.TempDir()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := unpack(strings.NewReader("<html>"), t.TempDir()); err == nil {
		t.Error("no error for a page in place of an archive")
	}
	for _, link := range [][2]string{{"../x", "native/y"}, {"native/x", "/y"}} {
		if err := makeSymlink(t.TempDir(), link[0], link[1]); err == nil {
			t.Errorf("link %v: no error", link)
		}
	}
}

// TestBuildFromNPM fetches the pinned build and runs a server of it.
func TestBuildFromNPM(t *testing.T) {
	if testing.Short() {
		t.Skip("not run with -short: fetches a build of PostgreSQL")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed: apt-get install npm")
	}
	cache := openDir(t)
	b, err := embedded(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := embedded(t.Context(), cache); err != nil || again.source != "cache" {
		t.Errorf("second time: %+v, %v", again, err)
	}
	t.Setenv(BinDirEnv, b.dir)
	s := start(t, Options{})
	if s.Major() != 17 {
		t.Errorf("PostgreSQL %d", s.Major())
	}
	if err := s.CreateDatabase(t.Context(), "app", "hstore"); err != nil {
		t.Error(err)
	}
}
