//go:build unix

package faulttest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/clock"
	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

//go:embed testdata/config.json
var config []byte

// objects are those of the configuration file.
var objects = []string{"Account", "Contact", "Project__c", "Opportunity"}

// site is an org, a target and a control database, and the nodes on them.
type site struct {
	testing.TB
	seed            uint64
	org             *sandbox.Server
	ctl             sandbox.Control
	control, target string
	keys            string
	app             *pgxpool.Pool // the application's sessions in the target
	nodes           []*node
	token           string
	killed          bool // a node died: the ledger may be above the org's count
	lasting         bool // nodes that die are not started again by bringUp
	edits           *traffic
	config          []byte
	wrong           wrongs
}

// wrongs counts what the checks found, by kind.
type wrongs struct{ lost, doubled, disorder, differences atomic.Int64 }

// finds fails the test and counts what was found.
func (s *site) finds(kind *atomic.Int64, format string, args ...any) {
	s.Helper()
	kind.Add(1)
	s.Errorf(format, args...)
}

// options change how a site is made.
type options struct {
	target   string // a database of the test's own
	switches org.Switches
	rows     int // accounts; 250
	// ours is connection.syncline of the configuration.
	ours map[string]any
}

// newSite makes the org with its data and the databases; there are no nodes.
func newSite(t testing.TB, seed uint64, o options) *site {
	t.Helper()
	s := &site{TB: t, seed: seed, control: pgtest.New(t), target: o.target, keys: secret.NewKey(), config: configWith(t, o.ours)}
	if s.target == "" {
		s.target = pgtest.New(t)
	}
	var err error
	s.org, err = sandbox.Start(t.Context(), sandbox.Options{Seed: seed})
	s.must(err)
	t.Cleanup(func() { _ = s.org.Close() })
	s.ctl = s.org.Control()
	s.must(s.ctl.SetSwitches(t.Context(), draw(seed, o.switches)))
	s.must(s.ctl.SetRules(t.Context(), org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: "AnnualRevenue = -77777", Message: "This revenue cannot be."},
	}}))
	for i, rows := range []int{max(o.rows, 250), 250, 150, 150} { // parents first
		s.must(s.ctl.Seed(t.Context(), org.SeedPlan{Object: objects[i], Rows: rows, Seed: seed, Past: true}))
	}
	pc, err := pgxpool.ParseConfig(s.target)
	s.must(err)
	pc.MaxConns = 4
	pc.ConnConfig.RuntimeParams["search_path"] = "salesforce, public"
	s.app, err = pgxpool.NewWithConfig(t.Context(), pc)
	s.must(err)
	t.Cleanup(s.app.Close)
	return s
}

