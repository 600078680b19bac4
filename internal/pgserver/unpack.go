package pgserver

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxUnpacked bounds what an archive may unpack to, in bytes.
const maxUnpacked = 1 << 30

// unpack extracts the files of a gzipped tar archive below dir. It refuses
// entries that point outside and, since the package has none, links.
func unpack(archive io.Reader, dir string) error {
	zipped, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("not a gzipped archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	entries := tar.NewReader(io.LimitReader(zipped, maxUnpacked))
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackEntry(root, entry, entries); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, entry *tar.Header, content io.Reader) error {
	name := filepath.FromSlash(strings.TrimSuffix(entry.Name, "/"))
	switch entry.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
	default:
		return fmt.Errorf("unexpected kind of entry %q", entry.Typeflag)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if entry.Mode&0o111 != 0 || filepath.Base(filepath.Dir(name)) == "bin" {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// makeSymlinks makes the links that an npm archive cannot hold. The package
// lists them in a file; both names are relative to the package.
func makeSymlinks(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		if err := makeSymlink(dir, link.Source, link.Target); err != nil {
			return err
		}
	}
	return nil
}

func makeSymlink(dir, source, target string) error {
	if !filepath.IsLocal(source) || !filepath.IsLocal(target) {
		return fmt.Errorf("link %s -> %s leaves the package", target, source)
	}
	at := filepath.Join(dir, target)
	to, err := filepath.Rel(filepath.Dir(at), filepath.Join(dir, source))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.Symlink(to, at)
}
