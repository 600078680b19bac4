package secret

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KeysEnv names the environment variable that holds the key ring. It wins over
// the key file.
const KeysEnv = "SYNCLINE_KEYS"

// Load returns the key ring of the environment or else of the file at path. A
// file that does not exist is made with a new key; then notice is a text for the
// person who runs the server, and otherwise it is empty.
func Load(getenv func(string) string, path string) (ring *KeyRing, notice string, err error) {
	if text := getenv(KeysEnv); text != "" {
		ring, err := Parse(text)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", KeysEnv, err)
		}
		return ring, "", nil
	}
	if path == "" {
		return nil, "", fmt.Errorf("no encryption key: set %s or name a key file", KeysEnv)
	}
	made, err := makeFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("make key file: %w", err)
	}
	if ring, err = readFile(path); err != nil {
		return nil, "", err
	}
	if made {
		notice = fmt.Sprintf("A new encryption key was made in %s. Keep a copy of it elsewhere: without it the stored "+
			"credentials cannot be read. Every node needs the same key, as a copy of this file or in %s.", path, KeysEnv)
	}
	return ring, notice, nil
}

// makeFile writes a new key to path unless there is a file. The file appears
// whole, and of two processes that start at once one wins.
func makeFile(path string) (made bool, err error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(dir, ".key-") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("# Syncline's encryption keys, one a line as id:base64. The first one encrypts, all decrypt.\n" + NewKey() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return false, err
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, os.ErrExist) {
			return false, nil
		}
		return false, err
	}
	return true, syncDir(dir)
}

// syncDir makes a new name in dir last: a key that is lost with the machine's
// power takes all credentials with it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readFile reads a key file: keys one a line, blank lines and lines that begin
// with # are skipped.
func readFile(path string) (*KeyRing, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key file %s can be used by others (mode %04o): run `chmod 600 %s`", path, mode, path)
	}
	var keys []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("key file %s holds no key: restore it from a copy, or remove it to begin with a new key", path)
	}
	ring, err := Parse(strings.Join(keys, ","))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}
