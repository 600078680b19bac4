package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/synclinehq/syncline/internal/tool/benchorg"
)

// fewRows is the smaller of the two loads whose memory is compared.
const fewRows = 200_000

// served loads the object as users do, by a process of "syncline serve", and
// tells what memory that has taken.
func (b *bench) served(ctx context.Context) (result, error) { return b.serve(ctx, b.org, b.rows) }

// servedFew does the same with an org of few rows.
func (b *bench) servedFew(ctx context.Context) (result, error) {
	org, err := b.newOrg(ctx, min(fewRows, b.rows))
	if err != nil {
		return result{}, err
	}
	defer func() { _ = org.Stop() }()
	return b.serve(ctx, org, min(fewRows, b.rows))
}

func (b *bench) serve(ctx context.Context, org *benchorg.Org, rows int) (result, error) {
	b.sites++
	control, site := fmt.Sprintf("control%d", b.sites), fmt.Sprintf("site%d", b.sites)
	for _, name := range []string{control, site} {
		if err := b.databases.CreateDatabase(ctx, name, "hstore"); err != nil {
			return result{}, err
		}
	}
	db, err := pgxpool.New(ctx, b.databases.DSN(site))
	if err != nil {
		return result{}, err
	}
	defer db.Close()
	n, err := b.startNode(ctx, b.databases.DSN(control))
	if err != nil {
		return result{}, err
	}
	defer n.stop()
	if err := n.run(ctx, "connection", "create", "--app", "bench", "--database-url", b.databases.DSN(site),
		"--login-url", org.URL, "--client-id", org.Client, "--client-secret", org.Secret); err != nil {
		return result{}, err
	}
	file, err := b.configFile()
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	if err := n.run(ctx, "config", "import", file); err != nil {
		return result{}, err
	}
	for loaded := int64(-1); loaded < 0; {
		if err := n.pause(ctx); err != nil {
			return result{}, err
		}
		// The table of marks is made by the first turn.
		_ = db.QueryRow(ctx, `SELECT rows FROM _syncline.mark WHERE phase = 'poll'`).Scan(&loaded)
		if loaded >= 0 && loaded != int64(rows) {
			return result{}, fmt.Errorf("the server has loaded %d rows of %d", loaded, rows)
		}
	}
	return result{Took: time.Since(start), PeakMiB: peakMiB(n.cmd.Process.Pid)}, nil
}

// configFile maps the object as the bench does.
func (b *bench) configFile() (string, error) {
	fields := map[string]struct{}{}
	for _, f := range b.table.Mapping.Fields {
		fields[f] = struct{}{}
	}
	text, err := json.Marshal(map[string]any{"version": 1, "mappings": []any{map[string]any{
		"object_name": object,
		"config":      map[string]any{"access": "read_write", "sf_polling_seconds": 600, "fields": fields},
	}}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "config.json")
	return path, os.WriteFile(path, text, 0o600)
}

// node is a process of "syncline serve".
type node struct {
	program string
	cmd     *exec.Cmd
	env     []string // of the commands that talk to it
	exited  chan struct{}
}

func (b *bench) startNode(ctx context.Context, control string) (*node, error) {
	n := &node{program: b.program, exited: make(chan struct{})}
	n.cmd = exec.CommandContext(ctx, b.program, "serve", "--allow-insecure-orgs", "--listen", "127.0.0.1:0", "--log-level", "warn",
		"--key-file", filepath.Join(b.dir, "keys"))
	n.cmd.Env = append(os.Environ(), "SYNCLINE_DATABASE_URL="+control)
	told, err := n.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	lines := bufio.NewScanner(told)
	var url, token string
	for (url == "" || token == "") && lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "Syncline answers at "); ok {
			url = rest
		}
		if _, rest, ok := strings.Cut(lines.Text(), "SYNCLINE_TOKEN="); ok {
			token, _, _ = strings.Cut(rest, " ")
		}
	}
	go func() {
		_, _ = io.Copy(os.Stderr, told)
		_ = n.cmd.Wait() // by our signal, or what it printed says why
		close(n.exited)
	}()
	if token == "" {
		n.stop()
		return nil, fmt.Errorf("start the server: it gave no address and token")
	}
	n.env = append(os.Environ(), "SYNCLINE_URL="+url, "SYNCLINE_TOKEN="+token)
	return n, nil
}

func (n *node) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-n.exited
}

// run runs a command of the client's.
func (n *node) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, n.program, args...)
	cmd.Env = n.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("syncline %s: %w: %s", args[0], err, out)
	}
	return nil
}

// pause waits a moment, unless the server has ended.
func (n *node) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-n.exited:
		return fmt.Errorf("the server has ended")
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
