package clients

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/parttest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// target is what a client is told of the org.
type target struct {
	URL          string `json:"url"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	PubSub       string `json:"pubsub"`
	PubSubTLS    string `json:"pubsubTls"`
}

// start runs an org with 4,500 contacts and gives the argument for a client.
func start(t *testing.T) string {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Control().Seed(t.Context(), org.SeedPlan{Object: "Contact", Rows: 4500, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(target{s.URL(), s.Clients[0].ID, s.Clients[0].Secret, s.PubSubAddr(), s.PubSubTLSAddr()})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func run(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// workplace copies a client's directory to where its packages may be
// installed, outside of what is committed.
func workplace(t *testing.T, client string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".cache", "clients", client))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(client)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue // another program
		}
		b, err := os.ReadFile(filepath.Join(client, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// driveNode runs drive.mjs of a client's directory, whose packages have the
// versions of its lock file.
func driveNode(t *testing.T, client, packageName string) {
	t.Helper()
	t.Parallel()
	node := parttest.Need(t, parttest.Node)
	npm := parttest.Need(t, parttest.Part{Names: []string{"npm"}, Install: "apt-get install npm"})
	dir := workplace(t, client)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", packageName)); err != nil {
		if out, err := run(t, dir, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
			t.Skipf("%s can't be installed: %v\n%s", packageName, err, out)
		}
	}
	out, err := run(t, dir, node, "drive.mjs", start(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(out))
}

func TestJsforce(t *testing.T) { driveNode(t, "jsforce", "jsforce") }

func TestPubSub(t *testing.T) { driveNode(t, "pubsub", "salesforce-pubsub-api-client") }

func TestGoSalesforce(t *testing.T) {
	t.Parallel()
	dir := workplace(t, "gosalesforce")
	bin := filepath.Join(dir, "gosalesforce.exe")
	if out, err := run(t, "gosalesforce", "go", "mod", "download"); err != nil {
		t.Skipf("go-salesforce can't be downloaded: %v\n%s", err, out)
	}
	if out, err := run(t, "gosalesforce", "go", "build", "-o", bin, "."); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := run(t, dir, bin, start(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(out))
}
