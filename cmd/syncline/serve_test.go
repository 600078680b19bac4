package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/api"
	"github.com/synclinehq/syncline/internal/cli"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/sandbox"
)

// notes is what a server says to whoever runs it.
type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

// serving runs a server until stop, which returns what runServer did.
func serving(t *testing.T, o cli.ServerOptions, faces bool) (said *notes, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said = &notes{}
	done := make(chan error, 1)
	go func() { done <- runServer(ctx, o, faces, said) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case err = <-done:
			case <-time.After(stopWithin + 5*time.Second):
				t.Error("the server does not stop")
			}
		})
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return said, stop
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

var addressPattern = regexp.MustCompile(`Syncline answers at (http://\S+)`)

func address(t *testing.T, said *notes) string {
	t.Helper()
	var found []string
	waitFor(t, "the server's address", func() bool {
		found = addressPattern.FindStringSubmatch(said.String())
		return found != nil
	})
	return found[1]
}

func TestServe(t *testing.T) {
	t.Parallel()
	o := cli.ServerOptions{
		DatabaseURL: secret.NewText(pgtest.New(t)), KeyFile: filepath.Join(t.TempDir(), "keys"),
		Listen: "127.0.0.1:0", LogFormat: "text", LogLevel: "error",
	}
	said, stop := serving(t, o, true)
	url := address(t, said)
	waitFor(t, "the first token", func() bool { return strings.Contains(said.String(), "/ui/signin?code=") })
	token := regexp.MustCompile(`SYNCLINE_TOKEN=(\S+)`).FindStringSubmatch(said.String())
	if token == nil || !strings.Contains(said.String(), "key") {
		t.Fatalf("first start said: %s", said)
	}
	res, err := http.Get(url + "/readyz")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("ready: %v, %v", res, err)
	}
	_ = res.Body.Close()

	// Without the flag, no org on this machine is called.
	org, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = org.Close() }()
	_, err = client.New(url, token[1]).CreateConnection(t.Context(), client.NewConnection{
		AppName: "shop", DatabaseURL: pgtest.New(t), LoginURL: org.URL(), ClientID: sandbox.ProductClientID, ClientSecret: org.Clients[0].Secret,
	})
	if err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("an org on a private address: %v", err)
	}

	start := time.Now()
	if err := stop(); err != nil || time.Since(start) > stopWithin {
		t.Errorf("stop: %v after %s", err, time.Since(start))
	}
	again, _ := serving(t, o, true)
	address(t, again)
	if text := again.String(); strings.Contains(text, "SYNCLINE_TOKEN") || strings.Contains(text, "key") {
		t.Errorf("second start said: %s", text)
	}
}

// A new key that is put first takes over: after one start the old one can go.
func TestServeChangesTheKey(t *testing.T) {
	t.Parallel()
	dsn, file := pgtest.New(t), filepath.Join(t.TempDir(), "keys")
	old, replacement := secret.NewKey(), secret.NewKey()
	id := storeSecret(t, dsn, old)
	if err := os.WriteFile(file, []byte(replacement+"\n"+old+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said, stop := serving(t, cli.ServerOptions{
		DatabaseURL: secret.NewText(dsn), KeyFile: file, Listen: "127.0.0.1:0", LogFormat: "text", LogLevel: "error",
	}, true)
	address(t, said)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dsn, replacement)
	if got, err := s.Secrets(t.Context(), id); err != nil || got.ClientSecret.Reveal() != "hush" {
		t.Errorf("with the new key alone: %v", err)
	}
}

func openStore(t *testing.T, dsn, key string) *store.Store {
	t.Helper()
	keys, err := secret.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: secret.NewText(dsn), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// storeSecret makes a connection with the client secret "hush".
func storeSecret(t *testing.T, dsn, key string) uuid.UUID {
	t.Helper()
	c, err := openStore(t, dsn, key).CreateConnection(t.Context(), mapping.Connection{AppName: "app"},
		store.Secrets{ClientSecret: secret.NewText("hush")})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	good := cli.ServerOptions{
		DatabaseURL: secret.NewText(pgtest.New(t)), KeyFile: filepath.Join(t.TempDir(), "keys"),
		Listen: "127.0.0.1:0", LogFormat: "text", LogLevel: "error",
	}
	tests := []struct {
		name   string
		change func(*cli.ServerOptions)
		want   string
	}{
		{"a port that is taken", func(o *cli.ServerOptions) { o.Listen = taken.Addr().String() }, "address already in use"},
		{"a database that is not there", func(o *cli.ServerOptions) {
			o.DatabaseURL = secret.NewText("postgres://u:hidden@127.0.0.1:1/x")
		}, "open the control store"},
		{"a directory that can't be made", func(o *cli.ServerOptions) { o.KeyFile = "/proc/none/keys" }, "load the keys"},
		{"an unknown log level", func(o *cli.ServerOptions) { o.LogLevel = "loud" }, "debug, info, warn or error"},
		{"an unknown log format", func(o *cli.ServerOptions) { o.LogFormat = "xml" }, "xml"},
	}
	for _, tt := range tests {
		o := good
		tt.change(&o)
		err := runServer(t.Context(), o, true, &notes{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A worker with the same keys does the work that a server is told of.
func TestWorkerSharesTheWork(t *testing.T) {
	t.Parallel()
	o := cli.ServerOptions{
		DatabaseURL: secret.NewText(pgtest.New(t)), KeyFile: filepath.Join(t.TempDir(), "keys"),
		Listen: "127.0.0.1:0", LogFormat: "text", LogLevel: "error", AllowInsecureOrgs: true, NodeName: "server",
	}
	said, _ := serving(t, o, true)
	url := address(t, said)
	waitFor(t, "the first token", func() bool { return strings.Contains(said.String(), "SYNCLINE_TOKEN=") })
	token := regexp.MustCompile(`SYNCLINE_TOKEN=(\S+)`).FindStringSubmatch(said.String())[1]
	c := client.New(url, token)
	o.NodeName = "worker"
	said, stop := serving(t, o, false)
	var at []string
	waitFor(t, "the worker's address", func() bool {
		at = regexp.MustCompile(`metrics are at (http://\S+)`).FindStringSubmatch(said.String())
		return at != nil
	})
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK, api.Prefix + "/connections": http.StatusNotFound,
		"/ui/": http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at[1]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s of a worker: %s, want %d", path, res.Status, want)
		}
	}
	waitFor(t, "two nodes", func() bool { nodes, err := c.Nodes(t.Context()); return err == nil && len(nodes) == 2 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	waitFor(t, "one node", func() bool { nodes, err := c.Nodes(t.Context()); return err == nil && len(nodes) == 1 })
}
