package pubsub_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"encoding/json"

	"connectrpc.com/connect"
	"github.com/synclinehq/syncline/internal/gen/eventbus"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// BenchmarkSubscribe reads 10,000 retained events from one stream.
func BenchmarkSubscribe(b *testing.B) {
	const rows = 10_000
	s, err := sandbox.Start(b.Context(), sandbox.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	fill(b, s.Org, rows)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.Clients[0].ID}, "client_secret": {s.Clients[0].Secret}}
	res, err := http.Post(s.URL()+"/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		b.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := eventbus.NewPubSubClient(&http.Client{Transport: &http.Transport{Protocols: protocols}}, "http://"+s.PubSubAddr(), connect.WithGRPC())
	b.ResetTimer()
	for range b.N {
		read(b, client, http.Header{"Accesstoken": {token.AccessToken}, "Instanceurl": {s.URL()}, "Tenantid": {s.Org.ID()}}, rows)
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func fill(b *testing.B, o *org.Org, rows int) {
	b.Helper()
	user, _ := o.User(org.IntegrationUser)
	account, _ := o.Catalog.Object("Account")
	for range rows / 200 {
		tx := o.Begin(&org.Actor{User: user})
		for range 200 {
			if _, err := tx.Insert(account, org.Body{{Name: "Name", Raw: "Acme"}, {Name: "Phone", Raw: "1"}, {Name: "BillingCity", Raw: "Bonn"}}); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func read(b *testing.B, client eventbus.PubSubClient, h http.Header, rows int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	st := client.Subscribe(ctx)
	for k, v := range h {
		st.RequestHeader()[k] = v
	}
	req := &eventbus.FetchRequest{TopicName: "/data/AccountChangeEvent", ReplayPreset: eventbus.ReplayPreset_EARLIEST, NumRequested: 100}
	if err := st.Send(req); err != nil {
		b.Fatal(err)
	}
	for got := 0; got < rows; {
		res, err := st.Receive()
		if err != nil {
			b.Fatal(err)
		}
		got += len(res.GetEvents())
		if err := st.Send(&eventbus.FetchRequest{NumRequested: int32(len(res.GetEvents()))}); err != nil {
			b.Fatal(err)
		}
	}
}
