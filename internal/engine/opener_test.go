package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/telemetry"
	"github.com/synclinehq/syncline/sandbox"
)

// A turn with a real org: it resolves its table by the org's describe, which is
// kept, and every call is in the ledger.
func TestTurnReachesTheOrg(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connectToOrg(true)
	columns := make(chan []string, 10)
	metrics := telemetry.NewMetrics()
	e := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		for _, m := range turn.Active(mapping.StageSynced) {
			table, err := turn.Session.Table(ctx, m)
			if err != nil {
				return engine.Next{}, err
			}
			var names []string
			for i := range table.Columns {
				names = append(names, table.Columns[i].Name)
			}
			columns <- names
		}
		_, err := turn.Session.Org.Identity(ctx)
		return engine.Next{After: time.Hour}, err
	}}, func(cfg *engine.Config) { cfg.Metrics = metrics; r.realSessions(cfg) })
	got := receive(t, columns, "table")
	if diff := cmp.Diff([]string{"sfid", "name", "systemmodstamp", "isdeleted"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := r.store.Describe(t.Context(), c.ID, "Account"); err != nil {
		t.Errorf("describe not kept: %v", err)
	}
	r.stop(e)
	calls, err := r.store.Calls(t.Context(), c.ID, time.Time{})
	if err != nil || len(calls) == 0 {
		t.Errorf("ledger after the stop: %v, %v", calls, err)
	}
	byKind := map[string]int64{}
	for _, call := range calls {
		byKind[call.Kind] += call.Calls
	}
	for kind, n := range byKind {
		want := fmt.Sprintf(`syncline_api_calls_total{connection="%s",kind="%s"} %d`, c.ID, kind, n)
		if text := engine.Scraped(t.Context(), metrics); !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestRefusedClientIsUnauthorized(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connectToOrg(false)
	r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		_, err := turn.Session.Org.Limits(ctx)
		return engine.Next{After: time.Hour}, err
	}}, r.realSessions)
	r.eventually("the condition is stored", func() bool {
		return r.connection(c.ID).Status.Condition == mapping.Unauthorized
	})
}

func TestUnknownFieldIsAConditionOfItsMapping(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, m := r.connectToOrg(true)
	setFields := func(fields ...string) {
		t.Helper()
		_, err := r.store.UpdateMapping(t.Context(), m.ID, func(m *mapping.Mapping) error { m.Fields = fields; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	setFields("Id", "Nonsense__c")
	e := r.start(map[string]engine.Handler{engine.KindRead: func(ctx context.Context, turn *engine.Turn) (engine.Next, error) {
		for _, m := range turn.Mappings {
			_, err := turn.Session.Table(ctx, m)
			turn.Report(ctx, m.ID, err)
		}
		return engine.Next{After: time.Hour}, nil
	}}, r.realSessions)
	condition := func() mapping.Condition {
		got, err := r.store.Mapping(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Status.Condition
	}
	r.eventually("the mapping's condition is stored", func() bool { return condition() == mapping.BadConfig })
	if got := r.connection(c.ID).Status.Condition; got != mapping.Fine {
		t.Errorf("the connection is in %q", got)
	}
	setFields("Id", "Name")
	if err := e.Wake(t.Context(), engine.Key{Connection: c.ID, Kind: engine.KindRead}); err != nil {
		t.Fatal(err)
	}
	r.eventually("it is fine again", func() bool { return condition() == mapping.Fine })
}

// connectToOrg makes a connection to a sandbox org, with its client's secret or
// a wrong one.
func (r *rig) connectToOrg(right bool) (mapping.Connection, mapping.Mapping) {
	r.t.Helper()
	org, err := sandbox.Start(context.Background(), sandbox.Options{Seed: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = org.Close() })
	client := org.Clients[0]
	if !right {
		client.Secret = "wrong"
	}
	c, err := r.store.CreateConnection(r.t.Context(), mapping.Connection{
		Name: "org", ResourceName: "org", Status: mapping.Status{Stage: mapping.StageAuthorized},
		Org: mapping.Org{LoginURL: org.URL(), Flow: mapping.ClientCredentials, ClientID: client.ID},
	}, store.Secrets{DatabaseURL: secret.NewText(r.target), ClientSecret: secret.NewText(client.Secret)})
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := r.store.CreateMapping(r.t.Context(), mapping.Mapping{
		ConnectionID: c.ID, ObjectName: "Account", Access: mapping.ReadOnly, Fields: []string{"Id", "Name"},
		PollSeconds: 600, Status: mapping.Status{Stage: mapping.StageSynced},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return c, m
}

// realSessions makes an engine open real sessions.
func (r *rig) realSessions(cfg *engine.Config) {
	hc := salesforce.NewHTTPClient(salesforce.DialPolicy{AllowInsecure: true})
	r.t.Cleanup(hc.CloseIdleConnections)
	cfg.Open = engine.NewOpener(engine.OpenerConfig{Store: r.store, HTTP: hc, CallClient: "syncline", Metrics: cfg.Metrics, Logger: cfg.Logger})
}
