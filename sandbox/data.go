package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/rest"
)

// saveEvery is how often a changed org is written to its directory.
const saveEvery = time.Minute

// The files of a data directory.
const (
	orgFile    = "org.state"
	serverFile = "server.json"
	eventsFile = "events.state"
	jobsDir    = "jobs"
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
	events events.Mark
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
	k := &keeper{dir: dir, org: o, server: s, done: make(chan struct{})}
	if err := errors.Join(k.read(serverFile, s.LoadState), k.read(eventsFile, s.LoadEvents)); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if err := s.LoadJobs(k.jobs()); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	go k.run(ctx)
	return k, nil
}

// read loads a file of the directory, if it is there.
func (k *keeper) read(name string, load func(io.Reader) error) error {
	err := folder(k.dir).Get(name, load)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (k *keeper) jobs() folder { return folder(filepath.Join(k.dir, jobsDir)) }

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
	return k.server.Still(func() error {
		err := replaceFile(filepath.Join(k.dir, serverFile), k.server.SaveState)
		if edits := k.org.Edits(); edits != k.saved {
			if saveErr := replaceFile(filepath.Join(k.dir, orgFile), k.org.Save); saveErr != nil {
				return errors.Join(err, saveErr)
			}
			k.saved = edits
		}
		if mark := k.server.EventsMark(); mark != k.events {
			if saveErr := replaceFile(filepath.Join(k.dir, eventsFile), k.server.SaveEvents); saveErr != nil {
				return errors.Join(err, saveErr)
			}
			k.events = mark
		}
		return errors.Join(err, k.server.SaveJobs(k.jobs()))
	})
}

// folder is a directory as a shelf of files; it is made when something is put
// into it.
type folder string

// Names implements bulk.Shelf.
func (d folder) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Put implements bulk.Shelf.
func (d folder) Put(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	return replaceFile(filepath.Join(string(d), name), write)
}

// Get implements bulk.Shelf.
func (d folder) Get(name string, read func(io.Reader) error) (err error) {
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return fmt.Errorf("open saved state: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return read(bufio.NewReaderSize(f, 1<<16))
}

// Drop implements bulk.Shelf.
func (d folder) Drop(name string) error { return os.Remove(filepath.Join(string(d), name)) }

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
	bw := bufio.NewWriterSize(f, 1<<16)
	if err := errors.Join(write(bw), bw.Flush(), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("save %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("save %s: %w", filepath.Base(path), err)
	}
	return nil
}
