package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/rest"
)

// saveEvery is how often a changed org is written to its directory.
const saveEvery = time.Minute

// The files of a data directory.
const (
	orgFile    = "org.state"
	serverFile = "server.json"
)

// keeper writes an org to its directory while it runs and when it ends.
type keeper struct {
	dir    string
	org    *org.Org
	server *rest.Server
	stop   context.CancelFunc
	done   chan struct{}
	err    error
	saved  uint64
}

// loadOrg reads the org of a directory; found is false if it holds none yet.
func loadOrg(dir string, opt org.Options) (o *org.Org, found bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("make data directory: %w", err)
	}
	f, err := os.Open(filepath.Join(dir, orgFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("open saved org: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if o, err = org.Load(f, opt); err != nil {
		return nil, false, fmt.Errorf("data directory %s: %w", dir, err)
	}
	return o, true, nil
}

// keep takes over the server's part of the directory and begins to save.
func keep(ctx context.Context, dir string, o *org.Org, s *rest.Server) (*keeper, error) {
	f, err := os.Open(filepath.Join(dir, serverFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("open saved sessions: %w", err)
	default:
		if err := errors.Join(s.LoadState(f), f.Close()); err != nil {
			return nil, fmt.Errorf("data directory %s: %w", dir, err)
		}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	k := &keeper{dir: dir, org: o, server: s, stop: stop, done: make(chan struct{})}
	go k.run(ctx)
	return k, nil
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.err = k.save()
		case <-ctx.Done():
			k.err = k.save()
			return
		}
	}
}

// close saves a last time and says how that went.
func (k *keeper) close() error {
	k.stop()
	<-k.done
	return k.err
}

func (k *keeper) save() error {
	err := replaceFile(filepath.Join(k.dir, serverFile), k.server.SaveState)
	if edits := k.org.Edits(); edits != k.saved {
		if saveErr := replaceFile(filepath.Join(k.dir, orgFile), k.org.Save); saveErr != nil {
			return errors.Join(err, saveErr)
		}
		k.saved = edits
	}
	return err
}

// replaceFile writes a file beside the old one and then takes its place, so
// that a crash leaves one of the two.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("save %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("save %s: %w", filepath.Base(path), err)
	}
	return nil
}