// configWith is the configuration file with settings of our own.
func configWith(t testing.TB, ours map[string]any) []byte {
	t.Helper()
	if ours == nil {
		return config
	}
	var file map[string]any
	if err := json.Unmarshal(config, &file); err != nil {
		t.Fatal(err)
	}
	file["connection"].(map[string]any)["syncline"] = ours
	out, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// draw turns on, as the seed says, what differs between orgs.
func draw(seed uint64, sw org.Switches) org.Switches {
	r := rand.New(rand.NewPCG(seed, 3))
	coin := func() bool { return r.IntN(2) == 0 }
	if coin() {
		sw.LateVisibility = org.LateVisibility{MaxMS: 3000, Probability: 0.05, Seed: seed}
	}
	sw.SilentLookupClear, sw.ShrinkWidePages, sw.MinuteReplication = coin(), coin(), coin()
	if coin() {
		sw.JSONErrorScope = "row"
	}
	if sw.PageRows == 0 {
		sw.PageRows = 60 + r.IntN(80)
	}
	return sw
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// serve describes a node with the API; worker one without. Neither is started.
func (s *site) serve(name string, skew time.Duration) *node {
	s.Helper()
	address := freeAddress(s.TB)
	n := newNode(s.TB, name, append(s.environment(name, skew), "SYNCLINE_LISTEN="+address)...)
	n.args, n.url = []string{"serve"}, "http://"+address
	s.nodes = append(s.nodes, n)
	return n
}

func (s *site) worker(name string, skew time.Duration) *node {
	s.Helper()
	n := newNode(s.TB, name, s.environment(name, skew)...)
	n.args = []string{"worker"}
	s.nodes = append(s.nodes, n)
	return n
}

func (s *site) environment(name string, skew time.Duration) []string {
	return []string{
		"SYNCLINE_DATABASE_URL=" + s.control,
		secret.KeysEnv + "=" + s.keys,
		clock.SkewEnv + "=" + skew.String(),
		"SYNCLINE_ALLOW_INSECURE_ORGS=true",
		"SYNCLINE_NODE=" + name,
		"TZ=Pacific/Chatham",
	}
}

// api is a client of a node that answers.
func (s *site) api(ctx context.Context) (*client.Client, error) {
	for _, n := range s.nodes {
		if n.url != "" && n.alive() && n.ready(ctx) {
			if s.token == "" {
				if err := s.makeToken(ctx); err != nil {
					return nil, err
				}
			}
			return client.New(n.url, s.token), nil
		}
	}
	return nil, fmt.Errorf("no node is ready")
}

// makeToken makes an API token the way an operator with the keys could.
func (s *site) makeToken(ctx context.Context) error {
	keys, err := secret.Parse(s.keys)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{URL: secret.NewText(s.control), Keys: keys})
	if err != nil {
		return err
	}
	defer st.Close()
	text, _, err := st.CreateToken(ctx, store.Token{Name: "faulttest", Role: store.Admin}, 0)
	s.token = text.Reveal()
	return err
}

// bringUp makes the connection, imports the configuration and waits until all
// is loaded. Nodes that die on the way are started again, unarmed.
func (s *site) bringUp() {
	s.Helper()
	eventually(s.TB, 150*time.Second, "connected, configured and loaded", func(ctx context.Context) error {
		if !s.lasting {
			s.revive()
		}
		return s.advance(ctx)
	})
}

// revive starts nodes again that have died.
func (s *site) revive() {
	s.Helper()
	for _, n := range s.nodes {
		if !n.alive() {
			s.killed = true
			n.start()
		}
	}
}

// advance takes the next step that is missing, and says what it is.
func (s *site) advance(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	api, err := s.api(ctx)
	if err != nil {
		return err
	}
	list, err := api.Connections(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		c := s.org.Clients[0]
		_, err := api.CreateConnection(ctx, client.NewConnection{
			AppName: "faults", ResourceName: "faults-1", DatabaseURL: s.target, LoginURL: s.org.URL(), ClientID: c.ID, ClientSecret: c.Secret,
		})
		if err != nil {
			return fmt.Errorf("create connection: %w", err)
		}
	}
	status, err := api.Status(ctx, "")
	if err != nil {
		return err
	}
	if len(status.Mappings) < len(objects) {
		_, err := api.ImportConfig(ctx, "", bytes.NewReader(s.config), false)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	return loaded(status)
}

func loaded(status client.Status) error {
	var states []string
	for _, m := range status.Mappings {
		if m.Mapping.Stage != "synced" {
			states = append(states, m.Mapping.ObjectName+" "+m.Mapping.Stage+" "+m.State.Value+" "+m.Mapping.Cause)
		}
	}
	if len(states) > 0 || len(status.Mappings) < len(objects) {
		return fmt.Errorf("%d mappings, %s", len(status.Mappings), strings.Join(states, ", "))
	}
	return nil
}

// fault puts a fault in force in the org; it meets the product only.
func (s *site) fault(f map[string]any) {
	s.Helper()
	f["client"] = sandbox.ProductClientID
	s.must(s.ctl.Do(s.Context(), http.MethodPost, "faults", f, nil))
}

// noFaults lifts all faults.
func (s *site) noFaults() {
	s.Helper()
	s.must(s.ctl.Do(s.Context(), http.MethodDelete, "faults", nil, nil))
}

// hits tells how often each fault has met a call, by kind.
func (s *site) hits() map[string]int {
	s.Helper()
	var list struct {
		Faults []struct {
			Kind string `json:"kind"`
			Hits int    `json:"hits"`
		} `json:"faults"`
	}
	s.must(s.ctl.Do(s.Context(), http.MethodGet, "faults", nil, &list))
	out := map[string]int{}
	for _, f := range list.Faults {
		out[f.Kind] += f.Hits
	}
	return out
}
